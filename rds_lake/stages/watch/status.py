"""The status of a source: its published date, its age, the cost of its last export, and running work.

What belongs here: reading it from S3 and RDS; nothing is changed. Showing it is `console/status.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from rds_lake.aws.rds import RdsGateway
from rds_lake.config.database import Aurora, Rds
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.model.aws.arn import Exportable, exportable, is_exportable
from rds_lake.model.exports.task import ExportTask
from rds_lake.model.lake.cost import export_usd
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.publication import Pointer, waiting
from rds_lake.model.lake.record import ExportRecord
from rds_lake.stages.catalogue.naming import name_tables
from rds_lake.stages.checks.previous import gone_tables
from rds_lake.stages.databases.plan import date_of_ours, export_plan
from rds_lake.stages.watch.records import SourceRecords


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStatus:
    """One table of the shown date."""

    view: str
    original: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningExport:
    """An export task in progress; its date is None while AWS does not give it."""

    task: ExportTask
    snapshot_date: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """The current state of a source. `shown`: the published date, or the newest relocated one if nothing is published yet.

    `waiting`: dates that a person has to approve. `moving`: a date whose publication has not ended. `unchecked`: dates
    newer than the published one whose files are in the lake but which have not passed their checks. `gone`: tables of
    the date before that the published one does not have, so their views were dropped.
    """

    source: str
    published: date | None
    shown: date | None
    snapshot_time: datetime | None
    tables: tuple[TableStatus, ...]
    dates: int
    export_seconds: float | None
    export_usd: float | None
    running: tuple[RunningExport, ...]
    waiting: tuple[date, ...] = ()
    rolled_back_from: date | None = None
    moving: date | None = None
    unchecked: tuple[date, ...] = ()
    gone: tuple[str, ...] = ()

    def age(self, now: datetime) -> timedelta | None:
        """Returns the age of the data that readers see."""
        return None if self.snapshot_time is None else now - self.snapshot_time

    def is_stale(self, source: SourceSettings, now: datetime) -> bool:
        """Whether the data that readers see is older than `freshness_hours`; True if they see none."""
        age = None if source.athena and self.published is None else self.age(now)
        return source.freshness is not None and (age is None or age > source.freshness)


def source_status(
    config: LakeConfig, records: SourceRecords, running: Sequence[ExportTask], *, rds: RdsGateway
) -> SourceStatus:
    """Returns the current status of the source; `running`: the account's tasks in progress, listed once for all sources."""
    source, state, dates, shown = records.source, records.state, records.dates, records.shown
    pointer, checked = state.pointer, records.checked
    manifest = records.manifest(shown) if shown else None
    gb = None if manifest is None else billed_gb(rds, manifest.export)
    return SourceStatus(
        source=source.name,
        published=pointer.snapshot_date if pointer else None,
        shown=shown,
        snapshot_time=manifest.export.snapshot_time if manifest else None,
        tables=tuple(_tables(manifest, source)) if manifest else (),
        dates=len(dates),
        export_seconds=export_seconds(manifest.export) if manifest else None,
        export_usd=None
        if manifest is None or gb is None
        else export_usd(config.lake.prices, snapshot_gb=gb, of_tables=bool(manifest.export.parts)),
        running=tuple(_ours(config, source, running)),
        waiting=waiting(pointer, checked, manual=source.publish == "manual"),
        rolled_back_from=pointer.rolled_back_from if pointer else None,
        moving=state.moving.snapshot_date if state.moving else None,
        unchecked=_unchecked(dates, checked, pointer) if source.athena else (),
        gone=_gone(records, manifest) if manifest and pointer else (),
    )


def _gone(records: SourceRecords, manifest: Manifest) -> tuple[str, ...]:
    before = records.date_before(manifest.snapshot_date)
    return () if before is None else gone_tables(records.source, manifest, records.manifest(before))


def _tables(manifest: Manifest, source: SourceSettings) -> Iterator[TableStatus]:
    for table in name_tables(manifest, source):
        names, of_date = table.names, table.manifest
        yield TableStatus(view=names.view, original=str(names.target), rows=of_date.rows, bytes=of_date.bytes)


def _unchecked(dates: Collection[date], checked: Collection[date], pointer: Pointer | None) -> tuple[date, ...]:
    newest = pointer.snapshot_date if pointer else date.min
    return tuple(sorted(day for day in dates if day > newest and day not in checked))


def export_seconds(record: ExportRecord) -> float | None:
    """Returns how long AWS took, in seconds, if AWS gives it."""
    if record.started_at is None or record.ended_at is None:
        return None
    return (record.ended_at - record.started_at).total_seconds()


def billed_gb(rds: RdsGateway, record: ExportRecord) -> float | None:
    """Returns the GB (10^9 bytes) that AWS bills a date's export by; None if AWS does not give them."""
    return _tables_gb(record) if record.parts else _snapshot_gb(rds, record)


def _tables_gb(record: ExportRecord) -> float:
    """Returns the GB that DynamoDB bills the exports of a date by."""
    return round(sum(part.billed_bytes for part in record.parts) / 1e9, 3)


def _snapshot_gb(rds: RdsGateway, record: ExportRecord) -> float | None:
    """Returns the GB that AWS bills a database's export by; None if the snapshot no longer exists or it was a live cluster."""
    if not is_exportable(record.snapshot_arn):
        return None
    about, _ = exportable(record.snapshot_arn)
    snapshot = None if about is Exportable.CLUSTER else rds.find_snapshot(about, record.snapshot_arn)
    # 0: AWS gives no size for this snapshot.
    return (snapshot.size_gb or None) if snapshot else None


def _ours(config: LakeConfig, source: SourceSettings, running: Sequence[ExportTask]) -> list[RunningExport]:
    if not isinstance(source, Rds | Aurora):
        return []
    plan = export_plan(config, source)
    exports: list[RunningExport] = []
    for task in running:
        try:
            day = date_of_ours(plan, task)
        except ValueError:
            exports.append(RunningExport(task=task, snapshot_date=None))
            continue
        if day is not None:
            exports.append(RunningExport(task=task, snapshot_date=day))
    return exports
