"""Literal intervals: several quantities with units, whole or fractional. Without a unit they are seconds.

(https://docs.aws.amazon.com/redshift/latest/dg/r_interval_literals.html)
"""

from __future__ import annotations

import re
from decimal import Decimal

from sqlglot import exp

from rds_lake.localcloud.redshift.errors import not_here
from rds_lake.localcloud.redshift.sql.building import sql, text
from rds_lake.localcloud.redshift.sql.oracle import Oracle
from rds_lake.localcloud.redshift.sql.times.datetimes import unit_of

_PART = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+))\s*([a-zA-Z]*)\s*,?")
_MONTHS = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200, "millennium": 12_000}
_DAYS = {"day": 1, "week": 7}
_MICROSECONDS = {
    "hour": 3_600_000_000,
    "minute": 60_000_000,
    "second": 1_000_000,
    "millisecond": 1000,
    "microsecond": 1,
}
_OF_DAY = 24 * _MICROSECONDS["hour"]


def interval(node: exp.Interval, types: Oracle) -> exp.Expr:
    """Returns the months, days and microseconds of `INTERVAL '1w, 1h'` or `INTERVAL '3' DAY`. Other forms are refused."""
    value, unit = node.this, node.args.get("unit")
    if not isinstance(value, exp.Literal) or isinstance(unit, exp.IntervalSpan):
        raise not_here(f"the interval {node.sql('redshift')} is not supported")
    months, days, rest = _read(f"{value.this} {unit.name if unit is not None else ''}")
    return sql(f"to_months({months}) + to_days({days}) + to_microseconds({rest})")


def _read(written: str) -> tuple[int, int, int]:
    months, days, rest = Decimal(0), Decimal(0), Decimal(0)
    at = 0
    while written[at:].strip():
        part = _PART.match(written, at)
        if part is None:
            raise not_here(f"the interval {written.strip()!r} is not supported")
        number, unit = Decimal(part[1]), unit_of(text(part[2])) if part[2] else "second"
        months += number * _MONTHS.get(unit, 0)
        days += number * _DAYS.get(unit, 0)
        rest += number * _MICROSECONDS.get(unit, 0)
        if unit not in _MONTHS | _DAYS | _MICROSECONDS:
            raise not_here(f"an interval of {unit} is not supported")
        at = part.end()
    if months % 1:
        raise not_here("a fraction of a month in an interval is not supported")
    return int(months), int(days), int(rest + days % 1 * _OF_DAY)
