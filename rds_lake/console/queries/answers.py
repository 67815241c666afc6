"""A result of Athena as a table, as one column a line, as CSV or as JSON. No value is ever cut or rounded.

    --format table      side by side, at any width        vertical    one column a line
    --json              one object, with the types of the columns (docs/machines.md)
    --format csv        RFC 4180; NULL is an empty field,        json        an array of objects, one a line; whole numbers,
                        an empty text is `""`                                doubles and booleans as such, all else as text

Decimals are text in JSON: many readers of JSON would round them to doubles. Tables show control characters as escapes; CSV and JSON
have every character as it is.
"""

from __future__ import annotations

import json
import math
from enum import StrEnum

import click
from rich.console import Console
from rich.text import Text

from rds_lake.aws.athena import QueryResult
from rds_lake.console.tables import ANY_WIDTH, print_rows, print_side_by_side, print_values

_WHOLE = frozenset({"tinyint", "smallint", "integer", "int", "bigint"})
_FLOATING = frozenset({"double", "real", "float"})


class Layout(StrEnum):
    """The format of a printed result. AUTO: a table if it fits the terminal, else vertical."""

    AUTO = "auto"
    TABLE = "table"
    VERTICAL = "vertical"
    CSV = "csv"
    JSON = "json"
    OBJECT = "object"

    @property
    def for_programs(self) -> bool:
        return self in (Layout.CSV, Layout.JSON, Layout.OBJECT)


def consoles(*, for_programs: bool, wide: bool) -> tuple[Console, Console]:
    """Returns the console for the result, and the one for messages: another one if a program reads the result.

    `wide`: the output is a file or a pipe, for which rich would assume 80 columns.
    """
    console = Console(width=ANY_WIDTH if wide else None)
    return console, Console(stderr=True) if for_programs else console


def print_answer(console: Console, answer: QueryResult, layout: Layout) -> None:
    """Print all rows of the result."""
    if layout is Layout.CSV:
        for row in (answer.columns, *answer.rows):
            click.echo(",".join(_csv(value) for value in row))
    elif layout is Layout.JSON:
        _print_json(answer)
    else:
        show = {Layout.TABLE: print_side_by_side, Layout.VERTICAL: print_rows}.get(layout, print_values)
        null = Text("NULL", style="dim")
        show(console, answer.columns, [[null if value is None else value for value in row] for row in answer.rows])


def _csv(value: str | None) -> str:
    if value is None:
        return ""
    if value and not any(char in value for char in ',"\r\n'):
        return value
    return '"' + value.replace('"', '""') + '"'


def _print_json(answer: QueryResult) -> None:
    """Print one row a line, so that a reader can also read the lines one by one."""
    lines = [
        "{" + ", ".join(f"{json.dumps(name)}: {_json(value, kind)}" for name, value, kind in cells) + "}"
        for cells in (zip(answer.columns, row, answer.types, strict=True) for row in answer.rows)
    ]
    click.echo("[" + ",\n ".join(lines) + "]")


def _json(value: str | None, kind: str) -> str:
    return json.dumps(as_value(value, kind), ensure_ascii=False)


def as_value(value: str | None, kind: str) -> str | int | float | bool | None:
    """Returns a value of Athena for JSON: whole numbers, finite doubles and booleans as such, all else as text."""
    if value is None:
        return None
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    if kind in _WHOLE:
        return int(value)
    if kind in _FLOATING and math.isfinite(float(value)):
        return float(value)
    return value
