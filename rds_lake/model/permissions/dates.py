"""Parses numbers and times of conditions.

https://www.w3.org/TR/NOTE-datetime, or the seconds since 1970.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")
_YEAR = re.compile(r"[0-9]{4}")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2}))?"
)


def parse_number(text: str) -> Decimal:
    """Returns a whole or decimal number. Raises ValueError if the text is not a number."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a number")
    return Decimal(text)


def parse_date(text: str) -> Decimal:
    """Returns `2026-11-20`, `2026-11-20T05:06:07Z` or `1795150000` in seconds since 1970. Raises ValueError for other texts."""
    full = f"{text}-01-01" if _YEAR.fullmatch(text) else f"{text}-01" if _MONTH.fullmatch(text) else text
    if not _INSTANT.fullmatch(full):
        return parse_number(text)
    instant = datetime.fromisoformat(full)
    return Decimal(str((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()))
