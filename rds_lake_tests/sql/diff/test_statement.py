"""The comparison that Athena makes is the one that a plain reading of both dates makes, whatever the rows are."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_lake.localcloud.athena.engine import Engine
from rds_lake.localcloud.athena.results import render_rows
from rds_lake.localcloud.athena.session import Session
from rds_lake.localcloud.athena.statements.dispatch import run_statement
from rds_lake.model.tables.names import AthenaTable
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.sql.diff.columns import DatedColumn, pair_columns
from rds_lake.sql.diff.comparison import Comparison, Side
from rds_lake.sql.diff.statement import render_comparison, render_fitting, render_unusable_keys
from rds_lake.sql.quoting import literal
from rds_lake.sql.view_columns import ViewColumn, view_column
from rds_lake.sql.views import MAX_STATEMENT_BYTES

_BEFORE, _AFTER = date(2026, 11, 19), date(2026, 11, 20)
_TARGET = TableTarget(database="shop", schema="public", table="t")
_NAMES = AthenaTable(target=_TARGET, view="t", columns=())
# What the files have: numbers and times of PostgreSQL are text there.
_COLUMNS = (
    Column(name="id", hive_type="bigint", original_type="bigint"),
    Column(name="part", hive_type="string", original_type="text"),
    Column(name="amount", hive_type="string", original_type="numeric"),
    Column(name="at", hive_type="string", original_type="timestamp without time zone"),
    Column(name="ratio", hive_type="double", original_type="double precision"),
    Column(name="d_note", hive_type="string", original_type="text"),
)


@dataclass(frozen=True)
class Row:
    id: int | None
    part: str | None
    amount: str | None
    at: str | None
    ratio: float | None
    d_note: str | None

    @property
    def key(self) -> tuple[Any, Any]:
        return self.id, self.part

    @property
    def meaning(self) -> tuple[Any, ...]:
        """What is compared: numbers as numbers, but texts as they are where Athena would round them."""
        amount = self.amount
        exact = amount is not None and amount not in ("NaN", "1e50")
        return (
            Decimal(amount) if exact and amount is not None else amount,
            self.at,
            str(self.ratio) if self.ratio is not None else None,
            self.d_note,
        )


_rows = st.builds(
    Row,
    id=st.integers(1, 4),
    part=st.sampled_from(["", "a", "A", "it's"]),
    amount=st.sampled_from([None, "1.0", "1.00", "1.0000000000000000001", "NaN", "-3", "12345678901234567890"]),
    at=st.sampled_from([None, "2026-01-01 00:00:00", "2026-01-01 00:00:00.000001", "2026-01-01 00:00:00.000002"]),
    ratio=st.sampled_from([None, 1.5, float("nan")]),
    d_note=st.sampled_from([None, "", " ", "x", "x ", "NULL"]),
)
_keyed = st.lists(_rows, max_size=6, unique_by=lambda row: row.key)


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    nothing: Any = None
    engine = Engine(clients=nothing, cache=nothing)
    yield Session(engine=engine, database="shop")
    engine.close()


def made(column: Column, name: str) -> ViewColumn:
    """The view's column over a raw column of that name."""
    return view_column(replace(column, name=name), column.name)


def comparison(*keys: str, most_rows: int = 100) -> Comparison:
    dated = [
        DatedColumn(made_of=partial(made, column), raw_name=column.name, raw_type=column.hive_type)
        for column in _COLUMNS
    ]
    view = tuple(one.column for one in dated)
    return Comparison(
        database="shop",
        before=Side(names=_NAMES, day=_BEFORE, view=view),
        after=Side(names=_NAMES, day=_AFTER, view=view),
        columns=pair_columns(dated, dated).compared,
        keys=keys,
        most_rows=most_rows,
    )


def asked(session: Session, sql: str, before: Sequence[Row], after: Sequence[Row]) -> list[list[str | None]]:
    """The answer over these rows, which stand where the raw table is read."""
    listed = [_values(row, day) for day, rows in ((_BEFORE, before), (_AFTER, after)) for row in rows]
    listed.append(_values(Row(None, None, None, None, None, None), None))
    names = ", ".join(f'"{column.name}"' for column in _COLUMNS)
    raw = f'(VALUES {", ".join(listed)}) AS raw ({names}, "snapshot_date")'
    assert '"shop"."snapshots_t"' in sql
    return render_rows(run_statement(session, sql.replace('"shop"."snapshots_t"', raw)))


