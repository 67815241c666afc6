"""DynamoDB up to the manifest, by date.

What belongs here: the order and the hand-over. What does not: the work itself. What comes after is `source/stages.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date
from functools import partial
from typing import NoReturn

from rds_lake.aws.dynamodb import DynamoGateway
from rds_lake.config.dynamodb import DynamoDb
from rds_lake.errors import (
    ExportIncompleteError,
    ExportQuotaError,
    ExportTimeoutError,
    FullExportBegunError,
    FullExportDueError,
    MalformedExportError,
    SnapshotNotFoundError,
)
from rds_lake.model.dynamodb.export_set import ExportSet
from rds_lake.model.dynamodb.tables import TableExport
from rds_lake.model.exports.completeness import Finding
from rds_lake.model.exports.task import ExportTask
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.record import ExportRecord
from rds_lake.stages.dynamodb.converting.convert import Converter
from rds_lake.stages.dynamodb.converting.glue_convert import SparkJobs
from rds_lake.stages.dynamodb.exporting.awaiting import await_exports
from rds_lake.stages.dynamodb.exporting.begin import begin_exports, begin_full_exports
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.dynamodb.exporting.increments import Increments
from rds_lake.stages.dynamodb.exporting.inspect import inspect_set, record_of_set, summary_key
from rds_lake.stages.dynamodb.own_exports import is_own_export
from rds_lake.stages.dynamodb.plan import dynamo_plan
from rds_lake.stages.dynamodb.scan import NOT_ONE_INSTANT, Scanner
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.intact import missing_files, whole_tables
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.limited import limited_lake
from rds_lake.stages.runs.accepted import AcceptedExport
from rds_lake.stages.runs.advanced import Advanced, Turn
from rds_lake.stages.runs.waiting import Waiting
from rds_lake.stages.source.stages import SharedStages


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoRun:
    """The stages of one DynamoDB source. The lake is limited to what the source may delete."""

    shared: SharedStages[DynamoDb]
    dynamodb: DynamoGateway
    job_poll_seconds: float = 30

    def __post_init__(self) -> None:
        shared = self.shared
        owns = partial(is_own_export, shared.source.name)
        lake = limited_lake(shared.lake, shared.config, shared.source.name, owns=owns)
        object.__setattr__(self, "shared", replace(shared, lake=lake))

    @property
    def _lake(self) -> Lake:
        return self.shared.lake

    @property
    def _source(self) -> DynamoDb:
        return self.shared.source

    @property
    def exports(self) -> DynamoExports:
        plan = dynamo_plan(self.shared.config, self._source)
        return DynamoExports(
            dynamo=self.dynamodb, s3=self._lake.s3, layout=self._lake.layout, plan=plan, log=self.shared.log
        )

    def begin(self, day: date) -> ExportTask | None:
        """Start or adopt the exports of the date's tables and return at once; None when AWS has no place for all now.

        A scan has nothing that goes on without a run.
        """
        if self.exports.plan.scans:
            self.shared.log("tables that are scanned are read by the run that takes them over")
            return None
        try:
            usable = self._reusable(day)
            return begin_exports(self.exports, day, now=self.shared.now(), usable=usable, repeat_ended=False).task
        except ExportQuotaError as error:
            self.shared.log(f"{error}; the reconciliation sensor begins the rest")
            return None

    def accept(self, day: date, *, export_task: str | None = None, poll_seconds: float = 30) -> AcceptedExport:
        """The finished, inspected exports of the date: those that were begun, or new ones awaited.

        A date that cannot be exported any more is served from its manifest when there is one.
        """
        try:
            found = self._finished(day, export_task, poll_seconds)
        except SnapshotNotFoundError:
            manifest = self.shared.find_manifest(day)
            if manifest is None:
                raise
            self.shared.log(f"{day} cannot be exported any more; its files are in the lake already and are used")
            return AcceptedExport(record=manifest.export, findings=(), reused=True)
        return self._inspected(day, found)

    def _finished(self, day: date, export_task: str | None, poll_seconds: float) -> ExportSet:
        exports = self.exports
        if exports.plan.scans:
            return self._scanner(day, exports).run(day, now=self.shared.now())
        if export_task is not None:
            return exports.settle(day)
        waiting = Waiting(
            clock=self.shared.clock,
            sleep=self.shared.sleep,
            timeout_seconds=self._source.export_timeout_hours * 3600,
            poll_seconds=poll_seconds,
            log=self.shared.log,
        )
        return await_exports(exports, day, now=self.shared.now, usable=self._reusable(day), waiting=waiting)

    def _scanner(self, day: date, exports: DynamoExports) -> Scanner:
        done = self.shared.find_manifest(day)
        return Scanner(
            exports=exports,
            read_percentage=self._source.read_percentage,
            on_demand_rcu=self._source.on_demand_rcu,
            clock=self.shared.clock,
            sleep=self.shared.sleep,
            # A scan cannot be repeated on another day: what is lost of it then is told when it is to be converted.
            converted=self._arns(done, whole=day == self.shared.now().astimezone(UTC).date()) if done else frozenset(),
            timeout_seconds=self._source.export_timeout_hours * 3600,
        )

    def _inspected(self, day: date, found: ExportSet) -> AcceptedExport:
        done = self.shared.find_manifest(day)
        if done is not None and done.export.export_task == found.identifier:
            # Converted already, and AWS's copy may be deleted by now: the manifest stands for it.
            return AcceptedExport(record=done.export, findings=(), reused=True)
        contents = inspect_set(self._lake.s3, found, converted=done.export.parts if done else ())
        if any(finding.severity == "error" for finding in contents.findings):
            # Another run may have finished the date meanwhile, and removed what is missing.
            done = self.shared.find_manifest(day)
            if done is not None and done.export.export_task == found.identifier:
                return AcceptedExport(record=done.export, findings=(), reused=True)
        record = record_of_set(found, contents)
        if not any(finding.severity == "error" for finding in contents.findings):
            handover.write_export_record(self._lake.s3, self._lake.layout, record, kms_key=self._lake.kms_key)
        warned = (Finding(severity="warning", problem=NOT_ONE_INSTANT),) if self.exports.plan.scans else ()
        return AcceptedExport(record=record, findings=contents.findings + warned, reused=False)

    def relocate(self, day: date) -> Manifest:
        """The date's items as Parquet in the lake's layout; ends with the manifest. Waits for runs of Glue, unlike `advance`."""
        deadline = self.shared.clock() + self._source.export_timeout_hours * 3600
        found = self.advance(day, turn="by_hand")
        while not isinstance(found, Manifest):
            if self.shared.clock() > deadline:
                raise ExportTimeoutError(
                    f"the Glue job {self.shared.config.lake.glue_job} did not end in time ({found}); its runs go on "
                    "and are adopted when `parquet` is materialized again"
                )
            self.shared.sleep(self.job_poll_seconds)
            found = self.advance(day, turn="resume")
        return found

    def advance(self, day: date, *, turn: Turn) -> Manifest | Advanced:
        """The manifest, or how far the runs of Glue are that convert the date: they go on, and no run of ours waits for them.

        UnavailableError while the date is being removed.
        """
        record = handover.get_export_record(self._lake.s3, self._lake.layout, self._source.name, day)
        with self.shared.in_use.work(day, record.export_task, log=self.shared.log):
            return self._advanced(day, record, turn)

    def _advanced(self, day: date, record: ExportRecord, turn: Turn) -> Manifest | Advanced:
        done = self.shared.find_manifest(day)
        mine = done is not None and done.export.export_task == record.export_task
        gone = missing_files(self._lake.s3, done) if done is not None and mine else ()
        if done is not None and mine and not gone:
            self.shared.log(f"{day} is converted already: {done.files} files, {done.rows} rows")
            found: Manifest | Advanced = done
        else:
            if done is not None and gone:
                self.shared.log(f"{len(gone)} of {done.files} files of {day} are gone from the lake")
            try:
                found = self._converter.convert(record, done, turn=turn)
            except FullExportDueError as error:
                self._begin_full(day, error)
        if self._source.by_glue and isinstance(found, Manifest):
            self._spark.forget(record.source, record.export_task)
        return found

    @property
    def _converter(self) -> Converter:
        return Converter(
            s3=self._lake.s3,
            layout=self._lake.layout,
            source=self._source,
            kms_key=self._lake.kms_key,
            keys=self._keys,
            increments=Increments(s3=self._lake.s3, layout=self._lake.layout, source=self._source.name),
            log=self.shared.log,
            spark=self._spark if self._source.by_glue else None,
        )

    def advance_awaiting(self, day: date, *, turn: Turn, poll_seconds: float) -> Manifest | Advanced:
        """The same; full exports of tables whose changes cannot be used are awaited, which holds a worker."""
        try:
            return self.advance(day, turn=turn)
        except FullExportBegunError as error:
            self.shared.log(f"waiting: {error}")
        accepted = self.accept(day, poll_seconds=poll_seconds)
        errors = [finding.problem for finding in accepted.findings if finding.severity == "error"]
        if errors:
            raise ExportIncompleteError(f"exports of {day} are not complete; nothing was converted:", errors)
        return self.advance(day, turn=turn)

    def _begin_full(self, day: date, due: FullExportDueError) -> NoReturn:
        """Full exports in place of changes that cannot be used; raises FullExportBegunError. Holds no worker until they end."""
        waits = ""
        try:
            begin_full_exports(self.exports, day, due.tables, now=self.shared.now(), usable=self._reusable(day))
        except ExportQuotaError as error:
            waits = f" ({error}; the reconciliation sensor begins the rest)"
        raise FullExportBegunError(
            f"{day} goes on when full exports of these tables have ended, as their changes cannot be used{waits}:",
            [f"{table}: {why}" for table, why in due.tables.items()],
        ) from due

    @property
    def _spark(self) -> SparkJobs:
        lake = self._lake
        return SparkJobs(
            jobs=lake.glue.jobs, s3=lake.s3, layout=lake.layout, job=self.shared.config.lake.glue_job, kms_key=lake.kms_key,
            log=self.shared.log, now=self.shared.now,
        )  # fmt: skip

    def _keys(self, table: str) -> Sequence[str]:
        """None where the table was deleted since: that costs statistics of its files and nothing else."""
        found = self.dynamodb.find_table(table)
        return found.keys if found is not None else ()

    def _reusable(self, day: date) -> Callable[[TableExport], bool]:
        """Whether anything is left of a complete export: DynamoDB's own files, by their summary, or the converted ones.

        In this order: another run deletes the first once it has written a manifest that names the second.
        """
        whole: set[str] = set()

        def usable(export: TableExport) -> bool:
            try:
                key = summary_key(export)
            except MalformedExportError:
                return True  # to be inspected, which says what is wrong
            if self._lake.s3.find_head(export.bucket, key) is None and export.arn not in whole:
                done = self.shared.find_manifest(day)
                whole.update(self._arns(done, whole=True) if done is not None else ())
                return export.arn in whole
            return True

        return usable

    def _arns(self, done: Manifest, *, whole: bool) -> frozenset[str]:
        """The exports that the date's files were made from; `whole`: of tables whose files are all there."""
        there = whole_tables(self._lake.s3, done) if whole else {table.location for table in done.tables}
        names = {table.target.table for table in done.tables if table.location in there}
        return frozenset(arn for part in done.export.parts if part.table in names for arn in part.arns)
