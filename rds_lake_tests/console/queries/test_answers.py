"""An answer is printed whole in every layout: what a program reads back is what Athena said."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rds_lake.aws.athena import QueryResult
from rds_lake.console.queries.answers import Layout, print_answer

_TEXT = st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\r"), max_size=30)


def answer(columns: dict[str, str], rows: list[tuple[str | None, ...]]) -> QueryResult:
    return QueryResult(
        query_id="q",
        columns=tuple(columns),
        types=tuple(columns.values()),
        rows=tuple(rows),
        bytes_scanned=0,
        milliseconds=0,
    )


def printed(shown: QueryResult, layout: Layout, *, width: int = 40) -> str:
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", out)
        print_answer(Console(width=width, file=out), shown, layout)
    return out.getvalue()


@given(st.lists(st.tuples(_TEXT, st.none() | _TEXT), max_size=5))
def test_csv_and_json_give_every_text_back(rows) -> None:
    shown = answer({"a": "varchar", 'b "quoted", too': "varchar"}, rows)
    back = list(csv.reader(io.StringIO(printed(shown, Layout.CSV), newline="")))
    assert back == [list(shown.columns), *[["" if value is None else value for value in row] for row in rows]]
    assert json.loads(printed(shown, Layout.JSON)) == [dict(zip(shown.columns, row, strict=True)) for row in rows]


def test_csv_tells_null_from_an_empty_text() -> None:
    assert printed(answer({"a": "varchar", "b": "varchar"}, [(None, "")]), Layout.CSV) == 'a,b\n,""\n'


def test_json_has_numbers_only_where_every_reader_keeps_them_exact() -> None:
    columns = {"n": "bigint", "d": "double", "nan": "double", "m": "decimal(20,2)", "yes": "boolean", "none": "bigint"}
    row = ("9007199254740993", "1.5", "NaN", "12345678901234567.80", "true", None)
    assert json.loads(printed(answer(columns, [row]), Layout.JSON)) == [
        {"n": 9007199254740993, "d": 1.5, "nan": "NaN", "m": "12345678901234567.80", "yes": True, "none": None}
    ]


@pytest.mark.parametrize("layout", [Layout.AUTO, Layout.TABLE, Layout.VERTICAL])
def test_a_long_value_is_whole_on_a_narrow_terminal(layout: Layout) -> None:
    value = "x" * 50 + "1234567890.123456789"
    text = printed(answer({"id": "bigint", "note": "varchar"}, [("1", value), ("2", None)]), layout)
    assert value in text.replace("\n", "")
    assert "NULL" in text
    if layout is Layout.TABLE:
        assert f"│ 1  │ {value} │" in text
