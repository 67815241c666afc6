"""Whether EventBridge may deliver to a queue or topic: by the target's own policy and its key's, for a rule.

An event that may not be delivered is lost, as in AWS, where only the metric FailedInvocations shows it.
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html)
"""

from __future__ import annotations

from rds_lake.localcloud.http.account import ACCOUNT
from rds_lake.localcloud.permissions.authorizer import Asked, Permissions
from rds_lake.localcloud.permissions.needs import Need
from rds_lake.model.permissions.policy import PolicyError
from rds_lake.model.permissions.request import Principal

_EVENTS = Principal(arn="events.amazonaws.com", account="", service=True)
_ACTIONS = {"sqs": "sqs:SendMessage", "sns": "sns:Publish"}
_ON_KEYS = ("kms:GenerateDataKey", "kms:Decrypt")


def may_deliver(permissions: Permissions, rule: str, target: str) -> bool:
    """Whether a rule (its ARN) may deliver to a target (ARN of a queue or topic); other targets are always allowed."""
    service, region = target.split(":")[2:4]
    if service not in _ACTIONS:
        return True
    context = {"aws:SourceArn": (rule,), "aws:SourceAccount": (ACCOUNT,)}
    asked = Asked(operation="events.PutEvents", region=region)
    stored = permissions.stored
    key = stored.queue_key(target) if service == "sqs" else stored.topic_key(target)
    needs = [Need(action=_ACTIONS[service], resource=target, context=context)]
    via = {"kms:ViaService": (f"{service}.{region}.amazonaws.com",)}
    needs += [Need(action=action, resource=key, context=context | via) for action in _ON_KEYS if key]
    try:
        return all(permissions.refusal(_EVENTS, need, asked) is None for need in needs)
    except PolicyError:
        return False
