"""The stages of a DynamoDB source up to a date's manifest, in order. From the manifest on it is `source/stages.py`.

begin                        start or adopt the date's exports, and return     exporting/begin.py
accept                       wait for them, inspect them, record them          exporting/awaiting.py, inspect.py
convert                      typed files and the manifest                      converting/convert.py
convert_or_export_again      the same; changes that cannot be used are replaced by full exports
relocate                     the same as `convert`, and waits for Glue
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from rds_lake.model.words import counted
from rds_lake.stages.dynamodb.converting.context import ConversionContext
from rds_lake.stages.dynamodb.converting.convert import Converter
from rds_lake.stages.dynamodb.converting.glue.runs import GlueRuns
from rds_lake.stages.dynamodb.converting.glue.tables import GlueTables
from rds_lake.stages.dynamodb.converting.local import LocalConversion
from rds_lake.stages.dynamodb.exporting.awaiting import await_exports
from rds_lake.stages.dynamodb.exporting.begin import begin_exports, begin_full_exports
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.dynamodb.exporting.increments import Increments
from rds_lake.stages.dynamodb.exporting.inspect import inspect_set, record_of_set, summary_key
from rds_lake.stages.dynamodb.own_exports import is_own_export
from rds_lake.stages.dynamodb.plan import dynamo_plan
from rds_lake.stages.dynamodb.scanning.scanner import NOT_ONE_INSTANT, Scanner
from rds_lake.stages.dynamodb.scanning.settings import ScanSettings
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.intact import missing_files, whole_tables
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.runs.accepted import AcceptedExport
from rds_lake.stages.runs.conversion import ConversionProgress, RunKind
from rds_lake.stages.source.stages import SharedStages


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoRun:
    """The stages of one DynamoDB source. Its lake is limited to objects that the source may delete.

    `job_poll_seconds`: how long `relocate` waits before it looks at Glue's jobs again.
    """

    shared: SharedStages[DynamoDb]
    dynamodb: DynamoGateway
    job_poll_seconds: float = 30

    def __post_init__(self) -> None:
        owns = partial(is_own_export, self.shared.source.name)
        object.__setattr__(self, "shared", self.shared.limited(owns))

    @property
    def _lake(self) -> Lake:
        return self.shared.lake

    @property
    def _source(self) -> DynamoDb:
        return self.shared.source

    @property
    def exports(self) -> DynamoExports:
        """The exports of the source's dates."""
        plan = dynamo_plan(self.shared.config, self._source)
        return DynamoExports(
            dynamo=self.dynamodb, s3=self._lake.s3, layout=self._lake.layout, plan=plan, log=self.shared.log
        )

    def begin(self, day: date) -> ExportTask | None:
        """Start or adopt the exports of the date's tables and return at once; None when AWS has no place for all now.

        For events and sensors: a failed export is not repeated, as a person decides that. A source that is scanned has nothing
        to begin, as AWS does not scan by itself.
        """
        if self.exports.plan.scans:
            self.shared.log("the tables are scanned by the run that materializes the date; nothing to begin")
            return None
        try:
            usable = self._reusable(day)
            return begin_exports(self.exports, day, now=self.shared.now(), usable=usable, repeat_ended=False).task
        except ExportQuotaError as error:
            self.shared.log(f"{error}; the reconciliation sensor begins the rest")
            return None

    def accept(self, day: date, *, export_task: str | None = None, poll_seconds: float = 30) -> AcceptedExport:
        """Returns the finished, inspected exports of the date: those that were begun, or new ones awaited.

        With `export_task` (a set's identifier) the exports have ended, and none is awaited. For a date that can no longer be
        exported, its manifest is used if there is one.
        """
        try:
            exported = self._finished(day, export_task, poll_seconds)
        except SnapshotNotFoundError:
            done = self.shared.find_head(day)
            if done is None:
                raise
            self.shared.log(f"{day} can no longer be exported; its files are already in the lake and are used")
            return AcceptedExport(record=done.export, findings=(), reused=True)
        return self._inspected(day, exported)

    def _finished(self, day: date, export_task: str | None, poll_seconds: float) -> ExportSet:
        exports = self.exports
        if exports.plan.scans:
            return self._scanner(day, exports).run(day, now=self.shared.now())
        if export_task is not None:
            return exports.settle(day)
        waiting = self.shared.waiting(poll_seconds)
        return await_exports(exports, day, now=self.shared.now, usable=self._reusable(day), waiting=waiting)

    def _scanner(self, day: date, exports: DynamoExports) -> Scanner:
        done = self.shared.find_manifest(day)
        settings = ScanSettings(
            read_percentage=self._source.read_percentage,
            on_demand_rcu=self._source.on_demand_rcu,
            clock=self.shared.clock,
            sleep=self.shared.sleep,
            timeout_seconds=self._source.export_timeout_hours * 3600,
        )
        # A scan cannot be repeated on another day. Files that are missing then are an error of the conversion.
        is_today = day == self.shared.now().astimezone(UTC).date()
        converted = self._arns(done, whole=is_today) if done else frozenset[str]()
        return Scanner(exports=exports, settings=settings, converted=converted)

    def _inspected(self, day: date, exported: ExportSet) -> AcceptedExport:
        done = self.shared.find_head(day)
        if done is not None and done.export.export_task == exported.identifier:
            # Converted already, and AWS's copy may be deleted by now: the manifest is the record of it.
            return AcceptedExport(record=done.export, findings=(), reused=True)
        contents = inspect_set(self._lake.s3, exported, converted=done.export.parts if done else ())
        is_bad = any(finding.severity == "error" for finding in contents.findings)
        if is_bad:
            # Another run may have finished the date meanwhile, and removed the missing files.
            done = self.shared.find_head(day)
            if done is not None and done.export.export_task == exported.identifier:
                return AcceptedExport(record=done.export, findings=(), reused=True)
        record = record_of_set(exported, contents)
        if not is_bad:
            handover.write_export_record(self._lake.s3, self._lake.layout, record, kms_key=self._lake.kms_key)
        warned = (Finding(severity="warning", problem=NOT_ONE_INSTANT),) if self.exports.plan.scans else ()
        return AcceptedExport(record=record, findings=contents.findings + warned, reused=False)

    def relocate(self, day: date) -> Manifest:
        """Converts the date's items to typed files in the lake and returns the manifest. Waits for Glue's jobs, unlike `convert`.

        ExportTimeoutError if they take longer than the source's `export_timeout_hours`.
        """
        deadline = self.shared.clock() + self._source.export_timeout_hours * 3600
        result = self.convert(day, run_kind="by_hand")
        while not isinstance(result, Manifest):
            if self.shared.clock() > deadline:
                raise ExportTimeoutError(
                    f"the Glue job {self.shared.config.lake.glue_job} did not end in time ({result}). Its runs continue in AWS: "
                    "materialize `parquet` again to adopt them"
                )
            self.shared.sleep(self.job_poll_seconds)
            result = self.convert(day, run_kind="resume")
        return result

    def convert(self, day: date, *, run_kind: RunKind) -> Manifest | ConversionProgress:
        """Returns the manifest, or the progress of the date's Glue jobs; does not wait for them.

        Raises ManifestError before an export of the date was accepted, FullExportBegunError if changes could not be used and
        full exports were begun instead, UnavailableError while the date is being removed; and the errors of
        `Converter.convert`.
        """
        record = self.shared.accepted_export(day)
        with self.shared.in_use.work(day, record.export_task, log=self.shared.log):
            return self._converted(day, record, run_kind)

    def _converted(self, day: date, record: ExportRecord, run_kind: RunKind) -> Manifest | ConversionProgress:
        done = self.shared.find_manifest(day)
        is_same = done is not None and done.export.export_task == record.export_task
        gone = missing_files(self._lake.s3, done) if done is not None and is_same else ()
        result: Manifest | ConversionProgress
        if done is not None and is_same and not gone:
            self.shared.log(f"{day} is converted already: {counted(done.files, 'file')}, {counted(done.rows, 'row')}")
            result = done
        else:
            if done is not None and gone:
                self.shared.log(f"{len(gone)} of {counted(done.files, 'file')} of {day} are gone from the lake")
            try:
                result = self._converter.convert(record, done, run_kind=run_kind)
            except FullExportDueError as error:
                self._begin_full(day, error)
        if self._source.by_glue and isinstance(result, Manifest):
            self._glue_runs.forget(record.source, record.export_task)
        return result

    @property
    def _converter(self) -> Converter:
        lake, log = self._lake, self.shared.log
        context = ConversionContext(
            s3=lake.s3, layout=lake.layout, source=self._source, kms_key=lake.kms_key, keys=self._keys, log=log
        )
        increments = Increments(s3=lake.s3, layout=lake.layout, source=self._source.name)
        runs = self._glue_runs if self._source.by_glue else None
        return Converter(
            context=context,
            local=LocalConversion(context=context, increments=increments),
            glue=GlueTables(context=context, runs=runs),
        )

    def convert_or_export_again(
        self, day: date, *, run_kind: RunKind, poll_seconds: float
    ) -> Manifest | ConversionProgress:
        """Like `convert`; where changes cannot be used, waits for full exports (a look every `poll_seconds`) and converts those."""
        try:
            return self.convert(day, run_kind=run_kind)
        except FullExportBegunError as error:
            self.shared.log(f"waiting: {error}")
        accepted = self.accept(day, poll_seconds=poll_seconds)
        errors = [finding.problem for finding in accepted.findings if finding.severity == "error"]
        if errors:
            raise ExportIncompleteError(f"exports of {day} are not complete; nothing was converted:", errors)
        return self.convert(day, run_kind=run_kind)

    def _begin_full(self, day: date, due: FullExportDueError) -> NoReturn:
        """Begin full exports in place of changes that cannot be used, without waiting; raises FullExportBegunError."""
        waits = ""
        try:
            begin_full_exports(self.exports, day, due.tables, now=self.shared.now(), usable=self._reusable(day))
        except ExportQuotaError as error:
            waits = f" ({error}; the reconciliation sensor begins the rest)"
        raise FullExportBegunError(
            f"the changes of these tables cannot be used; {day} is converted when their full exports have ended{waits}:",
            [f"{table}: {why}" for table, why in due.tables.items()],
        ) from due

    @property
    def _glue_runs(self) -> GlueRuns:
        lake = self._lake
        return GlueRuns(
            jobs=lake.glue.jobs,
            s3=lake.s3,
            layout=lake.layout,
            job=self.shared.config.lake.glue_job,
            kms_key=lake.kms_key,
            log=self.shared.log,
            now=self.shared.now,
        )

    def _keys(self, table: str) -> Sequence[str]:
        """Returns the table's key attributes; none for a table deleted since, whose files then have no statistics of them."""
        known = self.dynamodb.find_table(table)
        return known.keys if known is not None else ()

    def _reusable(self, day: date) -> Callable[[TableExport], bool]:
        """Returns a function that says whether a complete export still has files: DynamoDB's (by their summary), or converted ones.

        In this order: another run deletes the first once it has written a manifest that names the second.
        """
        whole: set[str] = set()

        def usable(export: TableExport) -> bool:
            try:
                key = summary_key(export)
            except MalformedExportError:
                return True  # it is inspected later, which reports the problem
            if self._lake.s3.find_head(export.bucket, key) is None and export.arn not in whole:
                done = self.shared.find_manifest(day)
                whole.update(self._arns(done, whole=True) if done is not None else ())
                return export.arn in whole
            return True

        return usable

    def _arns(self, done: Manifest, *, whole: bool) -> frozenset[str]:
        """Returns the exports that the date's tables were made from; with `whole`, only of tables whose files all exist."""
        locations = whole_tables(self._lake.s3, done) if whole else {table.location for table in done.tables}
        names = {table.target.table for table in done.tables if table.location in locations}
        return frozenset(arn for part in done.export.parts if part.table in names for arn in part.arns)