def _values(row: Row, day: date | None) -> str:
    texts = ["NULL" if text is None else literal(text) for text in (row.part, row.amount, row.at)]
    number = "NULL" if row.id is None else str(row.id)
    ratio = "NULL" if row.ratio is None else literal(str(row.ratio).replace("nan", "NaN"))
    note = "NULL" if row.d_note is None else literal(row.d_note)
    casts = [f"CAST({value} AS varchar)" for value in (*texts, note)]
    shown = "NULL" if day is None else literal(day.isoformat())
    cells = [f"CAST({number} AS bigint)", *casts[:3], f"CAST({ratio} AS double)", casts[3], f"CAST({shown} AS varchar)"]
    return f"({', '.join(cells)})"


def _agrees_by_key(session: Session, before: list[Row], after: list[Row], *, most_bytes: int = 10**6) -> None:
    compare, sql = render_fitting(comparison("id", "part"), most_bytes=most_bytes)
    answer = {row[0]: row for row in asked(session, sql, before, after)}
    earlier, later = {row.key: row for row in before}, {row.key: row for row in after}
    both = [(earlier[key], later[key]) for key in earlier if key in later]
    differing = [(old, new) for old, new in both if old.meaning != new.meaning]
    expected = {
        "added": len(later.keys() - earlier.keys()),
        "removed": len(earlier.keys() - later.keys()),
        "changed": len(differing),
        "same": len(both) - len(differing),
    }
    assert {kind: int(answer[kind][1] or 0) if kind in answer else 0 for kind in expected} == expected
    places = [("amount", "at", "ratio", "d_note").index(column.name) for column in compare.others]
    by_column = [sum(old.meaning[at] != new.meaning[at] for old, new in differing) for at in places]
    assert [int(count or 0) for count in answer["changed"][4:]] == by_column if differing else True
    for kind in answer.keys() - {"same"}:
        keys = {(int(cells[1]), cells[2]) for cells in json.loads(answer[kind][3] or "[]")}
        assert len(keys) == expected[kind or ""]


def _agrees_by_whole_rows(session: Session, before: list[Row], after: list[Row], *, most_bytes: int = 10**6) -> None:
    _, sql = render_fitting(comparison(), most_bytes=most_bytes)
    rows = asked(session, sql, before, after)
    earlier = Counter((row.key, row.meaning) for row in before)
    later = Counter((row.key, row.meaning) for row in after)
    expected = {"added": (later - earlier).total(), "removed": (earlier - later).total()}
    assert {row[0]: int(row[1] or 0) for row in rows} == {kind: many for kind, many in expected.items() if many}
    for row in rows:
        assert sum(int(cells[0]) for cells in json.loads(row[3] or "[]")) == int(row[1] or 0)


_BASE = Row(1, "a", "1.0", None, 1.5, "x")
# Few different rows, so that each occurs often, and some of them mean the same in other words.
_alike = st.builds(
    replace, st.just(_BASE), amount=st.sampled_from(["1.0", "1.00", "NaN"]), d_note=st.sampled_from(["x", None])
)
_often = st.lists(st.one_of(_alike, _rows), max_size=6)
_with_key = given(before=_keyed, after=_keyed)
_without_key = given(before=_often, after=_often)


@settings(max_examples=12)
@_with_key
def test_rows_are_added_removed_and_changed_as_a_plain_reading_says(
    session: Session, before: list[Row], after: list[Row]
) -> None:
    _agrees_by_key(session, before, after)


@settings(max_examples=8)
@_without_key
def test_without_a_key_rows_are_counted_as_often_as_they_occur(
    session: Session, before: list[Row], after: list[Row]
) -> None:
    _agrees_by_whole_rows(session, before, after)


@pytest.mark.exhaustive
@settings(max_examples=6)
@_with_key
def test_a_statement_that_has_to_be_shorter_has_the_same_answer(
    session: Session, before: list[Row], after: list[Row]
) -> None:
    _agrees_by_key(session, before, after, most_bytes=0)
    _agrees_by_whole_rows(session, before, after, most_bytes=0)


@pytest.mark.exhaustive
@pytest.mark.parametrize("keys", [("id",), ()])
def test_a_table_of_1600_columns_of_numbers_and_dates_fits_into_a_statement(keys: tuple[str, ...]) -> None:
    number = next(column for column in _COLUMNS if column.name == "amount")
    words = ("numeric", "date", "timestamp without time zone", "ARRAY")
    own = [replace(number, name=f"column_{at:04}", original_type=words[at % 4]) for at in range(1600)]
    dated = [
        DatedColumn(made_of=partial(made, column), raw_name=column.name, raw_type=column.hive_type)
        for column in (_COLUMNS[0], *own)
    ]
    compare = replace(comparison(*keys, most_rows=20), columns=pair_columns(dated, dated).compared)
    assert len(render_comparison(compare)) > MAX_STATEMENT_BYTES
    ordered, sql = render_fitting(compare, most_bytes=MAX_STATEMENT_BYTES)
    assert len(sql.encode()) <= MAX_STATEMENT_BYTES
    assert {column.name for column in ordered.columns} == {column.name for column in compare.columns}
    for part in re.findall(r"ARRAY\[[^\[\]]*\]", sql):
        assert part.count(",") < 254, "Athena takes no longer array"


