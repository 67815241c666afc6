"""Explains a stack in a state that cannot be updated, and what to do: one sentence, and a line per failed resource."""

from __future__ import annotations

from collections.abc import Sequence

from rds_lake.aws.warehouse.stacks import last_operation
from rds_lake.errors import StackError
from rds_lake.infra.stack.advice import advice
from rds_lake.infra.stack.client import Event, Stack

_DELETE_IT = "a stack in this state cannot be updated: follow the lines below, repeat with --remove, then deploy again"
_STATES = {
    "ROLLBACK_COMPLETE": f"its creation failed, and CloudFormation removed its resources, except those it always keeps; {_DELETE_IT}",
    "ROLLBACK_FAILED": f"its creation failed, and CloudFormation could not remove all of its resources; {_DELETE_IT}",
    "CREATE_FAILED": f"its creation failed, and the resources that it created still exist; {_DELETE_IT}",
    "UPDATE_ROLLBACK_COMPLETE": "the update failed and was rolled back; follow the lines below, then repeat",
    "UPDATE_ROLLBACK_FAILED": "an update failed, and so did its rollback; follow the lines below, then `aws "
    "cloudformation continue-update-rollback --stack-name {name}`, then repeat",
    "DELETE_FAILED": "it could not be deleted completely; follow the lines below, then repeat with --remove",
    "REVIEW_IN_PROGRESS": "a change set waits to be executed, and the stack has no resources yet; execute it (`aws "
    "cloudformation execute-change-set`), or remove the stack with --remove",
}


def failure(stack: Stack, events: Sequence[Event]) -> StackError:
    """Returns the error for a stack in such a state. `events`: oldest first; those of the last operation count."""
    what = _STATES.get(stack.status, "nothing can be deployed in this state; look at the stack in AWS's console")
    failed = [event for event in last_operation(events) if event.failed]
    return StackError(
        f"stack {stack.name} is in {stack.status}: {what.format(name=stack.name)}",
        [_problem(event) for event in failed],
    )


def _problem(event: Event) -> str:
    name = f"{event.type} {event.physical}".rstrip()
    todo = advice(event.logical, event.type, event.reason)
    return f"{event.logical} ({name}), {event.status}: {event.reason or 'no reason given'}" + (
        f" - {todo}" if todo else ""
    )
