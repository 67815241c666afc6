"""Reaps warehouses: removes everything that an expired lease names, and verifies that nothing is left.

    for reaped in reap([warehouse, ...], apply=True): ...

A run that died, was cancelled, or whose turns stopped leaves a lease that expires; so does a warehouse that was kept for some
minutes. A removal in progress continues, even if another run began it. Stacks that no lease names are removed too
(`strays.py`), and objects that late turns created (`late.py`). A warehouse that cannot be examined never stops the others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from rds_lake.aws.warehouse.stacks import list_stacks
from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.model.warehouse.lease import Lease, LeaseState, kept, removing
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.runs.attempt import Failed, attempt
from rds_lake.stages.warehouse.late import of_others, staged_runs
from rds_lake.stages.warehouse.lease import change_lease, read_lease
from rds_lake.stages.warehouse.leftovers import all_leftovers, run_leftovers
from rds_lake.stages.warehouse.remove import Remaining, finish, stays, stepped
from rds_lake.stages.warehouse.strays import name_in_lease, strays_of, thing_of
from rds_lake.stages.warehouse.warehouse import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaped:
    """The result for one warehouse. `lease`: before reaping, None if there was none.

    `due`: whether the lease had expired. `left`: what still existed and is now being removed; empty: everything is
    gone. If the lease had not expired, `left` contains objects that no lease names. `error`: what could not be
    examined.
    """

    warehouse: str
    lease: Lease | None = None
    due: bool = False
    left: Remaining = ()
    error: str | None = None

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return not self.left and self.error is None


def reap(warehouses: Iterable[Warehouse], *, apply: bool) -> Iterator[Reaped]:
    """Reaps one warehouse after the other. Without `apply` nothing is changed, and `left` shows what would be removed."""
    stacks: Collection[str] | None = None
    unlisted: str | None = None
    for warehouse in warehouses:
        if stacks is None and unlisted is None:
            stacks, unlisted = _listed(warehouse)  # before the first lease is read (`strays.py`)
        known = stacks or ()
        reaped = attempt(lambda warehouse=warehouse, known=known: _reaped(warehouse, known, apply=apply))
        if isinstance(reaped, Failed):
            yield Reaped(warehouse=warehouse.name, error=reaped.why)
        else:
            yield reaped if unlisted is None else replace(reaped, error=unlisted)


def _listed(warehouse: Warehouse) -> tuple[Collection[str] | None, str | None]:
    """Returns the names of all stacks, or why they could not be listed; leases are reaped in both cases."""
    listed = attempt(lambda: list_stacks(warehouse.stacks))
    return (
        (None, f"stacks without a lease could not be listed: {listed.why}")
        if isinstance(listed, Failed)
        else (listed, None)
    )


def forgotten(lake: Lake, known: Collection[str]) -> tuple[WarehouseSettings, ...]:
    """Returns warehouses that have a lease but are not in lake.yaml; their objects are reaped, too.

    They have default settings, as their leases name everything to remove.
    """
    folder = lake.layout.warehouse_folder("").rstrip("/") + "/"
    warehouses: list[WarehouseSettings] = []
    last = ""
    while first := next(iter(lake.s3.list_objects(lake.layout.bucket, folder, after=last)), None):
        name = first.key.removeprefix(folder).partition("/")[0]
        last = f"{folder}{name}/\U0010ffff"  # after all keys of this warehouse
        if name not in known and re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
            warehouses.append(WarehouseSettings(name=name))
    return tuple(warehouses)


def _reaped(warehouse: Warehouse, stacks: Collection[str], *, apply: bool) -> Reaped:
    staged = staged_runs(warehouse)  # before the lease is read (`late.py`)
    lease = read_lease(warehouse)
    strays = strays_of(warehouse, lease, stacks)
    if apply and strays and (lease is None or lease.state is LeaseState.FREE):
        named = name_in_lease(warehouse, strays[0])
        lease, strays = (named, strays[1:]) if named is not None else (lease, strays)
    others = (*(thing_of(warehouse, each) for each in strays), *of_others(warehouse, lease, staged))
    others = stepped(others) if apply else others
    if lease is None or not lease.expired(warehouse.clock()):
        return Reaped(warehouse=warehouse.name, lease=lease, left=others)
    left = _end(warehouse, lease) if apply else tuple(all_leftovers(warehouse, lease))
    return Reaped(warehouse=warehouse.name, lease=lease, due=True, left=(*left, *others))


def _end(warehouse: Warehouse, lease: Lease) -> Remaining:
    # Kept forever: only the dead run's objects are removed. Kept for minutes: removed, as its run died.
    stay = lease.state is LeaseState.HELD and lease.keep_minutes is None and stays(warehouse, lease)

    def end(now: Lease | None) -> Lease | None:
        # Extended or taken since it was read: it is in use.
        if now is None or now.number != lease.number or not now.expired(warehouse.clock()):
            return None
        if not stay:
            return removing(now)
        return kept(now, warehouse.clock()) if (now.run, now.state) == (lease.run, LeaseState.HELD) else None

    now = change_lease(warehouse, end)
    if not stay:
        return finish(warehouse, now, lease)
    # The next pass finds objects that are not removed at once: the run no longer has the lease (`late.py`).
    is_kept = now is not None and (now.run, now.number, now.state) == (lease.run, lease.number, LeaseState.KEPT)
    return stepped(run_leftovers(warehouse, lease.names)) if is_kept else ()
