"""Values as Athena shows them: in GetQueryResults, and in the CSV file that it writes to S3."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from rds_lake.localcloud.athena.engine import Answer
from rds_lake.localcloud.athena.sql.type_text import Type, read_trino

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

_UNKNOWN = Type("")
_LAST_YEAR = 9999
_FAR = re.compile(r"(\d+)(-\d\d-\d\d)( \(BC\))?(?: (\d\d:\d\d:\d\d)(?:\.(\d+))?(\+00)?)?")


def render_value(value: Any, kind: str = "") -> str | None:
    """Returns a value as text, None for NULL. `kind`: its Trino type, which distinguishes a real from a double."""
    return None if value is None else _rendered(value, read_trino(kind) if kind else _UNKNOWN)


def _rendered(value: Any, kind: Type) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        # Trino prints all digits: str() would say 0E-18 and 1.0000000000E-8.
        return f"{value:f}"
    if isinstance(value, datetime):
        shown = f"{value.date().isoformat()} {value:%H:%M:%S}.{value.microsecond // 1000:03d}"
        return f"{shown} UTC" if value.tzinfo else shown
    if isinstance(value, time):
        return f"{value:%H:%M:%S}.{value.microsecond // 1000:03d}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex(" ")
    if isinstance(value, float):
        return _float(value, single=kind.word == "real")
    if isinstance(value, list | tuple | dict):
        return _nested(value, kind)
    if isinstance(value, str) and kind.word.startswith(("date", "timestamp")):
        return _far(value, kind.word)
    return str(value)


def _far(text: str, word: str) -> str:
    """Dates before year 1 or after 9999, which Python does not support: uses DuckDB's text."""
    match = _FAR.fullmatch(text)
    if match is None:
        return text
    year, rest, era, clock, fraction, zone = match.groups()
    number = 1 - int(year) if era else int(year)
    # As Java's LocalDate: at least four digits, a sign where there are more or the year is below zero.
    sign = "-" if number < 0 else "+" if number > _LAST_YEAR else ""
    shown = f"{sign}{abs(number):04d}{rest}"
    if word == "date":
        return shown
    return f"{shown} {clock or '00:00:00'}.{(fraction or '')[:3]:0<3}" + (" UTC" if zone else "")


def _nested(value: Any, kind: Type) -> str:
    if isinstance(value, list):
        inside = kind.parts[0] if kind.parts else _UNKNOWN
        return "[" + ", ".join(_inner(item, inside) for item in value) + "]"
    if kind.word == "map":
        key_kind, value_kind = kind.parts
        return _pairs((_inner(key, key_kind), _inner(item, value_kind)) for key, item in value.items())
    items = value.values() if isinstance(value, dict) else value
    return _pairs((name, _inner(item, part)) for (name, part), item in zip(kind.fields(), items, strict=True))


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{name}={value}" for name, value in pairs) + "}"


def _inner(value: Any, kind: Type) -> str:
    """Returns a value inside an array or row, where NULL is written as a word."""
    return "null" if value is None else _rendered(value, kind)


def _float(value: float, *, single: bool) -> str:
    """Returns a number as Java prints it: the shortest digits, with an exponent below 0.001 and from ten million on."""
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
    """Returns the shortest text that is the same 32-bit number."""
    for digits in range(1, 10):
        shown = f"{value:.{digits}g}"
        if struct.pack("f", float(shown)) == struct.pack("f", value):
            return shown
    return repr(value)


def render_rows(answer: Answer) -> list[list[str | None]]:
    """Returns all rows as text."""
    kinds = [kind for _, kind in answer.columns]
    return [[render_value(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in answer.rows]


def render_csv(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str | None]]) -> bytes:
    """Returns the result file of a SELECT: every value quoted, NULL empty."""
    out = io.StringIO()
    for row in ([name for name, _ in columns], *rows):
        out.write(",".join("" if value is None else '"' + value.replace('"', '""') + '"' for value in row) + "\n")
    return out.getvalue().encode()


def column_info(columns: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Returns the ColumnInfo of ResultSetMetadata."""
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
