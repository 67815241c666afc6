"""Creates, changes and deletes one resource of a stack, with events, faults, and CloudFormation's reasons."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from rds_lake.localcloud.faults.faults import Faults
from rds_lake.localcloud.http.account import ACCOUNT
from rds_lake.localcloud.http.app import ApiError
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.permissions.acting import Acting
from rds_lake.localcloud.permissions.authorizer import NotAuthorizedError
from rds_lake.localcloud.stacks.book import Book
from rds_lake.localcloud.stacks.state import Event, Resource, Stack
from rds_lake.localcloud.stacks.template.plan import Plan, Wanted
from rds_lake.localcloud.stacks.template.schemas import TypeSchema
from rds_lake.localcloud.stacks.types.base import Call, HandlerError
from rds_lake.localcloud.stacks.types.table import TYPES

Json = dict[str, Any]
_POLL = 0.01  # seconds
_GONE = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist")


class StoppedError(Exception):
    """The local cloud stops or is reset: operations on stacks end at once, without an event."""


class FailedError(Exception):
    """A resource could not be created, changed or deleted; its event says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What an operation on a stack needs. `suffix(n)`: n random characters; `stopped` ends the operation.

    `deployer`: the caller, or the role that the caller passed, whose rights are used. `clients`: CloudFormation's own.
    """

    book: Book
    clients: InProcessClients
    deployer: Acting
    faults: Faults
    clock: Callable[[], datetime]
    suffix: Callable[[int], str]
    stopped: threading.Event


class Resources:
    """Work on the resources of one stack."""

    def __init__(self, stack: Stack, tools: Tools, token: str | None) -> None:
        self._stack, self._tools, self._token = stack, tools, token

    def record(self, resource: Resource | None, status: str, reason: str | None = None) -> None:
        """Record an event of a resource, or of the stack (None), and send it to the stack's topics."""
        properties = json.dumps(resource.properties, default=str) if resource else None
        with self._tools.book.lock:
            now = self._tools.clock()
            event = self._stack.record(now, resource, status, reason=reason, properties=properties, token=self._token)
        for topic in self._stack.order.topics:
            self._notify(topic, event)

    def make(self, wanted: Wanted, plan: Plan) -> Resource:
        """Create a resource; returns it. FailedError if that fails: what was created of it remains in the stack."""
        resource = Resource(
            logical=wanted.logical,
            type=wanted.type,
            at=self._tools.clock(),
            needs=wanted.needs,
            deletion_policy=wanted.deletion_policy,
        )
        with self._tools.book.lock:
            self._stack.resources[wanted.logical] = resource
        self.record(resource, "CREATE_IN_PROGRESS")

        def create() -> None:
            resource.properties = self.properties(wanted, plan)
            self._strike(wanted.logical, "create")
            type_ = TYPES[wanted.type]
            resource.physical = type_.create(self._call(resource))
            self.record(resource, "CREATE_IN_PROGRESS", "Resource creation Initiated")
            type_.configure(self._call(resource))
            resource.attributes = type_.attributes(self._call(resource))

        self._try(resource, "CREATE", create)
        return resource

    def change(self, resource: Resource, properties: Json, *, needs: frozenset[str]) -> None:
        """Change a resource in place. FailedError if that fails."""
        before, resource.properties, resource.needs = resource.properties, properties, needs
        self.record(resource, "UPDATE_IN_PROGRESS")

        def update() -> None:
            self._strike(resource.logical, "update")
            TYPES[resource.type].change(self._call(resource, before))
            resource.attributes = TYPES[resource.type].attributes(self._call(resource))

        self._try(resource, "UPDATE", update)

    def delete(self, resource: Resource) -> None:
        """Delete a resource, which may already be missing. FailedError if that fails."""
        self.record(resource, "DELETE_IN_PROGRESS")

        def delete() -> None:
            self._strike(resource.logical, "delete")
            if not resource.physical:
                return
            try:
                TYPES[resource.type].delete(self._call(resource))
            except ClientError as error:
                if not any(part in error.response["Error"]["Code"] for part in _GONE):
                    raise

        self._try(resource, "DELETE", delete)

    def keep(self, resource: Resource) -> None:
        """Record that a resource is kept, outside of the stack."""
        self.record(resource, "DELETE_SKIPPED")

    def properties(self, wanted: Wanted, plan: Plan) -> Json:
        """Returns a resource's complete properties. ApiError or HandlerError for properties that its type, or the local cloud, does
        not accept.
        """
        filled = plan.filled(wanted.properties, self.value)
        schema, takes = TypeSchema(wanted.type, self._stack.region), TYPES[wanted.type].takes
        properties, problems = schema.conform(
            self._tagged(filled, schema, takes),
        )
        if problems:
            raise HandlerError(
                f"Properties validation failed for resource {wanted.logical} with message:\n" + "\n".join(problems)
            )
        if ignored := sorted(set(properties) - takes):
            raise HandlerError(
                f"The local cloud's limit, not CloudFormation's: {', '.join(ignored)} of {wanted.type} would have no "
                "effect here"
            )
        return properties

    def value(self, name: str, attribute: str | None) -> Any:
        """Returns the value of Ref (attribute None) or Fn::GetAtt of a resource."""
        resource = self._stack.resources[name]
        if attribute is None:
            return resource.physical
        value = resource.attributes.get(attribute)
        if value is None:
            value = _at(resource.properties, attribute)
        if value is None:
            raise HandlerError(
                f"The local cloud's limit, not CloudFormation's: {resource.type} has no {attribute} here"
            )
        return value

    def _tagged(self, properties: Json, schema: TypeSchema, takes: frozenset[str]) -> Json:
        """Returns the properties with the stack's tags, unless the template has tags with the same keys."""
        place, tags = schema.tag_property, dict(self._stack.order.tags)
        if not tags or place is None or place[0] not in takes:
            return properties
        name, listed = place
        if not listed:
            return properties | {name: tags | properties.get(name, {})}
        own = properties.get(name, [])
        inherited = {key: value for key, value in tags.items() if key not in [tag.get("Key") for tag in own]}
        return properties | {name: [*own, *({"Key": key, "Value": value} for key, value in inherited.items())]}

    def _call(self, resource: Resource, before: Json | None = None) -> Call:
        return Call(
            deployer=self._tools.deployer,
            suffix=self._tools.suffix,
            region=self._stack.region,
            account=ACCOUNT,
            stack=self._stack.name,
            logical=resource.logical,
            properties=resource.properties,
            physical=resource.physical,
            before=before or {},
            policy="Delete" if self._stack.status.startswith("ROLLBACK") else resource.deletion_policy,
            wait=self._wait,
        )

    def _strike(self, logical: str, action: str) -> None:
        """Apply the fault of the next call: wait, or raise HandlerError."""
        fault = self._tools.faults.next_stack(self._stack.name, logical, action)
        if fault.delay_seconds:
            end = time.monotonic() + fault.delay_seconds
            self._wait(lambda: time.monotonic() >= end)
        if fault.fail:
            raise HandlerError(fault.fail)

    def _wait(self, happened: Callable[[], bool]) -> None:
        """Wait until it has happened. HandlerError if the stack is deleted during its creation, or if that takes too long."""
        while not happened():
            if self._tools.stopped.wait(_POLL):
                raise StoppedError
            self.check_creation()

    def check_creation(self) -> None:
        """HandlerError if the stack is being created and has been deleted meanwhile, or takes too long."""
        stack = self._stack
        if stack.given_up and stack.status == "DELETE_IN_PROGRESS" and not stack.deleting:
            raise HandlerError("Resource creation cancelled")
        if stack.status == "CREATE_IN_PROGRESS" and stack.ends_at is not None and self._tools.clock() >= stack.ends_at:
            raise HandlerError("Exceeded attempts to wait: the stack's TimeoutInMinutes are over")

    def _try(self, resource: Resource, action: str, work: Callable[[], None]) -> None:
        """Do the work, and record its result. FailedError if it fails."""
        try:
            work()
        except (ApiError, HandlerError, NotAuthorizedError, ClientError, BotoCoreError) as error:
            self.record(resource, f"{action}_FAILED", reason_of(error))
            raise FailedError(resource.logical) from error
        self.record(resource, f"{action}_COMPLETE")

    def _notify(self, topic: str, event: Event) -> None:
        """Publish an event. A topic that does not exist any more is ignored."""
        fields = {
            "StackId": self._stack.id, "Timestamp": event.at.isoformat(), "EventId": event.id,
            "LogicalResourceId": event.logical, "PhysicalResourceId": event.physical, "ResourceType": event.type,
            "ResourceStatus": event.status, "ResourceStatusReason": event.reason or "", "StackName": self._stack.name,
            "ClientRequestToken": event.token or "",
        }  # fmt: skip
        message = "".join(f"{key}='{value}'\n" for key, value in fields.items())
        try:
            self._tools.clients.client("sns", topic.split(":")[3]).publish(
                TopicArn=topic, Subject="AWS CloudFormation Notification", Message=message
            )
        except ClientError:
            return


def reason_of(error: Exception) -> str:
    """Returns why a resource failed, in CloudFormation's words: a service's error with its code."""
    if isinstance(error, NotAuthorizedError):
        return _by_handler(f"{error} (Status Code: 403)", "AccessDenied")
    if not isinstance(error, ClientError):
        return str(error)
    details, answer = error.response["Error"], error.response["ResponseMetadata"]
    kind = "AlreadyExists" if "Exist" in details["Code"] or "InUse" in details["Code"] else "GeneralServiceException"
    kind = "NotFound" if any(part in details["Code"] for part in _GONE) else kind
    kind = "AccessDenied" if "AccessDenied" in details["Code"] else kind
    words = f"{details['Message']} (Service: {error.operation_name}, Error Code: {details['Code']}, "
    words += f"Status Code: {answer['HTTPStatusCode']})"
    return _by_handler(words, kind)


def _by_handler(words: str, kind: str) -> str:
    return f'Resource handler returned message: "{words}" (RequestToken: {uuid.uuid4()}, HandlerErrorCode: {kind})'


def _at(properties: Any, path: str) -> Any:
    for part in path.split("."):
        properties = properties.get(part) if isinstance(properties, dict) else None
    return properties
