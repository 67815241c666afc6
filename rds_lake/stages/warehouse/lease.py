"""Takes, extends and changes the lease of a warehouse (`model/warehouse/lease.py`), in S3.

lease = take(warehouse, plan)      # Lease, or Busy with the run to wait for
keep_alive(warehouse, plan.run)    # once in every turn; LeaseLostError where the run must not go on
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.errors import LeaseLostError, ManifestError
from rds_lake.model.warehouse.lease import (
    Lease,
    LeaseState,
    extended,
    parse_lease,
    removing,
    render_lease,
)
from rds_lake.model.warehouse.names import foreign_names, names_of, stem_of
from rds_lake.model.warehouse.plan import Plan
from rds_lake.stages.lake.shared_state import change_text
from rds_lake.stages.warehouse.warehouse import Warehouse

# After this time without a turn, a run is considered dead. It is longer than an outage of Dagster's daemon during a deployment.
SPAN = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """Why the warehouse is not available now, as a sentence."""

    why: str


def lease_key(warehouse: Warehouse) -> str:
    """Returns the key of the lease in the lake's bucket."""
    return warehouse.lake.layout.warehouse_lease_key(warehouse.name)


def read_lease(warehouse: Warehouse) -> Lease | None:
    """Returns the lease; None if the warehouse was never used."""
    text = warehouse.lake.s3.find_text(warehouse.lake.layout.bucket, lease_key(warehouse))
    return None if text is None else _believed(warehouse, text)


def take(warehouse: Warehouse, plan: Plan) -> Lease | Busy:
    """Writes and returns the lease for the plan's run, with the names of everything to create. Repeating it extends the lease."""
    refused: list[Busy] = []

    def decide(lease: Lease | None) -> Lease | None:
        refused.clear()
        wanted = _wanted(warehouse, plan, lease)
        if isinstance(wanted, Busy):
            refused.append(wanted)
            # A kept warehouse that does not fit has to be removed first, by the reaper or the next turn.
            return removing(lease) if lease is not None and lease.state is LeaseState.KEPT else None
        return wanted

    lease = change_lease(warehouse, decide)
    return refused[0] if refused or lease is None else lease


def keep_alive(warehouse: Warehouse, run: str) -> Lease:
    """Extends the run's lease. Raises LeaseLostError if the run no longer has it."""

    def extend(lease: Lease | None) -> Lease:
        if lease is None:
            raise LeaseLostError(
                f"run {run} has no lease of warehouse {warehouse.name}: {_where(warehouse)} is gone. Start it again"
            )
        return extended(lease, run, warehouse.clock(), SPAN)

    lease = change_lease(warehouse, extend)
    assert lease is not None
    return lease


def overtime(lease: Lease, settings: WarehouseSettings, now: datetime) -> str | None:
    """Returns why the run must end, as its time is over; None if it has time left."""
    if now < lease.ends_at:
        return None
    return (
        f"run {lease.run} has had the warehouse {lease.warehouse} since {lease.taken_at:%Y-%m-%d %H:%M} UTC, longer than `most_hours: "
        f"{settings.most_hours:g}` of lake.yaml, so it was ended and everything is removed; raise `most_hours`, or load less"
    )


def change_lease(warehouse: Warehouse, change: Callable[[Lease | None], Lease | None]) -> Lease | None:
    """Changes the lease, even while other processes change it, and returns it. If `change` returns None, it is not changed."""
    after: Lease | None = None

    def changed(text: str | None) -> str | None:
        nonlocal after
        before = None if text is None else _believed(warehouse, text)
        wanted = change(before)
        after = before if wanted is None else wanted
        return None if wanted is None else render_lease(wanted)

    change_text(
        warehouse.lake.s3, warehouse.lake.layout.bucket, lease_key(warehouse), changed, kms_key=warehouse.lake.kms_key
    )
    return after


def _wanted(warehouse: Warehouse, plan: Plan, lease: Lease | None) -> Lease | Busy:
    now = warehouse.clock()
    match lease.state if lease is not None else LeaseState.FREE:
        case LeaseState.HELD if lease is not None and lease.run == plan.run:
            return extended(lease, plan.run, now, SPAN)
        case LeaseState.HELD if lease is not None:
            return Busy(
                why=f"run {lease.run} has the warehouse {warehouse.name}, at the latest until {_shown(lease, now)}"
            )
        case LeaseState.REMOVING if lease is not None:
            return Busy(why=f"the objects of run {lease.run} in the warehouse {warehouse.name} are being removed")
        case LeaseState.KEPT if lease is not None and lease.mode is not plan.mode:
            return Busy(
                why=f"the warehouse {warehouse.name} was kept with `mode: {lease.mode}`, "
                f"and must be removed before a run with `mode: {plan.mode}`"
            )
        case LeaseState.KEPT if lease is not None:
            names = names_of(warehouse.lake.layout, warehouse.name, plan.run, plan.mode, lease.number)
            return replace(
                _new(warehouse, plan, now, lease.number), names=lease.names.for_run(names), made_by=lease.made_by
            )
        case _:
            return _new(warehouse, plan, now, (lease.number if lease is not None else 0) + 1)


def _new(warehouse: Warehouse, plan: Plan, now: datetime, number: int) -> Lease:
    ends_at = now + timedelta(hours=warehouse.settings.most_hours)
    return Lease(
        warehouse=warehouse.name,
        state=LeaseState.HELD,
        number=number,
        run=plan.run,
        made_by=plan.run,
        mode=plan.mode,
        names=names_of(warehouse.lake.layout, warehouse.name, plan.run, plan.mode, number),
        taken_at=now,
        ends_at=ends_at,
        expires_at=min(now + SPAN, ends_at),
        keep_minutes=plan.keep_minutes,
    )


def _shown(lease: Lease, now: datetime) -> str:
    expired = " (expired: the reaper removes it)" if lease.expired(now) else ""
    return f"{lease.ends_at:%Y-%m-%d %H:%M} UTC{expired}"


def _believed(warehouse: Warehouse, text: str) -> Lease:
    """Returns the lease if it is of this warehouse and only names what its runs create. Raises ManifestError otherwise."""
    lease = parse_lease(text, where=_where(warehouse))
    foreign = foreign_names(lease.names, warehouse.lake.layout, warehouse.name, lease.run)
    if lease.warehouse != warehouse.name:
        foreign = (f"warehouse {lease.warehouse!r}", *foreign)
    if foreign:
        raise ManifestError(
            f"{_where(warehouse)} names {', '.join(foreign)}, which no run of warehouse {warehouse.name} creates: nothing was "
            "removed. Find out who wrote the object (rds-lake did not); delete the remaining stacks "
            f"{stem_of(warehouse.name)}-…, then the object"
        )
    return lease


def _where(warehouse: Warehouse) -> str:
    return warehouse.lake.layout.uri(lease_key(warehouse))
