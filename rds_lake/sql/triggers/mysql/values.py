"""One value of a row in a trigger of MySQL and MariaDB: its text, whether it changed, and its length.

    type                                  text in an image                                  in the export
    tinyint … bigint, unsigned, year      digits, none of ZEROFILL's: 7, -7, 2026, 0        int32, int64, decimal(20,0)
    decimal(p,s)                          all s fraction digits: 1.50                       decimal(p,s); text beyond 38 digits
    float, double                         the shortest text of the double: 0.1, 1e15; of    double
                                          a FLOAT 0.1 it is 0.10000000149011612
    bit(n)                                the number in decimal: 5                          bytes, big-endian
    char, varchar, … text, enum, set      the text; a char without spaces at its end        text
    json                                  the server's own text                             text
    date, time                            2026-11-28, 0000-00-00, 2026-00-31, -838:59:59.5  text
    datetime(n)                           2026-11-28 03:00:00.123, with all n digits; zero  timestamp; NULL for days that
                                          dates as they are: 0000-00-00 00:00:00.000        do not exist
    timestamp(n)                          the same, in UTC                                  timestamp; NULL for zero dates
    binary, varbinary, … blob             hexadecimal digits, in capitals: 00FF             bytes
    geometry, point, …                    the same, of 4 bytes SRID and WKB                 bytes
    uuid, inet4, inet6 (MariaDB)          the server's own text                             text

The texts do not depend on the writer's time zone or character set, and a trigger has its own SQL mode. Which types AWS
exports: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-export-snapshot.html

What belongs here: expressions of one column. Whole images are `image.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rds_lake.model.streams.captured import CapturedColumn
from rds_lake.sql.quoting import backticked, mysql_literal

_INTEGERS = {"tinyint", "smallint", "mediumint", "int", "integer", "bigint"}
_NUMBERS = {*_INTEGERS, "year", "decimal", "float", "double", "bit"}
_FLOATS = {"float", "double"}
_TIMES = {"date", "time", "datetime", "timestamp"}
_TEXT_BYTES = {"tinytext": 0xFF, "text": 0xFFFF, "mediumtext": 0xFF_FFFF, "longtext": 0xFFFF_FFFF, "json": 0xFFFF_FFFF}
_BLOB_BYTES = {"tinyblob": 0xFF, "blob": 0xFFFF, "mediumblob": 0xFF_FFFF, "longblob": 0xFFFF_FFFF}
_TEXTS = {"char", "varchar", "enum", "set", *_TEXT_BYTES}
_BINARIES = {"binary", "varbinary", *_BLOB_BYTES}
_GEOMETRIES = {
    *("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"),
    *("geometrycollection", "geomcollection"),  # MariaDB's word and MySQL's
}
_OTHERS = {"uuid", "inet4", "inet6"}
_KNOWN = _NUMBERS | _TIMES | _TEXTS | _BINARIES | _GEOMETRIES | _OTHERS

# A byte or a character becomes six at most in JSON (\u0001), a byte of binary data two digits.
_TEXT_GROWTH, _HEX_GROWTH = 6, 2
_QUOTES = 4  # two, or `null`
_SHORT = 100  # more than any number, time or address has
_MOST_CHARACTERS = 0xFFFF
_GEOMETRY_BYTES = 0xFFFF_FFFF
_NULL, _QUOTE = mysql_literal("null"), mysql_literal('"')


def is_known(column: CapturedColumn) -> bool:
    """Whether the column's type is in the table above."""
    return _word(column) in _KNOWN


def text_of(column: CapturedColumn, row: str) -> str:
    """Returns the expression of the value's text, or NULL; `row` is NEW or OLD."""
    word, value = _word(column), _value(column, row)
    if word == "timestamp":
        return f"CAST({plain_of(column, row)} AS CHAR)"
    if word in _TEXTS:
        # CAST and not CONVERT: MariaDB treats some longtext as JSON and would insert it into an object as JSON.
        return f"CAST({value} AS CHAR CHARACTER SET utf8mb4)"
    if word in _BINARIES or word in _GEOMETRIES:
        return f"HEX({value})"
    return f"CAST({_exact(column, value)} AS CHAR)"


def _exact(column: CapturedColumn, value: str) -> str:
    """Returns an expression for a number, time or address that gives the right text wherever a text is needed."""
    word = _word(column)
    zero_filled = "zerofill" in column.type.lower().split()
    if word == "year" or (word in _INTEGERS and zero_filled):
        return f"{value} + 0"
    if word == "decimal" and zero_filled:
        return f"CAST({value} AS DECIMAL({_arguments(column)}))"
    if word in _FLOATS:
        return f"{value} * 1e0"  # as text a FLOAT has six digits
    if word == "bit":
        return f"CAST({value} AS UNSIGNED)"
    return value


def is_plain(column: CapturedColumn) -> bool:
    """Whether the value's text is never empty and never needs escapes in JSON."""
    return _word(column) in _NUMBERS | _TIMES | _OTHERS


def plain_of(column: CapturedColumn, row: str) -> str:
    """Returns the expression of a plain column's value, as an argument of CONCAT."""
    value = _value(column, row)
    return f"COALESCE({_utc(column, value)}, {value})" if _word(column) == "timestamp" else _exact(column, value)


