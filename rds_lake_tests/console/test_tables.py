"""Tables of values: every character is there, however narrow the terminal."""

import re
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from rds_lake.console.tables import print_values

VALUES = st.text(st.sampled_from("0123456789.abc[]"), min_size=1, max_size=120)


def printed(columns: list[str], rows: list[list[str | Text]], width: int = 80) -> str:
    out = StringIO()
    print_values(Console(file=out, width=width), columns, rows, title="t")
    return out.getvalue()


@given(st.integers(1, 40).flatmap(lambda n: st.lists(st.lists(VALUES, min_size=n, max_size=n), min_size=1, max_size=3)))
def test_no_value_is_cut(rows: list[list[str]]) -> None:
    shown = printed([f"c{number}" for number in range(len(rows[0]))], [list(row) for row in rows])
    assert "…" not in shown
    together = re.sub(r"\s", "", shown)
    assert all(value in together for row in rows for value in row)
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_columns_that_fit_stand_side_by_side() -> None:
    assert "│ 1 │ 22 │" in printed(["a", "bb"], [["1", Text("22")]])


@pytest.mark.parametrize("width", [80, 20])
def test_an_answer_without_rows_names_its_columns(width: int) -> None:
    shown = printed(["total_amount", "placed_at"], [], width)
    assert "total_amount" in shown and "placed_at" in shown
