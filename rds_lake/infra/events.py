"""The EventBridge pattern and the queue policy: what reaches the events queue.

What belongs here: documents as data. Applying them is `provision.py`.
"""

from __future__ import annotations

from typing import Any

RULE_NAME = "rds-lake-events"

# Created automated / manual snapshots, and ended exports (aws-facts 3.1). Matched by EventID, never by text.
_EVENT_IDS = ("RDS-EVENT-0042", "RDS-EVENT-0091", "RDS-EVENT-0159", "RDS-EVENT-0160", "RDS-EVENT-0161")


def event_pattern() -> dict[str, Any]:
    """The EventBridge pattern of every event the sensor understands."""
    return {
        "source": ["aws.rds"],
        "detail-type": ["RDS DB Snapshot Event"],
        "detail": {"EventID": list(_EVENT_IDS)},
    }


def queue_policy(queue_arn: str, rule_arn: str) -> dict[str, Any]:
    """Lets this rule, and nothing else, send to the queue."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
            }
        ],
    }


def export_role_trust() -> dict[str, Any]:
    """Lets RDS's export service assume the role (aws-facts 1.8)."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "export.rds.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }


def export_role_policy(bucket_arn: str, prefix: str) -> dict[str, Any]:
    """What the export service may do with the bucket (aws-facts 1.8), limited to the export prefix."""
    folder = f"{bucket_arn}/{prefix}/*" if prefix else f"{bucket_arn}/*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": bucket_arn},
            {
                "Effect": "Allow",
                "Action": ["s3:PutObject*", "s3:GetObject*", "s3:DeleteObject*"],
                "Resource": folder,
            },
        ],
    }
