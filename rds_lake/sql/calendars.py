"""Dates and times of files that count early days by the Julian calendar, as the days they were in the database.

What belongs here: that expression. Which columns need it is `stages/databases/footers.py`, why `model/calendars.py`.
"""

from __future__ import annotations

from datetime import date

from rds_lake.model.calendars import GREGORIAN_FROM, julian_shifts
from rds_lake.model.tables.table import Column
from rds_lake.sql.casts import Typed
from rds_lake.sql.quoting import date_literal, literal
from rds_lake.sql.types import hive_to_presto


def native(column: Column, raw: str) -> Typed:
    """The column as its files have it, with early days corrected; where their calendar is unknown they are NULL, and counted."""
    plain = Typed(expression=raw, presto_type=hive_to_presto(column.hive_type))
    if column.hive_type not in ("date", "timestamp") or column.calendar not in ("julian", "mixed"):
        return plain
    early = f"{raw} < {_moment(column, GREGORIAN_FROM)}"
    if column.calendar == "mixed":
        return Typed(
            expression=f"CASE WHEN NOT ({early}) THEN {raw} END",
            presto_type=plain.presto_type,
            loss=f"COALESCE({early}, false)",
        )
    cases = " ".join(f"WHEN {raw} < {_moment(column, until)} THEN {days}" for until, days in julian_shifts())
    return Typed(
        expression=f"CASE WHEN {early} THEN date_add('day', CASE {cases} END, {raw}) ELSE {raw} END",
        presto_type=plain.presto_type,
    )


def _moment(column: Column, day: date) -> str:
    return date_literal(day) if column.hive_type == "date" else f"TIMESTAMP {literal(f'{day.isoformat()} 00:00:00')}"
