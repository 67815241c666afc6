"""Begins a date of a DynamoDB source: for each table, adopts an existing export, or starts a full or incremental one.

All tables are exported as of the same instant. DynamoDB charges for every export, so each is looked for before it is started:
a running one is adopted, a complete one is reused, and after a failed one another is started only in a run that a person
launched. The decision is recorded at once and kept: a table that is exported incrementally stays so, unless the earlier date
that its changes start from is replaced or damaged.

    begin_exports        the date's exports, as far as DynamoDB has places for them
    begin_full_exports   the same, after changes of some tables turned out to be of no use
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from rds_lake.errors import AwsError, FullExportDueError, SnapshotNotFoundError
from rds_lake.model.dynamodb.chain import Chain, Window
from rds_lake.model.dynamodb.export_set import BegunSet, ChainExports, ExportSet
from rds_lake.model.dynamodb.tables import DynamoTable, Recovery, TableExport, client_token
from rds_lake.model.exports.task import ExportStatus
from rds_lake.model.words import counted
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.dynamodb.exporting.increments import Increments
from rds_lake.stages.dynamodb.exporting.listed import ListedExports, list_exports
from rds_lake.stages.dynamodb.exporting.recovery import require_recovery
from rds_lake.stages.dynamodb.plan import DynamoPlan

Usable = Callable[[TableExport], bool]  # whether files of a complete export still exist

# DynamoDB's answer if recovery was off during the window:
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExportTableToPointInTime.html
_BROKEN_CHAIN = ("InvalidExportTimeException", "PointInTimeRecoveryUnavailableException")


@dataclass(slots=True, kw_only=True)
class _Wanted:
    """The date's exports so far, by table: full exports and chains of incremental ones. None: not started yet."""

    full: dict[str, TableExport | None] = field(default_factory=dict)
    chains: dict[str, ChainExports] = field(default_factory=dict)
    full_because: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """One attempt to begin all exports of a date.

    `repeat_ended`: whether an export that failed is started again. `listed`: what DynamoDB lists, by table.
    """

    exports: DynamoExports
    day: date
    moment: datetime
    usable: Usable
    repeat_ended: bool
    increments: Increments
    wanted: _Wanted = field(default_factory=_Wanted)
    listed: dict[str, ListedExports] = field(default_factory=dict)

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
            self.listed[table.name] = list_exports(self.exports, table, day=self.day, moment=self.moment)
        todo = [table for table in tables if not self._adopt_full(table)]
        recoveries = require_recovery(self.exports, todo, day=self.day, moment=self.moment)
        self._decide(begun, [table for table in todo if table.name not in wanted.chains], recoveries)
        try:
            for table in todo:
                self._start(table)
        finally:
            is_shared = self._record(read=begun)
        if is_shared and (recorded := self.exports.look(self.day)) is not None:
            return replace(recorded, left_out=left_out)
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
        """Records the wanted exports. Returns whether another run changed the record since it was `read`; both are merged then."""
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
        """Returns the begun chains with their usable exports. A chain whose earlier date has changed is dropped."""
        for name in self._plan.matching(begun.chains):
            chain = begun.chains[name]
            exports = map(self.exports.find, chain.exports)
            steps = tuple(export if export is not None and self._stays(export) else None for export in exports)
            made = None not in steps and self.increments.is_made(self.day, [arn for arn in chain.exports if arn])
            try:
                if not made:
                    self.increments.base_table(chain.base, name)
            except FullExportDueError as error:
                self.exports.log(f"{name}: the exports of its changes can no longer be used: {error}")
            else:
                self.wanted.chains[name] = ChainExports(base=chain.base, windows=chain.windows, exports=steps)

    def _stays(self, export: TableExport) -> bool:
        """Whether the export is kept, so that no other is started."""
        if export.status is ExportStatus.FAILED:
            return not self.repeat_ended
        return export.status.running or self.usable(export)

    def _tables_to_look_up(self, have: Collection[str]) -> tuple[list[DynamoTable], tuple[str, ...]]:
        """The source's tables beside those that `have` their exports, and the names of those created after the instant."""
        known = list(self.exports.present_tables(skip=have).values())
        later = tuple(table.name for table in known if table.created_at > self.moment)
        for name in later:
            self.exports.log(
                f"{name} was created after {self.moment:%Y-%m-%d %H:%M} UTC, so it is not part of {self.day}"
            )
            self.wanted.chains.pop(name, None)
        if not have and len(later) == len(known):
            raise SnapshotNotFoundError(
                f"source {self._plan.source} had no table at {self.moment:%Y-%m-%d %H:%M} UTC: "
                + (
                    f"{', '.join(later)} were created later"
                    if later
                    else f"none matches {', '.join(self._plan.tables)}"
                )
            )
        for name in set(self.wanted.chains) - {table.name for table in known} - set(have):
            del self.wanted.chains[name]  # the table was deleted, and not all of its changes are exported
        return [table for table in known if table.name not in later], later

    def _adopt_full(self, table: DynamoTable) -> bool:
        """Adopts a full export of the instant, even if an incremental one was chosen before; returns whether there is one."""
        kept = [export for export in self.listed[table.name].full() if self._stays(export)]
        if kept:
            self.wanted.full[table.name] = kept[-1]
            self.wanted.chains.pop(table.name, None)
            if self._plan.incremental:
                self.wanted.full_because.setdefault(table.name, "a full export of the same instant existed")
        return bool(kept)

    def _decide(
        self, begun: BegunSet | None, tables: Sequence[DynamoTable], recoveries: Mapping[str, Recovery]
    ) -> None:
        """Chooses a chain or a full export for each table. An earlier choice of a full export is kept."""
        wanted = self.wanted
        undecided = [table for table in tables if self._plan.incremental and not (begun and table.name in begun.tables)]
        chains, because = self.increments.decide(self.day, self.moment, undecided, recoveries)
        for name, chain in chains.items():
            wanted.chains[name] = _not_started(chain)
            self.exports.log(f"{name}: {counted(len(chain.windows), 'export')} of changes since {chain.base.day}")
        for name, why in because.items():
            wanted.full_because[name] = why
            self.exports.log(f"{name}: a full export, as {why}")
        wanted.full |= {table.name: None for table in tables if table.name not in chains}

    def _start(self, table: DynamoTable) -> None:
        """Starts the table's missing exports. If DynamoDB refuses a window, as recovery was off meanwhile, starts a full export."""
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
        listed = self.listed[name]
        self.wanted.full[name] = self._start_one(table, None, attempt=listed.next_attempt(listed.full()))

    def _start_steps(self, table: DynamoTable) -> None:
        """Adopts or starts the export of each window that has none. Each is recorded at once, in case the next one is refused."""
        listed, windows = self.listed[table.name], self.wanted.chains[table.name].windows
        for number, window in enumerate(windows):
            chain = self.wanted.chains[table.name]
            if chain.exports[number] is not None:
                continue
            earlier = listed.of_window(window)
            export = next((export for export in reversed(earlier) if self._stays(export)), None)
            if export is None:
                export = self._start_one(table, window, attempt=listed.next_attempt(earlier))
            steps = (*chain.exports[:number], export, *chain.exports[number + 1 :])
            self.wanted.chains[table.name] = replace(chain, exports=steps)

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
    """Returns the date's exports: adopted if they run, or are complete and still `usable`; otherwise started.

    With `repeat_ended=False` an export that failed is not started again. Raises SnapshotNotFoundError, which lists every table
    that cannot be exported as of the instant, and ExportQuotaError if DynamoDB has no place for all of them or cannot export
    so recent an instant yet. Exports started before an error are recorded.
    """
    begun = exports.find_begun(day)
    moment = begun.moment if begun else exports.plan.moment(day)
    if moment > now:
        raise SnapshotNotFoundError(
            f"{exports.plan.source} is exported as of {moment:%Y-%m-%d %H:%M} UTC, which is in the future; repeat it then"
        )
    increments = Increments(s3=exports.s3, layout=exports.layout, source=exports.plan.source)
    work = Beginning(
        exports=exports, day=day, moment=moment, usable=usable, repeat_ended=repeat_ended, increments=increments
    )
    return work.begin(begun)


def begin_full_exports(
    exports: DynamoExports, day: date, because: Mapping[str, str], *, now: datetime, usable: Usable
) -> ExportSet:
    """Returns the date's exports, with full ones of the tables in `because` (name -> why their changes cannot be used).

    Raises the errors of `begin_exports`.
    """
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


def _not_started(chain: Chain) -> ChainExports:
    return ChainExports(base=chain.base, windows=chain.windows, exports=(None,) * len(chain.windows))
