"""Drift: compares each new snapshot with the snapshot before it plus the changes in between.

A row differs if the database was changed without a trigger: by a cascade of MySQL's foreign keys, a TRUNCATE or load with
triggers disabled, `session_replication_role = replica`, or in a column that the triggers do not have yet. With an outbox, all
other rows must be equal.

What belongs here: choosing the snapshots, and the time of the comparison. The query is `sql/changes/drift.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

from rds_lake.aws.athena import QueryResult
from rds_lake.config.source import SourceSettings
from rds_lake.errors import CatalogError, ManifestError, RdsLakeError
from rds_lake.model.streams.drift import Drift, DriftedRow, TableDrift, parse_drift_record, render_drift_record
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.changes.arrived import MARGIN, Moment
from rds_lake.sql.changes.chains import Between
from rds_lake.sql.changes.drift import DIFFERENT, EXTRA, MISSING, render_drift, render_not_compacted
from rds_lake.sql.changes.table import ChangedColumn, ChangedTable, Watermark
from rds_lake.stages.catalogue.dated import DatedTables, tables_of
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.snapshot_log import recorded_dates
from rds_lake.stages.streams.compaction.record import CompactedRecord
from rds_lake.stages.streams.live.arrival_marks import arrival_marks, is_by_call
from rds_lake.stages.streams.live.audit import audit_tables
from rds_lake.stages.streams.live.marks import Mark, Marks, home_of, read_marks

_RECORD = "_drift.json"
_AT_ONCE = 100  # tables in one statement, whose length Athena limits
_KEYS = 10  # maximum rows of each kind in a report
# How long after a snapshot changes of `capture: lambda` are waited for: Firehose's longest buffer is 15 minutes
# (https://docs.aws.amazon.com/firehose/latest/APIReference/API_BufferingHints.html), and Lambda's two retries take three.
_ON_THEIR_WAY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftCheck:
    """Compares the published snapshot of one source with the one before it, once."""

    lake: Lake
    source: SourceSettings
    log: Callable[[str], None]
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    named: int = _KEYS

    def find(self) -> Drift | None:
        """Returns the newest comparison; None before the first."""
        key = self.lake.layout.compacted_key(self.source.name, _RECORD)
        text = self.lake.s3.find_text(self.lake.layout.bucket, key)
        return None if text is None else parse_drift_record(text, where=self.lake.layout.uri(key))

    def check(
        self,
        tables: Sequence[ChangedTable],
        marks: Sequence[Mark],
        day: date,
        export_task: str,
        behind: Mapping[TableTarget, str] = MappingProxyType({}),
    ) -> Drift | None:
        """Compares the date's captured tables, once. Returns None while changes of its outbox are not compacted yet.

        Reads both dates of these tables once, through Athena. A table that cannot be compared is named in the result. A
        table that is `behind` does not delay the others; all are compared again once it is compacted.
        """
        known = self.find()
        if known is not None and (known.after, known.export_task) == (day, export_task):
            waited = {drift.table for drift in known.tables if drift.behind}
            if waited <= set(map(str, behind)):
                return known
        there = [table for table in tables if table.names.target not in behind]
        if not there or self._is_behind(there, marks):
            self.log(f"drift of {self.source.name} {day} is checked when the changes before it have arrived")
            return None
        drift = self._compared(there, marks, day, export_task, known)
        stuck = [
            TableDrift(table=str(target), error=f"its changes are not compacted: {reason}", behind=True)
            for target, reason in behind.items()
        ]
        drift = replace(drift, tables=(*stuck, *drift.tables))
        key = self.lake.layout.compacted_key(self.source.name, _RECORD)
        self.lake.s3.put_text(self.lake.layout.bucket, key, render_drift_record(drift), kms_key=self.lake.kms_key)
        return drift

    def _is_behind(self, tables: Sequence[ChangedTable], marks: Sequence[Mark]) -> bool:
        """Whether the snapshot has, or may have, changes that are in no compacted cut."""
        name = self.source.name
        moments = [mark.watermark.at for mark in marks if isinstance(mark.watermark, Moment)]
        if moments:
            return self.now() < max(moments) + MARGIN + _ON_THEIR_WAY
        by_home: dict[str, list[ChangedTable]] = defaultdict(list)
        homes = {mark.home for mark in marks}
        for table in tables:
            by_home[home_of(table.names.target, homes)].append(table)
        compacted = CompactedRecord(lake=self.lake, source=name).read()
        for mark in marks:
            places = [compacted.of(table.names.target, mark.watermark.epoch) for table in by_home[mark.home]]
            if any((place.until if place else 0) < mark.watermark.cut for place in places):
                return True
        questions = [
            render_not_compacted(name, by_home[mark.home][first : first + _AT_ONCE], mark.watermark)
            for mark in marks
            for first in range(0, len(by_home[mark.home]), _AT_ONCE)
            if isinstance(mark.watermark, Watermark)
        ]
        answers = self.lake.athena.run_many(questions, database=name)
        return any(int(answer.rows[0][0] or 0) for answer in answers)

    def _compared(
        self, tables: Sequence[ChangedTable], marks: Sequence[Mark], day: date, export_task: str, known: Drift | None
    ) -> Drift:
        drift = Drift(before=None, after=day, export_task=export_task)
        earlier = [
            earlier_day
            for earlier_day in recorded_dates(self.lake.s3, self.lake.layout, self.source.name)
            if earlier_day < day
        ]
        if not earlier:
            return replace(drift, not_compared="it is the first snapshot since capture began")
        for before in _bases(earlier, known):
            drift = self._compared_with(before, tables, marks, replace(drift, before=None, not_compared=""))
            if not drift.not_compared:
                break
        return drift

    def _compared_with(
        self, before: date, tables: Sequence[ChangedTable], marks: Sequence[Mark], drift: Drift
    ) -> Drift:
        try:
            dated = tables_of(self.lake, self.source, before)
            old = {mark.home: mark for mark in self._marks_then(dated).marks}
        except (CatalogError, ManifestError) as error:
            return replace(drift, not_compared=f"the snapshot of {before} cannot be read: {error}")
        new = {mark.home: mark for mark in marks}
        pairs: list[_Pair] = []
        for table in tables:
            home = home_of(table.names.target, new)
            pair = self._pair(table, dated, old.get(home), new[home])
            if pair:
                pairs.append(pair)
        if not pairs:
            return replace(drift, before=before, not_compared=f"no table was captured in one epoch since {before}")
        drifts = self._found(pairs)
        return replace(
            drift,
            before=before,
            compared=len(drifts),
            tables=tuple(table_drift for table_drift in drifts if not table_drift.is_clean),
        )

    def _marks_then(self, dated: DatedTables) -> Marks:
        if is_by_call(self.source):
            return arrival_marks(self.lake, self.source, dated, as_then=True)
        return read_marks(self.lake, self.source.name, dated)

    def _found(self, pairs: Sequence[_Pair]) -> list[TableDrift]:
        """Returns each table's drift; all tables of a source are captured in the same way."""
        arrived = [between for pair in pairs if (between := pair.between(self.source.name)) is not None]
        asked = [(pair, sql) for pair in pairs if (sql := pair.question(self.source.name)) is not None]
        answers = self.lake.athena.try_many([sql for _, sql in asked], database=self.source.name)
        compared = [_drift_of(pair.after, answer) for (pair, _), answer in zip(asked, answers, strict=True)]
        return [*compared, *audit_tables(self.lake, arrived, named=self.named)]

    def _pair(self, table: ChangedTable, dated: DatedTables, old: Mark | None, new: Mark) -> _Pair | None:
        """Returns a table at both dates; None if it was not captured at the earlier date, or in another epoch."""
        target = table.names.target
        earlier = {typed.names.target: typed for typed in dated.typed}.get(target)
        captured = {captured_table.target for captured_table in old.captured} if old else set()
        if old is None or earlier is None or target not in captured or old.watermark.epoch != new.watermark.epoch:
            return None
        present = {column.name.lower() for column in earlier.named.manifest.columns}
        columns = tuple(replace(column, exported=column.raw in present) for column in table.columns if column.exported)
        before = replace(table, names=earlier.names, columns=columns)
        return _Pair(before=before, after=table, old=old.watermark, new=new.watermark)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """A table at both dates with their marks. The columns of `before` are those that can be compared."""

    before: ChangedTable
    after: ChangedTable
    old: Watermark | Moment
    new: Watermark | Moment

    def question(self, database: str) -> str | None:
        """Returns the query for an outbox, whose marks say which changes the snapshots have."""
        if isinstance(self.old, Moment) or isinstance(self.new, Moment):
            return None
        return render_drift(
            database,
            self.before,
            self.old,
            self.new,
            compared=self.compared,
            found_raw=(self.after.names.raw, self.after.names.partition_key),
            most=_KEYS,
        )

    def between(self, database: str) -> Between | None:
        """Returns the input of the queries for `capture: lambda`, where only times are known."""
        if not isinstance(self.old, Moment) or not isinstance(self.new, Moment):
            return None
        return Between(
            database=database,
            before=self.before,
            after=self.after,
            earlier=self.old,
            later=self.new,
            columns=self.compared,
        )

    @property
    def compared(self) -> tuple[ChangedColumn, ...]:
        return tuple(column for column in self.before.columns if column.exported)


