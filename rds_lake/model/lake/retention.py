"""Which dates a lake keeps: the newest days, then one date per week and one per month.

What belongs here: the rule. `stages/upkeep/retention.py` removes the other dates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Protocol


class Counts(Protocol):
    """`retention:` of lake.yaml."""

    @property
    def daily(self) -> int: ...
    @property
    def weekly(self) -> int: ...
    @property
    def monthly(self) -> int: ...


def keep(dates: Iterable[date], retention: Counts, today: date) -> Mapping[date, str]:
    """Returns the dates to keep, each with the reason.

    These are the newest `daily` dates, of any age, and the newest date of each of the last `weekly` ISO weeks and
    `monthly` months, including the current one. A date that is not kept never becomes one to keep later.
    """
    newest_first = sorted(set(dates), reverse=True)
    kept = dict.fromkeys(newest_first[: retention.daily], f"one of the newest {retention.daily}")
    weeks: set[date] = set()
    months: set[int] = set()
    for day in newest_first:
        if _week(day) not in weeks and _week(today) - _week(day) < timedelta(weeks=retention.weekly):
            weeks.add(_week(day))
            kept.setdefault(day, f"newest of week {day:%G-W%V}")
        if _month(day) not in months and _month(today) - _month(day) < retention.monthly:
            months.add(_month(day))
            kept.setdefault(day, f"newest of {day:%Y-%m}")
    return kept


def _week(day: date) -> date:
    """Returns the Monday of the week."""
    return day - timedelta(days=day.weekday())


def _month(day: date) -> int:
    return day.year * 12 + day.month
