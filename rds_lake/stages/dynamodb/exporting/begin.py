"""Begin a date of a DynamoDB source: per table adopt what runs or is complete, decide for full or incremental, start the rest.

All tables are exported as of the same instant. DynamoDB charges for every export, so one of the table and instant is looked
for before one is started: running is adopted, complete is reused, only a failed one is started again, and that by a person's
run alone. Everything decided is recorded as soon as it is known, and stays: a table whose chain was begun keeps it as long as the date
that it starts from is there as it was.

What belongs here: one attempt to have all exports of a date. Looking at them is `exports.py`, waiting `awaiting.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from rds_lake.aws.dynamodb import OLD_AND_NEW
from rds_lake.errors import AwsError, FullExportDueError, SnapshotNotFoundError
from rds_lake.model.dynamodb.chain import Chain, Window
from rds_lake.model.dynamodb.export_set import BegunSet, ChainExports, ExportSet
from rds_lake.model.dynamodb.tables import (
    DynamoTable,
    Recovery,
    TableExport,
    client_token,
    source_and_date,
    started_after,
)
from rds_lake.model.exports.task import ExportStatus
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.dynamodb.exporting.increments import Increments
from rds_lake.stages.dynamodb.exporting.recovery import require_recovery
from rds_lake.stages.dynamodb.plan import DynamoPlan

Usable = Callable[[TableExport], bool]

_FORMAT = "DYNAMODB_JSON"
_BROKEN_CHAIN = ("InvalidExportTimeException", "PointInTimeRecoveryUnavailableException")


@dataclass(slots=True, kw_only=True)
class _Wanted:
    """What the date is made of so far."""

    full: dict[str, TableExport | None] = field(default_factory=dict)
    chains: dict[str, ChainExports] = field(default_factory=dict)
    full_because: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """One attempt to have all exports of a date. `earlier` are the exports DynamoDB lists, by table."""

    exports: DynamoExports
    day: date
    moment: datetime
    usable: Usable
    repeat_ended: bool
    increments: Increments
    wanted: _Wanted = field(default_factory=_Wanted)
    earlier: dict[str, list[TableExport]] = field(default_factory=dict)

    @property
    def _plan(self) -> DynamoPlan:
        return self.exports.plan

    def begin(self, begun: BegunSet | None) -> ExportSet:
        """The date's exports; see `begin_exports`."""
        wanted = self.wanted
        if begun is not None:
            self._keep_full(begun)
            self._keep_chains(begun)
        whole = {name for name, chain in wanted.chains.items() if None not in chain.exports}
        tables, left_out = self._tables_to_look_up({*wanted.full, *whole})
        for table in tables:
            self.earlier[table.name] = self._earlier(table)
        todo = [table for table in tables if not self._adopt_full(table)]
        recoveries = require_recovery(self.exports, todo, day=self.day, moment=self.moment)
        self._decide(begun, [table for table in todo if table.name not in wanted.chains], recoveries)
        try:
            for table in todo:
                self._start(table)
        finally:
            others_too = self._record(read=begun)
        if others_too and (found := self.exports.look(self.day)) is not None:
            return replace(found, left_out=left_out)
        return ExportSet(
            source=self._plan.source,
            snapshot_date=self.day,
            moment=self.moment,
            exports=dict(sorted(wanted.full.items())),
            left_out=left_out,
            chains=dict(sorted(wanted.chains.items())),
            full_because=dict(wanted.full_because),
        )

    def _record(self, *, read: BegunSet | None) -> bool:
        """Remember what is wanted; whether another run wants something else as well."""
        wanted = self.wanted
        arns = {name: export.arn if export else None for name, export in sorted(wanted.full.items())}
        chains = {name: chain.recorded for name, chain in sorted(wanted.chains.items())}
        because = {name: why for name, why in sorted(wanted.full_because.items()) if name in arns}
        begun = BegunSet(moment=self.moment, tables=arns, chains=chains, full_because=because)
        return self.exports.record_begun(self.day, begun, read=read) != begun

    def _keep_full(self, begun: BegunSet) -> None:
        for name in self._plan.matching(begun.tables):
            export = self.exports.find(begun.tables[name])
            if export is not None and self._stays(export):
                self.wanted.full[name] = export
        self.wanted.full_because |= begun.full_because

    def _keep_chains(self, begun: BegunSet) -> None:
        """Chains that were begun, with those of their exports that stay; not one whose earlier date is not as it was."""
        for name in self._plan.matching(begun.chains):
            chain = begun.chains[name]
            found = map(self.exports.find, chain.exports)
            steps = tuple(export if export is not None and self._stays(export) else None for export in found)
            made = None not in steps and self.increments.is_made(self.day, [arn for arn in chain.exports if arn])
            try:
                if not made:
                    self.increments.base_table(chain.base, name)
            except FullExportDueError as error:
                self.exports.log(f"{name}: the exports of its changes are of no use any more: {error}")
            else:
                self.wanted.chains[name] = ChainExports(base=chain.base, windows=chain.windows, exports=steps)

    def _stays(self, export: TableExport) -> bool:
        """Whether nothing is to be started for its table."""
        if export.status is ExportStatus.FAILED:
            return not self.repeat_ended
        return export.status.running or self.usable(export)

    def _tables_to_look_up(self, found: Collection[str]) -> tuple[list[DynamoTable], tuple[str, ...]]:
        """Tables of the source that lack an export, and the names of those that did not exist at the instant."""
        known = list(self.exports.present_tables(skip=found).values())
        later = tuple(table.name for table in known if table.created_at > self.moment)
        for name in later:
            self.exports.log(f"{name} was created after {self.moment:%Y-%m-%d %H:%M} UTC and is no part of {self.day}")
            self.wanted.chains.pop(name, None)
        if not found and len(later) == len(known):
            raise SnapshotNotFoundError(
                f"source {self._plan.source} had no table at {self.moment:%Y-%m-%d %H:%M} UTC: "
                + (
                    f"{', '.join(later)} were created later"
                    if later
                    else f"none matches {', '.join(self._plan.tables)}"
                )
            )
        for name in set(self.wanted.chains) - {table.name for table in known} - set(found):
            del self.wanted.chains[name]  # the table is gone, and not all of its changes are exported
        return [table for table in known if table.name not in later], later

    def _earlier(self, table: DynamoTable) -> list[TableExport]:
        """The table's exports to our bucket since the instant, oldest first, whoever started them."""
        listed = self.exports.dynamo.list_export_arns(table.arn)
        arns = sorted(arn for arn in listed if started_after(arn, self.moment))
        exports = [export for arn in arns if (export := self.exports.find(arn)) is not None]
        for export in exports:
            if export.format != _FORMAT and export.export_time and _same(export.export_time, self.moment):
                self.exports.log(
                    f"{table.name}: the export {export.arn} of the same instant is in {export.format}, which rds-lake does not read "
                    "(docs/dynamodb.md says why); one as DYNAMODB_JSON is started beside it, which DynamoDB charges again"
                )
        return [one for one in exports if one.bucket == self._plan.bucket and one.format == _FORMAT]

    def _adopt_full(self, table: DynamoTable) -> bool:
        """Whether a full export of the instant is there; it is the date's then, whatever was decided."""
        found = [export for export in self._full(table) if self._stays(export)]
        if found:
            self.wanted.full[table.name] = found[-1]
            self.wanted.chains.pop(table.name, None)
            if self._plan.incremental:
                self.wanted.full_because.setdefault(table.name, "a full export of the same instant was there")
        return bool(found)

    def _full(self, table: DynamoTable) -> list[TableExport]:
        full = [export for export in self.earlier[table.name] if export.kind == "FULL_EXPORT"]
        return [export for export in full if export.export_time and _same(export.export_time, self.moment)]

    def _of_window(self, table: DynamoTable, window: Window) -> list[TableExport]:
        """Exports of the window that last as long as we need them: another date's are deleted with that date's."""
        mine = self._plan.set_prefix(self.day)
        return [
            export
            for export in self.earlier[table.name]
            if export.window is not None
            and _same(export.window.start, window.start)
            and _same(export.window.end, window.end)
            and (export.view, export.table_id) == (OLD_AND_NEW, table.table_id)
            and (export.prefix == mine or source_and_date(export.prefix.rpartition("/")[2]) is None)
        ]

    def _decide(self, begun: BegunSet | None, tables: Sequence[DynamoTable], found: Mapping[str, Recovery]) -> None:
        """Chains for tables that have none; what was decided for a full export stays so."""
        wanted = self.wanted
        open_ = [table for table in tables if self._plan.incremental and not (begun and table.name in begun.tables)]
        chains, because = self.increments.decide(self.day, self.moment, open_, found)
        for name, chain in chains.items():
            wanted.chains[name] = _not_started(chain)
            self.exports.log(f"{name}: {len(chain.windows)} exports of what changed since {chain.base.day}")
        for name, why in because.items():
            wanted.full_because[name] = why
            self.exports.log(f"{name}: a full export, as {why}")
        wanted.full |= {table.name: None for table in tables if table.name not in chains}

    def _start(self, table: DynamoTable) -> None:
        """Start what the table lacks. DynamoDB's refusal of a window breaks the chain: recovery was off in between."""
        name = table.name
        if name in self.wanted.chains:
            try:
                self._start_steps(table)
                return
            except AwsError as error:
                if error.code not in _BROKEN_CHAIN:
                    raise
                del self.wanted.chains[name]
                self.wanted.full[name] = None
                self.wanted.full_because[name] = f"DynamoDB refused the export of its changes: {error}"
                self.exports.log(f"{name}: a full export, as {self.wanted.full_because[name]}")
        self.wanted.full[name] = self._start_one(table, None, attempt=1 + self._attempts(self._full(table)))

    def _start_steps(self, table: DynamoTable) -> None:
        windows = self.wanted.chains[table.name].windows
        for number, window in enumerate(windows):
            chain = self.wanted.chains[table.name]
            if chain.exports[number] is not None:
                continue
            found = self._of_window(table, window)
            export = next((one for one in reversed(found) if self._stays(one)), None)
            if export is None:
                export = self._start_one(table, window, attempt=1 + self._attempts(found))
            steps = (*chain.exports[:number], export, *chain.exports[number + 1 :])
            self.wanted.chains[table.name] = replace(chain, exports=steps)

    def _attempts(self, exports: Sequence[TableExport]) -> int:
        return sum(export.prefix == self._plan.set_prefix(self.day) for export in exports)

    def _start_one(self, table: DynamoTable, window: Window | None, *, attempt: int) -> TableExport:
        prefix, moment = self._plan.set_prefix(self.day), window.end if window else self.moment
        since = window.start if window else None
        token = client_token(
            table_arn=table.arn, moment=moment, bucket=self._plan.bucket, prefix=prefix, attempt=attempt, since=since
        )
        return self.exports.dynamo.start_export(
            table_arn=table.arn,
            moment=moment,
            since=since,
            bucket=self._plan.bucket,
            prefix=prefix,
            kms_key=self._plan.kms_key,
            bucket_owner=self._plan.bucket_owner,
            token=token,
        )


