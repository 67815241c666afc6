"""One column of a view: the rule of its engine, or the type from `types:`.

The engine is not a parameter. The type in the file (`hive_type`) and the database's name of the type (`original_type`) are
unambiguous together: only MySQL calls text `decimal` and bytes `bit`, only PostgreSQL calls text `numeric`.

What belongs here: the choice, and rules for all engines. The rules are `postgres_types.py` and `mysql_types.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from rds_lake.model.tables.table import Column
from rds_lake.sql import mysql_types, postgres_types
from rds_lake.sql.calendars import native
from rds_lake.sql.casts import Typed, from_native, from_text, original_word
from rds_lake.sql.quoting import identifier, literal
from rds_lake.sql.types import parse_presto_type


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewColumn:
    """One column of a view. `name`: the Parquet column; `loss`: an SQL condition, None if nothing is cast."""

    name: str
    alias: str
    expression: str
    presto_type: str
    loss: str | None = None


def view_column(column: Column, alias: str, *, type_override: str | None = None) -> ViewColumn:
    """Returns the view's column for a raw column. Raises ValueError for an unknown `type_override`, or one it cannot have."""
    raw = identifier(column.name.lower())
    typed = _typed(column, raw) if type_override is None else _overridden(column, raw, parse_presto_type(type_override))
    return ViewColumn(
        name=column.name,
        alias=alias,
        expression=typed.expression,
        presto_type=typed.presto_type,
        loss=typed.loss,
    )


def _typed(column: Column, raw: str) -> Typed:
    if column.hive_type == "string" and original_word(column) == "date":
        return _date(raw)
    return postgres_types.typed(column, raw) or mysql_types.typed(column, raw) or native(column, raw)


def _date(raw: str) -> Typed:
    """Returns NULL for dates that Athena does not have: PostgreSQL's `infinity` and BC, MySQL's `0000-00-00` and `2026-02-31`.

    MySQL's `0000-02-28` is NULL, too: Athena would read it as a year BC.
    """
    expression = f"TRY_CAST(CASE WHEN {raw} NOT LIKE {literal('0000-%')} THEN {raw} END AS date)"
    return Typed(expression=expression, presto_type="date", loss=f"{raw} IS NOT NULL AND {expression} IS NULL")


def _overridden(column: Column, raw: str, presto_type: str) -> Typed:
    """Returns the column in the type from `types:`."""
    if column.hive_type != "string":
        # MySQL's bytes of a number or text are cast as such.
        return from_native(mysql_types.typed(column, raw) or native(column, raw), presto_type)
    return postgres_types.zoned_as(column, raw, presto_type) or from_text(raw, presto_type)
