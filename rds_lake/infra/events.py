"""The EventBridge pattern and the queue policy: what reaches the events queue.

What belongs here: documents as data. Applying them is `provision.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rds_lake.model.dynamo import MANIFESTS
from rds_lake.model.event_ids import DETAIL_TYPES, EVENT_IDS
from rds_lake.model.job_run import ENDED


def event_patterns(*, exports_bucket: str | None = None, glue_job: str | None = None) -> dict[str, dict[str, Any]]:
    """Rule name -> pattern: every event the sensor understands and no other (aws-facts 3.1, 3.2).

    Matched by EventID, never by text; older envelopes of clusters carry none, so those pass and the parser reads them.
    `exports_bucket`: where DynamoDB exports to, whose manifests are the only sign of an export's end. `glue_job`: the job whose
    ends are heard.
    """
    known: dict[str, Any] = {"detail": {"EventID": list(EVENT_IDS)}}
    unnamed: dict[str, Any] = {"detail": {"EventID": [{"exists": False}]}}
    return {
        "rds-lake-events": {"source": ["aws.rds"], "detail-type": list(DETAIL_TYPES), "$or": [known, unnamed]},
        "rds-lake-backup-events": {
            "source": ["aws.backup"],
            "detail-type": ["Backup Job State Change"],
            "detail": {"state": ["COMPLETED", "FAILED", "ABORTED", "EXPIRED", "PARTIAL"]},
        },
    } | ((_manifests_in(exports_bucket) if exports_bucket else {}) | (_ends_of(glue_job) if glue_job else {}))


def _ends_of(job: str) -> dict[str, dict[str, Any]]:
    return {
        "rds-lake-conversion-events": {
            "source": ["aws.glue"],
            "detail-type": ["Glue Job State Change"],
            "detail": {"jobName": [job], "state": list(ENDED)},
        }
    }


def _manifests_in(bucket: str) -> dict[str, dict[str, Any]]:
    names: list[dict[str, str]] = [{"suffix": f"/{name}"} for name in MANIFESTS]
    return {
        "rds-lake-manifest-events": {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": [bucket]}, "object": {"key": names}},
        }
    }


def queue_policy(queue_arn: str, rule_arns: Sequence[str]) -> dict[str, Any]:
    """Lets these rules, and nothing else, send to the queue."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": list(rule_arns)}},
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
