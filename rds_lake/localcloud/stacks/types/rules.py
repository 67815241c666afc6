"""AWS::Events: rules and their targets."""

from __future__ import annotations

import json
from typing import Any

from rds_lake.localcloud.stacks.types.base import Call, HandlerError, ResourceType

Json = dict[str, Any]


def _create(call: Call) -> str:
    name = call.name("Name")
    _put_rule(call, name)
    return name


def _put_rule(call: Call, name: str) -> None:
    given: Json = call.pick("Description", "RoleArn", "ScheduleExpression", "State", "Tags")
    if "EventPattern" in call.properties:
        given["EventPattern"] = json.dumps(call.properties["EventPattern"])
    call.client("events").put_rule(Name=name, **given, **_bus(call))


def _bus(call: Call) -> Json:
    return call.pick("EventBusName")


def _put_targets(call: Call) -> None:
    """Put the template's targets, and remove those that it no longer has."""
    events, targets = call.client("events"), call.properties.get("Targets", [])
    gone = {target["Id"] for target in call.before.get("Targets", [])} - {target["Id"] for target in targets}
    if gone:
        events.remove_targets(Rule=call.physical, Ids=sorted(gone), **_bus(call))
    if targets:
        answer = events.put_targets(Rule=call.physical, Targets=targets, **_bus(call))
        if failed := answer["FailedEntries"]:
            raise HandlerError("; ".join(f"{entry['TargetId']}: {entry['ErrorMessage']}" for entry in failed))


def _update(call: Call) -> None:
    _put_rule(call, call.physical)
    _put_targets(call)


def _delete(call: Call) -> None:
    events = call.client("events")
    targets = events.list_targets_by_rule(Rule=call.physical, **_bus(call))["Targets"]
    if targets:
        events.remove_targets(Rule=call.physical, Ids=[target["Id"] for target in targets], **_bus(call))
    events.delete_rule(Name=call.physical, **_bus(call))


def _values(call: Call) -> Json:
    rule = call.client("events").describe_rule(Name=call.physical, **_bus(call))
    return {"Arn": rule["Arn"], "RuleName": call.physical}


TYPES = (
    ResourceType(
        name="AWS::Events::Rule",
        named="Name",
        takes=frozenset({
            "Description", "EventBusName", "EventPattern", "Name", "RoleArn", "ScheduleExpression", "State", "Tags",
            "Targets",
        }),
        create=_create,
        configure=_put_targets,
        update=_update,
        delete=_delete,
        attributes=_values,
    ),
)  # fmt: skip
