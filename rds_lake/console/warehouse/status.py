"""`rds-lake warehouse status`: which run uses each warehouse, and the phase of its open runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rds_lake.aws.session import open_clients
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs.warehouse.opened import open_warehouse
from rds_lake.defs.warehouse.waiting import progress
from rds_lake.model.warehouse.lease import Lease
from rds_lake.stages.lake.lake import open_lake
from rds_lake.stages.warehouse.cost import bill_of
from rds_lake.stages.warehouse.lease import read_lease
from rds_lake.stages.warehouse.records import find_run, open_runs


def status(
    config: LakeConfig, names: tuple[str, ...], *, clock: Callable[[], datetime], say: Callable[[str], object]
) -> None:
    """Show every warehouse, or the named ones."""
    clients = open_clients(region=config.lake.region)
    lake = open_lake(clients, config.lake)
    for settings in [config.warehouse(name) for name in names] or config.warehouses:
        warehouse = open_warehouse(config, settings, clients, lake, clock=clock)
        say(f"{settings.name} ({settings.mode}): {_of_lease(read_lease(warehouse), clock())}")
        for run in open_runs(lake, settings.name):
            stored = find_run(lake, settings.name, run)
            if stored is None:
                say(f"  run {run} has not begun")
                continue
            for line in progress(stored.record):
                say(f"  {line}")
            say(f"  so far {bill_of(stored.record, settings, clock())}; asked for by {stored.record.cause}")


def _of_lease(lease: Lease | None, now: datetime) -> str:
    if lease is None or lease.state.value == "free":
        return "it does not exist now"
    until = "with no end" if lease.expires_at is None else f"until {lease.expires_at:%Y-%m-%d %H:%M} UTC"
    expired = "; the lease has expired, and the reaper removes the warehouse" if lease.expired(now) else ""
    return f"{lease.state.value} by run {lease.run}, {until}{expired}"