@pytest.mark.exhaustive
@settings(max_examples=200)
@_with_key
def test_two_hundred_pairs_of_dates_agree_with_a_plain_reading(
    session: Session, before: list[Row], after: list[Row]
) -> None:
    _agrees_by_key(session, before, after)


@pytest.mark.exhaustive
@settings(max_examples=100)
@_without_key
def test_a_hundred_pairs_without_a_key_agree_with_a_plain_reading(
    session: Session, before: list[Row], after: list[Row]
) -> None:
    _agrees_by_whole_rows(session, before, after)


def test_keys_that_repeat_or_have_no_value_are_shown(session: Session) -> None:
    rows = [Row(1, "a", None, None, None, None)] * 3 + [
        Row(2, "a", None, None, None, None),
        Row(None, "a", "1", None, None, None),
    ]
    answer = asked(session, render_unusable_keys(comparison("id", "part"), "after"), [], rows)
    assert answer == [["3", "1", "a"], ["1", None, "a"]]
    (compared,) = asked(session, render_comparison(comparison("id", "part")), [], rows)
    assert compared[:3] == ["added", "5", "1"], "of five rows one has no key"


def test_rows_of_the_same_meaning_are_counted_together_and_shown_once_with_their_number(session: Session) -> None:
    before = [_BASE] * 3 + [replace(_BASE, amount=None)] * 2
    after = [replace(_BASE, amount="1.00")] * 2 + [replace(_BASE, amount="NaN")] * 2 + [replace(_BASE, amount=None)]
    rows = {row[0]: row for row in asked(session, render_comparison(comparison()), before, after)}
    assert {kind: row[1] for kind, row in rows.items()} == {"added": "2", "removed": "2"}
    shown = {kind: [(cells[0], cells[3]) for cells in json.loads(row[3] or "")] for kind, row in rows.items()}
    assert shown["added"] == [("2", "NaN")]
    assert sorted(shown["removed"], key=str) == [("1", "1.000000000000000000"), ("1", None)]


@pytest.mark.parametrize("keys", [("id",), ()])
def test_equal_text_in_the_files_is_compared_by_its_meaning_at_either_date(
    session: Session, keys: tuple[str, ...]
) -> None:
    """A column that was a number, in which 1.50 is 1.5, and is text now, in which it is not."""
    compare = comparison(*keys)
    amount = next(column for column in _COLUMNS if column.name == "amount")
    number = DatedColumn(made_of=partial(made, amount), raw_name="amount", raw_type="string")
    text = replace(number, made_of=partial(made, replace(amount, original_type="text")))
    (retyped,) = pair_columns([number], [text]).compared
    columns = tuple(retyped if column.name == "amount" else column for column in compare.columns)
    old = replace(_BASE, amount="1.50")
    sql = render_comparison(replace(compare, columns=columns))
    kinds = {row[0]: row[1] for row in asked(session, sql, [old], [old])}
    assert kinds == ({"changed": "1"} if keys else {"added": "1", "removed": "1"})
    kinds = {row[0]: row[1] for row in asked(session, sql, [old], [replace(old, amount="1.5")])}
    assert kinds == ({"same": "1"} if keys else {})


def test_a_row_shows_its_key_and_both_values_whole_or_says_how_long_they_are(session: Session) -> None:
    long = "x" * 5000
    old = Row(1, "it's", "1.0", None, float("nan"), long)
    new = Row(1, "it's", "NaN", "2026-01-01 00:00:00.000002", float("nan"), None)
    (answer,) = asked(session, render_comparison(comparison("part", "id")), [old], [new])
    ((places, part, number, *values),) = json.loads(answer[3] or "")
    assert (places, part, number) == ("0,1,3", "it's", "1")
    assert [value and value.replace("NaN", "nan") for value in values] == [
        "1.000000000000000000", None, "nan", f"{'x' * 2000} … (5000 characters)",
        "nan", "2026-01-01 00:00:00.000002", "nan", None,
    ]  # fmt: skip
