"""A date's exports of a DynamoDB source: start or adopt them, look at them, see them to their end.

All tables are exported as of the same instant. DynamoDB charges for every export, so one of the table and instant is looked
for before one is started: running is adopted, complete is reused, only a failed one is started again, and that by a person's
run alone. Which exports make up the date is recorded (`model/dynamodb/export_set.py`), so that a look costs a call per running export.

What belongs here: that decision and the waiting. What the exports contain: `inspect.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from rds_lake.aws.dynamodb import DynamoGateway
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import (
    ExportFailedError,
    ExportQuotaError,
    ExportTimeoutError,
    ProblemsError,
    SnapshotNotFoundError,
    TransientError,
)
from rds_lake.model.dynamodb.export_set import (
    BegunSet,
    ChainExports,
    ExportSet,
    failure_text,
    merge_begun,
    parse_begun,
    render_begun,
)
from rds_lake.model.dynamodb.tables import DynamoTable, TableExport
from rds_lake.model.exports.task import ExportStatus
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.stages.databases.export import Waiting
from rds_lake.stages.dynamodb.exporting.begin import Beginning
from rds_lake.stages.dynamodb.exporting.increments import Increments
from rds_lake.stages.dynamodb.plan import DynamoPlan
from rds_lake.stages.lake.shared_state import change_text

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
        exports = {name: self.find(arn) for name, arn in begun.tables.items()}
        chains = {
            name: ChainExports(
                base=chain.base,
                windows=chain.windows,
                exports=tuple(map(self.find, chain.exports)),
            )
            for name, chain in begun.chains.items()
        }
        return ExportSet(
            source=self.plan.source,
            snapshot_date=day,
            moment=begun.moment,
            exports=exports,
            chains=chains,
            full_because=begun.full_because,
        )

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
        increments = Increments(s3=self.s3, layout=self.layout, source=self.plan.source)
        work = Beginning(
            exports=self, day=day, moment=moment, usable=usable, repeat_ended=repeat_ended, increments=increments
        )
        return work.begin(begun)

    def begin_full(self, day: date, because: Mapping[str, str], *, now: datetime, usable: Usable) -> ExportSet:
        """Full exports of these tables in place of their changes, which could not be brought to the earlier date."""
        begun = self.find_begun(day)
        known = begun or BegunSet(moment=self.plan.moment(day), tables={})
        fresh = {name: why for name, why in because.items() if name not in known.tables}
        for name, why in fresh.items():
            self.log(f"{name}: a full export, as {why}")
        given_up = replace(
            known,
            tables={**known.tables, **dict.fromkeys(fresh)},
            chains={name: chain for name, chain in known.chains.items() if name not in fresh},
            full_because={**known.full_because, **fresh},
        )
        self.record_begun(day, given_up, read=begun)
        return self.begin(day, now=now, usable=usable, repeat_ended=False)

    def run(self, day: date, *, now: Callable[[], datetime], usable: Usable, waiting: Waiting) -> ExportSet:
        """Start or adopt the exports and wait for their end; complete ones are returned, everything else raises."""
        deadline = waiting.clock() + waiting.timeout_seconds
        found = self._begin_when_possible(day, now, usable, waiting, deadline)
        last = ""
        while found.status.running:
            running = [export.table for export in found.started if export.status.running]
            ended = len(found.started) - len(running)
            line = f"{ended} of {len(found.wanted)} exports ended, as of {found.moment:%Y-%m-%d %H:%M} UTC"
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

    def find(self, arn: str | None) -> TableExport | None:
        """The export as it is now, or None where DynamoDB knows none of this ARN, or none was started."""
        if arn is None:
            return None
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

    def record_begun(self, day: date, begun: BegunSet, *, read: BegunSet | None) -> BegunSet:
        """Remember which exports the date is made of; what is remembered, with what others recorded since it was `read`."""
        key = self.layout.begun_set_key(self.plan.source, day)
        whole = begun

        def change(text: str | None) -> str:
            nonlocal whole
            there = None if text is None else parse_begun(text, where=self.layout.uri(key))
            whole = begun if there is None else merge_begun(begun, there, read=read)
            return render_begun(whole)

        change_text(self.s3, self.layout.bucket, key, change, kms_key=self.plan.kms_key)
        return whole


def complete_or_raise(found: ExportSet) -> ExportSet:
    """The exports when all are complete; ExportFailedError with DynamoDB's words otherwise."""
    if found.status is ExportStatus.COMPLETE:
        return found
    raise ExportFailedError(
        f"exports of {found.source} {found.snapshot_date} failed: {failure_text(found.failed)}. Remove the cause, then "
        "materialize the date again: only these tables are exported again, as of the same instant. No view was moved"
    )