def begin_exports(
    exports: DynamoExports, day: date, *, now: datetime, usable: Usable, repeat_ended: bool = True
) -> ExportSet:
    """The date's exports: adopted when they run or are complete and still `usable`; else started.

    `repeat_ended=False` starts no second export of a table whatever became of the first. Raises
    SnapshotNotFoundError listing every table that cannot be exported as of the instant, and ExportQuotaError when AWS
    has no place for all of them, or cannot export so recent an instant yet; what was started then is recorded.
    """
    begun = exports.find_begun(day)
    moment = begun.moment if begun else exports.plan.moment(day)
    if moment > now:
        raise SnapshotNotFoundError(
            f"{exports.plan.source} is exported as of {moment:%Y-%m-%d %H:%M} UTC, which is yet to come"
        )
    increments = Increments(s3=exports.s3, layout=exports.layout, source=exports.plan.source)
    work = Beginning(
        exports=exports, day=day, moment=moment, usable=usable, repeat_ended=repeat_ended, increments=increments
    )
    return work.begin(begun)


def begin_full_exports(
    exports: DynamoExports, day: date, because: Mapping[str, str], *, now: datetime, usable: Usable
) -> ExportSet:
    """Full exports of these tables in place of their changes, which could not be brought to the earlier date."""
    begun = exports.find_begun(day)
    known = begun or BegunSet(moment=exports.plan.moment(day), tables={})
    fresh = {name: why for name, why in because.items() if name not in known.tables}
    for name, why in fresh.items():
        exports.log(f"{name}: a full export, as {why}")
    given_up = replace(
        known,
        tables={**known.tables, **dict.fromkeys(fresh)},
        chains={name: chain for name, chain in known.chains.items() if name not in fresh},
        full_because={**known.full_because, **fresh},
    )
    exports.record_begun(day, given_up, read=begun)
    return begin_exports(exports, day, now=now, usable=usable, repeat_ended=False)


def _same(one: datetime, other: datetime) -> bool:
    return abs((one - other).total_seconds()) < 1


def _not_started(chain: Chain) -> ChainExports:
    return ChainExports(base=chain.base, windows=chain.windows, exports=(None,) * len(chain.windows))
