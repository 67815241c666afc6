"""Converts a column's texts, in the form of an export, to an Arrow array with the raw table's physical type.

Arrow converts whole columns at once; if one text does not fit the type, each is converted by itself. Invalid texts become
NULL, and their positions are returned.

What belongs here: parsing. The view's expression for a value is `sql/view_columns.py`, as for snapshots.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from rds_lake.model.tables.table import Column

Texts = Sequence[str | None]

_SIMPLE: dict[str, pa.DataType] = {
    "string": pa.string(),
    "binary": pa.binary(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "smallint": pa.int16(),
    "tinyint": pa.int8(),
    "double": pa.float64(),
    "float": pa.float32(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_TRUE, _FALSE = {"t", "true", "1"}, {"f", "false", "0"}
_SECONDS = re.compile(r"(-?\d+)(?:\.(\d{1,6}))?")
_BYTES_AS_TEXT = {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?!\d)")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - Parquet's timestamps of an export have no zone, and mean UTC


def arrow_type(hive_type: str) -> pa.DataType:
    """Returns the Arrow type whose Parquet Athena reads as the Hive type; text for types that no database export has."""
    match = _DECIMAL.fullmatch(hive_type)
    return pa.decimal128(int(match[1]), int(match[2])) if match else _SIMPLE.get(hive_type, pa.string())


def to_array(texts: Texts, column: Column) -> tuple[pa.Array, list[int]]:
    """Returns the values, and the positions of texts that do not fit the type."""
    kind = arrow_type(column.hive_type)
    if pa.types.is_string(kind):
        return pa.array(texts, kind), []
    if not (pa.types.is_binary(kind) or pa.types.is_boolean(kind)):
        try:
            return pa.array(texts, pa.string()).cast(kind), []
        except pa.ArrowInvalid:
            pass
    parse, values, bad = _parser(column, kind), list[Any](), list[int]()
    for position, text in enumerate(texts):
        try:
            parsed = None if text is None else parse(text)
            value = None if parsed is None else pa.scalar(parsed, kind).as_py()
        except (ValueError, ArithmeticError, pa.ArrowException, OverflowError):
            value = None
            bad.append(position)
        values.append(value)
    return pa.array(values, kind), bad


def _parser(column: Column, kind: pa.DataType) -> Callable[[str], Any]:
    if pa.types.is_binary(kind):
        return _bytes_of(column)
    if pa.types.is_boolean(kind):
        return _boolean
    if pa.types.is_integer(kind):
        return int
    if pa.types.is_floating(kind):
        return float
    if pa.types.is_decimal(kind):
        return Decimal
    return date.fromisoformat if pa.types.is_date(kind) else _moment


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    raise ValueError(text)


def _bytes_of(column: Column) -> Callable[[str], bytes]:
    r"""Parses PostgreSQL's `\x0a` or MySQL's hexadecimal digits; a BIT as its number, text that AWS exports as bytes as the text."""
    word = (column.original_type or "").strip().lower()
    if word in _BYTES_AS_TEXT:
        return str.encode
    if word == "bit":
        size = (column.num_precision + 7) // 8 if column.num_precision else None
        return lambda text: _big_endian(int(text), size)
    return lambda text: bytes.fromhex(text.removeprefix("\\x"))


def _big_endian(number: int, size: int | None) -> bytes:
    return number.to_bytes(size or max(1, (number.bit_length() + 7) // 8), "big")


def _moment(text: str) -> datetime | None:
    """Parses `2026-11-20 03:00:00.5` with or without a zone (default UTC), or the seconds since 1970.

    Days that do not exist (MySQL's `0000-00-00`) are NULL, as in an export.
    """
    seconds = _SECONDS.fullmatch(text)
    if seconds:
        micros = int((seconds[2] or "0").ljust(6, "0"))
        whole = int(seconds[1])
        return _EPOCH + timedelta(seconds=whole, microseconds=-micros if text.startswith("-") else micros)
    if _DAY.match(text) and not _exists(text[:10]):
        return None
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _exists(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True
