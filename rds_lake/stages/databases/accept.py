"""Accepts an export: inspects an ended export, and records it as the date's unless a better export is recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from rds_lake.aws.rds import RdsGateway
from rds_lake.errors import MalformedExportError
from rds_lake.model.aws.arn import Exportable, exportable
from rds_lake.model.aws.engine import engine_of
from rds_lake.model.aws.snapshot import Snapshot
from rds_lake.model.exports.completeness import check_date
from rds_lake.model.exports.task import ExportTask
from rds_lake.model.exports.task_id import written_day
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.record import ExportRecord
from rds_lake.stages.databases import export
from rds_lake.stages.databases.inspect import ExportContents, inspect_export
from rds_lake.stages.databases.relocation import intact
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.known_tables import find_known_tables
from rds_lake.stages.runs.accepted import AcceptedExport
from rds_lake.stages.source.stages import SharedStages


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Decides which ended export of one source is the date's."""

    shared: SharedStages
    rds: RdsGateway

    def accept(self, day: date, task: ExportTask) -> AcceptedExport:
        """Inspects this COMPLETE task and returns the date's export: this one, or a better one accepted before.

        With errors in the inspection, nothing is recorded. Raises MalformedExportError if the export cannot be read and
        the date has no other.
        """
        lake, snapshot = self.shared.lake, self._snapshot_of(task)
        data_at = _data_time(task, snapshot, day)
        record = export.record_of(task, source=self.shared.source.name, day=day, data_at=data_at)
        done = self._serving(record, self.shared.find_head(day))
        if done is not None:
            return AcceptedExport(record=done.export, findings=(), reused=True)
        try:
            contents = self.contents(task)
        except MalformedExportError:
            # Another run may have finished the date and deleted AWS's copy in between. Or this export was removed on purpose,
            # and the date has another.
            head = self.shared.find_head(day)
            done = self._serving(record, head) or head
            if done is None or intact.is_whole(lake.s3, task.bucket, task.folder):
                raise
            self.shared.log(f"the objects of {record.export_task} are gone; {day} uses {done.export.export_task}")
            return AcceptedExport(record=done.export, findings=(), reused=True)
        misdated = check_date(snapshot, day) if snapshot else None
        if misdated is not None:
            return AcceptedExport(record=record, findings=(misdated,), reused=False)
        if any(finding.severity == "error" for finding in contents.findings):
            return AcceptedExport(record=record, findings=contents.findings, reused=False)
        accepted = self._recorded(record)
        return AcceptedExport(
            record=accepted, findings=contents.findings if accepted == record else (), reused=accepted != record
        )

    def _recorded(self, record: ExportRecord) -> ExportRecord:
        """Returns the date's accepted export: this export, unless a better one is recorded and can be relocated."""
        lake = self.shared.lake

        def stays(other: ExportRecord) -> bool:
            return self._yields(record, other) and intact.is_whole(lake.s3, other.bucket, other.folder)

        accepted = handover.accept_export(lake.s3, lake.layout, record, kms_key=lake.kms_key, stays=stays)
        if accepted != record:
            self._log_superseded(record, accepted)
        return accepted

    def serving(self, record: ExportRecord) -> Manifest | None:
        """Returns the date's manifest if it belongs to this export or a better one; AWS's copy may already be deleted."""
        return self._serving(record, self.shared.find_manifest(record.snapshot_date))

    def _serving(self, record: ExportRecord, done: Manifest | None) -> Manifest | None:
        if done is None:
            return None
        if self._yields(record, done.export):
            self._log_superseded(record, done.export)
            return done
        return done if done.export.export_task == record.export_task else None

    def _log_superseded(self, record: ExportRecord, better: ExportRecord) -> None:
        self.shared.log(
            f"{record.export_task} is not used: {record.snapshot_date} was exported from another snapshot, {better.snapshot_arn}"
        )

    def _yields(self, record: ExportRecord, other: ExportRecord) -> bool:
        """Whether the other export is of a better snapshot of the date; the lesser export may end last."""
        return record.yields_to(other, newest=self.shared.source.which == "newest")

    def contents(self, task: ExportTask) -> ExportContents:
        """Returns the files of the export task, and their problems."""
        source = self.shared.source
        return inspect_export(
            self.shared.lake.s3,
            task=task,
            include=source.include,
            engine=engine_of(source.engine) if source.engine else None,
            default_schema=source.default_schema,
            known=find_known_tables(self.shared.config, source) or (),
        )

    def _snapshot_of(self, task: ExportTask) -> Snapshot | None:
        """Returns the exported snapshot; None for a live cluster, and for a snapshot that no longer exists."""
        about, _ = exportable(task.source_arn)
        return None if about is Exportable.CLUSTER else self.rds.find_snapshot(about, task.source_arn)


def _data_time(task: ExportTask, snapshot: Snapshot | None, day: date) -> datetime | None:
    """Returns the time of the data of an exported snapshot copy; None if it is the task's own SnapshotTime."""
    if snapshot is not None:
        return snapshot.created_at if snapshot.copied_at else None
    is_copy = written_day(task.identifier) == day and exportable(task.source_arn)[0] is not Exportable.CLUSTER
    # The snapshot is gone: no later than the end of the day.
    return datetime.combine(day, datetime.max.time(), UTC) if is_copy else None
