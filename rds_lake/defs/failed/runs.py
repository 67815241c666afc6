"""Runs that failed and whose date no later run brought to its end, as Dagster has them; for `rds-lake status`."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs.sensors.healing import step_failures, will_retry
from rds_lake.defs.translate import DagsterTag

_LOOKED_BACK = timedelta(days=7)
_LOOKED_AT = 500
_SHOWN = 5  # of a source


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRun:
    """One run. `day` is None of a run without a date; `at` is when it ended, `cause` the first line of what failed."""

    run_id: str
    day: str | None
    at: datetime
    cause: str

    def __str__(self) -> str:
        return f"run {self.run_id[:8]}{f' of {self.day}' if self.day else ''} failed {self.at:%Y-%m-%d %H:%M} UTC: {self.cause}"


def failed_runs(
    instance: dg.DagsterInstance, config: LakeConfig, *, now: datetime
) -> Mapping[str, Sequence[FailedRun]]:
    """The newest of the last seven days, by source."""
    since, names = now - _LOOKED_BACK, {source.name for source in config.sources}
    ended = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS], updated_after=since)
    seen: set[tuple[str, str | None]] = set()
    found: dict[str, list[FailedRun]] = defaultdict(list)
    for record in instance.get_run_records(ended, limit=_LOOKED_AT):  # the newest come first
        run = record.dagster_run
        for source in sorted(_sources(run) & names):
            about = (source, run.tags.get(DagsterTag.PARTITION))
            is_first, is_failed = about not in seen, run.status is dg.DagsterRunStatus.FAILURE
            seen.add(about)
            if is_first and is_failed and not will_retry(run) and len(found[source]) < _SHOWN:
                found[source].append(_told(instance, record))
    return found


def _told(instance: dg.DagsterInstance, record: dg.RunRecord) -> FailedRun:
    run = record.dagster_run
    causes = [event.step_failure_data.user_failure_data for event in step_failures(instance, run.run_id)]
    said = next((cause.description for cause in causes if cause and cause.description), None)
    cause = (said or "see the run in Dagster").splitlines()[0]
    at = datetime.fromtimestamp(record.end_time or record.create_timestamp.timestamp(), tz=UTC)
    return FailedRun(run_id=run.run_id, day=run.tags.get(DagsterTag.PARTITION), at=at, cause=cause)


def _sources(run: dg.DagsterRun) -> set[str]:
    keys = [*(run.asset_selection or ()), *(check.asset_key for check in run.asset_check_selection or ())]
    return {key.path[0] for key in keys}
