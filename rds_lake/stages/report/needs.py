"""What a person has to do for a source, and notes, in the words of `rds-lake status` and docs/operations.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from rds_lake.config.source import SourceSettings
from rds_lake.errors import RdsLakeError
from rds_lake.model.streams.alarm import Alarms
from rds_lake.stages.report.values import KnownFailures, Need, Tables
from rds_lake.stages.watch.sentences import (
    STALE,
    gone_lines,
    moving_lines,
    rolled_back_lines,
    span,
    unchecked_lines,
    waiting_lines,
)
from rds_lake.stages.watch.status import SourceStatus

_SHOWN = 5  # missing days, or tables without a view, that a sentence names


def unreadable(source: str, error: RdsLakeError) -> Need:
    """Returns the need for a source whose records could not be read."""
    return Need(source=source, sentence=f"could not be read: {error}", remedy="rds-lake doctor")


def needs_of(
    source: SourceSettings, state: SourceStatus, failures: KnownFailures, alarms: Alarms, *, now: datetime
) -> tuple[Need, ...]:
    """Returns what a person has to do for the source, most urgent first."""
    look = f"rds-lake status {source.name}"
    said = [
        *((line, look) for line in _stale(source, state, now)),
        *((line, "") for line in unchecked_lines(state)),
        *((line, "") for line in waiting_lines(state)),
        *((line, "see the run in Dagster") for line in failures.failed_runs.get(source.name, ())),
        *((line, "") for line in failures.failed_checks.get(source.name, ())),
        *((line, look) for line in _stuck(source, state, now)),
        *((line, "") for line in moving_lines(state)),
        *((line, f"{look}, or rds-lake streams forward {source.name}") for line in _outboxes(alarms, now)),
    ]
    return tuple(Need(source=source.name, sentence=line, remedy=remedy) for line, remedy in said)


def _stale(source: SourceSettings, state: SourceStatus, now: datetime) -> Iterator[str]:
    if not state.is_stale(source, now):
        return
    age = state.age(now)
    if state.shown is None or age is None:
        yield "nothing is in the lake yet"
    elif source.athena and state.published is None:
        yield f"nothing is published yet; the newest Parquet is of {state.shown}, {span(age)} old"
    else:
        allowed = f", and `freshness_hours` allows {span(source.freshness)}" if source.freshness else ""
        yield f"readers see {state.shown}, {span(age)} old{allowed} ({STALE})"


def _stuck(source: SourceSettings, state: SourceStatus, now: datetime) -> Iterator[str]:
    allowed = timedelta(hours=source.export_timeout_hours)
    for export in state.running:
        began = export.task.started_at
        if began is not None and now - began > allowed:
            yield (
                f"export stuck: {export.task.identifier} runs for {span(now - began)}, and `export_timeout_hours` is "
                f"{source.export_timeout_hours:g}"
            )


def _outboxes(alarms: Alarms, now: datetime) -> Iterator[str]:
    for database, alarm in sorted(alarms.alarms.items()):
        if alarms.lasts(database):
            yield f"the outbox of {database} has not been emptied for {span(now - alarm.since)}"


def notes_of(state: SourceStatus, tables: Tables, missing: Sequence[date], failures: KnownFailures) -> tuple[str, ...]:
    """Returns notes that need no action but explain what readers see."""
    notes = [*failures.warned_checks.get(state.source, ()), *gone_lines(state), *rolled_back_lines(state)]
    if tables.without_view:
        notes.append(f"without a view (check `views_within_limits`): {_some(tables.without_view)}")
    if missing:
        notes.append(f"days without a date in the last month: {_some(list(map(str, missing))[::-1])}")
    for export in state.running:
        day = export.snapshot_date or "a date that AWS does not show yet"
        notes.append(f"exporting {day}: {export.task.status.value}, {export.task.progress}% ({export.task.identifier})")
    return tuple(notes)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
