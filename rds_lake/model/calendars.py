"""The calendar of days before 1582-10-15 in a file: Julian or Gregorian.

Spark before release 3, and later releases if configured so, write dates and times before 1582-10-15 in the Julian calendar.
All other writers, and Athena, use the Gregorian calendar for all times. Spark marks its Julian files
(https://spark.apache.org/docs/latest/sql-data-sources-parquet.html, datetimeRebaseMode LEGACY), and RDS exports with Spark.

    2 days    before 0100-02-28                 the Julian 0001-01-01 is counted as the Gregorian 0000-12-30
    …
    -10 days  from 1500-03-11 to 1582-10-14     the Julian 1582-10-04 is counted as the Gregorian 1582-10-14

What belongs here: the two calendars. `sql/calendars.py` makes the expression with which a view reads such a column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Literal

# mixed: files with different calendars, so that the calendar of a value is unknown.
Calendar = Literal["gregorian", "julian", "mixed"]

GREGORIAN_FROM = date(1582, 10, 15)
_EPOCH = date(1970, 1, 1)
GREGORIAN_FROM_DAY = (GREGORIAN_FROM - _EPOCH).days  # days since 1970-01-01


def together(calendars: Iterable[Calendar | None]) -> Calendar | None:
    """Returns the calendar of columns that are read as one column: `mixed` if they differ, None if none has one."""
    known: set[Calendar] = {calendar for calendar in calendars if calendar is not None}
    if len(known) > 1:
        return "mixed"
    return next(iter(known), None)


def julian_shifts() -> Iterator[tuple[date, int]]:
    """Yields (end, exclusive, as Gregorian day; difference in days) of each period of the Julian calendar, oldest first.

    A Julian day plus the difference is the Gregorian day with the same date. The difference changes after each Julian
    29 February that the Gregorian calendar does not have.
    """
    shift = 2
    for year in range(100, GREGORIAN_FROM.year, 100):
        if year % 400:
            # The Gregorian date of the Julian 1 March, from which the difference is one day less.
            yield date(year, 3, 1) - timedelta(days=shift - 1), shift
            shift -= 1
    yield GREGORIAN_FROM, shift
