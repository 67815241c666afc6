"""One source's stages in order, by date: what each Dagster asset calls, callable from a REPL or Lambda as well.

    run = SourceRun(config=config, source=config.source("shop"), rds=…, lake=…, log=print)
    run.accept(day); run.relocate(day); run.catalogue(day); run.publish(day, now=…)

Each method reads what the stage before it left in S3 (export record, manifest), so any of them can be repeated
alone, on another machine, after a crash.

What belongs here: the order and the hand-over. What does not: the work itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from rds_lake.aws.rds import RdsGateway
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.errors import (
    CatalogError,
    ExportIncompleteError,
    ExportQuotaError,
    MalformedExportError,
    RdsLakeError,
    SnapshotNotFoundError,
    UnavailableError,
)
from rds_lake.model.aws.arn import Exportable, exportable
from rds_lake.model.aws.engine import engine_of
from rds_lake.model.aws.snapshot import Snapshot
from rds_lake.model.exports.completeness import check_date
from rds_lake.model.exports.task import ExportRecord, ExportTask
from rds_lake.model.exports.task_id import written_day
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.publication import State
from rds_lake.stages.catalogue import limits
from rds_lake.stages.catalogue.dated import tables_of
from rds_lake.stages.catalogue.limits import with_legal_types, with_legal_views
from rds_lake.stages.catalogue.naming import name_tables, type_tables
from rds_lake.stages.catalogue.raw_tables import published_names
from rds_lake.stages.catalogue.sync import existing_tables, sync_catalog
from rds_lake.stages.checks.previous import RowComparison, compare_rows
from rds_lake.stages.checks.quality import check_tables
from rds_lake.stages.databases import export
from rds_lake.stages.databases.inspect import ExportContents, inspect_export
from rds_lake.stages.databases.plan import ExportPlan, export_plan
from rds_lake.stages.databases.relocation import intact
from rds_lake.stages.databases.relocation.in_place import Registrar
from rds_lake.stages.databases.relocation.relocate import Mover
from rds_lake.stages.dynamodb.converting.glue_convert import Advanced, Turn
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.in_use import InUse
from rds_lake.stages.lake.known_tables import find_known_tables
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.own_exports import limited_to_source
from rds_lake.stages.publish import cleanup
from rds_lake.stages.publish.publisher import Publisher
from rds_lake.stages.runs.outcomes import AcceptedExport, Catalogued, Published

_TURNS = 5  # a date is seldom exported anew, and hardly ever while it is catalogued


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRun:
    """One source's stages, with everything they need. The lake is limited to what the source may delete."""

    config: LakeConfig
    source: SourceSettings
    rds: RdsGateway
    lake: Lake
    log: Callable[[str], None]
    clock: Callable[[], float] = field(default=time.monotonic)
    sleep: Callable[[float], None] = field(default=time.sleep)
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    announce: Callable[[date], None] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "lake", limited_to_source(self.lake, self.config, self.source, self.rds))

    @property
    def plan(self) -> ExportPlan:
        return export_plan(self.config, self.source)

    def begin(self, day: date) -> ExportTask | None:
        """Start or adopt the export of the date's snapshot and return at once; None when AWS has no place for it now.

        For events and sensors: an export that ended badly is not repeated, that is a person's decision.
        """
        snapshot = self._snapshot(day)
        done = self._served_without(day, snapshot)
        if done is not None and (task := self.rds.find_export_task(done.export_task)) is not None:
            return task
        self._foresee()
        try:
            return export.begin_export(
                self.rds,
                self.plan,
                snapshot,
                usable=lambda task: self._usable(day, task),
                repeat_ended=False,
            )
        except ExportQuotaError as error:
            self.log(f"{error}; the reconciliation sensor starts it when there is a place")
            return None

    def accept(self, day: date, *, export_task: str | None = None, poll_seconds: float = 30) -> AcceptedExport:
        """The finished, inspected export of the date: the given task's, an earlier one's, or a new one awaited.

        A date whose snapshot has expired is served from its manifest when there is one.
        """
        try:
            snapshot = self._snapshot(day) if export_task is None else None
            done = self._served_without(day, snapshot) if snapshot else None
            if done is not None:
                return AcceptedExport(record=done, findings=(), reused=True)
            task = self._finished_task(day, snapshot, export_task, poll_seconds)
        except SnapshotNotFoundError:
            manifest = self._find_manifest(day)
            if manifest is None:
                raise
            self.log(f"the snapshot of {day} has expired; its Parquet is in the lake already and is used")
            return AcceptedExport(record=manifest.export, findings=(), reused=True)
        return self._inspect(day, task)

    def _served_without(self, day: date, snapshot: Snapshot) -> ExportRecord | None:
        """The record of a date whose own snapshot expired, where only a copy of it is left: paying again brings nothing new."""
        done = self._find_manifest(day) if snapshot.copied_at is not None else None
        if done is None or done.export.snapshot_arn == snapshot.arn or done.export.snapshot_time < snapshot.created_at:
            return None
        self.log(f"{snapshot.identifier} is a copy; what {day} was exported from is in the lake already and is used")
        return done.export

    def _finished_task(
        self, day: date, snapshot: Snapshot | None, export_task: str | None, poll_seconds: float
    ) -> ExportTask:
        if snapshot is None:
            assert export_task is not None, "accept() chooses a snapshot where no task is given"
            return export.settle_export(self.rds, export_task)
        self._foresee()
        return export.run_export(
            self.rds,
            self.plan,
            snapshot,
            usable=lambda task: self._usable(day, task),
            waiting=export.Waiting(
                clock=self.clock,
                sleep=self.sleep,
                timeout_seconds=self.source.export_timeout_hours * 3600,
                poll_seconds=poll_seconds,
                log=self.log,
            ),
        )

    def _foresee(self) -> None:
        """Name the tables that will get no view, as the newest date's had none, before AWS is paid for exporting them."""
        newest = max(handover.list_dates(self.lake.s3, self.lake.layout, self.source.name), default=None)
        if newest is None or not self.source.athena:
            return
        try:
            left_out = limits.foreseen(self._manifest(newest), self.source)
        except RdsLakeError as error:
            self.log(f"the tables of {newest} do not say whether views will fit ({error})")
            return
        for one in left_out:
            self.log(f"about to be exported without a view, as on {newest}: {one}")

    def _inspect(self, day: date, task: ExportTask) -> AcceptedExport:
        snapshot = self._snapshot_of(task)
        record = export.record_of(task, source=self.source.name, day=day, data_at=self._data_time(task, snapshot, day))
        done = self._served(record)
        if done is not None:
            return AcceptedExport(record=done.export, findings=(), reused=True)
        try:
            contents = self._contents(task)
        except MalformedExportError:
            # Another run may have finished the date and deleted AWS's copy in between. Or nothing is left of this export, on
            # purpose, and the date has another.
            done = self._served(record) or self._find_manifest(day)
            if done is None or intact.is_whole(self.lake.s3, task.bucket, task.folder):
                raise
            self.log(f"nothing is left of {record.export_task}: {day} has {done.export.export_task}")
            return AcceptedExport(record=done.export, findings=(), reused=True)
        misdated = check_date(snapshot, day) if snapshot else None
        if misdated is not None:
            return AcceptedExport(record=record, findings=(misdated,), reused=False)
        if any(finding.severity == "error" for finding in contents.findings):
            return AcceptedExport(record=record, findings=contents.findings, reused=False)
        stands = handover.accept_export(
            self.lake.s3,
            self.lake.layout,
            record,
            kms_key=self.lake.kms_key,
            stays=lambda other: self._stays(record, other),
        )
        if stands != record:
            self.log(f"{record.export_task} is not of the snapshot that {day} has by now, {stands.snapshot_arn}")
            return AcceptedExport(record=stands, findings=(), reused=True)
        return AcceptedExport(record=record, findings=contents.findings, reused=False)

    def _served(self, record: ExportRecord) -> Manifest | None:
        """The date's manifest where it is of this export or of a better one: AWS's copy may be deleted by now."""
        done = self._find_manifest(record.snapshot_date)
        if done is not None and self._comes_too_late(record, done.export):
            self.log(
                f"{record.export_task} is not of the snapshot that {done.snapshot_date} has by now, {done.export.snapshot_arn}"
            )
            return done
        return done if done is not None and done.export.export_task == record.export_task else None

    def _stays(self, record: ExportRecord, other: ExportRecord) -> bool:
        """Whether the export accepted before is the better one, and there to be relocated."""
        return self._comes_too_late(record, other) and intact.is_whole(self.lake.s3, other.bucket, other.folder)

    def relocate(self, day: date) -> Manifest:
        """The date's Parquet, copied into the lake's layout and verified, or in place; ends with the manifest.

        UnavailableError while retention removes the date.
        """
        record = handover.get_export_record(self.lake.s3, self.lake.layout, self.source.name, day)
        with self._in_use.work(day, record.export_task, log=self.log):
            try:
                return self._relocated(day, record)
            except (MalformedExportError, ExportIncompleteError):
                done = self._served(record)  # as in `_inspect`
                if done is None or intact.missing_files(self.lake.s3, done):
                    raise
                return done

    def _relocated(self, day: date, record: ExportRecord) -> Manifest:
        done = self._find_manifest(day)
        gone: tuple[str, ...] = ()
        if done is not None and done.export.export_task == record.export_task:
            gone = intact.missing_files(self.lake.s3, done)
            if not gone:
                self.log(f"{day} is there already: {done.files} files, {done.rows} rows")
                return done
            intact.require_copy_of_aws(self.lake.s3, self.lake.layout, done, gone)
        task = export.settle_export(self.rds, record.export_task)
        contents = self._contents(task)
        errors = [finding.problem for finding in contents.findings if finding.severity == "error"]
        if errors:
            raise ExportIncompleteError(f"export {record.export_task} is not complete; nothing was copied:", errors)
        if done is not None and gone:
            intact.require_whole_copy_of_aws(contents, self.lake.layout, done, gone)
            self.log(f"{len(gone)} of {done.files} files of {day} are gone from the lake and are copied once more")
        how: dict[str, Any] = {"s3": self.lake.s3, "layout": self.lake.layout, "kms_key": self.lake.kms_key}
        how |= {"log": self.log, "parallel": self.config.lake.copy_threads, "newest": self.source.which == "newest"}
        if self.source.parquet == "in_place":
            return Registrar(**how).register(contents, record)
        return Mover(**how).relocate(contents, record)

    def advance(self, day: date, *, turn: Turn) -> Manifest | Advanced:  # noqa: ARG002 - DynamoDB's has a use for it
        """`relocate` as far as it goes without waiting for anything that AWS does by itself."""
        return self.relocate(day)

    def advance_awaiting(self, day: date, *, turn: Turn, poll_seconds: float) -> Manifest | Advanced:  # noqa: ARG002
        """The same for a run that may wait for AWS once more, where the export turns out to be of no use."""
        return self.relocate(day)

    def catalogue(self, day: date) -> Catalogued:
        """Glue tables and partitions of the date, read back through Athena.

        Where another run relocates a better export of the date at the same time, both end at that one's partitions.
        """
        s3, layout = self.lake.s3, self.lake.layout
        with ExitStack() as at_work:  # at every export whose partitions were made, until they are those of the last
            for _ in range(_TURNS):
                seen = handover.see_manifest(s3, layout, self.source.name, day)
                at_work.enter_context(self._in_use.work(day, seen.manifest.export.export_task, log=self.log))
                if not seen.still_stands(s3, layout):
                    continue
                done = self._catalogued(seen.manifest)
                if seen.still_stands(s3, layout) and (
                    all(table.rows_match for table in done.quality) or self._is_located(day)
                ):
                    return done
                self.log(f"another run catalogues another export of {day}: its partitions are looked at once more")
        raise UnavailableError(f"{self.source.name} {day} is exported anew by several runs at once; again later")

    def _is_located(self, day: date) -> bool:
        """Whether the partitions are at the manifest's folders; not so while another run moves them."""
        try:
            tables_of(self.lake, self.source, day)
        except CatalogError:
            return False
        return True

    def _catalogued(self, manifest: Manifest) -> Catalogued:
        existing = existing_tables(self.lake.glue, self.source.name)
        named, too_long = with_legal_types(name_tables(manifest, self.source, published_names(existing)))
        type_tables(named, self.source)  # settings that do not fit are told before anything is written
        synced = sync_catalog(self.lake.glue, manifest=manifest, tables=named, log=self.log, existing=existing)
        typed = type_tables([sync.named for sync in synced], self.source)
        quality = check_tables(
            self.lake.athena,
            database=self.source.name,
            snapshot_date=manifest.snapshot_date,
            tables=typed,
            log=self.log,
            casts=self.source.check_casts,
        )
        _, too_wide = with_legal_views(typed, self.source, manifest.snapshot_date)
        return Catalogued(synced=synced, quality=quality, left_out=(*too_long, *too_wide))

    def compare_rows(self, day: date) -> RowComparison:
        """The date's row counts against those of the date before."""
        return compare_rows(self.lake, self.source, self._manifest(day))

    def publish(self, day: date, *, now: datetime) -> Published:
        """All views at the date, then superseded folders removed, and AWS's copy unless it is kept or read in place.

        With `publish: manual` a new date is held instead: no view moves, nothing is removed.
        """
        task = self._manifest(day).export.export_task
        with self._in_use.work(day, task, log=self.log):
            tables = tables_of(self.lake, self.source, day)
            if tables.manifest.export.export_task != task:
                raise UnavailableError(f"{self.source.name} {day} is exported anew by another run; again later")
            publication = self.publisher(now).arrive(tables)
            if publication.state is not State.HELD:
                alone = self._in_use.is_alone(day, task)
                cleanup.finish(self.lake, tables, keep_export=self.source.keep_export, log=self.log, alone=alone)
        return Published(publication=publication, tables=tables.typed, left_out=tables.left_out)

    @property
    def _in_use(self) -> InUse:
        return InUse.of(self.lake, self.source.name)

    def publisher(self, now: datetime) -> Publisher:
        """Publishes this source's dates; for a person's own words see `publish/by_hand.py`."""
        return Publisher(
            lake=self.lake, source=self.source, now=now, log=self.log, announce=self.announce, sleep=self.sleep
        )

    def _snapshot(self, day: date) -> Snapshot:
        return export.choose_snapshot(
            self.rds, self.plan, day, now=self.now(), usable=lambda task: self._usable(day, task)
        )

    def _snapshot_of(self, task: ExportTask) -> Snapshot | None:
        """What the task exported, or None for a live cluster and for a snapshot that is gone."""
        about, _ = exportable(task.source_arn)
        return None if about is Exportable.CLUSTER else self.rds.find_snapshot(about, task.source_arn)

    def _data_time(self, task: ExportTask, snapshot: Snapshot | None, day: date) -> datetime | None:
        """The time of the data of an exported copy; None where it is the task's own SnapshotTime."""
        if snapshot is not None:
            return snapshot.created_at if snapshot.copied_at else None
        is_copy = written_day(task.identifier) == day and exportable(task.source_arn)[0] is not Exportable.CLUSTER
        return (
            datetime.combine(day, datetime.max.time(), UTC) if is_copy else None
        )  # the snapshot is gone: at the latest

    def _comes_too_late(self, record: ExportRecord, done: ExportRecord) -> bool:
        """Whether the date is served by a better snapshot: an export's end may be told after a later one's."""
        return record.yields_to(done, newest=self.source.which == "newest")

    def _usable(self, day: date, task: ExportTask) -> bool:
        """Whether a COMPLETE export can be used: its relocated Parquet, or the whole of AWS's own copy.

        Who deletes both has the date exported once more.
        """
        return (
            self._is_relocated(day, task)
            or intact.is_whole(self.lake.s3, task.bucket, task.folder)
            # Another run may have relocated it and deleted AWS's copy between the two looks.
            or self._is_relocated(day, task)
        )

    def _is_relocated(self, day: date, task: ExportTask) -> bool:
        done = self._find_manifest(day)
        return done is not None and done.export.export_task == task.identifier

    def _find_manifest(self, day: date) -> Manifest | None:
        return handover.find_manifest(self.lake.s3, self.lake.layout, self.source.name, day)

    def _manifest(self, day: date) -> Manifest:
        return handover.get_manifest(self.lake.s3, self.lake.layout, self.source.name, day)

    def _contents(self, task: ExportTask) -> ExportContents:
        return inspect_export(
            self.lake.s3,
            task=task,
            include=self.source.include,
            engine=engine_of(self.source.engine) if self.source.engine else None,
            default_schema=self.source.default_schema,
            known=find_known_tables(self.config, self.source) or (),
        )
