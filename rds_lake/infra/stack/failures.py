"""Why a stack is in a state that nothing can be deployed over, and what to do: one sentence, and a line per failed resource."""

from __future__ import annotations

from collections.abc import Sequence

from rds_lake.aws.warehouse.stacks import last_operation
from rds_lake.errors import StackError
from rds_lake.infra.stack.advice import advice
from rds_lake.infra.stack.client import Event, Stack

_DELETE_IT = "nothing can be deployed over a stack like this: do what the lines below say, repeat with --remove, then deploy it again"
_STATES = {
    "ROLLBACK_COMPLETE": f"its creation failed, and what it had made was taken away again, except what always stays; {_DELETE_IT}",
    "ROLLBACK_FAILED": f"its creation failed, and what it had made could not all be taken away; {_DELETE_IT}",
    "CREATE_FAILED": f"its creation failed, and what it had made is still there; {_DELETE_IT}",
    "UPDATE_ROLLBACK_COMPLETE": "the update failed, and the stack is again as it was before; do what the lines below say, then repeat",
    "UPDATE_ROLLBACK_FAILED": "an update failed, and so did the way back; do what the lines below say, then "
    "`aws cloudformation continue-update-rollback --stack-name {name}`, then repeat",
    "DELETE_FAILED": "it could not be deleted entirely; do what the lines below say, then repeat with --remove",
    "REVIEW_IN_PROGRESS": "a change set waits to be executed, and the stack has nothing yet; execute it "
    "(`aws cloudformation execute-change-set`), or take the stack away with --remove",
}


def failure(stack: Stack, events: Sequence[Event]) -> StackError:
    """The error for a stack in such a state. `events`: oldest first; those of the last operation count."""
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
