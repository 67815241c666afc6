"""Finds lost and rolled back changes of `capture: lambda`, by comparing two snapshots with the changes in between.

What belongs here: running the queries, and counting their results. The queries are `sql/changes/chains.py`, the decision about
one key is `model/streams/chain.py`; `drift.py` calls this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rds_lake.aws.athena import QueryResult
from rds_lake.errors import RdsLakeError
from rds_lake.model.streams.chain import Bounds, Touch, audit
from rds_lake.model.streams.drift import DriftedRow, TableDrift
from rds_lake.sql.changes.arrived import lock_wait
from rds_lake.sql.changes.chains import KEPT, Between, render_chains, render_untouched
from rds_lake.sql.changes.drift import DIFFERENT, EXTRA, MISSING
from rds_lake.stages.lake.lake import Lake

MOST_KEYS = 20_000  # keys of a table that are examined one by one


@dataclass(slots=True)
class _Named:
    """A number of keys, and some of them by name."""

    most: int
    count: int = 0
    rows: list[DriftedRow] = field(default_factory=list)

    def add(self, key: str, columns: str = "", count: int = 1) -> None:
        self.count += count
        if len(self.rows) < self.most:
            self.rows.append(DriftedRow(key=key, columns=columns))


def audit_tables(lake: Lake, tables: Sequence[Between], *, named: int, most_keys: int = MOST_KEYS) -> list[TableDrift]:
    """Returns each table's drift, also if there is none. `named`: how many keys of each kind are named."""
    if not tables:
        return []
    questions = [
        *(render_chains(table, most=most_keys) for table in tables),
        *(render_untouched(table, most=named) for table in tables),
    ]
    answers = lake.athena.try_many(questions, database=tables[0].database)
    pairs = zip(tables, answers[: len(tables)], answers[len(tables) :], strict=True)
    return [_drift_of(table, chains, untouched, named) for table, chains, untouched in pairs]


def _drift_of(
    between: Between, chains: QueryResult | RdsLakeError, untouched: QueryResult | RdsLakeError, named: int
) -> TableDrift:
    drift = TableDrift(table=str(between.after.names.target))
    for answer in (chains, untouched):
        if isinstance(answer, RdsLakeError):
            return replace(drift, error=str(answer))
    assert not isinstance(chains, RdsLakeError) and not isinstance(untouched, RdsLakeError)
    kinds = {name: _Named(named) for name in (MISSING, EXTRA, DIFFERENT, "lost", "phantom")}
    bounds = Bounds(
        earlier_until=between.earlier.last, later_from=between.later.first, lock_wait=lock_wait(between.after)
    )
    for key, _, _, changes, kind, columns, text in chains.rows:
        _count(kinds, key or "", str(kind), columns or "", int(changes or 0), text, bounds)
    _count_untouched(kinds, untouched)
    total = int(chains.rows[0][1] or 0) if chains.rows else 0
    return replace(
        drift,
        missing=kinds[MISSING].count,
        extra=kinds[EXTRA].count,
        different=kinds[DIFFERENT].count,
        missing_rows=tuple(kinds[MISSING].rows),
        extra_rows=tuple(kinds[EXTRA].rows),
        different_rows=tuple(kinds[DIFFERENT].rows),
        lost=kinds["lost"].count,
        phantom=kinds["phantom"].count,
        lost_rows=tuple(kinds["lost"].rows),
        phantom_rows=tuple(kinds["phantom"].rows),
        keys_beyond=total - len(chains.rows),
    )


def _count_untouched(kinds: dict[str, _Named], untouched: QueryResult) -> None:
    """Adds the drift of keys without changes."""
    totals: dict[str, int] = {}
    for kind, total, key, columns in untouched.rows:
        totals[str(kind)] = int(total or 0)
        if kind != KEPT:
            kinds[str(kind)].add(key or "", columns or "" if kind == DIFFERENT else "", 0)
    if totals.pop(KEPT, 0):
        kinds["phantom"].add("TRUNCATE")
    for kind, total in totals.items():
        kinds[kind].count += total


def _count(
    kinds: dict[str, _Named], key: str, kind: str, columns: str, changes: int, text: str | None, bounds: Bounds
) -> None:
    """Adds the drift of one key."""
    if text is None:  # too many changes to examine: it is only certain that there are breaks
        kinds["lost"].add(key, f"somewhere in {changes:,} changes")
        return
    result = audit(parse_touches(text), bounds)
    if result.lost:
        kinds["lost"].add(key, f"{result.lost} times" if result.lost > 1 else "", result.lost)
    if result.phantom:
        kinds["phantom"].add(key, f"{result.phantom} times" if result.phantom > 1 else "", result.phantom)
    if result.unexplained:
        kinds[kind].add(key, columns if kind == DIFFERENT else "")


def parse_touches(text: str) -> list[Touch]:
    """Returns the changes of a key from the text of `render_chains`."""
    return [_touch(touch.split(",")) for touch in text.split(" ")]


def _touch(parts: Sequence[str]) -> Touch:
    micros, xid, before, after, before_shape, after_shape, *flags = parts
    was_earlier, is_earlier, was_later, is_later = (flag == "1" for flag in flags)
    return Touch(
        micros=int(micros),
        xid=int(xid) if xid else None,
        before=int(before),
        after=int(after),
        before_shape=int(before_shape),
        after_shape=int(after_shape),
        was_earlier=was_earlier,
        is_earlier=is_earlier,
        was_later=was_later,
        is_later=is_later,
    )
