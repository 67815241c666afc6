"""Removes a warehouse: examines everything that its lease names, and takes the next step of each removal.

    if left := take_down(warehouse, run):    # once in every turn; nothing waits
        ...                             # the objects that still exist, with their states

`()` is returned, and the lease is free, only when each object was looked for and not found. A kept warehouse stays, without
statements and staging of the run. Objects that the lease does not name are not touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rds_lake.errors import AwsError, RelocationError, TransientError
from rds_lake.model.warehouse.lease import Lease, LeaseState, freed, kept, removing
from rds_lake.model.warehouse.plan import Mode
from rds_lake.stages.warehouse.lease import change_lease, read_lease
from rds_lake.stages.warehouse.leftovers import Thing, all_leftovers, run_leftovers
from rds_lake.stages.warehouse.stack import is_good, stacks_of
from rds_lake.stages.warehouse.warehouse import Warehouse

Remaining = tuple[Thing, ...]


def take_down(warehouse: Warehouse, run: str) -> Remaining:
    """Ends the run's lease as far as possible now, and returns what still has to be removed.

    Also for a run that never had the lease, or whose lease the reaper ended.
    """
    lease = read_lease(warehouse)
    if lease is None or lease.run != run or lease.state in (LeaseState.FREE, LeaseState.KEPT):
        return ()
    if lease.state is LeaseState.HELD and stays(warehouse, lease):
        return keep(warehouse, lease)
    return remove(warehouse, lease)


def stays(warehouse: Warehouse, lease: Lease) -> bool:
    """Whether the warehouse is kept after the run; not if its creation failed."""
    if lease.keep_minutes == 0 or lease.mode is Mode.EXISTING:
        return False
    return is_good(stacks_of(warehouse, lease).look())


def keep(warehouse: Warehouse, lease: Lease) -> Remaining:
    """Removes what the run left in a warehouse that is kept, then writes to the lease that it is kept."""
    if left := run_leftovers(warehouse, lease.names):
        return stepped(left)

    def end(now: Lease | None) -> Lease | None:
        return kept(now, warehouse.clock()) if now is not None and now == lease else None

    now = change_lease(warehouse, end)
    if now is not None and now.number == lease.number and now.state is not LeaseState.KEPT:
        return (Thing(kind="lease", name=lease.warehouse, state=f"{now.state}, changed by another turn"),)
    return ()


def remove(warehouse: Warehouse, lease: Lease) -> Remaining:
    """Writes to the lease that everything is removed, then takes the next step; frees the lease if nothing is left."""

    def begin(now: Lease | None) -> Lease | None:
        same = now is not None and (now.run, now.number) == (lease.run, lease.number)
        return removing(now) if same and now is not None and now.state is LeaseState.HELD else None

    return finish(warehouse, change_lease(warehouse, begin), lease)


def finish(warehouse: Warehouse, now: Lease | None, lease: Lease) -> Remaining:
    """Takes the next step of the removal that `lease` began; none if another run finished it. `now`: the current lease."""
    if now is None or now.state is not LeaseState.REMOVING or now.number != lease.number:
        return ()
    left = tuple(thing for thing in stepped(all_leftovers(warehouse, now)) if not thing.moot)
    if not left:
        change_lease(warehouse, lambda then: freed(now) if then == now else None)
    return left


def stepped(things: Sequence[Thing]) -> Remaining:
    """Starts the removal of what can be removed now. A refusal of AWS is shown in the state, and the next turn tries again."""
    return tuple(_stepped(thing) for thing in things)


def _stepped(thing: Thing) -> Thing:
    if thing.remove is None:
        return thing
    try:
        thing.remove()
    except (TransientError, AwsError, RelocationError) as error:
        return replace(thing, state=f"{thing.state}; {error}")
    return thing
