"""Tables of values: every character is there, however narrow the terminal."""

import re
from collections.abc import Callable
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from rds_lake.console.tables import print_rows, print_side_by_side, print_values

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


@pytest.mark.parametrize("show", [print_values, print_side_by_side, print_rows])
def test_control_characters_are_shown_and_reach_no_terminal(show: Callable[..., None]) -> None:
    """A tab ended a value in a table, a carriage return vanished, and ESC coloured the terminal of whoever looked."""
    out = StringIO()
    show(Console(file=out, width=80, force_terminal=True), ["a\x1b[31m"], [["x\ty\r\x07\x1b[31mz\x9b\u202e\x00"]])
    shown = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert r"x\ty\r\x07\x1b[31mz\x9b\u202e\x00" in shown and r"a\x1b[31m" in shown
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)
    assert "\x1b[31m" not in out.getvalue()


def test_a_value_of_several_lines_cannot_be_taken_for_the_next_row() -> None:
    out = StringIO()
    print_rows(Console(file=out, width=80), ["note", "id"], [["one\n-- row 2\nid 7", "1"]])
    assert out.getvalue().splitlines() == ["-- row 1", "note  one", "      -- row 2", "      id 7", "id    1"]
