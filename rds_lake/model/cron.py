"""Cron schedules: five fields, or `@daily` and similar words.

    minute  hour  day of the month  month  day of the week        20 6 * * 1-5
    0-59    0-23  1-31, l           1-12   0-7, sun-sat, 5#1, l5

These are the schedules that Dagster accepts (https://docs.dagster.io/guides/automate/schedules); a test compares them. Dagster is
not imported here.

What belongs here: whether a text is a schedule. Dagster decides when it fires.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_ALIASES = ("@hourly", "@midnight", "@daily", "@weekly", "@monthly", "@yearly", "@annually")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class _Field:
    """One field: its name, its least and greatest value, and its named values."""

    name: str
    least: int
    greatest: int
    words: dict[str, int] = field(default_factory=dict)

    def problem(self, text: str) -> str | None:
        if self._is_special(text):
            return None
        bad = [part for part in text.split(",") if not self._takes(part)]
        if not bad:
            return None
        return f"{bad[0]!r} is not a valid {self.name} ({self.least} to {self.greatest}, `*`, lists, ranges and steps of them)"

    def _is_special(self, text: str) -> bool:
        """Whether the text is the last day of a month, the last Friday or the first Monday, which must be alone in a field."""
        if self.name == "day of the month":
            return text == "l"
        match = re.fullmatch(r"([0-7])#[1-5]|l[0-7]", text)
        return self.name == "day of the week" and match is not None

    def _takes(self, part: str) -> bool:
        span, slash, step = part.partition("/")
        if slash and not (step.isascii() and step.isdigit() and 1 <= int(step) <= self.greatest):
            return False
        first, dash, last = span.partition("-")
        if span == "*":
            return True
        low, high = self._value(first), self._value(last) if dash else self.greatest
        return low is not None and high is not None and low <= high

    def _value(self, text: str) -> int | None:
        if re.fullmatch(r"[0-9]{1,2}", text):
            value = int(text)
            return value if self.least <= value <= self.greatest else None
        return self.words.get(text)


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, {word: number for number, word in enumerate(_MONTHS, start=1)}),
    _Field("day of the week", 0, 7, {word: number for number, word in enumerate(_DAYS)}),
)


def cron_problem(text: str) -> str | None:
    """Returns what is wrong with the schedule, as the end of a sentence; None if it is valid."""
    if text.strip().lower() in _ALIASES:
        return None
    fields = text.lower().split()
    if len(fields) != len(_FIELDS):
        return f"a schedule has five fields (minute, hour, day, month, weekday), and this has {len(fields)}"
    problems = [field.problem(part) for field, part in zip(_FIELDS, fields, strict=True)]
    return next((problem for problem in problems if problem), None) or _never(*fields[2:4])


def _never(days: str, months: str) -> str | None:
    """Returns the problem of a day that exists in no year (`30 2`), which Dagster refuses even with a weekday; otherwise None."""
    if not re.fullmatch(r"[0-9,]+", days) or not re.fullmatch(r"[0-9a-z,]+", months):
        return None
    named = [_FIELDS[3].words.get(month) or int(month) for month in months.split(",")]
    least = min(map(int, days.split(",")))
    return None if any(least <= _LONGEST[month - 1] for month in named) else "no month it names has such a day"
