"""SQL that corrects early dates and times of files which count them by the Julian calendar.

What belongs here: that expression, for every engine. `stages/databases/footers.py` finds the columns; the reason is in
`model/calendars.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial

from rds_lake.model.calendars import GREGORIAN_FROM, julian_shifts
from rds_lake.model.tables.table import Column
from rds_lake.sql.casts import Typed
from rds_lake.sql.quoting import date_literal, literal
from rds_lake.sql.types import hive_to_presto


def native(column: Column, raw: str) -> Typed:
    """Returns the column's value with early days corrected.

    If the calendar of the files is unknown, early days are NULL and count as lost.
    """
    is_moment = column.hive_type in ("date", "timestamp")
    moment = partial(_moment, column)
    shown = early_days(column, raw, lambda days: f"date_add('day', {days}, {raw})", moment=moment) if is_moment else raw
    is_unknown = is_moment and column.calendar == "mixed"
    return Typed(
        expression=shown,
        presto_type=hive_to_presto(column.hive_type),
        loss=f"COALESCE({is_early(raw, moment)}, false)" if is_unknown else None,
    )


def early_days(
    column: Column, raw: str, later: Callable[[str], str], *, moment: Callable[[date], str] = date_literal
) -> str:
    """Returns an expression with the days before 1582-10-15 as in the database; NULL if the calendar of the files is unknown.

    `later`: returns the engine's expression for the value plus a number of days. `moment`: returns its literal for
    midnight of a day.
    """
    if column.calendar not in ("julian", "mixed"):
        return raw
    early = is_early(raw, moment)
    if column.calendar == "mixed":
        return f"CASE WHEN NOT ({early}) THEN {raw} END"
    cases = " ".join(f"WHEN {raw} < {moment(until)} THEN {days}" for until, days in julian_shifts())
    return f"CASE WHEN {early} THEN {later(f'CASE {cases} END')} ELSE {raw} END"


def is_early(raw: str, moment: Callable[[date], str] = date_literal) -> str:
    """Returns the condition that the two calendars count the day of the value differently."""
    return f"{raw} < {moment(GREGORIAN_FROM)}"


def _moment(column: Column, day: date) -> str:
    return date_literal(day) if column.hive_type == "date" else f"TIMESTAMP {literal(f'{day.isoformat()} 00:00:00')}"
