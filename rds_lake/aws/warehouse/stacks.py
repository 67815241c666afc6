"""CloudFormation: the calls about one stack, and its answers as values.

What belongs here: calls and values. A lake's stack is deployed by `infra/stack/`, a warehouse's by `stages/warehouse/`.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError, ConflictError

_BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
# Every status except DELETE_COMPLETE (AWS lists deleted stacks for 90 days) and those of unexecuted change sets and imports.
_NOT_DELETED = (
    *(f"{what}_{how}" for what in ("CREATE", "ROLLBACK", "DELETE") for how in ("IN_PROGRESS", "FAILED")),
    *(f"{what}_{how}" for what in ("UPDATE", "UPDATE_ROLLBACK") for how in ("IN_PROGRESS", "FAILED", "COMPLETE")),
    "CREATE_COMPLETE", "ROLLBACK_COMPLETE",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
)  # fmt: skip
_BUSY = re.compile(r"is in \w+_IN_PROGRESS state and can ?not be updated")
_REVIEW = "REVIEW_IN_PROGRESS"  # a change set waits to be executed: no operation runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack at one moment. `id` is its ARN, which also finds a deleted stack."""

    id: str
    name: str
    status: str
    description: str
    parameters: dict[str, str]
    outputs: tuple[tuple[str, str], ...]
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def busy(self) -> bool:
        """Whether an operation is in progress."""
        return self.status.endswith("IN_PROGRESS") and self.status != _REVIEW

    @property
    def unmade(self) -> bool:
        """Whether the stack is empty, because its change set was not executed yet."""
        return self.status == _REVIEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event of a resource, or of the stack itself (`of_stack`). `physical`: the name or ARN in AWS, if there is one."""

    id: str
    at: datetime
    logical: str
    physical: str
    type: str
    status: str
    reason: str
    of_stack: bool

    @property
    def failed(self) -> bool:
        """Whether a resource failed itself, and was not stopped because another one failed."""
        return self.status.endswith("_FAILED") and not self.of_stack and "cancelled" not in self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class StackGateway:
    """The calls of one stack. AwsError if AWS refuses a call."""

    api: Any
    name: str

    def look(self, stack_id: str | None = None) -> Stack | None:
        """Returns the stack of this name, or of an id; None if it does not exist."""
        try:
            with self._asked("DescribeStacks"):
                stack = self.api.describe_stacks(StackName=stack_id or self.name)["Stacks"][0]
        except AwsError as error:
            if error.code == "ValidationError" and "does not exist" in str(error):
                return None
            raise
        return Stack(
            id=stack["StackId"],
            name=stack["StackName"],
            status=stack["StackStatus"],
            description=stack.get("Description", ""),
            parameters={item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", ())},
            outputs=tuple(
                (item.get("Description", item["OutputKey"]), item["OutputValue"]) for item in stack.get("Outputs", ())
            ),
            tags={item["Key"]: item["Value"] for item in stack.get("Tags", ())},
        )

    def events(self, stack_id: str, *, after: str | None = None) -> list[Event]:
        """Returns the events after the event of this id, oldest first; all events if it is None."""
        events: dict[str, Event] = {}
        with self._asked("DescribeStackEvents"):
            for page in self.api.get_paginator("describe_stack_events").paginate(StackName=stack_id):
                for item in page["StackEvents"]:
                    if item["EventId"] == after:
                        return list(events.values())[::-1]
                    events[item["EventId"]] = _event(item)
        return list(events.values())[::-1]

    def newest(self, stack_id: str) -> str | None:
        """Returns the id of the newest event."""
        with self._asked("DescribeStackEvents"):
            events = self.api.describe_stack_events(StackName=stack_id)["StackEvents"]
        return events[0]["EventId"] if events else None

    def resources(self, stack_id: str) -> frozenset[str]:
        """Returns the logical ids of the resources that the stack has created and not deleted."""
        ids: set[str] = set()
        with self._asked("ListStackResources"):
            for page in self.api.get_paginator("list_stack_resources").paginate(StackName=stack_id):
                made = page["StackResourceSummaries"]
                ids |= {
                    resource["LogicalResourceId"]
                    for resource in made
                    if not resource["ResourceStatus"].startswith("DELETE_")
                }
        return frozenset(ids)

    def create(self, **order: Any) -> str:
        """Begin to create the stack; returns its id."""
        with self._asked("CreateStack"):
            return self.api.create_stack(StackName=self.name, OnFailure="ROLLBACK", **order)["StackId"]

    def update(self, stack_id: str, **order: Any) -> bool:
        """Begin to update the stack; False if nothing would change. ConflictError while another operation is in progress."""
        try:
            with self._asked("UpdateStack"):
                self.api.update_stack(StackName=stack_id, **order)
        except AwsError as error:
            if "No updates are to be performed" in str(error):
                return False
            if error.code == "ValidationError" and _BUSY.search(str(error)):
                raise ConflictError(
                    service="cloudformation", operation="UpdateStack", code=error.code, message=str(error)
                ) from error
            raise
        return True

    def delete(self, stack_id: str, token: str) -> None:
        """Begin to delete the stack."""
        with self._asked("DeleteStack"):
            self.api.delete_stack(StackName=stack_id, ClientRequestToken=token)

    def _asked(self, operation: str) -> AbstractContextManager[None]:
        """Translates the errors of every call; a subclass may raise others."""
        return aws_errors("cloudformation", operation, about=f"stack {self.name}")


def list_stacks(api: Any) -> tuple[str, ...]:
    """Returns the names of all stacks of the account in this Region that are not deleted."""
    names: list[str] = []
    with aws_errors("cloudformation", "ListStacks"):
        for page in api.get_paginator("list_stacks").paginate(StackStatusFilter=list(_NOT_DELETED)):
            names += [each["StackName"] for each in page["StackSummaries"]]
    return tuple(names)


def last_operation(events: Sequence[Event]) -> Sequence[Event]:
    """Returns the events since the beginning of the stack's last creation, update or deletion."""
    begins = [at for at, event in enumerate(events) if event.of_stack and event.status in _BEGINNINGS]
    return events[begins[-1] :] if begins else events


def _event(item: dict[str, Any]) -> Event:
    return Event(
        id=item["EventId"],
        at=item["Timestamp"],
        logical=item["LogicalResourceId"],
        physical=item.get("PhysicalResourceId", ""),
        type=item.get("ResourceType", ""),
        status=item["ResourceStatus"],
        reason=item.get("ResourceStatusReason", ""),
        of_stack=item.get("PhysicalResourceId") == item["StackId"],
    )
