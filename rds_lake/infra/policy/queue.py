"""The policy of the events queue: which rules may send to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_RULES_SID = "RdsLakeRules"


def queue_policy(present: dict[str, Any], queue_arn: str, rule_arns: Sequence[str]) -> dict[str, Any]:
    """Returns the queue's present policy (empty if it has none), with a statement that lets these rules send to it.

    Only rds-lake's own statement, known by its Sid, is replaced; all other statements are kept.
    """
    own = {
        "Sid": _RULES_SID,
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": sorted(rule_arns)}},
    }
    others = [statement for statement in _statements(present) if statement.get("Sid") != _RULES_SID]
    return {"Version": "2012-10-17"} | present | {"Statement": [*others, own]}


def own_rules(present: dict[str, Any]) -> list[str]:
    """Returns the ARNs of the rules that rds-lake's statement in the policy lets send."""
    conditions = [
        statement.get("Condition", {}) for statement in _statements(present) if statement.get("Sid") == _RULES_SID
    ]
    listed = [condition.get("ArnEquals", {}).get("aws:SourceArn", []) for condition in conditions]
    return [arn for arns in listed for arn in (arns if isinstance(arns, list) else [arns])]


def _statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    listed = policy.get("Statement", [])
    return listed if isinstance(listed, list) else [listed]
