"""The policy of the events queue: which rules may send to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_RULES_SID = "RdsLakeRules"


def queue_policy(present: dict[str, Any], queue_arn: str, rule_arns: Sequence[str]) -> dict[str, Any]:
    """The queue's present policy (empty where it has none), with a statement that lets these rules send to it.

    Only the statement that rds-lake wrote, known by its Sid, is replaced; all other statements stay as they are.
    """
    own = {
        "Sid": _RULES_SID,
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": sorted(rule_arns)}},
    }
    listed = present.get("Statement", [])
    statements = listed if isinstance(listed, list) else [listed]
    others = [statement for statement in statements if statement.get("Sid") != _RULES_SID]
    return {"Version": "2012-10-17"} | present | {"Statement": [*others, own]}
