"""The calendar by which a file counts days before 1582-10-15.

Spark before release 3, and later ones where configured so, write dates and times before 1582-10-15 by the calendar that
people had then, the Julian one; every other writer, and Athena, count by the Gregorian one as if it had always been there.
Spark marks such files (https://spark.apache.org/docs/latest/sql-data-sources-parquet.html, datetimeRebaseMode LEGACY), and
the exporter of RDS is Spark.

    2 days    before 0100-02-28                 the Julian 0001-01-01 is counted as the Gregorian 0000-12-30
    …
    -10 days  from 1500-03-11 to 1582-10-14     the Julian 1582-10-04 is counted as the Gregorian 1582-10-14

What belongs here: the two calendars. How a view reads such a column is `sql/calendars.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Literal

# mixed: one file by one, another by the other, so that it is unknown which a value means.
Calendar = Literal["gregorian", "julian", "mixed"]

GREGORIAN_FROM = date(1582, 10, 15)
_EPOCH = date(1970, 1, 1)
GREGORIAN_FROM_DAY = (GREGORIAN_FROM - _EPOCH).days  # days since 1970-01-01


def together(calendars: Iterable[Calendar | None]) -> Calendar | None:
    """Returns the calendar of columns that are read as one column."""
    known: set[Calendar] = {calendar for calendar in calendars if calendar is not None}
    if len(known) > 1:
        return "mixed"
    return next(iter(known), None)


def julian_shifts() -> Iterator[tuple[date, int]]:
    """Yields (Gregorian day, exclusive; difference in days) for days counted by the Julian calendar, oldest first.

    Adding the difference gives the day with the same name in the Gregorian calendar. It changes after the Julian 29
    February of each century that has none in the Gregorian calendar.
    """
    shift = 2
    for year in range(100, GREGORIAN_FROM.year, 100):
        if year % 400:
            # The Julian 1 March, as the Gregorian calendar counts it, when one day more separates the two.
            yield date(year, 3, 1) - timedelta(days=shift - 1), shift
            shift -= 1
    yield GREGORIAN_FROM, shift
