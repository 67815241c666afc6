"""One DynamoDB source's stages, by date. What comes after the Parquet is the same for all kinds (`source/run.py`).

What belongs here: order and hand-over of what DynamoDB does differently, and which kind of run a source has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from typing import NoReturn

from rds_lake.aws.dynamodb import DynamoGateway
from rds_lake.aws.rds import RdsGateway
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
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
from rds_lake.model.exports.task import ExportRecord, ExportTask
from rds_lake.model.lake.manifest import Manifest
from rds_lake.stages.databases.export import Waiting
from rds_lake.stages.databases.relocation import intact
from rds_lake.stages.dynamodb.converting.convert import Converter
from rds_lake.stages.dynamodb.converting.glue_convert import Advanced, SparkJobs, Turn
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.dynamodb.exporting.increments import Increments
from rds_lake.stages.dynamodb.exporting.inspect import inspect_set, record_of_set, summary_key
from rds_lake.stages.dynamodb.plan import DYNAMODB, dynamo_plan
from rds_lake.stages.dynamodb.scan import NOT_ONE_INSTANT, Scanner
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.runs.outcomes import AcceptedExport
from rds_lake.stages.source.run import SourceRun


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoRun(SourceRun):
    """A DynamoDB source's stages, with everything they need."""

    dynamodb: DynamoGateway
    job_poll_seconds: float = 30

    @property
    def exports(self) -> DynamoExports:
        plan = dynamo_plan(self.config, self.source)
        return DynamoExports(dynamo=self.dynamodb, s3=self.lake.s3, layout=self.lake.layout, plan=plan, log=self.log)

    def begin(self, day: date) -> ExportTask | None:
        """Start or adopt the exports of the date's tables and return at once; None when AWS has no place for all now.

        A scan has nothing that goes on without a run.
        """
        if self.exports.plan.scans:
            self.log("tables that are scanned are read by the run that takes them over")
            return None
        try:
            usable = self._reusable(day)
            return self.exports.begin(day, now=self.now(), usable=usable, repeat_ended=False).task
        except ExportQuotaError as error:
            self.log(f"{error}; the reconciliation sensor begins the rest")
            return None

    def accept(self, day: date, *, export_task: str | None = None, poll_seconds: float = 30) -> AcceptedExport:
        """The finished, inspected exports of the date: those that were begun, or new ones awaited.

        A date that cannot be exported any more is served from its manifest when there is one.
        """
        try:
            found = self._finished(day, export_task, poll_seconds)
        except SnapshotNotFoundError:
            manifest = self._find_manifest(day)
            if manifest is None:
                raise
            self.log(f"{day} cannot be exported any more; its files are in the lake already and are used")
            return AcceptedExport(record=manifest.export, findings=(), reused=True)
        return self._inspected(day, found)

    def _finished(self, day: date, export_task: str | None, poll_seconds: float) -> ExportSet:
        exports = self.exports
        if exports.plan.scans:
            return self._scanner(day, exports).run(day, now=self.now())
        if export_task is not None:
            return exports.settle(day)
        waiting = Waiting(
            clock=self.clock,
            sleep=self.sleep,
            timeout_seconds=self.source.export_timeout_hours * 3600,
            poll_seconds=poll_seconds,
            log=self.log,
        )
        return exports.run(day, now=self.now, usable=self._reusable(day), waiting=waiting)

    def _scanner(self, day: date, exports: DynamoExports) -> Scanner:
        done = self._find_manifest(day)
        return Scanner(
            exports=exports,
            read_percentage=self.source.read_percentage,
            on_demand_rcu=self.source.on_demand_rcu,
            clock=self.clock,
            sleep=self.sleep,
            # A scan cannot be repeated on another day: what is lost of it then is told when it is to be converted.
            converted=self._arns(done, whole=day == self.now().astimezone(UTC).date()) if done else frozenset(),
            timeout_seconds=self.source.export_timeout_hours * 3600,
        )

    def _inspected(self, day: date, found: ExportSet) -> AcceptedExport:
        done = self._find_manifest(day)
        if done is not None and done.export.export_task == found.identifier:
            # Converted already, and AWS's copy may be deleted by now: the manifest stands for it.
            return AcceptedExport(record=done.export, findings=(), reused=True)
        contents = inspect_set(self.lake.s3, found, converted=done.export.parts if done else ())
        if any(finding.severity == "error" for finding in contents.findings):
            # Another run may have finished the date meanwhile, and removed what is missing.
            done = self._find_manifest(day)
            if done is not None and done.export.export_task == found.identifier:
                return AcceptedExport(record=done.export, findings=(), reused=True)
        record = record_of_set(found, contents)
        if not any(finding.severity == "error" for finding in contents.findings):
            handover.write_export_record(self.lake.s3, self.lake.layout, record, kms_key=self.lake.kms_key)
        warned = (Finding(severity="warning", problem=NOT_ONE_INSTANT),) if self.exports.plan.scans else ()
        return AcceptedExport(record=record, findings=contents.findings + warned, reused=False)

    def relocate(self, day: date) -> Manifest:
        """The date's items as Parquet in the lake's layout; ends with the manifest. Waits for runs of Glue, unlike `advance`."""
        deadline = self.clock() + self.source.export_timeout_hours * 3600
        found = self.advance(day, turn="by_hand")
        while not isinstance(found, Manifest):
            if self.clock() > deadline:
                raise ExportTimeoutError(
                    f"the Glue job {self.config.lake.glue_job} did not end in time ({found}); its runs go on and are adopted when "
                    "`parquet` is materialized again"
                )
            self.sleep(self.job_poll_seconds)
            found = self.advance(day, turn="resume")
        return found

    def advance(self, day: date, *, turn: Turn) -> Manifest | Advanced:
        """The manifest, or how far the runs of Glue are that convert the date: they go on, and no run of ours waits for them.

        UnavailableError while the date is being removed.
        """
        record = handover.get_export_record(self.lake.s3, self.lake.layout, self.source.name, day)
        with self._in_use.work(day, record.export_task, log=self.log):
            return self._advanced(day, record, turn)

    def _advanced(self, day: date, record: ExportRecord, turn: Turn) -> Manifest | Advanced:
        done = self._find_manifest(day)
        mine = done is not None and done.export.export_task == record.export_task
        gone = intact.missing_files(self.lake.s3, done) if done is not None and mine else ()
        if done is not None and mine and not gone:
            self.log(f"{day} is converted already: {done.files} files, {done.rows} rows")
            found: Manifest | Advanced = done
        else:
            if done is not None and gone:
                self.log(f"{len(gone)} of {done.files} files of {day} are gone from the lake")
            try:
                found = self._converter.convert(record, done, turn=turn)
            except FullExportDueError as error:
                self._begin_full(day, error)
        if self.source.by_glue and isinstance(found, Manifest):
            self._spark.forget(record.source, record.export_task)
        return found

    @property
    def _converter(self) -> Converter:
        return Converter(
            s3=self.lake.s3,
            layout=self.lake.layout,
            source=self.source,
            kms_key=self.lake.kms_key,
            keys=self._keys,
            increments=Increments(s3=self.lake.s3, layout=self.lake.layout, source=self.source.name),
            log=self.log,
            spark=self._spark if self.source.by_glue else None,
        )

    def advance_awaiting(self, day: date, *, turn: Turn, poll_seconds: float) -> Manifest | Advanced:
        """The same; full exports of tables whose changes cannot be used are awaited, which holds a worker."""
        try:
            return self.advance(day, turn=turn)
        except FullExportBegunError as error:
            self.log(f"waiting: {error}")
        accepted = self.accept(day, poll_seconds=poll_seconds)
        errors = [finding.problem for finding in accepted.findings if finding.severity == "error"]
        if errors:
            raise ExportIncompleteError(f"exports of {day} are not complete; nothing was converted:", errors)
        return self.advance(day, turn=turn)

    def _begin_full(self, day: date, due: FullExportDueError) -> NoReturn:
        """Full exports in place of changes that cannot be used; raises FullExportBegunError. Holds no worker until they end."""
        waits = ""
        try:
            self.exports.begin_full(day, due.tables, now=self.now(), usable=self._reusable(day))
        except ExportQuotaError as error:
            waits = f" ({error}; the reconciliation sensor begins the rest)"
        raise FullExportBegunError(
            f"{day} goes on when full exports of these tables have ended, as their changes cannot be used{waits}:",
            [f"{table}: {why}" for table, why in due.tables.items()],
        ) from due

    @property
    def _spark(self) -> SparkJobs:
        lake = self.lake
        return SparkJobs(
            jobs=lake.glue.jobs, s3=lake.s3, layout=lake.layout, job=self.config.lake.glue_job, kms_key=lake.kms_key,
            log=self.log, now=self.now,
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
            if self.lake.s3.find_head(export.bucket, key) is None and export.arn not in whole:
                done = self._find_manifest(day)
                whole.update(self._arns(done, whole=True) if done is not None else ())
                return export.arn in whole
            return True

        return usable

    def _arns(self, done: Manifest, *, whole: bool) -> frozenset[str]:
        """The exports that the date's files were made from; `whole`: of tables whose files are all there."""
        there = intact.whole_tables(self.lake.s3, done) if whole else {table.location for table in done.tables}
        names = {table.target.table for table in done.tables if table.location in there}
        return frozenset(arn for part in done.export.parts if part.table in names for arn in part.arns)


def run_of(
    config: LakeConfig,
    source: SourceSettings,
    *,
    rds: RdsGateway,
    dynamodb: DynamoGateway,
    lake: Lake,
    log: Callable[[str], None],
    announce: Callable[[date], None] | None = None,
) -> SourceRun:
    """The stages of a source of any kind."""
    if source.kind == DYNAMODB:
        return DynamoRun(
            config=config, source=source, rds=rds, lake=lake, log=log, announce=announce, dynamodb=dynamodb
        )
    return SourceRun(config=config, source=source, rds=rds, lake=lake, log=log, announce=announce)
