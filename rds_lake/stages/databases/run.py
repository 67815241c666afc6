"""The stages of RDS and Aurora up to the manifest, by date: `begin`, `accept`, `relocate`, as in `source/run.py`.

What belongs here: the order and the hand-over. The work itself is `export.py`, `accept.py` and `relocation/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from rds_lake.aws.rds import RdsGateway
from rds_lake.config.database import Database
from rds_lake.errors import (
    ExportIncompleteError,
    ExportQuotaError,
    MalformedExportError,
    RdsLakeError,
    SnapshotNotFoundError,
)
from rds_lake.model.aws.snapshot import Snapshot
from rds_lake.model.exports.task import ExportTask
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.record import ExportRecord
from rds_lake.model.words import counted
from rds_lake.stages.catalogue import limits
from rds_lake.stages.databases import export
from rds_lake.stages.databases.accept import Acceptance
from rds_lake.stages.databases.inspect import ExportContents
from rds_lake.stages.databases.own_exports import OwnExports
from rds_lake.stages.databases.plan import ExportPlan, export_plan
from rds_lake.stages.databases.relocation import intact
from rds_lake.stages.databases.relocation.in_place import Registrar
from rds_lake.stages.databases.relocation.relocate import Mover
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.intact import missing_files
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.runs.accepted import AcceptedExport
from rds_lake.stages.source.stages import SharedStages


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseRun:
    """The stages of one RDS or Aurora source. The lake is limited to what the source may delete."""

    shared: SharedStages[Database]
    rds: RdsGateway

    def __post_init__(self) -> None:
        shared = self.shared
        owns = OwnExports(config=shared.config, source=shared.source, rds=self.rds)
        object.__setattr__(self, "shared", shared.limited(owns))

    @property
    def _lake(self) -> Lake:
        return self.shared.lake

    @property
    def _source(self) -> Database:
        return self.shared.source

    @property
    def _acceptance(self) -> Acceptance:
        return Acceptance(shared=self.shared, rds=self.rds)

    @property
    def plan(self) -> ExportPlan:
        """The plan of the source's exports."""
        return export_plan(self.shared.config, self._source)

    def begin(self, day: date) -> ExportTask | None:
        """Starts or adopts the export of the date's snapshot and returns at once; None if AWS allows no further export now.

        For events and sensors: an export that failed is not repeated; a person decides whether to pay for another.
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
            self.shared.log(f"{error}; the reconciliation sensor starts it when AWS allows another export")
            return None

    def accept(self, day: date, *, export_task: str | None = None, poll_seconds: float = 30) -> AcceptedExport:
        """Returns the finished, inspected export of the date: the given task's, an earlier one's, or a new one awaited.

        If the date's snapshot has expired, its manifest is used, if it has one.
        """
        try:
            snapshot = self._snapshot(day) if export_task is None else None
            done = self._served_without(day, snapshot) if snapshot else None
            if done is not None:
                return AcceptedExport(record=done, findings=(), reused=True)
            task = self._finished_task(day, snapshot, export_task, poll_seconds)
        except SnapshotNotFoundError:
            done = self.shared.find_head(day)
            if done is None:
                raise
            self.shared.log(f"the snapshot of {day} has expired; its Parquet is in the lake already and is used")
            return AcceptedExport(record=done.export, findings=(), reused=True)
        return self._acceptance.accept(day, task)

    def _served_without(self, day: date, snapshot: Snapshot) -> ExportRecord | None:
        """Returns the record of a date in the lake that keeps its export, although no export of `snapshot` is found.

        That is so where only a copy of its snapshot is left, whose export would have the same data; where lake.yaml named
        another place for exports then; and, without `replace: true`, where its snapshot is gone, or `identifier` names another
        database since.
        """
        head = self.shared.find_head(day)
        if head is None:
            return None
        done, plan = head.export, self.plan
        is_same = done.snapshot_arn == snapshot.arn
        if is_same and (done.bucket, done.folder) == (plan.bucket, plan.folder_of(done.export_task)):
            return None  # it is found by its id
        if not is_same and snapshot.copied_at is not None and done.snapshot_time >= snapshot.created_at:
            self.shared.log(
                f"{snapshot.identifier} is a copy of the snapshot that {day} was exported from; its Parquet is in the lake and is "
                "used"
            )
            return done
        if (self._source.replace and not is_same) or not self._has_tables_of_plan(done.export_task):
            return None
        self.shared.log(
            f"{snapshot.identifier} is not exported: {day} is in the lake, from {done.snapshot_arn}"
            + ("" if is_same else "; a later snapshot takes its place where the source has `replace: true`")
        )
        return done

    def _has_tables_of_plan(self, export_task: str) -> bool:
        """Whether the export was asked for the tables of `include`, as it is now; False if AWS does not know it any more."""
        task = self.rds.find_export_task(export_task)
        return task is not None and any(set(task.include) == set(include) for include in self.plan.includes)

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
            waiting=self.shared.waiting(poll_seconds),
        )

    def _foresee(self) -> None:
        """Logs tables that will probably get no view, as on the newest date, before AWS charges for exporting them."""
        newest = max(handover.list_dates(self._lake.s3, self._lake.layout, self._source.name), default=None)
        if newest is None or not self._source.athena:
            return
        try:
            left_out = limits.foreseen(self.shared.manifest(newest), self._source)
        except RdsLakeError as error:
            self.shared.log(f"the tables of {newest} could not be checked for views that are too big ({error})")
            return
        for table in left_out:
            self.shared.log(f"about to be exported without a view, as on {newest}: {table}")

    def relocate(self, day: date) -> Manifest:
        """Returns the date's manifest after copying its Parquet into the lake and verifying it, or registering it in place.

        Raises UnavailableError while retention removes the date.
        """
        record = self.shared.accepted_export(day)
        with self.shared.in_use.work(day, record.export_task, log=self.shared.log):
            try:
                return self._relocated(day, record)
            except (MalformedExportError, ExportIncompleteError):
                done = self._acceptance.serving(record)  # another run may have finished it and deleted AWS's copy
                if done is None or missing_files(self._lake.s3, done):
                    raise
                return done

    def _relocated(self, day: date, record: ExportRecord) -> Manifest:
        done = self.shared.find_manifest(day)
        gone: tuple[str, ...] = ()
        if done is not None and done.export.export_task == record.export_task:
            gone = missing_files(self._lake.s3, done)
            if not gone:
                self.shared.log(
                    f"{day} is already in the lake: {counted(done.files, 'file')}, {counted(done.rows, 'row')}"
                )
                return done
            intact.require_copy_of_aws(self._lake.s3, self._lake.layout, done, gone)
        task = export.settle_export(self.rds, record.export_task)
        contents = self._acceptance.contents(task)
        errors = [finding.problem for finding in contents.findings if finding.severity == "error"]
        if errors:
            raise ExportIncompleteError(f"export {record.export_task} is not complete; nothing was copied:", errors)
        if done is not None and gone:
            intact.require_whole_copy_of_aws(contents, self._lake.layout, done, gone)
            self.shared.log(
                f"{len(gone)} of {counted(done.files, 'file')} of {day} are missing from the lake and are copied again"
            )
        return self._brought(contents, record)

    def _brought(self, contents: ExportContents, record: ExportRecord) -> Manifest:
        """Registers the export's files in place, or copies them, as configured."""
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

    def _usable(self, day: date, task: ExportTask) -> bool:
        """Whether a COMPLETE export can be used: its relocated Parquet exists, or AWS's complete copy.

        If both were deleted, the date is exported again.
        """
        return (
            self._is_relocated(day, task)
            or intact.is_whole(self._lake.s3, task.bucket, task.folder)
            # Another run may have relocated it and deleted AWS's copy between the two looks.
            or self._is_relocated(day, task)
        )

    def _is_relocated(self, day: date, task: ExportTask) -> bool:
        done = self.shared.find_head(day)
        return done is not None and done.export.export_task == task.identifier
