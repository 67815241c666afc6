"""What a sensor asked a run to do, by its tags; nothing of it holds for a run that a person executes again.

Dagster copies a run's tags to its re-execution. The order to take over an export that failed would fail for ever, while who
presses "Re-execute all" wants the date: such a run decides anew, like any run launched by hand, and so it may pay for the
next attempt. Dagster's own retries, of runs whose machine died, stay what the sensor asked for.

What belongs here: reading these tags. Who sets them: `sensors/requests.py`.
"""

from collections.abc import Mapping

import dagster as dg

from rds_lake.defs.translate import Tag

_ORDERS = (Tag.TRIGGER.value, Tag.EXPORT_TASK.value, Tag.TRIES.value)


def is_repeated_by_person(run: dg.DagsterRun) -> bool:
    """Whether somebody executes an earlier run again."""
    repeated = run.parent_run_id is not None or "dagster/parent_run_id" in run.tags
    return repeated and "dagster/retry_number" not in run.tags


def orders_of(run: dg.DagsterRun) -> Mapping[str, str]:
    """The run's tags, without the orders that were given to another run."""
    if not is_repeated_by_person(run):
        return run.tags
    return {name: value for name, value in run.tags.items() if name not in _ORDERS}


def asked_by_sensor(run: dg.DagsterRun) -> bool:
    """Whether a sensor or schedule of ours asked for the run; any other one a person launched, or a backfill."""
    return Tag.TRIGGER.value in orders_of(run)
