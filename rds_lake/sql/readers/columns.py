"""A column of a typed view in another engine: the rules of Athena's views, in the SQL of that engine.

What belongs here: the choice of the rule. Athena's is `sql/view_columns.py`; the SQL of each engine is `duckdb.py`,
`spark.py`, ….
"""

from __future__ import annotations

from dataclasses import replace

from rds_lake.sql import mysql_types
from rds_lake.sql.casts import original_word
from rds_lake.sql.readers.engine import PATTERNS, Engine
from rds_lake.sql.readers.tables import ReadColumn, ReadFiles
from rds_lake.sql.types import hive_to_presto

_ZONED = {"timestamp with time zone", "timestamptz"}
_AS_TEXT = {"real", "double", "boolean", "date", "timestamp"}


def view_expression(engine: Engine, column: ReadColumn, files: ReadFiles) -> str:
    """Returns the view's value of a column; NULL of its type if these files do not have the column."""
    kind, key = column.view.presto_type, column.raw.name.lower()
    file_type = files.types.get(key) if column.present else None
    if file_type is None:
        return f"CAST(NULL AS {engine.type(kind)})"
    declared = column.raw.hive_type
    raw = engine.column(files.names[key], file_type)
    if file_type != declared:
        raw = f"CAST({raw} AS {engine.type(hive_to_presto(declared))})"
    if declared == "string":
        return _from_text(engine, column, raw, kind)
    value, before = _native(engine, column, raw)
    return value if _same(before, kind) else engine.try_value(value, before.split("(")[0], kind)


def column_note(engine: Engine, column: ReadColumn) -> str:
    """Returns what a user should know about the column in this engine; empty if nothing."""
    kind = column.view.presto_type
    own = engine.note(column.raw, kind)
    if kind != "varchar" or column.raw.hive_type == "string":
        return own
    before = _natural(column)
    return own or ("written in this engine's own form" if before.split("(")[0] in _AS_TEXT else "")


def _from_text(engine: Engine, column: ReadColumn, raw: str, kind: str) -> str:
    if kind == "varchar":
        return raw
    if kind.startswith("array("):
        return engine.array(raw)
    if kind == "timestamp" and original_word(column.raw) in _ZONED:
        return engine.utc(f"CASE WHEN {engine.matches(raw, PATTERNS['zoned'])} THEN {raw} END")
    word = kind.split("(")[0]
    condition = engine.matches(raw, PATTERNS[word])
    if word == "date":  # MySQL's zero dates: the year 0 is no date
        condition += f" AND {raw} NOT LIKE {engine.literal('0000-%')}"
    return engine.try_text(f"CASE WHEN {condition} THEN {raw} END", kind)


def _native(engine: Engine, column: ReadColumn, raw: str) -> tuple[str, str]:
    """Returns the value without `types:`, and its type."""
    kind = _natural(column)
    if column.raw.hive_type == "binary" and kind != "varbinary":
        return (engine.text(raw) if kind == "varchar" else engine.bits(raw, kind)), kind
    if column.raw.hive_type in ("date", "timestamp"):
        return engine.moment(raw, column.raw), kind
    return raw, kind


def _natural(column: ReadColumn) -> str:
    """Returns the view's type, without `types:`, of a column that is not text."""
    typed = mysql_types.typed(replace(column.raw, name="x"), "x")
    return typed.presto_type if typed is not None else hive_to_presto(column.raw.hive_type)


def _same(one: str, other: str) -> bool:
    return one.replace("timestamp(3)", "timestamp") == other.replace("timestamp(3)", "timestamp")
