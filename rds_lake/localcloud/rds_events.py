"""RDS's events through EventBridge, in AWS's envelope (aws-facts 3.1).

What belongs here: emitting. Real AWS refuses PutEvents with an `aws.` source from users; only the inside may do this.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from rds_lake.localcloud.loop import InProcessClients

SNAPSHOT_EVENTS = {
    "RDS-EVENT-0042": ("creation", "Manual snapshot created"),
    "RDS-EVENT-0091": ("creation", "Automated snapshot created"),
    "RDS-EVENT-0041": ("deletion", "Deleted manual snapshot"),
    "RDS-EVENT-0159": ("notification", "The snapshot export task failed."),
    "RDS-EVENT-0160": ("notification", "The snapshot export task was canceled."),
    "RDS-EVENT-0161": ("notification", "The snapshot export task completed."),
}


def emit_snapshot_event(clients: InProcessClients, *, event_id: str, arn: str, identifier: str) -> None:
    """Send one `RDS DB Snapshot Event`."""
    category, message = SNAPSHOT_EVENTS[event_id]
    detail = {
        "EventCategories": [category],
        "SourceType": "SNAPSHOT",
        "SourceArn": arn,
        "Date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "Message": message,
        "SourceIdentifier": identifier,
        "EventID": event_id,
    }
    clients.client("events").put_events(
        Entries=[
            {
                "Source": "aws.rds",
                "DetailType": "RDS DB Snapshot Event",
                "Resources": [arn],
                "Detail": json.dumps(detail),
            }
        ]
    )
