"""Executes one operation on one stack, from its first state to its last.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rds_lake.localcloud.http.app import ApiError
from rds_lake.localcloud.stacks.resources import FailedError, Resources, StoppedError, Tools, reason_of
from rds_lake.localcloud.stacks.state import Order, Resource, Stack
from rds_lake.localcloud.stacks.template.plan import Plan, Wanted, in_order
from rds_lake.localcloud.stacks.template.schemas import TypeSchema
from rds_lake.localcloud.stacks.types.base import HandlerError
from rds_lake.localcloud.stacks.types.table import TYPES

Json = dict[str, Any]
_REPLACED = "Requested update requires the creation of a new physical resource; hence creating one."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What an update did to a resource. `old`: the replaced resource; `before`: the properties before a change in place."""

    resource: Resource
    old: Resource | None = None
    before: Json | None = None
    keeps_old: bool = False


class Worker:
    """Works on a stack until it is in a final state. StoppedError from its methods if the local cloud stops."""

    def __init__(self, stack: Stack, tools: Tools, token: str | None) -> None:
        self._stack, self._tools = stack, tools
        self._resources = Resources(stack, tools, token)

    def create(self) -> None:
        """Create the stack: CREATE_COMPLETE, or the result of its `on_failure`."""
        plan = self._stack.order.plan
        reason = None
        try:
            for wanted in plan.resources.values():
                self._check()
                self._resources.check_creation()
                self._resources.make(wanted, plan)
            self._set_outputs(plan)
        except FailedError as error:
            reason = f"The following resource(s) failed to create: [{error}]. "
        except (ApiError, HandlerError) as error:
            reason = reason_of(error)
        if self._given_up(reason):
            self.delete(frozenset())
        elif reason is None:
            pass
        elif self._stack.on_failure == "DO_NOTHING":
            self._end("CREATE_FAILED", reason)
        elif self._stack.on_failure == "DELETE":
            self._begin("DELETE_IN_PROGRESS", f"{reason}Delete requested by user.")
            self.delete(frozenset())
        else:
            self._begin("ROLLBACK_IN_PROGRESS", f"{reason}Rollback requested by user.")
            failed = self._delete_all(self._stack.resources.values(), new=True)
            self._end("ROLLBACK_FAILED" if failed else "ROLLBACK_COMPLETE", _not_deleted(failed))

    def _given_up(self, reason: str | None) -> bool:
        """Whether the stack was deleted meanwhile. If not, and if there is no `reason` to fail, its creation is now complete."""
        with self._tools.book.lock:
            if not self._stack.given_up and reason is None:
                self._end("CREATE_COMPLETE")
            return self._stack.given_up

    def delete(self, kept: frozenset[str]) -> None:
        """Delete the stack: DELETE_COMPLETE or DELETE_FAILED. `kept`: the resources that the caller wants to retain."""
        self._stack.deleting = True
        failed = self._delete_all(self._stack.resources.values(), kept=kept)
        if failed:
            self._end("DELETE_FAILED", _not_deleted(failed))
            return
        with self._tools.book.lock:
            self._stack.deleted = self._tools.clock()
        self._end("DELETE_COMPLETE")

    def update(self, before: Order) -> None:
        """Update the stack: UPDATE_COMPLETE, or a rollback to `before` and UPDATE_ROLLBACK_COMPLETE."""
        plan = self._stack.order.plan
        changes: list[_Change] = []
        removed = [resource for name, resource in self._stack.resources.items() if name not in plan.resources]
        try:
            for wanted in plan.resources.values():
                self._check()
                self._apply(wanted, plan, changes)
            self._set_outputs(plan)
        except FailedError as error:
            self._roll_back(before, changes, f"The following resource(s) failed to update: [{error}]. ")
            return
        except (ApiError, HandlerError) as error:
            self._roll_back(before, changes, reason_of(error))
            return
        self._begin("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        leaving = [change.old for change in changes if change.old and not change.keeps_old]
        for old in (change.old for change in changes if change.old and change.keeps_old):
            self._resources.keep(old)
        failed = self._delete_all([*leaving, *removed])
        with self._tools.book.lock:
            for resource in removed:
                self._stack.resources.pop(resource.logical, None)
        more = "Update successful. One or more resources could not be deleted." if failed else None
        self._end("UPDATE_COMPLETE", more)

    def _apply(self, wanted: Wanted, plan: Plan, changes: list[_Change]) -> None:
        """Create, change or replace a resource if it differs. A change that has begun is in `changes` even if it fails."""
        resource = self._stack.resources.get(wanted.logical)
        if resource is None:
            self._made(wanted, plan, changes, old=None)
            return
        properties = self._wanted_properties(wanted, plan, resource)
        before = resource.properties
        if properties == before:
            resource.needs, resource.deletion_policy = wanted.needs, wanted.deletion_policy
        elif TypeSchema(wanted.type, self._stack.region).replaces(before, properties):
            self._refuse_same_name(wanted, resource, properties)
            self._resources.record(resource, "UPDATE_IN_PROGRESS", _REPLACED)
            self._made(wanted, plan, changes, old=resource)
            self._resources.record(self._stack.resources[wanted.logical], "UPDATE_COMPLETE")
        else:
            changes.append(_Change(resource=resource, before=before))
            resource.deletion_policy = wanted.deletion_policy
            self._resources.change(resource, properties, needs=wanted.needs)

    def _wanted_properties(self, wanted: Wanted, plan: Plan, resource: Resource) -> Json:
        try:
            return self._resources.properties(wanted, plan)
        except (ApiError, HandlerError) as error:
            self._resources.record(resource, "UPDATE_FAILED", reason_of(error))
            raise FailedError(wanted.logical) from error

    def _refuse_same_name(self, wanted: Wanted, resource: Resource, properties: Json) -> None:
        key = TYPES[wanted.type].named
        if key in properties and properties[key] == resource.properties.get(key):
            self._resources.record(
                resource,
                "UPDATE_FAILED",
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {properties[key]} and update the stack again.",
            )
            raise FailedError(wanted.logical)

    def _made(self, wanted: Wanted, plan: Plan, changes: list[_Change], *, old: Resource | None) -> None:
        keeps = wanted.replace_policy == "Retain"
        try:
            self._resources.make(wanted, plan)
        finally:
            changes.append(_Change(resource=self._stack.resources[wanted.logical], old=old, keeps_old=keeps))

    def _roll_back(self, before: Order, changes: list[_Change], reason: str) -> None:
        with self._tools.book.lock:
            self._stack.order = before
        self._begin("UPDATE_ROLLBACK_IN_PROGRESS", reason)
        new = []
        try:
            for change in reversed(changes):
                if change.before is not None:
                    needs = before.plan.resources[change.resource.logical].needs
                    self._resources.change(change.resource, change.before, needs=needs)
                else:
                    new.append(change.resource)
                    self._put_back(change)
        except FailedError as error:
            self._end("UPDATE_ROLLBACK_FAILED", f"The following resource(s) failed to update: [{error}]. ")
            return
        self._begin("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        failed = self._delete_all(new, new=True)
        self._end("UPDATE_ROLLBACK_COMPLETE", _not_deleted(failed))

    def _put_back(self, change: _Change) -> None:
        with self._tools.book.lock:
            if change.old is None:
                del self._stack.resources[change.resource.logical]
            else:
                self._stack.resources[change.resource.logical] = change.old
        if change.old is not None:
            self._resources.record(change.old, "UPDATE_COMPLETE")

    def _delete_all(
        self, resources: Iterable[Resource], *, kept: frozenset[str] = frozenset(), new: bool = False
    ) -> list[str]:
        """Delete resources, each before those that it needs; returns the logical ids that failed. `new`: they are being rolled back.

        Resources that an undeleted resource needs are kept as well.
        """
        by_name = {resource.logical: resource for resource in resources if resource.status != "DELETE_COMPLETE"}
        needs = {name: resource.needs for name, resource in by_name.items()}
        failed, needed = list[str](), set[str]()
        for name in reversed(in_order(needs)):
            self._end_if_stopped()
            resource = by_name[name]
            if name in needed:
                needed |= needs[name]
            elif name in kept or self._stays(resource, new=new):
                self._resources.keep(resource)
            else:
                try:
                    self._resources.delete(resource)
                except FailedError:
                    failed.append(name)
                    needed |= needs[name]
        return failed

    @staticmethod
    def _stays(resource: Resource, *, new: bool) -> bool:
        policy = resource.deletion_policy
        return bool(resource.physical) and (policy == "Retain" or (policy == "RetainExceptOnCreate" and not new))

    def _set_outputs(self, plan: Plan) -> None:
        outputs = []
        for name, output in plan.outputs.items():
            filled = plan.filled(output, self._resources.value)
            entry = {"OutputKey": name, "OutputValue": str(filled["Value"])}
            entry |= {"Description": filled["Description"]} if "Description" in filled else {}
            entry |= {"ExportName": filled["Export"]["Name"]} if "Export" in filled else {}
            outputs.append(entry)
        with self._tools.book.lock:
            self._stack.outputs = outputs

    def _check(self) -> None:
        self._end_if_stopped()
        if self._stack.cancelled:
            raise HandlerError("User Initiated")

    def _end_if_stopped(self) -> None:
        if self._tools.stopped.is_set():
            raise StoppedError

    def _begin(self, status: str, reason: str | None = None) -> None:
        self._end_if_stopped()
        self._resources.record(None, status, reason)

    def _end(self, status: str, reason: str | None = None) -> None:
        self._begin(status, reason)


def _not_deleted(failed: list[str]) -> str | None:
    return f"The following resource(s) failed to delete: [{', '.join(failed)}]. " if failed else None
