r"""A column of the lake as a column of Redshift: its type, and the conversion of its values.

The type is that of the view in Athena, decided by `sql/view_columns.py`; this table has Redshift's names.

    varchar                 varchar(4n) of n characters, else varchar(65535): Redshift counts bytes
    decimal(p,s)            decimal(p,s)
    tinyint, integer, …     smallint, integer, …
    double                  double precision
    timestamp               timestamp, to the microsecond
    timestamptz as text     timestamp, UTC
    array(varchar)          varchar(65535): PostgreSQL's own text, `{a,"b,c",NULL}`
    varbinary               varbyte(64000)
    row, array, map         super

An invalid value of the type becomes NULL, as in the view, and is counted: `loss` is true for exactly those, and for decimals
that lose digits. Text is never cut: it is inserted without a cast, and a text that is too long fails the load.
(https://docs.aws.amazon.com/redshift/latest/dg/r_TRY_CAST.html,
https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rds_lake.model.tables.nested_types import is_nested
from rds_lake.model.tables.table import Column
from rds_lake.sql.calendars import early_days, is_early
from rds_lake.sql.casts import original_word
from rds_lake.sql.quoting import identifier, literal

LONGEST = 65535
_LONGEST_BYTES = 64_000
_BYTES_OF_CHARACTER = 4
_WORDS = {"tinyint": "smallint", "double": "double precision"}
_FILE_WORDS = {
    "tinyint": "smallint", "int": "integer", "float": "real", "double": "double precision", "string": f"varchar({LONGEST})",
    "binary": f"varbyte({_LONGEST_BYTES})",
}  # fmt: skip
_DAY = "[0-9]{4,6}-[0-9]{2}-[0-9]{2}"
# Guards: without them `infinity`, `0044-03-15 BC` and `0000-00-00` would not be NULL, or fail the load.
_PATTERNS = {"date": f"^{_DAY}$", "timestamp": f"^{_DAY}[ T][0-9:.]+$", "zoned": f"^{_DAY}[ T][0-9:.]+[+-][0-9:]+$"}
_FRACTION = literal("[.][0-9]*[1-9]")
_ZONED = {"timestamp with time zone", "timestamptz"}
_MOST_BITS = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseColumn:
    """A column in Redshift: `name`, `type`, `expression` over the file's column, and `loss`, an SQL condition or None."""

    name: str
    type: str
    expression: str
    loss: str | None = None


def file_type(hive_type: str) -> str:
    """Returns the type in which COPY reads a file's column."""
    return "super" if is_nested(hive_type) else _FILE_WORDS.get(hive_type, hive_type)


def may_be_too_long(column: Column) -> bool:
    """Whether a text of the column may have more bytes than Redshift allows."""
    characters = column.char_max_length
    return column.hive_type == "string" and (characters is None or characters * _BYTES_OF_CHARACTER > LONGEST)


def warehouse_column(column: Column, name: str, presto_type: str) -> WarehouseColumn:
    """Returns Redshift's column for a view's column; `presto_type`: its type in the view."""
    raw = identifier(column.name.lower())
    kind = _type(column, presto_type)
    if column.hive_type == "string":
        expression, loss = _from_text(column, raw, kind)
    elif column.hive_type == "binary" and not kind.startswith("varbyte"):
        expression, loss = _from_bytes(column, raw, kind)
    elif column.hive_type in ("date", "timestamp") and column.calendar in ("julian", "mixed"):
        expression, loss = _early(column, raw)
    else:
        expression, loss = raw, None
    if column.hive_type != "string" and _plain(file_type(column.hive_type)) != _plain(kind):
        expression = f"CAST({expression} AS {kind})"
    return WarehouseColumn(name=name, type=kind, expression=expression, loss=loss)


def missing_column(name: str, presto_type: str, hive_type: str) -> WarehouseColumn:
    """Returns a column that this date's files do not have."""
    kind = _type(Column(name=name, hive_type=hive_type), presto_type)
    return WarehouseColumn(name=name, type=kind, expression=f"CAST(NULL AS {kind})")


def _type(column: Column, presto_type: str) -> str:
    if is_nested(column.hive_type):
        return "super"
    if presto_type.startswith(("varchar", "array(")):
        characters = column.char_max_length if presto_type.startswith("varchar") else None
        return f"varchar({min(characters * _BYTES_OF_CHARACTER, LONGEST) if characters else LONGEST})"
    if presto_type.startswith("varbinary"):
        return file_type("binary")
    word = re.sub(r"^timestamp\(\d\)$", "timestamp", presto_type.replace(" ", ""))
    return _WORDS.get(word, word)


def _plain(kind: str) -> str:
    return "varchar" if kind.startswith("varchar") else kind.replace(" ", "")


def _from_text(column: Column, raw: str, kind: str) -> tuple[str, str | None]:
    if kind.startswith("varchar"):
        return raw, None
    pattern = _PATTERNS.get("zoned" if kind == "timestamp" and original_word(column) in _ZONED else kind)
    if pattern is None:
        expression = f"TRY_CAST({raw} AS {kind})"
    else:
        guarded = f"CASE WHEN {raw} ~ {literal(pattern)} AND {raw} NOT LIKE {literal('0000-%')} THEN {raw} END"
        zoned = pattern == _PATTERNS["zoned"]
        expression = f"TRY_CAST({guarded} AS {'timestamptz' if zoned else kind})"
        expression = f"{expression} AT TIME ZONE {literal('UTC')}" if zoned else expression
    loss = f"{raw} IS NOT NULL AND {expression} IS NULL"
    if kind.startswith("decimal"):
        scale = int(kind.removesuffix(")").split(",")[1])
        # The point counts as one character of what is found.
        loss = f"({loss}) OR LEN(REGEXP_SUBSTR({raw}, {_FRACTION})) > {scale + 1}"
    return expression, loss


def _from_bytes(column: Column, raw: str, kind: str) -> tuple[str, str | None]:
    """Returns MySQL's big-endian bit(n) as a number, and text that was exported as bytes as text."""
    if original_word(column) != "bit":
        return f"FROM_VARBYTE({raw}, {literal('utf8')})", None
    digits = f"TO_HEX({raw})"
    if column.num_precision is not None and column.num_precision <= _MOST_BITS:
        return f"STRTOL({digits}, 16)", None
    wide = f"LPAD({digits}, 16, {literal('0')})"
    return f"CAST(STRTOL(LEFT({wide}, 8), 16) AS {kind}) * 4294967296 + STRTOL(RIGHT({wide}, 8), 16)", None


def _early(column: Column, raw: str) -> tuple[str, str | None]:
    """Returns early days of files that count them by the Julian calendar, and the condition for lost ones."""
    shown = early_days(column, raw, lambda days: f"CAST(DATEADD(day, {days}, {raw}) AS {column.hive_type})")
    return shown, f"COALESCE({is_early(raw)}, false)" if column.calendar == "mixed" else None
