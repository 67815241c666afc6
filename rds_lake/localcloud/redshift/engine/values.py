"""Values as the Data API returns them: text, except numbers and booleans.

(https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_Field.html)
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any


def shown(value: Any) -> Any:
    """Returns a value of a row; None, numbers and booleans are not changed."""
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        zone = "" if value.tzinfo is None else "+00"
        plain = value.astimezone(UTC) if value.tzinfo else value
        return f"{plain:%Y-%m-%d %H:%M:%S}{_fraction(plain.microsecond)}{zone}"
    if isinstance(value, time):
        return f"{value:%H:%M:%S}{_fraction(value.microsecond)}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        hours, seconds = divmod(value.seconds, 3600)
        return f"{value.days} days {hours} hours {seconds // 60} mins {seconds % 60}.{value.microseconds:06d} secs"
    return str(value)


def field(value: Any) -> dict[str, Any]:
    """Returns one Field of GetStatementResult."""
    plain = shown(value)
    if plain is None:
        return {"isNull": True}
    if isinstance(plain, bool):
        return {"booleanValue": plain}
    if isinstance(plain, int):
        return {"longValue": plain}
    return {"doubleValue": plain} if isinstance(plain, float) else {"stringValue": plain}


def csv_text(value: Any) -> str:
    """Returns one value of a CSV result."""
    plain = shown(value)
    if plain is None:
        return ""
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, float):
        return repr(plain).removesuffix(".0")
    return str(plain)


def _fraction(micros: int) -> str:
    return f".{micros:06d}".rstrip("0") if micros else ""
