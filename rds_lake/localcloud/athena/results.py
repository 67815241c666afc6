"""Values as Athena shows them: in GetQueryResults and in the CSV it leaves in S3.

What belongs here: rendering.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from rds_lake.localcloud.athena.engine import Answer


def render_value(value: Any) -> str | None:
    """One value as text, None for NULL."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        shown = f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}"
        return f"{shown} UTC" if value.tzinfo else shown
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex(" ")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_inner(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_inner(item)}" for key, item in value.items()) + "}"
    if isinstance(value, float):
        return _float(value)
    return str(value)


def _inner(value: Any) -> str:
    """A value inside an array or row, where NULL has a word."""
    shown = render_value(value)
    return "null" if shown is None else shown


def _float(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def render_rows(answer: Answer) -> list[list[str | None]]:
    """All rows as text."""
    return [[render_value(value) for value in row] for row in answer.rows]


def render_csv(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str | None]]) -> bytes:
    """The result file of a SELECT: every value quoted, NULL empty."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow([name for name, _ in columns])
    for row in rows:
        out.write(",".join("" if value is None else '"' + value.replace('"', '""') + '"' for value in row) + "\n")
    return out.getvalue().encode()


def column_info(columns: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """ResultSetMetadata's ColumnInfo."""
    return [
        {
            "CatalogName": "hive",
            "SchemaName": "",
            "TableName": "",
            "Name": name,
            "Label": name,
            "Type": "timestamp with time zone" if kind.endswith("time zone") else kind.split("(")[0].split(" ")[0],
            "Precision": 2147483647 if kind == "varchar" else 0,
            "Scale": 0,
            "Nullable": "UNKNOWN",
            "CaseSensitive": kind == "varchar",
        }
        for name, kind in columns
    ]
