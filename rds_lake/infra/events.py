"""The EventBridge pattern and the queue policy: what reaches the events queue.

What belongs here: documents as data. Applying them is `provision.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from rds_lake.model.dynamodb.glue_run import ENDED
from rds_lake.model.dynamodb.tables import MANIFESTS
from rds_lake.model.events.ids import DETAIL_TYPES, EVENT_IDS

# EventBridge's limit of a rule's name.
_NAME_LENGTH = 64
_SID = "RdsLakeRules"
# The queue whose rules' names an earlier release gave to every lake.
_FIRST_QUEUE = "rds-lake-events"


def rule_name(queue: str, what: str = "") -> str:
    """The rule of a queue, or its rule for `what`: lakes with queues of their own have rules of their own.

    No queue's name has the dot that keeps `a` with `backup` from `a-backup`.
    At most 64 characters (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html); of a longer
    name the end is a digest of all of it.
    """
    name = queue
    if what:
        name = f"rds-lake-{what}-events" if queue == _FIRST_QUEUE else f"{queue}.{what}"
    if len(name) <= _NAME_LENGTH:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: _NAME_LENGTH - 13]}-{digest}"


def event_patterns(
    queue: str, *, exports_bucket: str | None = None, glue_job: str | None = None
) -> dict[str, dict[str, Any]]:
    """Rule name -> pattern: every event the sensor understands and no other (aws-facts 3.1, 3.2).

    Matched by EventID, never by text; older envelopes of clusters carry none, so those pass and the parser reads them.
    `exports_bucket`: where DynamoDB exports to, whose manifests are the only sign of an export's end. `glue_job`: the job whose
    ends are heard.
    """
    known: dict[str, Any] = {"detail": {"EventID": list(EVENT_IDS)}}
    unnamed: dict[str, Any] = {"detail": {"EventID": [{"exists": False}]}}
    patterns: dict[str, dict[str, Any]] = {
        rule_name(queue): {"source": ["aws.rds"], "detail-type": list(DETAIL_TYPES), "$or": [known, unnamed]},
        rule_name(queue, "backup"): {
            "source": ["aws.backup"],
            "detail-type": ["Backup Job State Change"],
            "detail": {"state": ["COMPLETED", "FAILED", "ABORTED", "EXPIRED", "PARTIAL"]},
        },
    }
    if exports_bucket:
        patterns[rule_name(queue, "manifest")] = _manifests_in(exports_bucket)
    if glue_job:
        patterns[rule_name(queue, "conversion")] = _ends_of(glue_job)
    return patterns


def _ends_of(job: str) -> dict[str, Any]:
    return {
        "source": ["aws.glue"],
        "detail-type": ["Glue Job State Change"],
        "detail": {"jobName": [job], "state": list(ENDED)},
    }


def _manifests_in(bucket: str) -> dict[str, Any]:
    names: list[dict[str, str]] = [{"suffix": f"/{name}"} for name in MANIFESTS]
    return {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}, "object": {"key": names}},
    }


def queue_policy(present: dict[str, Any], queue_arn: str, rule_arns: Sequence[str]) -> dict[str, Any]:
    """The queue's present policy (empty where it has none), with a statement that lets these rules send to it.

    Only a statement of ours, known by its Sid, is replaced; what others may do with the queue stays.
    """
    ours = {
        "Sid": _SID,
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": sorted(rule_arns)}},
    }
    statements = present.get("Statement", [])
    others = [one for one in (statements if isinstance(statements, list) else [statements]) if one.get("Sid") != _SID]
    return {"Version": "2012-10-17"} | present | {"Statement": [*others, ours]}


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
