"""Formats figures as text."""

from __future__ import annotations

from datetime import date

from rds_lake.model.words import counted
from rds_lake.stages.report.values import ChangedRows, Growth, NextRetention

_UNITS = ("kB", "MB", "GB", "TB", "PB")
NONE = "–"


def size(bytes: int) -> str:
    """Returns `1.2 kB`, in units of 1,000 like `rds-lake status`."""
    if abs(bytes) < 1000:
        return f"{bytes:,} bytes" if bytes != 1 else "1 byte"
    power = min((len(str(abs(bytes))) - 1) // 3, len(_UNITS))
    return f"{bytes / 1000**power:,.1f} {_UNITS[power - 1]}"


def count(number: int | None) -> str:
    """Returns `1,234`; a dash if unknown."""
    return NONE if number is None else f"{number:,}"


def signed(number: int) -> str:
    """Returns `+1,234`, `−3` or `0`."""
    return f"{number:+,}".replace("-", "−") if number else "0"


def more_rows(now: int, then: int | None) -> str:
    """Returns the difference in rows; a table that did not exist is new."""
    return "new" if then is None else signed(now - then)


def usd(amount: float | None) -> str:
    """Returns the approximate amount in dollars."""
    return NONE if amount is None else f"${amount:,.2f}"


def grown(growth: Growth | None) -> str:
    """Returns `+1,200 rows, +3.4 MB (+2.1%) since 2026-10-29`; a dash if unknown."""
    if growth is None:
        return NONE
    share = f" ({growth.share:+.1%})".replace("-", "−") if growth.share is not None else ""
    bytes = f"{'+' if growth.bytes > 0 else ''}{size(growth.bytes)}".replace("-", "−")
    return f"{signed(growth.rows)} rows, {bytes}{share} since {growth.since}"


def changed(rows: ChangedRows | None) -> str:
    """Returns the numbers of added, removed and changed rows."""
    if rows is None:
        return NONE
    known = f", {rows.changed:,} changed" if rows.changed is not None else ""
    return f"{rows.added:,} added, {rows.removed:,} removed{known}"


def next_removal(retention: NextRetention | None) -> str:
    """Returns what retention removes next, as a sentence."""
    if retention is None:
        return "There is no `retention:`, so every date stays."
    if retention.due:
        first = ", ".join(map(str, retention.due[:5])) + (" …" if len(retention.due) > 5 else "")
        return f"The next retention ({retention.schedule} UTC) removes {dates(len(retention.due))}: {first}."
    if retention.then is None:
        return f"Retention ({retention.schedule} UTC) removes no date within two months."
    return f"Retention ({retention.schedule} UTC) removes nothing now, and {retention.then} on {retention.on}."


def dates(number: int) -> str:
    """Returns `1 date`, `2 dates`."""
    return counted(number, "date")


def month(day: date) -> str:
    """Returns `2026-11`."""
    return f"{day:%Y-%m}"