def _bases(earlier: Sequence[date], known: Drift | None) -> list[date]:
    """Returns the dates to compare with, best first: the date compared last, even if later dates were never compared.

    Otherwise the differences of those later dates would never be reported.
    """
    newest = max(earlier)
    if known is None or known.after >= newest:
        return [newest]
    return list(dict.fromkeys([min(day for day in earlier if day >= known.after), newest]))


def _drift_of(table: ChangedTable, answer: QueryResult | RdsLakeError) -> TableDrift:
    drift = TableDrift(table=str(table.names.target))
    if isinstance(answer, RdsLakeError):
        return replace(drift, error=str(answer))
    counts: dict[str, int] = defaultdict(int)
    rows: dict[str, list[DriftedRow]] = defaultdict(list)
    for kind, total, key, columns in answer.rows:
        counts[str(kind)] = int(total or 0)
        rows[str(kind)].append(DriftedRow(key=key or "", columns=columns or "" if kind == DIFFERENT else ""))
    return replace(
        drift,
        missing=counts[MISSING],
        extra=counts[EXTRA],
        different=counts[DIFFERENT],
        missing_rows=tuple(rows[MISSING]),
        extra_rows=tuple(rows[EXTRA]),
        different_rows=tuple(rows[DIFFERENT]),
    )
