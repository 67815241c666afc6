"""Removes what a paused turn created for a run that had already ended or lost its warehouse.

    take_back(warehouse, plan)                       # by the turn itself, once it sees that the run has ended
    for thing in of_others(warehouse, lease, runs):  # by the reaper, where that turn was killed before it could

Such a turn may take the lease again, send another statement, and write to the staging. A check before each action cannot
prevent that, since the process may be paused after the check.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

from rds_lake.model.warehouse.lease import Lease, LeaseState
from rds_lake.model.warehouse.names import names_of
from rds_lake.model.warehouse.plan import Mode, Plan
from rds_lake.stages.warehouse.leftovers import Thing, run_leftovers
from rds_lake.stages.warehouse.records import run_key
from rds_lake.stages.warehouse.remove import stepped, take_down
from rds_lake.stages.warehouse.warehouse import Warehouse

_MOST_RUNS = 20  # examined by one pass of the reaper


def take_back(warehouse: Warehouse, plan: Plan) -> None:
    """Takes the next step of removing what a late turn of the run may have created; the reaper removes the rest."""
    take_down(warehouse, plan.run)
    stepped(_things(warehouse, plan.run))


def staged_runs(warehouse: Warehouse) -> tuple[str, ...]:
    """Returns runs with objects in the warehouse's staging; only some of them if there are many."""
    folder = warehouse.lake.layout.warehouse_staging(warehouse.name, "run").removesuffix("run/")
    return tuple(islice(_folders(warehouse, folder), _MOST_RUNS))


def of_others(warehouse: Warehouse, lease: Lease | None, staged: Collection[str]) -> list[Thing]:
    """Returns objects of runs that do not have the lease. `staged` (from `staged_runs`) must be listed before the lease is read.

    A run only works under its lease, and never gets it again. Objects in the staging whose name is no run's are left
    alone.
    """
    holder = lease.run if lease is not None and lease.state in (LeaseState.HELD, LeaseState.REMOVING) else None
    runs = [run for run in staged if run != holder and _is_run(warehouse, run)]
    if lease is not None and lease.run not in (holder, *runs) and _stays(lease):
        runs.append(lease.run)  # its statement may run and have nothing in the staging
    return [thing for run in runs for thing in _things(warehouse, run)]


def _stays(lease: Lease) -> bool:
    """Whether statements can run in the warehouse while no run has it."""
    return lease.state is LeaseState.KEPT or lease.mode is Mode.EXISTING


def _things(warehouse: Warehouse, run: str) -> list[Thing]:
    # Names of statements and staging are the same in every mode and under every number of the lease.
    return run_leftovers(warehouse, names_of(warehouse.lake.layout, warehouse.name, run, Mode.EXISTING, 0))


def _is_run(warehouse: Warehouse, run: str) -> bool:
    return (
        warehouse.lake.s3.find_head(warehouse.lake.layout.bucket, run_key(warehouse.lake, warehouse.name, run))
        is not None
    )


def _folders(warehouse: Warehouse, folder: str) -> Iterator[str]:
    last = ""
    while first := next(iter(warehouse.lake.s3.list_objects(warehouse.lake.layout.bucket, folder, after=last)), None):
        name = first.key.removeprefix(folder).partition("/")[0]
        last = f"{folder}{name}/\U0010ffff"  # after all keys of this run
        yield name
