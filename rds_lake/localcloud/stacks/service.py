"""CloudFormation's operations that change something: each is checked, answered at once, and executed in its own thread.

A stack has one operation at a time. A reset and the end of the local cloud wait for every thread.
"""

from __future__ import annotations

import secrets
import string
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from rds_lake.localcloud.faults.faults import Faults
from rds_lake.localcloud.http.account import ACCOUNT
from rds_lake.localcloud.http.app import ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.permissions.acting import Acting, Actors
from rds_lake.localcloud.stacks.book import Book
from rds_lake.localcloud.stacks.orders import order_of, refuse_changed_types
from rds_lake.localcloud.stacks.reading import SERVICE, Reading
from rds_lake.localcloud.stacks.refusals import invalid, not_here
from rds_lake.localcloud.stacks.resources import Resources, StoppedError, Tools
from rds_lake.localcloud.stacks.state import Stack
from rds_lake.localcloud.stacks.types.base import partition_of
from rds_lake.localcloud.stacks.worker import Worker

Json = dict[str, Any]
_TEMPLATE = {"StackName", "TemplateBody", "TemplateURL", "Parameters", "Capabilities", "RoleARN", "Tags", "NotificationARNs",
             "ClientRequestToken"}  # fmt: skip
_CREATE = _TEMPLATE | {"DisableRollback", "OnFailure", "EnableTerminationProtection", "TimeoutInMinutes"}
_UPDATE = _TEMPLATE | {"UsePreviousTemplate"}
_DELETE = {"StackName", "RetainResources", "RoleARN", "ClientRequestToken"}
_UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
_BROKEN = {
    "CREATE": "CREATE_FAILED", "UPDATE": "UPDATE_ROLLBACK_FAILED", "ROLLBACK": "ROLLBACK_FAILED", "DELETE": "DELETE_FAILED",
}  # fmt: skip
_NOT_FOUND = "Stack [{}] does not exist"


