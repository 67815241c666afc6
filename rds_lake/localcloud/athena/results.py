"""Values as Athena shows them: in GetQueryResults and in the CSV it leaves in S3.

What belongs here: rendering.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import Any

from rds_lake.localcloud.athena.engine import Answer
from rds_lake.localcloud.athena.types import split_row, split_top

_SIZES = {
    "varchar": (2147483647, 0),
    "json": (2147483647, 0),
    "varbinary": (1073741824, 0),
    "tinyint": (3, 0),
    "smallint": (5, 0),
    "integer": (10, 0),
    "bigint": (19, 0),
    "real": (17, 0),
    "double": (17, 0),
    "timestamp": (3, 0),
}


def render_value(value: Any, kind: str = "") -> str | None:
    """One value as text, None for NULL. `kind`: its Trino type, which tells a real from a double."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        shown = f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}"
        return f"{shown} UTC" if value.tzinfo else shown
    if isinstance(value, time):
        return f"{value:%H:%M:%S}.{value.microsecond // 1000:03d}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex(" ")
    if isinstance(value, float):
        return _float(value, single=kind == "real")
    if isinstance(value, list | tuple | dict):
        return _nested(value, kind)
    return str(value)


def _nested(value: Any, kind: str) -> str:
    body = kind[kind.find("(") + 1 : -1]
    if isinstance(value, list):
        return "[" + ", ".join(_inner(item, body) for item in value) + "]"
    if kind.startswith("map("):
        key_kind, value_kind = split_top(body)
        return _pairs((_inner(key, key_kind), _inner(item, value_kind)) for key, item in value.items())
    fields = split_row(body)
    items = value.values() if isinstance(value, dict) else value
    return _pairs((name, _inner(item, field)) for (name, field), item in zip(fields, items, strict=True))


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{name}={value}" for name, value in pairs) + "}"


def _inner(value: Any, kind: str) -> str:
    """A value inside an array or row, where NULL has a word."""
    shown = render_value(value, kind)
    return "null" if shown is None else shown


def _float(value: float, *, single: bool) -> str:
    """As Java prints it: the shortest digits, an exponent below 0.001 and from ten million on."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    shortest = _single(value) if single else repr(value)
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        plain = f"{float(shortest):f}" if "e" in shortest else shortest
        return plain if "." in plain else f"{plain}.0"
    mantissa, exponent = f"{float(shortest):e}".split("e")
    digits = re.sub(r"\D", "", shortest.split("e")[0]).strip("0") or "0"
    sign = "-" if mantissa.startswith("-") else ""
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{int(exponent)}"


def _single(value: float) -> str:
    """The shortest text that is the same 32-bit number."""
    for digits in range(1, 10):
        shown = f"{value:.{digits}g}"
        if struct.pack("f", float(shown)) == struct.pack("f", value):
            return shown
    return repr(value)


def render_rows(answer: Answer) -> list[list[str | None]]:
    """All rows as text."""
    kinds = [kind for _, kind in answer.columns]
    return [[render_value(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in answer.rows]


def render_csv(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str | None]]) -> bytes:
    """The result file of a SELECT: every value quoted, NULL empty."""
    out = io.StringIO()
    for row in ([name for name, _ in columns], *rows):
        out.write(",".join("" if value is None else '"' + value.replace('"', '""') + '"' for value in row) + "\n")
    return out.getvalue().encode()


def column_info(columns: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """ResultSetMetadata's ColumnInfo."""
    return [_column_info(name, kind) for name, kind in columns]


def _column_info(name: str, kind: str) -> dict[str, Any]:
    word = "timestamp with time zone" if kind.endswith("time zone") else kind.split("(")[0]
    sizes = re.fullmatch(r"decimal\((\d+),\s*(\d+)\)", kind)
    precision, scale = (int(sizes[1]), int(sizes[2])) if sizes else _SIZES.get(word.split(" ")[0], (0, 0))
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": name,
        "Label": name,
        "Type": word,
        "Precision": precision,
        "Scale": scale,
        "Nullable": "UNKNOWN",
        "CaseSensitive": word == "varchar",
    }
