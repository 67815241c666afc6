"""Finds which calendar a Parquet file uses for days before 1582-10-15, and which of its columns have such days.

The calendar is in the footer's key-values (Spark's DataSourceUtils.scala reads them like this):

    org.apache.spark.legacyDateTime   present, with any value: dates and times are in the Julian calendar
    org.apache.spark.legacyINT96      the same for times stored as INT96
    org.apache.spark.version          below 3.0 (for INT96 3.1): in the Julian calendar, without those marks

Whether a column has such days follows from its minimum. Few databases have them; a column without them stays a plain column in
the view, so that Athena can skip parts of files.

What belongs here: reading that from a footer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rds_lake.model.calendars import GREGORIAN_FROM_DAY, Calendar

_VERSION = b"org.apache.spark.version"
_MARK = {False: b"org.apache.spark.legacyDateTime", True: b"org.apache.spark.legacyINT96"}
_FIRST_BY_DEFAULT = {False: (3, 0), True: (3, 1)}
_DAY_IN = {
    "milliseconds": 86_400_000,
    "microseconds": 86_400_000_000,
    "nanoseconds": 86_400_000_000_000,
}


def early_days(metadata: Any, columns: Sequence[tuple[str, str]]) -> tuple[tuple[str, Calendar], ...]:
    """The columns with days before 1582-10-15, or that may have some, and their calendar; `columns` are (name, Hive type)."""
    early: list[tuple[str, Calendar]] = []
    for number, (name, hive_type) in enumerate(columns):
        if hive_type in ("date", "timestamp") and _may_be_early(metadata, number):
            int96 = metadata.schema.column(number).physical_type == "INT96"
            early.append((name, "julian" if _is_julian(metadata.metadata or {}, int96=int96) else "gregorian"))
    return tuple(early)


def _is_julian(marks: dict[bytes, bytes], *, int96: bool) -> bool:
    if _MARK[int96] in marks:
        return True
    version = re.match(rb"(\d+)\.(\d+)", marks.get(_VERSION, b""))
    return version is not None and (int(version[1]), int(version[2])) < _FIRST_BY_DEFAULT[int96]


def _may_be_early(metadata: Any, number: int) -> bool:
    """Whether any value is that early, by the statistics; true if there are no statistics."""
    first = GREGORIAN_FROM_DAY * _units_a_day(metadata.schema.column(number))
    for group in range(metadata.num_row_groups):
        chunk = metadata.row_group(group).column(number)
        statistics = chunk.statistics if chunk.is_stats_set else None
        nulls = statistics.null_count if statistics is not None and statistics.has_null_count else 0
        if nulls == chunk.num_values:
            continue  # a column without values has no minimum
        if statistics is None or not statistics.has_min_max or type(statistics.min_raw) is not int:
            return True
        if statistics.min_raw < first:
            return True
    return False


def _units_a_day(column: Any) -> int:
    """Returns how many units of the column's type make a day; any number for INT96, whose statistics are not usable."""
    unit = re.search(r"timeUnit=(\w+)", str(column.logical_type))
    return _DAY_IN[unit[1]] if unit else 1
