"""The chains that Athena sorts out are those that a plain reading of the same changes finds broken, whatever the changes are."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_lake.model.tables.names import AthenaTable
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.sql.changes.arrived import Moment
from rds_lake.sql.changes.chains import Between, render_chains
from rds_lake.sql.changes.table import ChangedColumn, ChangedTable
from rds_lake.stages.streams.compaction.states import shape_of, state_of

_TARGET = TableTarget(database="shop", schema="public", table="t")
_COLUMNS = tuple(
    ChangedColumn(column=Column(name=name, hive_type=kind), alias=name)
    for name, kind in (("id", "bigint"), ("v", "string"))
)
_TABLE = ChangedTable(
    names=AthenaTable(target=_TARGET, view="t", columns=(("id", "id"), ("v", "v"))),
    key=("id",),
    columns=_COLUMNS,
    arrives=True,
)
_START = datetime(2026, 11, 20, tzinfo=UTC)
_DAYS = (date(2026, 11, 20), date(2026, 11, 21))
_EARLIER = Moment(day=_DAYS[0], epoch="e", at=_START)
_LATER = Moment(day=_DAYS[1], epoch="e", at=_START + timedelta(days=1))
_BETWEEN = Between(
    database="shop", before=_TABLE, after=_TABLE, earlier=_EARLIER, later=_LATER, columns=_COLUMNS
)  # fmt: skip
# Within either margin, on its edges, and between them.
_TIMES = sorted({
    *(moment + step for moment in (_EARLIER.first, _EARLIER.last, _LATER.first, _LATER.last) for step in (-1, 0, 1)),
    _EARLIER.last + 10**9,
})  # fmt: skip
_OMITS = "omitted"  # a value that was too large for its image
_CREATE = """
CREATE SCHEMA shop;
CREATE TABLE shop.snapshots_t (id bigint, v varchar, snapshot_date varchar);
CREATE TABLE shop.raw_changes_t (seq bigint, cut bigint, op varchar, xid bigint, omitted varchar[], micros bigint,
  new_state bigint, old_state bigint, new_shape bigint, old_shape bigint,
  new_id bigint, old_id bigint, new_v varchar, old_v varchar, change_epoch varchar, until_cut varchar);
