"""Columns of Glue tables in Spectrum: their types in Redshift, the physical types that they read, and texts that are too long.

(https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_EXTERNAL_TABLE.html)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rds_lake.localcloud.athena.relations import text
from rds_lake.localcloud.redshift.errors import not_here
from rds_lake.localcloud.redshift.sql.macros import RAISED
from rds_lake.localcloud.redshift.sql.types import LONGEST_VARBYTE, LONGEST_VARCHAR, VARBYTE, ColumnType

_PLAIN = {
    "tinyint": "smallint", "smallint": "smallint", "int": "integer", "integer": "integer", "bigint": "bigint", "float": "real",
    "real": "real", "double": "double precision", "boolean": "boolean", "date": "date",
    "timestamp": "timestamp without time zone",
}  # fmt: skip
# By Redshift's type: Parquet's physical and logical types. Whether Spectrum reads an INT32 as BIGINT is not documented: refused.
_READS: dict[str, frozenset[str]] = {
    "smallint": frozenset({"INT32/NONE", "INT32/INT"}),
    "integer": frozenset({"INT32/NONE", "INT32/INT"}),
    "bigint": frozenset({"INT64/NONE", "INT64/INT"}),
    "real": frozenset({"FLOAT/NONE"}),
    "double precision": frozenset({"DOUBLE/NONE"}),
    "boolean": frozenset({"BOOLEAN/NONE"}),
    "date": frozenset({"INT32/DATE"}),
    "timestamp without time zone": frozenset({"INT64/TIMESTAMP", "INT96/NONE"}),
}
_TEXTS = frozenset({"BYTE_ARRAY/STRING", "BYTE_ARRAY/ENUM", "BYTE_ARRAY/JSON", "BYTE_ARRAY/NONE"})
_SIZED = re.compile(r"(decimal|varchar|char)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")


def column_type(hive: str) -> ColumnType | None:
    """Returns Redshift's type for a type of Glue; None for a nested type, which is not supported here."""
    word = hive.lower().strip()
    if word in _PLAIN:
        return ColumnType(word=_PLAIN[word])
    if word == "string":
        return ColumnType(word="character varying", size=LONGEST_VARCHAR)
    if word == "binary":
        return ColumnType(word=VARBYTE, size=LONGEST_VARBYTE)
    if word == "decimal":
        return ColumnType(word="numeric", size=10)
    match = _SIZED.fullmatch(word)
    if match is None:
        return None
    if match[1] == "decimal":
        return ColumnType(word="numeric", size=int(match[2]), scale=int(match[3] or 0))
    return ColumnType(word="character varying" if match[1] == "varchar" else "character", size=int(match[2]))


def reads(kind: ColumnType, column: Any) -> bool:
    """Whether Spectrum reads a column of a file (pyarrow's) as a type."""
    physical = f"{column.physical_type}/{column.logical_type.type}"
    if kind.word == "numeric":
        return column.logical_type.type == "DECIMAL" and column.scale == kind.scale
    if kind.word in (VARBYTE, "super"):
        return kind.word == VARBYTE and physical in _TEXTS
    return physical in (_TEXTS if kind.is_text else _READS[kind.word])


def shown_column(column: Any) -> str:
    """Returns a file's column as the error of an incompatible schema shows it."""
    words = {"INT32": "int32", "INT64": "int64", "INT96": "int96", "BYTE_ARRAY": "byte_array", "FLOAT": "float",
             "DOUBLE": "double", "BOOLEAN": "boolean", "FIXED_LEN_BYTE_ARRAY": "fixed_len_byte_array"}  # fmt: skip
    return f"optional {words.get(column.physical_type, column.physical_type.lower())} {column.name}"


def fitted(value: str, kind: ColumnType, parameters: Mapping[str, str]) -> str:
    """Returns DuckDB's SQL that fits a text to its column's length, by the table's `surplus_char_handling`."""
    configured = parameters.get("surplus_char_handling") or parameters.get("surplus_char.handling") or "SET_TO_NULL"
    off = str(parameters.get("data_cleansing_enabled", "true")).lower() == "false"
    handling = "DISABLED" if off else configured.upper()
    shown = f"rtrim({value}, ' ')" if kind.is_char else value
    if handling in ("TRUNCATE", "DISABLED"):
        return f"lc_cut({shown}, {kind.size})"
    if handling == "SET_TO_NULL":
        return f"CASE WHEN strlen({shown}) <= {kind.size} THEN {shown} END"
    if handling == "FAIL":
        words = text(f"{RAISED}Spectrum Scan Error. Data exceeds the width of a column of type {kind}")
        return f"CASE WHEN {shown} IS NULL OR strlen({shown}) <= {kind.size} THEN {shown} ELSE error({words}) END"
    raise not_here(f"surplus_char_handling {handling} is not supported")
