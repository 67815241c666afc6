"""A table of values for a person: values are never cut, whatever the width of the terminal.

If the columns do not fit side by side, each row is shown as a list of its columns, one a line. A terminal may wrap a
line, but no value is shortened: a number without its last digits is another number.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

Cell = str | Text


def print_values(
    console: Console,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    title: str | None = None,
    right: frozenset[int] = frozenset(),
) -> None:
    """Print rows of `columns`, side by side if that fits. `right`: the numbers of right-aligned columns."""
    table = _table(columns, rows, title, right)
    if _width(console, table) <= console.width:
        console.print(table)
    else:
        if title is not None:
            console.print(Text(title))
        print_rows(console, columns, rows)


def print_side_by_side(console: Console, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print a table as wide as its values, whatever the terminal's width."""
    table = _table(columns, rows, None, frozenset())
    width = console.width
    console.width = max(width, _width(console, table))
    console.print(table)
    console.width = width


def print_rows(console: Console, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print each row as a list of its columns."""
    widest = max(len(name) for name in columns)
    for number, row in enumerate(rows, 1):
        console.print(Text(f"-- row {number}", style="dim"))
        for name, cell in zip(columns, row, strict=True):
            line = Text(f"{name:<{widest}}  ").append_text(cell if isinstance(cell, Text) else Text(cell))
            console.print(line, overflow="fold", highlight=False)
    if not rows:
        console.print(Text(", ".join(columns)), overflow="fold", highlight=False)


def _table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], title: str | None, right: frozenset[int]) -> Table:
    table = Table(title=title, title_justify="left")
    for number, name in enumerate(columns):
        table.add_column(Text(name), no_wrap=True, overflow="fold", justify="right" if number in right else "left")
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return table


def _width(console: Console, table: Table) -> int:
    return Measurement.get(console, console.options.update(max_width=ANY_WIDTH), table).maximum


ANY_WIDTH = 1_000_000