class Stacks:
    """Every stack since the start or the last reset."""

    def __init__(
        self,
        app: LocalCloudApp,
        clients: InProcessClients,
        faults: Faults,
        actors: Actors,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        suffix: Callable[[int], str] | None = None,
    ) -> None:
        self._clients, self._faults, self._actors, self._clock = clients, faults, actors, clock
        self._suffix = suffix or _random
        self._book = Book()
        self._stopped = threading.Event()
        self._threads: set[threading.Thread] = set()
        changing = (
            self.CreateStack, self.UpdateStack, self.DeleteStack, self.CancelUpdateStack, self.UpdateTerminationProtection,
        )  # fmt: skip
        for operation in (*changing, *Reading(self._book, actors).operations()):
            app.query_operations["cloudformation", operation.__name__] = operation

    def reset(self) -> None:
        """End running operations and forget all stacks. Their resources are left to the other services' reset."""
        self._stopped.set()
        for thread in list(self._threads):
            thread.join()
        with self._book.lock:
            self._book.forget()
            self._stopped = threading.Event()

    def CreateStack(self, context: RequestContext, params: Json) -> Json:
        """Returns the stack's id. A repeated request with the same token returns the same stack."""
        _refuse_others(params, _CREATE, "CreateStack")
        name, token, region = params["StackName"], params.get("ClientRequestToken"), context.region
        with self._book.lock:
            existing = self._book.find(region, name)
            if existing is not None:
                if token and existing.operations.get(token) == "CreateStack":
                    return {"StackId": existing.id}
                raise ApiError("AlreadyExistsException", f"Stack [{name}] already exists")
            deployer = self._deployer(context, params.get("RoleARN"))
            id_ = f"arn:{partition_of(region)}:cloudformation:{region}:{ACCOUNT}:stack/{name}/{uuid.uuid4()}"
            stack = Stack(
                name=name,
                id=id_,
                region=region,
                order=order_of(params, deployer.clients, region=region, stack=id_, name=name, previous=None),
                created=self._clock(),
                on_failure=_on_failure(params),
                protected=params.get("EnableTerminationProtection", False),
                ends_at=_end_of(self._clock(), params.get("TimeoutInMinutes")),
            )
            self._book.add(stack)
            self._begin(stack, deployer, "CreateStack", "CREATE_IN_PROGRESS", token, lambda worker: worker.create())
        return {"StackId": stack.id}

    def UpdateStack(self, context: RequestContext, params: Json) -> Json:
        """Returns the stack's id. ApiError ValidationError `No updates are to be performed.` if nothing would change."""
        _refuse_others(params, _UPDATE, "UpdateStack")
        token, region = params.get("ClientRequestToken"), context.region
        with self._book.lock:
            stack = self._book.get(region, params["StackName"], words=_NOT_FOUND)
            if token and stack.operations.get(token) == "UpdateStack":
                return {"StackId": stack.id}
            if stack.status not in _UPDATABLE:
                raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
            before = stack.order
            deployer = self._deployer(context, params.get("RoleARN") or before.role)
            after = order_of(params, deployer.clients, region=region, stack=stack.id, name=stack.name, previous=before)
            refuse_changed_types(before, after)
            if before.plan.asks_for_the_same(after.plan) and before.tags == after.tags:
                raise invalid("No updates are to be performed.")
            stack.order, stack.updated, stack.cancelled = after, self._clock(), False
            self._begin(
                stack, deployer, "UpdateStack", "UPDATE_IN_PROGRESS", token, lambda worker: worker.update(before)
            )
        return {"StackId": stack.id}

    def DeleteStack(self, context: RequestContext, params: Json) -> Json:
        """Succeeds also if the stack does not exist."""
        _refuse_others(params, _DELETE, "DeleteStack")
        kept, token = frozenset(params.get("RetainResources", ())), params.get("ClientRequestToken")
        with self._book.lock:
            stack = self._book.find(context.region, params["StackName"])
            if stack is None or stack.gone or stack.status == "DELETE_IN_PROGRESS":
                return {}
            if stack.protected:
                raise invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
            if stack.status == "CREATE_IN_PROGRESS":
                # The thread that creates the stack checks this before its next step, and then deletes what it created.
                stack.given_up = True
                deployer = self._deployer(context, params.get("RoleARN") or stack.order.role)
                Resources(stack, self._tools(deployer), token).record(None, "DELETE_IN_PROGRESS", "User Initiated")
                return {}
            if stack.busy:
                raise not_here(f"stack {stack.name} is in {stack.status}; wait for its end before it is deleted.")
            _check_kept(stack, kept)
            deployer = self._deployer(context, params.get("RoleARN") or stack.order.role)
            self._begin(stack, deployer, "DeleteStack", "DELETE_IN_PROGRESS", token, lambda worker: worker.delete(kept))
        return {}

    def CancelUpdateStack(self, context: RequestContext, params: Json) -> Json:
        """The update is rolled back before its next resource."""
        with self._book.lock:
            stack = self._book.get(context.region, params["StackName"], words=_NOT_FOUND)
            if stack.status != "UPDATE_IN_PROGRESS":
                raise invalid(f"CancelUpdateStack cannot be called from current stack status {stack.status}")
            stack.cancelled = True
        return {}

    def UpdateTerminationProtection(self, context: RequestContext, params: Json) -> Json:
        """Returns the stack's id."""
        with self._book.lock:
            stack = self._book.get(context.region, params["StackName"], words=_NOT_FOUND)
            stack.protected = params["EnableTerminationProtection"]
            return {"StackId": stack.id}

    def _deployer(self, context: RequestContext, role: str | None) -> Acting:
        """Returns whose rights create a stack's resources: the caller's, or those of the role that was passed with an operation.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
        """
        caller = self._actors.caller(context)
        if role is None:
            return self._actors.acting(caller, via=SERVICE, region=context.region)
        if not self._actors.may_assume(caller, role, SERVICE):
            raise invalid(f"Role {role} is invalid or cannot be assumed")
        callers = self._actors.permissions.callers
        held = caller is not None or callers.role(role) is not None
        return self._actors.acting(callers.session(role, "AWSCloudFormation") if held else None, region=context.region)

    def _tools(self, deployer: Acting) -> Tools:
        return Tools(
            book=self._book,
            clients=self._clients,
            deployer=deployer,
            faults=self._faults,
            clock=self._clock,
            suffix=self._suffix,
            stopped=self._stopped,
        )

    def _begin(
        self,
        stack: Stack,
        deployer: Acting,
        operation: str,
        status: str,
        token: str | None,
        work: Callable[[Worker], None],
    ) -> None:
        """Set the stack's state, which the answer shows, and start the thread."""
        if token:
            stack.operations[token] = operation
        tools = self._tools(deployer)
        resources = Resources(stack, tools, token)
        resources.record(None, status, "User Initiated")

        def run() -> None:
            try:
                work(Worker(stack, tools, token))
            except StoppedError:
                return
            finally:
                if stack.busy and not tools.stopped.is_set():
                    resources.record(
                        None, _BROKEN[stack.status.split("_")[0]], "The local cloud itself failed: see its output."
                    )
                self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run, name=f"stack-{stack.name}", daemon=True)
        self._threads.add(thread)
        thread.start()


def _end_of(now: datetime, minutes: int | None) -> datetime | None:
    return None if minutes is None else now + timedelta(minutes=minutes)


def _random(length: int) -> str:
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(length))


def _refuse_others(params: Json, known: set[str], operation: str) -> None:
    if others := sorted(set(params) - known):
        raise not_here(f"{operation} does not support {', '.join(others)}; leave it out.")


def _on_failure(params: Json) -> str:
    if "OnFailure" in params and "DisableRollback" in params:
        raise invalid("You can specify either the OnFailure parameter or the DisableRollback parameter, but not both.")
    return params.get("OnFailure") or ("DO_NOTHING" if params.get("DisableRollback") else "ROLLBACK")


def _check_kept(stack: Stack, kept: frozenset[str]) -> None:
    if not kept:
        return
    if stack.status != "DELETE_FAILED":
        raise invalid(
            f"Invalid operation on stack [{stack.id}]. You can specify RetainResources in a delete stack operation only "
            "when the stack is in the DELETE_FAILED state."
        )
    failed = {name for name, resource in stack.resources.items() if resource.status == "DELETE_FAILED"}
    if others := sorted(kept - failed):
        raise invalid(
            "The specified resources to retain must be in a valid state. Do not specify resources that are in the "
            f"DELETE_COMPLETE state. [{', '.join(others)}]"
        )
