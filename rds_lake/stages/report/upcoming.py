"""Computed from dates: days without a date, next removals by retention, cost by month, growth of a source."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from rds_lake.config.shared import Retention
from rds_lake.model.lake.retention import keep
from rds_lake.stages.report.tables import earlier_date
from rds_lake.stages.report.values import DateFigures, Growth, MonthCost, NextRetention

_LOOKED_BACK = timedelta(days=30)
_LOOKED_AHEAD = 60  # days
_MONTHS = 12


def missing_days(days: Sequence[date], retention: Retention | None) -> tuple[date, ...]:
    """Returns days of the month before the newest date that have no date, oldest first.

    Retention keeps the newest dates regardless of age, so none between those was removed.
    """
    newest = sorted(set(days))[-retention.daily :] if retention else sorted(set(days))
    if not newest:
        return ()
    first = max(newest[0], newest[-1] - _LOOKED_BACK)
    span = (newest[-1] - first).days
    return tuple(day for day in (first + timedelta(days=n) for n in range(span)) if day not in newest)


def next_retention(
    days: Sequence[date], retention: Retention | None, *, today: date, needed: Collection[date]
) -> NextRetention | None:
    """Returns what the next runs of retention remove. `needed`: dates that stay regardless of the rule."""
    if retention is None:
        return None
    due = _not_kept(days, retention, today, needed)
    if due:
        return NextRetention(schedule=retention.schedule, due=tuple(sorted(due)))
    coming = list(days)
    for ahead in range(1, _LOOKED_AHEAD):
        # Assumes that every future day has a date.
        day = today + timedelta(days=ahead)
        coming.append(day)
        if gone := _not_kept(coming, retention, day, needed):
            return NextRetention(schedule=retention.schedule, then=min(gone), on=day)
    return NextRetention(schedule=retention.schedule)


def _not_kept(days: Sequence[date], retention: Retention, today: date, needed: Collection[date]) -> set[date]:
    return set(days) - set(keep(days, retention, today)) - set(needed)


def month_costs(days: Sequence[date], usd: float | None) -> tuple[MonthCost, ...]:
    """Returns the cost by month if each export cost as much as the published date's (`usd`): twelve months, newest first."""
    months = sorted({day.replace(day=1) for day in days}, reverse=True)[:_MONTHS]
    counts = {month: sum(day.replace(day=1) == month for day in days) for month in months}
    return tuple(
        MonthCost(month=month, exports=count, usd=None if usd is None else usd * count)
        for month, count in counts.items()
    )


def growth(dates: Sequence[DateFigures], shown: date) -> Growth | None:
    """Returns the growth since a month before the published date, or since the oldest date with known rows."""
    known = {
        figures.snapshot_date: (figures.rows, figures.bytes)
        for figures in dates
        if figures.rows is not None and figures.bytes is not None
    }
    since = earlier_date(shown, sorted(known))
    if since is None or shown not in known:
        return None
    (rows, bytes), (rows_then, bytes_then) = known[shown], known[since]
    return Growth(
        since=since,
        rows=rows - rows_then,
        bytes=bytes - bytes_then,
        share=(bytes - bytes_then) / bytes_then if bytes_then else None,
    )
