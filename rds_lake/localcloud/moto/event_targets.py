"""Repairs EventBridge's delivery: in moto, PutEvents fails if a target fails, while AWS answers PutEvents before it delivers.

A disabled rule delivers nothing; a delivered event has its account; SNS topics, `Input` and `InputPath` work. An event is lost if its
target does not exist any more, if the target's policy does not allow EventBridge, or if moto cannot deliver to this kind of target.

What belongs here: targets of rules. Tests are in `test_fixes.py`, as for every repair.
"""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

from moto.core.exceptions import ServiceException
from moto.events import models as events_models
from moto.sns import sns_backends
from moto.sqs import sqs_backends
from werkzeug.exceptions import HTTPException

from rds_lake.localcloud.permissions.authorizer import Permissions
from rds_lake.localcloud.permissions.delivery import may_deliver

# What moto raises for a queue or topic that no longer exists, and for a kind of target it cannot deliver to.
_LOST = (ServiceException, HTTPException, NotImplementedError)


# The permissions of the local cloud that started last: moto's state is also shared by the whole process.
_PERMISSIONS: list[Permissions] = []


def apply_event_fixes(permissions: Permissions) -> None:
    """Replace the delivery of moto's rules in this process. Safe to repeat: the last call's permissions count."""
    _PERMISSIONS[:] = [permissions]
    rule = events_models.Rule
    original = rule.send_to_targets
    if getattr(original, "rds_lake", False):
        return

    def send_to_targets(self: Any, original_event: Any, transform_input: bool = True) -> None:
        if self.state == "DISABLED" or not self.event_pattern.matches_event(original_event):
            return
        event = {"account": self.account_id} | original_event
        for target in self.targets:
            if not may_deliver(_PERMISSIONS[0], self.arn, target["Arn"]):
                continue
            try:
                if not _deliver(self, target, event):
                    single = copy.copy(self)
                    single.targets = [target]
                    original(single, event, transform_input)
            except _LOST:
                continue

    send_to_targets.rds_lake = True  # type: ignore[attr-defined]
    rule.send_to_targets = send_to_targets  # type: ignore[method-assign]


def _deliver(rule: Any, target: dict[str, Any], event: dict[str, Any]) -> bool:
    """Deliver to a queue or a topic; returns False if moto must deliver: to other targets, and for every InputTransformer."""
    if "InputTransformer" in target:
        return False
    service, region, account, name = target["Arn"].split(":", 5)[2:]
    if service == "sqs":
        group = target.get("SqsParameters", {}).get("MessageGroupId")
        sqs_backends[account][region].send_message(name, _body(target, event), group_id=group)
    elif service == "sns":
        sns_backends[account][region].publish(message=_body(target, event), arn=target["Arn"])
    else:
        return False
    return True


def _body(target: dict[str, Any], event: dict[str, Any]) -> str:
    """Returns the message for a target: its constant, a part of the event, or the whole event."""
    if "Input" in target:
        return target["Input"]
    moment = datetime.fromtimestamp(float(event["time"]), UTC)
    sent = {
        "version": "0",
        "id": event["id"],
        "detail-type": event["detail-type"],
        "source": event["source"],
        "account": event["account"],
        "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": event["region"],
        "resources": event["resources"],
        "detail": event["detail"],
    }
    if "InputPath" not in target:
        return json.dumps(sent)
    part: Any = sent
    for key in target["InputPath"].removeprefix("$").lstrip(".").split("."):
        part = part.get(key) if key and isinstance(part, dict) else part if not key else None
    return json.dumps(part)
