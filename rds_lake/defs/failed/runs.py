"""Failed runs in Dagster whose work no later run has done, for `rds-lake status` and the report."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs.sensors.healing import step_failures, will_retry
from rds_lake.defs.translate import DagsterTag

_LOOKED_BACK = timedelta(days=7)
_LOOKED_AT = 500  # failed runs
_PAGE = 500  # runs that are read at a time, until a successful one is found
_SHOWN = 5  # of a source


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRun:
    """One run. `day`: None for a run without a date; `at`: when it ended; `cause`: first line of the error."""

    run_id: str
    day: str | None
    at: datetime
    cause: str

    def __str__(self) -> str:
        return f"run {self.run_id[:8]}{f' of {self.day}' if self.day else ''} failed {self.at:%Y-%m-%d %H:%M} UTC: {self.cause}"


@dataclass(frozen=True, slots=True)
class _Work:
    """The work of a run for a source: a date, or without a date (`day` is None) these assets of the source."""

    source: str
    day: str | None
    assets: frozenset[tuple[str, ...]] = frozenset()


def failed_runs(
    instance: dg.DagsterInstance, config: LakeConfig, *, now: datetime
) -> Mapping[str, Sequence[FailedRun]]:
    """Returns, by source, failed runs of the last seven days whose work has not succeeded since and is not retried."""
    since, names = now - _LOOKED_BACK, {source.name for source in config.sources}
    failures = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since)
    seen: set[_Work] = set()
    failed_by_source: dict[str, list[FailedRun]] = defaultdict(list)
    for record in instance.get_run_records(failures, limit=_LOOKED_AT):  # the newest come first
        for work in _works(record.dagster_run):
            is_first = work not in seen
            seen.add(work)
            if work.source not in names or not is_first or len(failed_by_source[work.source]) >= _SHOWN:
                continue
            if not will_retry(record.dagster_run) and not _succeeded_since(instance, work, record):
                failed_by_source[work.source].append(_failed_run(instance, record))
    return {source: failed for source, failed in failed_by_source.items() if failed}


def _works(run: dg.DagsterRun) -> Sequence[_Work]:
    """Returns the run's work by source. A run of a check counts as one of the check's asset."""
    day = run.tags.get(DagsterTag.PARTITION)
    keys = {*(run.asset_selection or ()), *(check.asset_key for check in run.asset_check_selection or ())}
    assets: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for key in keys:
        assets[key.path[0]].add(tuple(key.path))
    return [_Work(source, day, frozenset(assets[source]) if day is None else frozenset()) for source in sorted(assets)]


def _succeeded_since(instance: dg.DagsterInstance, work: _Work, failed: dg.RunRecord) -> bool:
    """Whether a run that began after the failed one has done the same work."""
    later = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.SUCCESS],
        tags={} if work.day is None else {DagsterTag.PARTITION.value: work.day},
        created_after=failed.create_timestamp,
    )
    cursor: str | None = None
    while True:
        page = instance.get_run_records(later, limit=_PAGE, cursor=cursor, ascending=True)
        for record in page:
            for other in _works(record.dagster_run):
                if (other.source, other.day) == (work.source, work.day) and work.assets <= other.assets:
                    return True
        if len(page) < _PAGE:
            return False
        cursor = page[-1].dagster_run.run_id


def _failed_run(instance: dg.DagsterInstance, record: dg.RunRecord) -> FailedRun:
    run = record.dagster_run
    causes = [event.step_failure_data.user_failure_data for event in step_failures(instance, run.run_id)]
    said = next((cause.description for cause in causes if cause and cause.description), None)
    cause = (said or "see the run in Dagster").splitlines()[0]
    at = datetime.fromtimestamp(record.end_time or record.create_timestamp.timestamp(), tz=UTC)
    return FailedRun(run_id=run.run_id, day=run.tags.get(DagsterTag.PARTITION), at=at, cause=cause)
