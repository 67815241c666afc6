"""Creates a warehouse: looks at AWS once and takes the next step. It does not wait.

    match bring_up(warehouse, plan):
        case Target() as target: ...     # send statements there
        case NotYet() as not_yet: ...    # show `not_yet.why`, and repeat in a minute

The lease is written before CreateStack. An existing stack is adopted, also that of a run whose worker died. A failed creation
is an error with CloudFormation's own reasons; its leftovers are removed by `take_down`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rds_lake.aws.warehouse.clusters import Existing
from rds_lake.aws.warehouse.stacks import Event, Stack, StackGateway, last_operation
from rds_lake.errors import ConfigError, ConflictError, LeaseLostError, StackError
from rds_lake.model.warehouse.lease import Lease, LeaseState
from rds_lake.model.warehouse.names import STATEMENTS_TAG, client_token
from rds_lake.model.warehouse.plan import Mode, Plan
from rds_lake.model.warehouse.target import Target
from rds_lake.stages.warehouse.lease import Busy, change_lease, overtime, read_lease, take
from rds_lake.stages.warehouse.warehouse import Warehouse

TEMPLATE_TAG = "rds-lake:template"
ROLE_OUTPUT = "Role"
_MOST_MINUTES = 60  # of a creation; ClusterAvailable's own waiter gives up after 30
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_QUOTA = re.compile(r"quota|limit exceeded|exceeded .*limit", re.IGNORECASE)
_OF_QUOTA = (
    "a quota of the account is used up: `rds-lake warehouse status` shows which warehouses of this lake exist; request a higher "
    "quota in Service Quotas (Amazon Redshift), or choose fewer or smaller nodes or RPUs in lake.yaml"
)
_TIME = re.compile(r"TimeoutInMinutes|time exceeded|timed? ?out", re.IGNORECASE)
_OF_TIME = (
    f"the creation took longer than {_MOST_MINUTES} minutes and was stopped: check AWS's health dashboard, and `vpc:` and `subnets:` "
    "in lake.yaml, then run it again"
)
_AVAILABLE = "available"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """A sentence about what the run waits for."""

    why: str


def bring_up(warehouse: Warehouse, plan: Plan) -> Target | NotYet:
    """Returns where the run's statements are sent, once it exists; until then, NotYet.

    Raises StackError with CloudFormation's reasons if the creation failed, ConfigError if the settings of an existing
    warehouse do not name one, LeaseLostError if the run took longer than its lease.
    """
    if plan.mode is Mode.EXISTING:
        existing(warehouse)  # before the lease: its problems are reported at once
    lease = take(warehouse, plan)
    if isinstance(lease, Busy):
        return NotYet(why=lease.why)
    if lease.mode is Mode.EXISTING:
        return existing(warehouse)
    if too_long := overtime(lease, warehouse.settings, warehouse.clock()):
        raise StackError(too_long)
    stacks = stacks_of(warehouse, lease)
    stack = stacks.look()
    if stack is None:
        return _create(warehouse, stacks, lease)
    if stack.busy:
        return NotYet(why=f"stack {stack.name} is in {stack.status}")
    if stack.status not in _GOOD:
        return _replace(warehouse, stacks, stack, lease, _failed(stack, stacks.events(stack.id)))
    if lease.adopted and stack.tags.get(TEMPLATE_TAG) != _digest(warehouse.template(lease.names)):
        return _update(warehouse, stacks, stack, lease)
    return _target(warehouse, stacks, stack, lease)


def existing(warehouse: Warehouse) -> Target:
    """Returns the workgroup or cluster that rds-lake did not create. Raises ConfigError if lake.yaml does not name it."""
    wanted, role = warehouse.settings.existing, warehouse.settings.role
    if wanted is None or role is None or bool(wanted.workgroup) == bool(wanted.cluster):
        raise ConfigError(
            f"warehouse {warehouse.name} has `mode: existing`: give `role:`, and in `existing:` either `workgroup:` or `cluster:`"
        )
    return Target(
        database=warehouse.settings.database,
        role=role,
        workgroup=wanted.workgroup,
        cluster=wanted.cluster,
        secret=wanted.secret,
        db_user=wanted.db_user,
    )


def stacks_of(warehouse: Warehouse, lease: Lease) -> StackGateway:
    """Returns the gateway for the lease's stack."""
    assert lease.names.stack is not None
    return StackGateway(api=warehouse.stacks, name=lease.names.stack)


def is_good(stack: Stack | None) -> bool:
    """Whether the stack matches its template."""
    return stack is not None and stack.status in _GOOD


def _create(warehouse: Warehouse, stacks: StackGateway, lease: Lease) -> NotYet:
    text = warehouse.template(lease.names)
    # This turn extended the lease. If that is long ago, this process was paused, and everything may have been removed.
    if lease.expires_at is not None and warehouse.clock() >= lease.expires_at:
        raise LeaseLostError(
            f"run {lease.run} did not continue within its lease of warehouse {warehouse.name}: start it again"
        )
    try:
        made = stacks.create(
            TemplateBody=text,
            TimeoutInMinutes=_MOST_MINUTES,
            ClientRequestToken=client_token(f"{lease.names.stack}/{lease.made_by}/create"),
            **_order(warehouse, text, lease),
        )
    except ConflictError:
        return NotYet(why=f"another turn of run {lease.run} creates stack {stacks.name}")
    _require_lease(warehouse, stacks, lease, made)
    return NotYet(why=f"stack {stacks.name} is being created")