"""


@dataclass(frozen=True, slots=True)
class Row:
    id: int
    v: str | None

    @property
    def image(self) -> dict[str, str | None]:
        return {"id": str(self.id)} | ({} if self.v == _OMITS else {"v": self.v})

    @property
    def shown(self) -> str | None:
        return None if self.v == _OMITS else self.v


@dataclass(frozen=True, slots=True)
class Change:
    op: str
    micros: int
    old: Row | None = None
    new: Row | None = None

    @property
    def omits(self) -> bool:
        return any(row is not None and row.v == _OMITS for row in (self.old, self.new))


values = st.sampled_from([None, "", "a", "b"])
rows = st.builds(Row, st.integers(1, 2), values)
images = st.builds(Row, st.integers(1, 2), st.one_of(values, st.just(_OMITS)))
times = st.sampled_from(_TIMES)
changes = st.lists(
    st.one_of(
        st.builds(Change, st.just("I"), times, st.none(), images),
        st.builds(Change, st.just("D"), times, images, st.none()),
        st.builds(Change, st.just("U"), times, images, images),
        st.builds(Change, st.just("T"), times),
    ),
    max_size=7,
)
snapshots = st.lists(rows, max_size=2, unique_by=lambda row: row.id)


@pytest.fixture(scope="module")
def query() -> str:
    return sqlglot.transpile(render_chains(_BETWEEN, most=100), read="athena", write="duckdb")[0]


@pytest.fixture(scope="module")
def session() -> Iterator[duckdb.DuckDBPyConnection]:
    # One thread: a few rows are nothing to divide.
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(_CREATE)
        yield connection


@settings(max_examples=60)
@given(sent=changes, earlier=snapshots, later=snapshots)
def test_a_key_is_broken_if_and_only_if_a_plain_reading_says_so(
    session: duckdb.DuckDBPyConnection, query: str, sent: list[Change], earlier: list[Row], later: list[Row]
) -> None:
    answer = _asked(session, query, sent, earlier, later)
    found = {key: (changes, breaks) for key, _, breaks, changes, *_ in answer}
    expected = _plainly(sent, {row.id: row for row in earlier}, {row.id: row for row in later})
    assert {key: count for key, (count, _) in found.items()} == {
        f"id={key}": count for key, (count, _) in expected.items()
    }
    assert {breaks for _, breaks in found.values()} == (
        {sum(one for _, one in expected.values())} if expected else set()
    )


def _asked(
    session: duckdb.DuckDBPyConnection, query: str, sent: Sequence[Change], earlier: Sequence[Row], later: Sequence[Row]
) -> list[tuple[Any, ...]]:
    session.execute("DELETE FROM shop.snapshots_t; DELETE FROM shop.raw_changes_t")
    dated = [[row.id, row.v, str(day)] for day, held in zip(_DAYS, (earlier, later), strict=True) for row in held]
    if dated:
        session.executemany("INSERT INTO shop.snapshots_t VALUES (?, ?, ?)", dated)
    for seq, change in enumerate(sent, start=1):
        states = [of(row and row.image) for of in (state_of, shape_of) for row in (change.new, change.old)]
        shown = [getattr(row, name, None) for name in ("id", "shown") for row in (change.new, change.old)]
        omitted = ["v"] if change.omits else None
        values = [seq, 1, change.op, None, omitted, change.micros, *states, *shown, "e", f"{1:012}"]
        session.execute(f"INSERT INTO shop.raw_changes_t VALUES ({', '.join('?' * len(values))})", values)
    return session.execute(query).fetchall()


def _plainly(sent: Sequence[Change], earlier: dict[int, Row], later: dict[int, Row]) -> dict[int, tuple[int, int]]:
    """Changes and breaks of each broken key. A touch: (time, number, change, image before, image after)."""
    counted = [(at, one) for at, one in enumerate(sent, start=1) if _EARLIER.first <= one.micros <= _LATER.last]
    touches: dict[int, list[tuple[int, int, Change, Row | None, Row | None]]] = defaultdict(list)
    for at, one in counted:
        if one.op == "T":
            continue
        if one.old is not None and one.new is not None and one.old.id == one.new.id:
            touches[one.new.id].append((one.micros, at, one, one.old, one.new))
            continue
        if one.new is not None:
            touches[one.new.id].append((one.micros, at, one, None, one.new))
        if one.old is not None:
            touches[one.old.id].append((one.micros, at, one, one.old, None))
    broken: dict[int, tuple[int, int]] = {}
    for key, own in touches.items():
        chain = sorted(
            [*own, *((one.micros, at, one, None, None) for at, one in counted if one.op == "T")], key=lambda x: x[:2]
        )
        breaks = sum(_is_break(one[4], other) for one, other in itertools.pairwise(chain))
        first, last = earlier.get(key), later.get(key)
        begins = _is(chain[0], 3, first) or any(one[0] <= _EARLIER.last and _is(one, 4, first) for one in chain)
        near = [one for one in chain if one[0] >= _LATER.first]
        ends = _is(chain[-1], 4, last) or any(
            _is(one, 4, last) or (one[2].op != "T" and _is(one, 3, last)) for one in near
        )
        if breaks or not begins or not ends:
            broken[key] = (len(chain), breaks)
    return broken


def _is_break(after: Row | None, other: tuple[int, int, Change, Row | None, Row | None]) -> bool:
    """Whether the next change begins with another image than the last one left; images of two shapes are not compared."""
    before = other[3]
    if other[2].op == "T":
        return False
    if after is None or before is None:
        return after is not before
    return set(after.image) == set(before.image) and after.image != before.image


def _is(touch: tuple[int, int, Change, Row | None, Row | None], side: int, row: Row | None) -> bool:
    """Whether the image of that side is a snapshot's row."""
    if touch[2].op == "T":
        return side == 3 or row is None  # any row may have been there before
    image = touch[side]
    if not isinstance(image, Row):
        return row is None
    return row is not None and (touch[2].omits or image.v == row.v)