def json_of(column: CapturedColumn, row: str) -> str:
    """Returns the expression in JSON, with quotes, of a value that is not plain; `null` for NULL."""
    if _word(column) in _TEXTS:
        return f"COALESCE(JSON_QUOTE({text_of(column, row)}), {_NULL})"
    return f"COALESCE(CONCAT({_QUOTE}, {text_of(column, row)}, {_QUOTE}), {_NULL})"


def unchanged(column: CapturedColumn) -> str:
    """Returns the condition that OLD and NEW have the same text; it is never NULL."""
    word, old, new = _word(column), _value(column, "OLD"), _value(column, "NEW")
    if word in _TEXTS:
        # A collation may treat foo and Foo as equal, and many also 'foo '.
        # Where one side is of bytes, both are compared as bytes.
        return f"CAST({old} AS BINARY) <=> {new}"
    if word in _FLOATS:
        return f"CAST({old} * 1e0 AS BINARY) <=> CAST({new} * 1e0 AS BINARY)"  # 0 and -0 are equal as numbers
    if word == "timestamp":
        # As times of a time zone the two two o'clocks of one night are equal. A zero date has no number in MariaDB.
        return f"({old} IS NULL) = ({new} IS NULL) AND UNIX_TIMESTAMP({old}) <=> UNIX_TIMESTAMP({new})"
    return f"{old} <=> {new}"


def most_bytes(column: CapturedColumn) -> int:
    """Returns the most bytes that the value's text can have in JSON, including quotes."""
    word = _word(column)
    if word in ("char", "varchar"):
        return _TEXT_GROWTH * _length(column) + 2
    if word in ("enum", "set"):
        # The type names every member.
        return _TEXT_GROWTH * (_length(column) if _arguments(column).isdigit() else len(column.type)) + 2
    if word in _TEXT_BYTES:
        return _TEXT_GROWTH * _TEXT_BYTES[word] + 2
    if word in ("binary", "varbinary"):
        return _HEX_GROWTH * _length(column) + 2
    if word in _BLOB_BYTES or word in _GEOMETRIES:
        return _HEX_GROWTH * _BLOB_BYTES.get(word, _GEOMETRY_BYTES) + 2
    return _SHORT


def differs_surely(columns: Sequence[CapturedColumn]) -> str:
    """Returns a condition under which OLD and NEW certainly differ: one function, where `unchanged` needs many.

    Values that a collation, or the number of a float, treats as equal may still differ; values that it distinguishes do
    differ.
    """
    old, new = (", ".join(_value(column, row) for column in columns) for row in ("OLD", "NEW"))
    return f"NOT (({old}) <=> ({new}))"


def bytes_together(column: CapturedColumn, rows: Sequence[str]) -> str:
    """Returns a fast expression for an upper limit of the bytes of the value's texts of all `rows` in JSON."""
    values = [_value(column, row) for row in rows]
    lengths = f"LENGTH(CONCAT_WS({mysql_literal('')}, {', '.join(values)}))"
    return f"{lengths} * {_growth(column)} + {_QUOTES * len(rows)}"


def _bytes_bound(column: CapturedColumn, row: str) -> str:
    """Returns the expression of an upper limit for one row, never NULL."""
    return f"COALESCE(LENGTH({_value(column, row)}), 1) * {_growth(column)} + 2"


def _growth(column: CapturedColumn) -> int:
    return _TEXT_GROWTH if _word(column) in _TEXTS else _HEX_GROWTH


def bytes_exactly(column: CapturedColumn, row: str, limit: int) -> str:
    """Returns the expression of the exact bytes; for a value of more than `limit` bytes, of any number above `limit`."""
    if _word(column) not in _TEXTS:
        return _bytes_bound(column, row)
    value = _value(column, row)
    # A text longer than the server's maximum packet becomes NULL.
    quoted = f"COALESCE(LENGTH(JSON_QUOTE({text_of(column, row)})), {limit + 1})"
    return f"CASE WHEN {value} IS NULL THEN 4 WHEN LENGTH({value}) > {limit} THEN LENGTH({value}) ELSE {quoted} END"


def _utc(column: CapturedColumn, value: str) -> str:
    """Returns the time in UTC; NULL for NULL and for a zero date, whose text is the same in all time zones.

    UNIX_TIMESTAMP reads a TIMESTAMP column's stored number, without a time zone; a zero date has none, or 0.
    https://dev.mysql.com/doc/refman/8.4/en/date-and-time-functions.html#function_unix-timestamp
    """
    digits = _arguments(column)
    moment = f"TIMESTAMP'1970-01-01 00:00:00' + INTERVAL NULLIF(UNIX_TIMESTAMP({value}), 0) SECOND"
    return f"CAST({moment} AS DATETIME({digits}))" if digits else moment


def _word(column: CapturedColumn) -> str:
    """Returns `varchar` for `varchar(20)`."""
    return re.split(r"[( ]", column.type.lower(), maxsplit=1)[0]


def _arguments(column: CapturedColumn) -> str:
    """Returns `10,2` for `decimal(10,2) unsigned`."""
    match = re.match(r"\w+\(([^)]*)\)", column.type)
    return match.group(1) if match else ""


def _length(column: CapturedColumn) -> int:
    """Returns the length in characters or bytes; a snapshot's schema may not have it."""
    return int(_arguments(column) or _MOST_CHARACTERS)


def _value(column: CapturedColumn, row: str) -> str:
    return f"{row}.{backticked(column.name)}"
