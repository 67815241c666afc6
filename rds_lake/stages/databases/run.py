"""RDS and Aurora up to the manifest, by date.

What belongs here: the order and the hand-over. What does not: the work itself. What comes after is `source/stages.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from rds_lake.aws.rds import RdsGateway
from rds_lake.config.database import Database
from rds_lake.errors import (
    ExportIncompleteError,
    ExportQuotaError,
    MalformedExportError,
    RdsLakeError,
    SnapshotNotFoundError,
)
from rds_lake.model.aws.arn import Exportable, exportable
from rds_lake.model.aws.engine import engine_of
from rds_lake.model.aws.snapshot import Snapshot
from rds_lake.model.exports.completeness import check_date
from rds_lake.model.exports.task import ExportTask
from rds_lake.model.exports.task_id import written_day
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.record import ExportRecord
from rds_lake.stages.catalogue import limits
from rds_lake.stages.databases import export
from rds_lake.stages.databases.inspect import ExportContents, inspect_export
from rds_lake.stages.databases.own_exports import OwnExports
from rds_lake.stages.databases.plan import ExportPlan, export_plan
from rds_lake.stages.databases.relocation import intact
from rds_lake.stages.databases.relocation.in_place import Registrar
from rds_lake.stages.databases.relocation.relocate import Mover
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.intact import missing_files
from rds_lake.stages.lake.known_tables import find_known_tables
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.limited import limited_lake
from rds_lake.stages.runs.accepted import AcceptedExport
from rds_lake.stages.runs.waiting import Waiting
from rds_lake.stages.source.stages import SharedStages


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseRun:
    """The stages of one RDS or Aurora source. The lake is limited to what the source may delete."""

    shared: SharedStages[Database]
    rds: RdsGateway

    def __post_init__(self) -> None:
        shared = self.shared
        owns = OwnExports(config=shared.config, source=shared.source, rds=self.rds)
        lake = limited_lake(shared.lake, shared.config, shared.source.name, owns=owns)
        object.__setattr__(self, "shared", replace(shared, lake=lake))

    @property
    def _lake(self) -> Lake:
        return self.shared.lake

    @property
    def _source(self) -> Database:
        return self.shared.source

    @property
    def plan(self) -> ExportPlan:
        return export_plan(self.shared.config, self._source)

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
            self.shared.log(f"{error}; the reconciliation sensor starts it when there is a place")
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
            manifest = self.shared.find_manifest(day)
            if manifest is None:
                raise
            self.shared.log(f"the snapshot of {day} has expired; its Parquet is in the lake already and is used")
            return AcceptedExport(record=manifest.export, findings=(), reused=True)
        return self._inspect(day, task)

    def _served_without(self, day: date, snapshot: Snapshot) -> ExportRecord | None:
        """The record of a date whose own snapshot expired, where only a copy of it is left: paying again brings nothing new."""
        done = self.shared.find_manifest(day) if snapshot.copied_at is not None else None
        if done is None or done.export.snapshot_arn == snapshot.arn or done.export.snapshot_time < snapshot.created_at:
            return None
        self.shared.log(
            f"{snapshot.identifier} is a copy; what {day} was exported from is in the lake already and is used"
        )
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
            waiting=Waiting(
                clock=self.shared.clock,
                sleep=self.shared.sleep,
                timeout_seconds=self._source.export_timeout_hours * 3600,
                poll_seconds=poll_seconds,
                log=self.shared.log,
            ),
        )

    def _foresee(self) -> None:
        """Name the tables that will get no view, as the newest date's had none, before AWS is paid for exporting them."""
        newest = max(handover.list_dates(self._lake.s3, self._lake.layout, self._source.name), default=None)
        if newest is None or not self._source.athena:
            return
        try:
            left_out = limits.foreseen(self.shared.manifest(newest), self._source)
        except RdsLakeError as error:
            self.shared.log(f"the tables of {newest} do not say whether views will fit ({error})")
            return
        for one in left_out:
            self.shared.log(f"about to be exported without a view, as on {newest}: {one}")

    def _inspect(self, day: date, task: ExportTask) -> AcceptedExport:
        snapshot = self._snapshot_of(task)
        record = export.record_of(task, source=self._source.name, day=day, data_at=self._data_time(task, snapshot, day))
        done = self._served(record)
        if done is not None:
            return AcceptedExport(record=done.export, findings=(), reused=True)
        try:
            contents = self._contents(task)
        except MalformedExportError:
            # Another run may have finished the date and deleted AWS's copy in between. Or nothing is left of this export, on
            # purpose, and the date has another.
            done = self._served(record) or self.shared.find_manifest(day)
            if done is None or intact.is_whole(self._lake.s3, task.bucket, task.folder):
                raise
            self.shared.log(f"nothing is left of {record.export_task}: {day} has {done.export.export_task}")
            return AcceptedExport(record=done.export, findings=(), reused=True)
        misdated = check_date(snapshot, day) if snapshot else None
        if misdated is not None:
            return AcceptedExport(record=record, findings=(misdated,), reused=False)
        if any(finding.severity == "error" for finding in contents.findings):
            return AcceptedExport(record=record, findings=contents.findings, reused=False)
        stands = handover.accept_export(
            self._lake.s3,
            self._lake.layout,
            record,
            kms_key=self._lake.kms_key,
            stays=lambda other: self._stays(record, other),
        )
        if stands != record:
            self.shared.log(f"{record.export_task} is not of the snapshot that {day} has by now, {stands.snapshot_arn}")
            return AcceptedExport(record=stands, findings=(), reused=True)
        return AcceptedExport(record=record, findings=contents.findings, reused=False)

    def _served(self, record: ExportRecord) -> Manifest | None:
        """The date's manifest where it is of this export or of a better one: AWS's copy may be deleted by now."""
        done = self.shared.find_manifest(record.snapshot_date)
        if done is not None and self._comes_too_late(record, done.export):
            self.shared.log(
                f"{record.export_task} is not of the snapshot that {done.snapshot_date} has by now, {done.export.snapshot_arn}"
            )
            return done
        return done if done is not None and done.export.export_task == record.export_task else None

    def _stays(self, record: ExportRecord, other: ExportRecord) -> bool:
        """Whether the export accepted before is the better one, and there to be relocated."""
        return self._comes_too_late(record, other) and intact.is_whole(self._lake.s3, other.bucket, other.folder)

    def relocate(self, day: date) -> Manifest:
        """The date's Parquet, copied into the lake's layout and verified, or in place; ends with the manifest.

        UnavailableError while retention removes the date.
        """
        record = handover.get_export_record(self._lake.s3, self._lake.layout, self._source.name, day)
        with self.shared.in_use.work(day, record.export_task, log=self.shared.log):
            try:
                return self._relocated(day, record)
            except (MalformedExportError, ExportIncompleteError):
                done = self._served(record)  # as in `_inspect`
                if done is None or missing_files(self._lake.s3, done):
                    raise
                return done

    def _relocated(self, day: date, record: ExportRecord) -> Manifest:
        done = self.shared.find_manifest(day)
        gone: tuple[str, ...] = ()
        if done is not None and done.export.export_task == record.export_task:
            gone = missing_files(self._lake.s3, done)
            if not gone:
                self.shared.log(f"{day} is there already: {done.files} files, {done.rows} rows")
                return done
            intact.require_copy_of_aws(self._lake.s3, self._lake.layout, done, gone)
        task = export.settle_export(self.rds, record.export_task)
        contents = self._contents(task)
        errors = [finding.problem for finding in contents.findings if finding.severity == "error"]
        if errors:
            raise ExportIncompleteError(f"export {record.export_task} is not complete; nothing was copied:", errors)
        if done is not None and gone:
            intact.require_whole_copy_of_aws(contents, self._lake.layout, done, gone)
            self.shared.log(
                f"{len(gone)} of {done.files} files of {day} are gone from the lake and are copied once more"
            )
        lake, newest, threads = self._lake, self._source.which == "newest", self.shared.config.lake.copy_threads
        if self._source.in_place:
            return Registrar(
                s3=lake.s3,
                layout=lake.layout,
                kms_key=lake.kms_key,
                log=self.shared.log,
                parallel=threads,
                newest=newest,
            ).register(contents, record)
        return Mover(
            s3=lake.s3, layout=lake.layout, kms_key=lake.kms_key, log=self.shared.log, parallel=threads, newest=newest
        ).relocate(contents, record)

    def _snapshot(self, day: date) -> Snapshot:
        return export.choose_snapshot(
            self.rds, self.plan, day, now=self.shared.now(), usable=lambda task: self._usable(day, task)
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
        return record.yields_to(done, newest=self._source.which == "newest")

    def _usable(self, day: date, task: ExportTask) -> bool:
        """Whether a COMPLETE export can be used: its relocated Parquet, or the whole of AWS's own copy.

        Who deletes both has the date exported once more.
        """
        return (
            self._is_relocated(day, task)
            or intact.is_whole(self._lake.s3, task.bucket, task.folder)
            # Another run may have relocated it and deleted AWS's copy between the two looks.
            or self._is_relocated(day, task)
        )

    def _is_relocated(self, day: date, task: ExportTask) -> bool:
        done = self.shared.find_manifest(day)
        return done is not None and done.export.export_task == task.identifier

    def _contents(self, task: ExportTask) -> ExportContents:
        return inspect_export(
            self._lake.s3,
            task=task,
            include=self._source.include,
            engine=engine_of(self._source.engine) if self._source.engine else None,
            default_schema=self._source.default_schema,
            known=find_known_tables(self.shared.config, self._source) or (),
        )