def _require_lease(warehouse: Warehouse, stacks: StackGateway, lease: Lease, made: str) -> None:
    """Deletes the new stack if the process was paused and lost its lease meanwhile; `strays.py` finds it if the process died."""
    now = read_lease(warehouse)
    if now is not None and now.state is LeaseState.HELD and (now.run, now.number) == (lease.run, lease.number):
        return
    stacks.delete(made, client_token(f"{made}/late"))
    raise LeaseLostError(
        f"the lease of run {lease.run} ended before its stack {stacks.name} was created, so the stack is deleted; start the run again"
    )


def _update(warehouse: Warehouse, stacks: StackGateway, stack: Stack, lease: Lease) -> NotYet | Target:
    """Updates a kept stack, created with other settings, to the current ones."""
    text = warehouse.template(lease.names)
    try:
        changes = stacks.update(stack.id, TemplateBody=text, **_order(warehouse, text, lease))
    except ConflictError:
        return NotYet(why=f"another operation on stack {stack.name} has just started")
    if not changes:
        return _target(warehouse, stacks, stack, lease)
    return NotYet(why=f"stack {stack.name} is being updated to the current settings")


def _order(warehouse: Warehouse, text: str, lease: Lease) -> dict[str, object]:
    tags = {TEMPLATE_TAG: _digest(text), "rds-lake:warehouse": warehouse.name, STATEMENTS_TAG: lease.names.statements}
    return {
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _replace(warehouse: Warehouse, stacks: StackGateway, stack: Stack, lease: Lease, failed: StackError) -> NotYet:
    """Removes an earlier run's broken stack, before it is created again. If this run's creation failed, raises its error."""
    if not lease.adopted:
        raise failed
    stacks.delete(stack.id, delete_token(stacks, stack))
    change_lease(
        warehouse, lambda now: replace(now, made_by=lease.run) if now is not None and now.run == lease.run else None
    )
    return NotYet(why=f"stack {stack.name}, left in {stack.status}, is being removed before it is created again")


def delete_token(stacks: StackGateway, stack: Stack) -> str:
    """Returns the token of a deletion, a new one after a failed deletion, as CloudFormation would ignore the old one."""
    return client_token(f"{stack.id}/{stacks.newest(stack.id)}/delete")


def _target(warehouse: Warehouse, stacks: StackGateway, stack: Stack, lease: Lease) -> Target | NotYet:
    names = lease.names
    server, secret = _found(warehouse, lease)
    if server is None:
        gone = StackError(
            f"{names.cluster or names.workgroup} no longer exists, although stack {stack.name} is in {stack.status}: it was deleted "
            "outside of CloudFormation (CloudTrail has the user). The rest of the stack is removed; run the warehouse again"
        )
        return _replace(warehouse, stacks, stack, lease, gone)
    if server.status.lower() == "paused":
        warehouse.redshift.resume(server.name)
    if server.status.lower() != _AVAILABLE:
        return NotYet(why=f"{server.name} is {server.status.lower()}")
    limit = warehouse.settings.serverless.usage_limit if warehouse.settings.serverless is not None else None
    if names.workgroup is not None and limit is not None:
        warehouse.serverless.limit_usage(server.arn, limit.rpu_hours, limit.per)
    return Target(
        database=warehouse.settings.database,
        role=warehouse.settings.role or dict(stack.outputs)[ROLE_OUTPUT],
        workgroup=names.workgroup,
        cluster=names.cluster,
        secret=secret,
    )


def _found(warehouse: Warehouse, lease: Lease) -> tuple[Existing | None, str | None]:
    """Returns the cluster or workgroup, and the ARN of the admin's secret."""
    if lease.names.cluster is not None:
        cluster = warehouse.redshift.find_cluster(lease.names.cluster)
        return cluster, cluster.secret if cluster is not None else None
    namespace = warehouse.serverless.find_namespace(lease.names.namespace or "")
    workgroup = warehouse.serverless.find_workgroup(lease.names.workgroup or "")
    return (workgroup, namespace.secret) if namespace is not None else (None, None)


def _failed(stack: Stack, events: Sequence[Event]) -> StackError:
    last = last_operation(_before_rollback(events))
    problems = [
        f"{event.logical} ({event.type} {event.physical}), {event.status}: {event.reason or 'no reason given'}"
        for event in last
        if event.failed
    ]
    problems += [_OF_QUOTA] if any(_QUOTA.search(problem) for problem in problems) else []
    problems += [_OF_TIME] if any(_TIME.search(event.reason) for event in last) else []
    return StackError(
        f"stack {stack.name} of the warehouse is in {stack.status}. Fix the cause that CloudFormation reports, then run it again; "
        "what it left is removed by this run, or by `rds-lake warehouse reap --apply`:",
        problems or ["CloudFormation names no resource: it was cancelled; run it again"],
    )


def _before_rollback(events: Sequence[Event]) -> Sequence[Event]:
    """Returns the events without those of a later deletion, whose failures did not cause the creation's failure."""
    begins = [at for at, event in enumerate(events) if event.of_stack and event.status == "DELETE_IN_PROGRESS"]
    return events[: begins[0]] if begins else events
