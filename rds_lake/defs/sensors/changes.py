"""The sensor that requests turns of `<source>/changes` every `streams.forward_minutes`, never two at once.

After each failed turn the pause doubles, up to an hour. A failure with the same reason as the one before is not mailed again
(`failures.py`).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from rds_lake.config.database import Database
from rds_lake.defs.assets.changes import by_sensor, is_by_sensor
from rds_lake.defs.keys import CHANGES, own_key
from rds_lake.defs.translate import Tag

_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
TRIGGER = "changes"
_LONGEST_PAUSE = timedelta(hours=1)
_RUNS = 6


def changes_sensor(source: Database) -> dg.SensorDefinition:
    """Returns the sensor of one source."""
    assert source.streams is not None
    key = own_key(source, CHANGES)
    tags = {Tag.SOURCE.value: source.name, Tag.TRIGGER.value: TRIGGER}

    @dg.sensor(
        name=f"{source.name}__changes",
        description=f"Forwards the changes of {source.name}, and moves its live views.",
        target=dg.AssetSelection.assets(key),
        minimum_interval_seconds=round(source.streams.forward_minutes * 60),
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def changes(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        records = context.instance.get_run_records(dg.RunsFilter(tags=tags), limit=_RUNS)
        runs = [record for record in records if _is_turn(record.dagster_run, key)]
        running = [record for record in runs if record.dagster_run.status in _UNDER_WAY]
        if running:
            return dg.SkipReason(f"run {running[0].dagster_run.run_id} of {source.name}/{CHANGES} has not ended")
        due = _due(runs, timedelta(minutes=source.streams.forward_minutes if source.streams else 0))
        if due is not None and due > datetime.now(UTC):
            return dg.SkipReason(f"the last turn failed; the next one begins at {due:%H:%M} UTC")
        return dg.RunRequest(asset_selection=[key], run_config=by_sensor(source.name), tags=tags)

    return changes


def _is_turn(run: dg.DagsterRun, key: dg.AssetKey) -> bool:
    """Whether this sensor requested the run; a run with tags that a person copied delays no turn."""
    return run.asset_selection == {key} and is_by_sensor(run)


def _due(runs: Sequence[dg.RunRecord], every: timedelta) -> datetime | None:
    """Returns when the next turn is due after failed ones (newest first); None if the last turn did not fail."""
    failures = 0
    for record in runs:
        if record.dagster_run.status is not dg.DagsterRunStatus.FAILURE:
            break
        failures += 1
    if not failures:
        return None
    ended = datetime.fromtimestamp(runs[0].end_time or runs[0].create_timestamp.timestamp(), UTC)
    return ended + min(_LONGEST_PAUSE, every * 2**failures)
