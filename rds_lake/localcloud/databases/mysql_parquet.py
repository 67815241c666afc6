"""MySQL's types as RDS writes them to Parquet, and the server's text as values of these types.

Values are read as the server's own text, or bytes, and converted here: client libraries treat zero dates, and a TIME beyond 24
hours, in different ways.
(https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-export-snapshot.html, "Data conversion")
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from rds_lake.localcloud.databases.source import SourceColumn

# Each: expectedExportedType, and the Arrow type that pyarrow writes as AWS's physical type.
ParquetType = tuple[str, pa.DataType]

_INT16: ParquetType = ("int32 (INT_16)", pa.int16())
_INT32: ParquetType = ("int32", pa.int32())
_INT64: ParquetType = ("int64", pa.int64())
_DOUBLE: ParquetType = ("double", pa.float64())
_BYTES: ParquetType = ("binary", pa.binary())
_TEXT: ParquetType = ("binary (UTF8)", pa.string())
# In UTC: parquet-mr 1.10, which writes AWS's files, knows TIMESTAMP_MICROS but not yet isAdjustedToUTC, and readers take
# a bare TIMESTAMP_MICROS for true. pyarrow, too, writes that mark only for times in UTC.
_MICROS: ParquetType = ("int64 (TIMESTAMP_MICRO)", pa.timestamp("us", tz="UTC"))

_SIGNED = {"tinyint": _INT32, "smallint": _INT32, "mediumint": _INT32, "int": _INT32, "bigint": _INT64}
_UNSIGNED: dict[str, ParquetType] = {
    "tinyint": _INT16,
    "smallint": _INT32,
    "mediumint": _INT64,
    "int": _INT64,
    "bigint": ("fixed_len_byte_array(9) (DECIMAL(20,0))", pa.decimal128(20, 0)),
}
_OTHERS = {
    "year": _INT32,
    "float": _DOUBLE,
    "double": _DOUBLE,
    "datetime": _MICROS,
    "timestamp": _MICROS,
} | dict.fromkeys(
    (
        *("bit", "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"),
        *("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"),
        *("geometrycollection", "geomcollection"),  # MariaDB's word and MySQL's
    ),
    _BYTES,
)
# Spark's storage of decimals by precision.
_INT32_DIGITS, _INT64_DIGITS, _MAX_DIGITS = 9, 18, 38


def parquet_type(data_type: str, column_type: str, precision: int | None, scale: int | None) -> ParquetType:
    """Returns the Parquet type of a column of information_schema; text for every type that AWS does not list."""
    if data_type == "decimal" and precision is not None:
        return _decimal(precision, scale or 0)
    if data_type in _SIGNED:
        # `int(10) unsigned zerofill`
        return (_UNSIGNED if "unsigned" in column_type.split() else _SIGNED)[data_type]
    return _OTHERS.get(data_type, _TEXT)


def _decimal(precision: int, scale: int) -> ParquetType:
    if precision > _MAX_DIGITS:
        return _TEXT
    kind = pa.decimal128(precision, scale)
    if precision <= _INT32_DIGITS:
        storage = "int32"
    elif precision <= _INT64_DIGITS:
        storage = "int64"
    else:
        storage = f"fixed_len_byte_array({_bytes_for(precision)})"
    return f"{storage} (DECIMAL({precision},{scale}))", kind


def _bytes_for(precision: int) -> int:
    """Returns the fewest bytes whose signed numbers have this many digits."""
    return next(size for size in range(1, 17) if 2 ** (8 * size - 1) > 10**precision - 1)


def reading(column: SourceColumn, quoted: str) -> str:
    """Returns the expression that reads a column. As text a FLOAT has six digits; as a double it has all of them."""
    return f"{quoted} * 1e0" if column.data_type == "float" else quoted


def arrow_array(column: SourceColumn, values: Sequence[str | bytes | None]) -> pa.Array:
    """Returns the server's text or bytes as the column's Arrow type."""
    convert = _converter(column.arrow)
    return pa.array([None if value is None else convert(value) for value in values], column.arrow)


def _converter(kind: pa.DataType) -> Callable[[Any], Any]:
    if pa.types.is_integer(kind):
        return int
    if pa.types.is_decimal(kind):
        return Decimal
    if pa.types.is_floating(kind):
        return float
    if pa.types.is_timestamp(kind):
        return _moment
    return bytes if pa.types.is_binary(kind) else _text


def _moment(text: str) -> datetime | None:
    """Returns a DATETIME, in a session with UTC. `0000-00-00 00:00:00` and days that do not exist have no number: NULL."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


def _text(value: str | bytes) -> str:
    # MariaDB sends some types of its own (UUID, INET6) as bytes.
    return value.decode() if isinstance(value, bytes) else value
