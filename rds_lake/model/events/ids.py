"""RDS event ids that the pipeline uses, by subject.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html

What belongs here: the table of ids, and finding the id of an older event without one. Messages are parsed in `parse.py`.
"""

from __future__ import annotations

from typing import Any

from rds_lake.model.aws.arn import Exportable
from rds_lake.model.exports.task import ExportStatus

CREATED = {
    "RDS-EVENT-0042": Exportable.SNAPSHOT,
    "RDS-EVENT-0091": Exportable.SNAPSHOT,
    "RDS-EVENT-0060": Exportable.SNAPSHOT,
    "RDS-EVENT-0197": Exportable.SNAPSHOT,
    "RDS-EVENT-0075": Exportable.CLUSTER_SNAPSHOT,
    "RDS-EVENT-0169": Exportable.CLUSTER_SNAPSHOT,
}
ENDED = {
    "RDS-EVENT-0159": (Exportable.SNAPSHOT, ExportStatus.FAILED),
    "RDS-EVENT-0160": (Exportable.SNAPSHOT, ExportStatus.CANCELED),
    "RDS-EVENT-0161": (Exportable.SNAPSHOT, ExportStatus.COMPLETE),
    "RDS-EVENT-0162": (Exportable.CLUSTER_SNAPSHOT, ExportStatus.FAILED),
    "RDS-EVENT-0163": (Exportable.CLUSTER_SNAPSHOT, ExportStatus.CANCELED),
    "RDS-EVENT-0164": (Exportable.CLUSTER_SNAPSHOT, ExportStatus.COMPLETE),
    "RDS-EVENT-0234": (Exportable.CLUSTER, ExportStatus.FAILED),
    "RDS-EVENT-0235": (Exportable.CLUSTER, ExportStatus.CANCELED),
    "RDS-EVENT-0236": (Exportable.CLUSTER, ExportStatus.COMPLETE),
}
EVENT_IDS = tuple(sorted({*CREATED, *ENDED}))
DETAIL_TYPES = ("RDS DB Snapshot Event", "RDS DB Cluster Snapshot Event", "RDS DB Cluster Event")

# Envelope's SourceType, and an event subscription's `Event Source`, -> what the event is about.
SOURCE_TYPES = {
    "SNAPSHOT": Exportable.SNAPSHOT,
    "CLUSTER_SNAPSHOT": Exportable.CLUSTER_SNAPSHOT,
    "CLUSTER": Exportable.CLUSTER,
    "DB-SNAPSHOT": Exportable.SNAPSHOT,
    "DB-CLUSTER-SNAPSHOT": Exportable.CLUSTER_SNAPSHOT,
    "DB-CLUSTER": Exportable.CLUSTER,
}
# Older envelopes carry no EventID, and texts in events differ from the documented ones: only beginnings are
# compared, without case, article and kind of snapshot. Ended exports end in one of three words for all kinds.
_CREATED_TEXTS = {
    Exportable.SNAPSHOT: {
        "automated snapshot created": "RDS-EVENT-0091",
        "manual snapshot created": "RDS-EVENT-0042",
        "finished copy of snapshot": "RDS-EVENT-0060",
    },
    Exportable.CLUSTER_SNAPSHOT: {
        "automated cluster snapshot created": "RDS-EVENT-0169",
        "manual cluster snapshot created": "RDS-EVENT-0075",
    },
    Exportable.CLUSTER: {},
}
_ENDED_WORDS = {
    "failed": ExportStatus.FAILED,
    "was canceled": ExportStatus.CANCELED,
    "canceled": ExportStatus.CANCELED,
    "completed": ExportStatus.COMPLETE,
}


def event_id_of(detail: dict[str, Any]) -> str:
    """Returns the EventID of an RDS event's detail, or the id that belongs to its text; empty if both are unknown."""
    stated = detail.get("EventID")
    if isinstance(stated, str) and stated:
        return stated
    about = SOURCE_TYPES.get(str(detail.get("SourceType")))
    if about is None:
        return ""
    text = str(detail.get("Message", "")).strip().lower().removeprefix("the ")
    for start, event_id in _CREATED_TEXTS[about].items():
        if text.startswith(start):
            return event_id
    rest = text.removeprefix("cluster ").removeprefix("snapshot ")
    for word, outcome in _ENDED_WORDS.items():
        if rest.startswith(f"export task {word}"):
            return next(name for name, ended in ENDED.items() if ended == (about, outcome))
    return ""
