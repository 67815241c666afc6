"""A stack, its resources and its events. Reading and writing them requires the book's lock."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rds_lake.localcloud.stacks.template.parameters import Parameter
from rds_lake.localcloud.stacks.template.plan import Plan

Json = dict[str, Any]
STACK = "AWS::CloudFormation::Stack"


@dataclass(slots=True, kw_only=True)
class Resource:
    """A resource of a stack. `properties`: those passed to its service; `attributes`: the values of Fn::GetAtt."""

    logical: str
    type: str
    at: datetime
    needs: frozenset[str] = frozenset()
    deletion_policy: str = "Delete"
    physical: str = ""
    status: str = ""
    reason: str | None = None
    properties: Json = field(default_factory=dict)
    attributes: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a stack's history."""

    id: str
    at: datetime
    logical: str
    physical: str
    type: str
    status: str
    reason: str | None
    properties: str
    token: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a create or update asks for. A failed update restores the previous order."""

    template: str
    plan: Plan
    parameters: dict[str, Parameter]
    tags: tuple[tuple[str, str], ...]
    capabilities: tuple[str, ...]
    description: str | None
    role: str | None
    topics: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Stack:
    """A stack of one Region. `operations`: the operation of each ClientRequestToken.

    `given_up`: it was deleted during its creation. `ends_at`: the time at which an incomplete creation fails.
    """

    name: str
    id: str
    region: str
    order: Order
    created: datetime
    on_failure: str
    protected: bool
    updated: datetime | None = None
    deleted: datetime | None = None
    status: str = ""
    reason: str | None = None
    cancelled: bool = False
    given_up: bool = False
    deleting: bool = False
    ends_at: datetime | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[Json] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    operations: dict[str, str] = field(default_factory=dict)

    @property
    def busy(self) -> bool:
        """Whether an operation is running."""
        return self.status.endswith("_IN_PROGRESS")

    @property
    def gone(self) -> bool:
        return self.status == "DELETE_COMPLETE"

    def masked(self, text: str) -> str:
        """Returns a text without the values of NoEcho parameters."""
        for parameter in self.order.parameters.values():
            if parameter.no_echo and parameter.text:
                text = text.replace(parameter.text, "****")
        return text

    def record(self, at: datetime, resource: Resource | None, status: str, **details: str | None) -> Event:
        """Add an event, and give the resource (None: the stack) its status. `details`: reason, properties, token."""
        reason = details.get("reason")
        target: Any = resource or self
        target.status, target.reason = status, reason
        if resource:
            resource.at = at
        event = Event(
            id=str(uuid.uuid4()) if resource is None else f"{resource.logical}-{status}-{at.isoformat()}",
            at=at,
            logical=resource.logical if resource else self.name,
            physical=resource.physical if resource else self.id,
            type=resource.type if resource else STACK,
            status=status,
            reason=reason,
            properties=self.masked(details.get("properties") or ""),
            token=details.get("token"),
        )
        self.events.append(event)
        return event
