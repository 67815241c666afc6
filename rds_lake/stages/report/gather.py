"""Reads the report of a lake. Each source costs its records, some lists and three manifests; nothing is changed.

A source that cannot be read is named with the reason, and the others are read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from rds_lake.aws.rds import RdsGateway
from rds_lake.config.database import Aurora, Rds
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.errors import RdsLakeError
from rds_lake.model.exports.task import ExportTask
from rds_lake.model.streams.alarm import Alarms
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.report.history import read_dates
from rds_lake.stages.report.needs import needs_of, notes_of, unreadable
from rds_lake.stages.report.tables import read_tables
from rds_lake.stages.report.upcoming import growth, missing_days, month_costs, next_retention
from rds_lake.stages.report.values import KnownFailures, LakeReport, SourceReport, Tables
from rds_lake.stages.streams.alarm import read_alarms
from rds_lake.stages.watch.records import read_records
from rds_lake.stages.watch.status import source_status
from rds_lake.threads import in_threads

_PARALLEL = 4  # sources; the rows of each source's dates are read hundreds at once anyway


def gather(
    config: LakeConfig,
    sources: Sequence[SourceSettings],
    *,
    rds: RdsGateway,
    lake: Lake,
    failures: KnownFailures,
    now: datetime,
    done: Callable[[], None] = lambda: None,
) -> LakeReport:
    """Returns the report of these sources. `failures`: from Dagster; `done`: called once per source, from any thread."""
    running, problems = _running(config, rds)

    def one(source: SourceSettings) -> SourceReport:
        try:
            return _source(config, source, running, rds=rds, lake=lake, failures=failures, now=now)
        except RdsLakeError as error:
            return SourceReport(source=source.name, kind=source.kind, needs=(unreadable(source.name, error),))
        finally:
            done()

    return LakeReport(
        lake=lake.layout.uri(config.lake.prefix),
        now=now,
        sources=tuple(in_threads(one, sources, threads=_PARALLEL, name="report")),
        asked_dagster=failures.was_asked or bool(failures.problem),
        problems=(*problems, *([failures.problem] if failures.problem else [])),
    )


def _running(config: LakeConfig, rds: RdsGateway) -> tuple[Sequence[ExportTask], tuple[str, ...]]:
    """Returns the account's exports in progress, or why they could not be listed."""
    if not config.databases:  # a lake with only DynamoDB has no permission to call RDS
        return (), ()
    try:
        return rds.list_running_exports(), ()
    except RdsLakeError as error:
        return (), (f"exports in progress could not be listed: {error}",)


def _source(
    config: LakeConfig,
    source: SourceSettings,
    running: Sequence[ExportTask],
    *,
    rds: RdsGateway,
    lake: Lake,
    failures: KnownFailures,
    now: datetime,
) -> SourceReport:
    records = read_records(lake, source)
    state = source_status(config, records, running, rds=rds)
    dates = read_dates(records)
    days = [figures.snapshot_date for figures in dates]
    # Lost values are not reported for a date that never passed its checks, or that was rolled back.
    tables = Tables() if records.shown is None else read_tables(records, records.shown, records.sound)
    missing = missing_days(days, source.retention)
    needed = {*state.waiting, *([state.published] if state.published else [])}
    return SourceReport(
        source=source.name,
        kind=source.kind,
        status=state,
        is_stale=state.is_stale(source, now),
        dates=dates,
        tables=tables,
        growth=growth(dates, state.shown) if state.shown else None,
        missing=missing,
        retention=next_retention(days, source.retention, today=now.date(), needed=needed),
        costs=month_costs(days, state.export_usd),
        needs=needs_of(source, state, failures, _alarms(lake, source), now=now),
        notes=notes_of(state, tables, missing, failures),
    )


def _alarms(lake: Lake, source: SourceSettings) -> Alarms:
    """Returns the alarms of the outboxes of a source whose changes are captured."""
    if not isinstance(source, Rds | Aurora) or source.streams is None:
        return Alarms()
    return read_alarms(lake, source.name)
