"""Stacks of a warehouse that no lease names any more.

A process may be paused between its lease and CreateStack for longer than the lease lasts, or be killed in between, or a user
may delete the lease: then a stack exists that no lease names. It is found by the warehouse in its name and a tag with lake,
warehouse and run.

Stacks are listed before the lease is read, so each stack in the list was created under an earlier lease. A stack that the
current lease does not name, or names as free, therefore has no lease.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from rds_lake.aws.warehouse.stacks import Stack, StackGateway
from rds_lake.model.warehouse.lease import Lease, LeaseState, removing
from rds_lake.model.warehouse.names import STATEMENTS_TAG, is_name_of, names_of_stack, statements_of
from rds_lake.model.warehouse.plan import Mode
from rds_lake.stages.warehouse.lease import change_lease
from rds_lake.stages.warehouse.leftovers import Thing, stack_thing
from rds_lake.stages.warehouse.warehouse import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """A stack without a lease, and the run it was created for."""

    stack: Stack
    run: str


def strays_of(warehouse: Warehouse, lease: Lease | None, stacks: Collection[str]) -> tuple[Stray, ...]:
    """Returns the warehouse's stacks without a lease. `stacks`: all stack names, listed before `lease` was read."""
    named = lease.names.stack if lease is not None and lease.state is not LeaseState.FREE else None
    strays: list[Stray] = []
    for name in stacks:
        if name != named and is_name_of(warehouse.name, name):
            stack = StackGateway(api=warehouse.stacks, name=name).look()
            run = _run_of(warehouse, stack) if stack is not None else None
            if stack is not None and run is not None:
                strays.append(Stray(stack=stack, run=run))
    return tuple(strays)


def thing_of(warehouse: Warehouse, stray: Stray) -> Thing:
    """Returns the stack as an object to remove."""
    thing = stack_thing(StackGateway(api=warehouse.stacks, name=stray.stack.name), stray.stack)
    return replace(thing, state=f"{thing.state}, belongs to run {stray.run}, but no lease names it")


def name_in_lease(warehouse: Warehouse, stray: Stray) -> Lease | None:
    """Writes to the free lease everything that the stack created, so that all of it is removed and verified.

    Returns None if another run took the lease meanwhile: then only the stack is deleted.
    """
    now = warehouse.clock()

    def change(lease: Lease | None) -> Lease | None:
        if lease is not None and lease.state is not LeaseState.FREE:
            return None
        names = names_of_stack(warehouse.lake.layout, warehouse.name, stray.run, stray.stack.name)
        known = lease or Lease(
            warehouse=warehouse.name, state=LeaseState.HELD, number=0, run=stray.run, made_by=stray.run, mode=Mode.CLUSTER,
            names=names, taken_at=now, ends_at=now, expires_at=now,
        )  # fmt: skip
        return removing(replace(known, names=names, run=stray.run, made_by=stray.run, expires_at=now))

    after = change_lease(warehouse, change)
    return after if after is not None and after.names.stack == stray.stack.name else None


def _run_of(warehouse: Warehouse, stack: Stack) -> str | None:
    """Returns the run in the stack's tag; None if the stack belongs to another lake or has no such tag."""
    tag, begins = stack.tags.get(STATEMENTS_TAG, ""), statements_of(warehouse.lake.layout, warehouse.name)
    return tag.removeprefix(begins).rstrip("/") or None if tag.startswith(begins) else None
