"""A date's exports of a DynamoDB source: start or adopt them, look at them, see them to their end.

All tables are exported as of the same instant. DynamoDB charges for every export, so one of the table and instant is looked
for before one is started: running is adopted, complete is reused, only a failed one is started again, and that by a person's
run alone. Which exports make up the date is recorded (`model/dynamo_set.py`), so that a look costs a call per running export.

What belongs here: that decision and the waiting. What the exports contain: `dynamo_inspect.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from rds_lake.aws.dynamodb import DynamoGateway
from rds_lake.aws.s3 import S3Gateway
from rds_lake.errors import (
    ExportFailedError,
    ExportQuotaError,
    ExportTimeoutError,
    ProblemsError,
    SnapshotNotFoundError,
    TransientError,
)
from rds_lake.model.dynamo import DynamoTable, Recovery, TableExport, client_token, started_after
from rds_lake.model.dynamo_set import BegunSet, ExportSet, failure_text, parse_begun, render_begun
from rds_lake.model.export import ExportStatus
from rds_lake.model.layout import LakeLayout
from rds_lake.stages.dynamo_plan import DynamoPlan
from rds_lake.stages.export import Waiting

Usable = Callable[[TableExport], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoExports:
    """The exports of one source's dates. `_ended`: what DynamoDB said of ended exports, which change no more."""

    dynamo: DynamoGateway
    s3: S3Gateway
    layout: LakeLayout
    plan: DynamoPlan
    log: Callable[[str], None]
    _ended: dict[str, TableExport] = field(default_factory=dict, init=False, repr=False)

    def look(self, day: date) -> ExportSet | None:
        """The date's exports as they are now, or None when none was begun."""
        begun = self.find_begun(day)
        if begun is None:
            return None
        exports = {name: self._find(arn) if arn else None for name, arn in begun.tables.items()}
        return ExportSet(source=self.plan.source, snapshot_date=day, moment=begun.moment, exports=exports)

    def begin(self, day: date, *, now: datetime, usable: Usable, repeat_ended: bool = True) -> ExportSet:
        """The date's exports: adopted when they run or are complete and still `usable`; else started.

        `repeat_ended=False` starts no second export of a table whatever became of the first. Raises
        SnapshotNotFoundError listing every table that cannot be exported as of the instant, and ExportQuotaError when AWS
        has no place for all of them, or cannot export so recent an instant yet; what was started then is recorded.
        """
        begun = self.find_begun(day)
        moment = begun.moment if begun else self.plan.moment(day)
        if moment > now:
            raise SnapshotNotFoundError(
                f"{self.plan.source} is exported as of {moment:%Y-%m-%d %H:%M} UTC, which is yet to come"
            )
        recorded = dict(begun.tables) if begun else {}
        work = _Beginning(exports=self, day=day, moment=moment, usable=usable, repeat_ended=repeat_ended)
        return work.begin({name: self._find(arn) for name, arn in recorded.items() if arn})

    def run(self, day: date, *, now: Callable[[], datetime], usable: Usable, waiting: Waiting) -> ExportSet:
        """Start or adopt the exports and wait for their end; complete ones are returned, everything else raises."""
        deadline = waiting.clock() + waiting.timeout_seconds
        found = self._begin_when_possible(day, now, usable, waiting, deadline)
        last = ""
        while found.status.running:
            running = [export.table for export in found.started if export.status.running]
            ended = len(found.started) - len(running)
            line = f"{ended} of {len(found.exports)} tables exported as of {found.moment:%Y-%m-%d %H:%M} UTC"
            if line != last:
                waiting.log(line)
                last = line
            if waiting.clock() > deadline:
                raise ExportTimeoutError(
                    f"the exports of {', '.join(running)} still run after {waiting.timeout_seconds / 3600:.1f} h. They go on in "
                    "AWS: materialize the date again to adopt them, or raise `export_timeout_hours`"
                )
            waiting.sleep(waiting.poll_seconds)
            found = self._look_again(found, waiting)
        return complete_or_raise(found)

    def settle(self, day: date) -> ExportSet:
        """The date's ended exports, without waiting; raises unless all are complete."""
        found = self.look(day)
        if found is None:
            raise ExportFailedError(f"no export of {self.plan.source} {day} was begun; materialize `snapshot_export`")
        if found.status.running:
            waits = ", ".join([*found.missing, *(e.table for e in found.started if e.status.running)])
            raise ExportTimeoutError(
                f"exports of {waits} have not ended yet; the reconciliation sensor brings the next run"
            )
        return complete_or_raise(found)

    def _begin_when_possible(
        self, day: date, now: Callable[[], datetime], usable: Usable, waiting: Waiting, deadline: float
    ) -> ExportSet:
        while True:
            try:
                return self.begin(day, now=now(), usable=usable)
            except ExportQuotaError as error:
                if waiting.clock() > deadline:
                    raise
                waiting.log(f"waiting: {error}")
                waiting.sleep(waiting.poll_seconds)

    def _look_again(self, found: ExportSet, waiting: Waiting) -> ExportSet:
        """The exports as they are now; a throttled look is no reason to give up hours of waiting."""
        try:
            return self.look(found.snapshot_date) or found
        except TransientError as error:
            waiting.log(f"AWS did not answer, asking again: {error}")
            return found

    def _find(self, arn: str) -> TableExport | None:
        if arn in self._ended:
            return self._ended[arn]
        export = self.dynamo.find_export(arn)
        if export is not None and not export.status.running:
            self._ended[arn] = export
        return export

    def present_tables(self, *, skip: Collection[str] = ()) -> dict[str, DynamoTable]:
        """The source's tables as they are now, by name; SnapshotNotFoundError lists those that are named and missing."""
        listed = self.dynamo.list_tables() if self.plan.has_patterns else []
        names = [name for name in self.plan.matching([*listed, *self.plan.named]) if name not in skip]
        tables = {name: self.dynamo.find_table(name) for name in names}
        missing = [name for name, table in tables.items() if table is None and name in self.plan.named]
        if missing:
            problems = [
                f"{name}: correct its name in lake.yaml, or remove it there when it was deleted" for name in missing
            ]
            headline = f"source {self.plan.source} has tables that are not in this account and Region:"
            raise SnapshotNotFoundError(str(ProblemsError(headline, problems)))
        return {name: table for name, table in tables.items() if table is not None}

    def find_begun(self, day: date) -> BegunSet | None:
        """Which exports the date was begun with."""
        key = self.layout.begun_set_key(self.plan.source, day)
        text = self.s3.find_text(self.layout.bucket, key)
        return None if text is None else parse_begun(text, where=self.layout.uri(key))

    def record_begun(self, day: date, begun: BegunSet) -> None:
        """Remember which exports the date is made of."""
        key = self.layout.begun_set_key(self.plan.source, day)
        self.s3.put_text(self.layout.bucket, key, render_begun(begun), kms_key=self.plan.kms_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beginning:
    """One attempt to have all exports of a date."""

    exports: DynamoExports
    day: date
    moment: datetime
    usable: Usable
    repeat_ended: bool

    @property
    def _plan(self) -> DynamoPlan:
        return self.exports.plan

    def begin(self, recorded: Mapping[str, TableExport | None]) -> ExportSet:
        found = {name: export for name, export in recorded.items() if export is not None and self._stays(export)}
        found = {name: found[name] for name in self._plan.matching(found)}
        tables, left_out = self._tables_to_look_up(found)
        wanted: dict[str, TableExport | None] = dict(found) | dict.fromkeys(table.name for table in tables)
        attempts: dict[str, int] = {}
        for table in tables:
            earlier = self._earlier(table)
            attempts[table.name] = 1 + sum(export.prefix == self._plan.set_prefix(self.day) for export in earlier)
            wanted[table.name] = next((export for export in reversed(earlier) if self._stays(export)), None)
        todo = [table for table in tables if wanted[table.name] is None]
        self._require_recovery(todo)
        try:
            for table in todo:
                wanted[table.name] = self._start(table, attempts[table.name])
        finally:
            arns = {name: export.arn if export else None for name, export in sorted(wanted.items())}
            self.exports.record_begun(self.day, BegunSet(moment=self.moment, tables=arns))
        return ExportSet(
            source=self._plan.source, snapshot_date=self.day, moment=self.moment, exports=wanted, left_out=left_out
        )

    def _stays(self, export: TableExport) -> bool:
        """Whether nothing is to be started for its table."""
        if export.status is ExportStatus.FAILED:
            return not self.repeat_ended
        return export.status.running or self.usable(export)

    def _tables_to_look_up(self, found: Mapping[str, TableExport]) -> tuple[list[DynamoTable], tuple[str, ...]]:
        """Tables of the source that have no export yet, and the names of those that did not exist at the instant."""
        known = list(self.exports.present_tables(skip=found).values())
        later = tuple(table.name for table in known if table.created_at > self.moment)
        for name in later:
            self.exports.log(f"{name} was created after {self.moment:%Y-%m-%d %H:%M} UTC and is no part of {self.day}")
        if not found and len(later) == len(known):
            raise SnapshotNotFoundError(
                f"source {self._plan.source} had no table at {self.moment:%Y-%m-%d %H:%M} UTC: "
                + (
                    f"{', '.join(later)} were created later"
                    if later
                    else f"none matches {', '.join(self._plan.tables)}"
                )
            )
        return [table for table in known if table.name not in later], later

    def _earlier(self, table: DynamoTable) -> list[TableExport]:
        """The table's full exports as of the instant to our bucket, oldest first, whoever started them."""
        arns = [arn for arn in self.exports.dynamo.list_export_arns(table.arn) if started_after(arn, self.moment)]
        exports = [export for arn in sorted(arns) if (export := self.exports._find(arn)) is not None]
        for export in exports:
            if export.format != "DYNAMODB_JSON" and self._is_of_the_instant(export):
                self.exports.log(
                    f"{table.name}: the export {export.arn} of the same instant is in {export.format}, which rds-lake does not read "
                    "(docs/dynamodb.md says why); one as DYNAMODB_JSON is started beside it, which DynamoDB charges again"
                )
        return [export for export in exports if self._is_ours(export)]

    def _is_ours(self, export: TableExport) -> bool:
        same_kind = (export.kind, export.format) == ("FULL_EXPORT", "DYNAMODB_JSON")
        return self._is_of_the_instant(export) and same_kind and export.bucket == self._plan.bucket

    def _is_of_the_instant(self, export: TableExport) -> bool:
        return export.export_time is not None and abs((export.export_time - self.moment).total_seconds()) < 1

    def _require_recovery(self, tables: Sequence[DynamoTable]) -> None:
        """Every table can be exported as of the instant, else one error for all; a transient one where it only is too soon."""
        recoveries = {table.name: self.exports.dynamo.recovery(table.name) for table in tables}
        problems = [problem for name, found in recoveries.items() if (problem := self._problem(name, found))]
        if problems:
            raise SnapshotNotFoundError(
                str(
                    ProblemsError(
                        f"source {self._plan.source} cannot be exported as of {self.moment:%Y-%m-%d %H:%M} UTC; nothing was started:",
                        problems,
                    )
                )
            )
        soon = {name: found.latest for name, found in recoveries.items() if found.latest and found.latest < self.moment}
        if soon:
            reached = min(soon.values())
            raise ExportQuotaError(
                f"{', '.join(soon)} can be exported as of {reached:%Y-%m-%d %H:%M:%S} UTC at the latest so far (DynamoDB is some "
                f"minutes behind), and {self.day} is as of {self.moment:%H:%M}"
            )

    def _problem(self, name: str, recovery: Recovery) -> str | None:
        if recovery.earliest is None:
            return (
                f"{name}: point-in-time recovery is off. Turn it on (`aws dynamodb update-continuous-backups --table-name {name} "
                "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true`), or use `method: scan`"
            )
        if recovery.earliest > self.moment:
            return (
                f"{name}: its point-in-time recovery reaches back to {recovery.earliest:%Y-%m-%d %H:%M:%S} UTC only: it was "
                "turned on then, or the date is older than its window of at most 35 days"
            )
        return None

    def _start(self, table: DynamoTable, attempt: int) -> TableExport:
        prefix = self._plan.set_prefix(self.day)
        token = client_token(
            table_arn=table.arn, moment=self.moment, bucket=self._plan.bucket, prefix=prefix, attempt=attempt
        )
        return self.exports.dynamo.start_export(
            table_arn=table.arn,
            moment=self.moment,
            bucket=self._plan.bucket,
            prefix=prefix,
            kms_key=self._plan.kms_key,
            bucket_owner=self._plan.bucket_owner,
            token=token,
        )


def complete_or_raise(found: ExportSet) -> ExportSet:
    """The exports when all are complete; ExportFailedError with DynamoDB's words otherwise."""
    if found.status is ExportStatus.COMPLETE:
        return found
    raise ExportFailedError(
        f"exports of {found.source} {found.snapshot_date} failed: {failure_text(found.failed)}. Remove the cause, then "
        "materialize the date again: only these tables are exported again, as of the same instant. No view was moved"
    )
