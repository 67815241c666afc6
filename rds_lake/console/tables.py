"""Prints a table of values for a person: values are never cut, at any width of the terminal.

If the columns do not fit side by side, each row is shown as a list of its columns, one a line. A terminal may wrap the
line, but no value is shortened: a number without its last digits is another number. Control characters are written as escapes
(`\\t`, `\\x1b`): rich drops some of them, and a terminal obeys the others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

Cell = str | Text

# C0 without the line feed, DEL, C1, line separators, and characters that change the direction of text.
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SHORT = {"\t": r"\t", "\r": r"\r"}


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
    """Print a table as wide as its values, at any width of the terminal."""
    table = _table(columns, rows, None, frozenset())
    width = console.width
    console.width = max(width, _width(console, table))
    console.print(table)
    console.width = width


def print_rows(console: Console, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print each row as a list of its columns."""
    names = [_visible(name) for name in columns]
    widest = max(len(name) for name in names)
    for number, row in enumerate(rows, 1):
        console.print(Text(f"-- row {number}", style="dim"))
        for name, cell in zip(names, row, strict=True):
            # Further lines of a value are below its first: at the margin they could be mistaken for other columns or rows.
            value = cell if isinstance(cell, Text) else Text(_visible(cell).replace("\n", "\n" + " " * (widest + 2)))
            line = Text(f"{name:<{widest}}  ").append_text(value)
            console.print(line, overflow="fold", highlight=False)
    if not rows:
        console.print(Text(", ".join(names)), overflow="fold", highlight=False)


def _table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], title: str | None, right: frozenset[int]) -> Table:
    table = Table(title=title, title_justify="left")
    for number, name in enumerate(columns):
        table.add_column(
            Text(_visible(name)), no_wrap=True, overflow="fold", justify="right" if number in right else "left"
        )
    for row in rows:
        table.add_row(*(Text(_visible(cell)) if isinstance(cell, str) else cell for cell in row))
    return table


def _visible(text: str) -> str:
    """Returns the text with escapes instead of control characters; line ends stay."""
    return _CONTROL.sub(lambda match: _SHORT.get(match[0]) or _escape(ord(match[0])), text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _width(console: Console, table: Table) -> int:
    return Measurement.get(console, console.options.update(max_width=ANY_WIDTH), table).maximum


ANY_WIDTH = 1_000_000
