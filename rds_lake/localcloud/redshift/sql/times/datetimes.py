"""Functions of dates and times, most of which take a literal unit.

(https://docs.aws.amazon.com/redshift/latest/dg/r_Dateparts_for_datetime_functions.html)
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from rds_lake.localcloud.redshift.errors import StatementFailedError
from rds_lake.localcloud.redshift.sql.building import call, cast, sql, text
from rds_lake.localcloud.redshift.sql.oracle import Oracle

_WORDS = {
    "millennium": "millennium millennia mil mils",
    "century": "century centuries c cent cents",
    "decade": "decade decades dec decs",
    "epoch": "epoch",
    "year": "year years y yr yrs",
    "quarter": "quarter quarters qtr qtrs",
    "month": "month months mon mons",
    "week": "week weeks w",
    "dow": "dayofweek dow dw weekday",
    "doy": "dayofyear doy dy yearday",
    "day": "day days d",
    "hour": "hour hours h hr hrs",
    "minute": "minute minutes m min mins",
    "second": "second seconds s sec secs",
    "millisecond": "millisecond milliseconds ms msec msecs msecond mseconds millisec millisecs millisecon",
    "microsecond": "microsecond microseconds microsec microsecs microsecond usecond usecs us usec useconds",
    "timezone_hour": "timezone_hour",
}
_UNITS = {word: unit for unit, words in _WORDS.items() for word in words.split()}
_FRACTIONS = {"millisecond": 1000, "microsecond": 1_000_000}
_NOT_ADDED = ("epoch", "dow", "doy", "timezone_hour")
_TIMES = ("TIME", "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")


def unit_of(node: exp.Expr) -> str:
    """Returns the unit of a datepart's word. StatementFailedError for an unknown word."""
    word = (node.this if isinstance(node, exp.Literal) else node.name).lower()
    if word not in _UNITS:
        raise StatementFailedError(f'datepart "{word}" not recognized')
    return _UNITS[word]


def moment(node: exp.Expr, types: Oracle) -> exp.Expr:
    """Returns the value as a timestamp. A TIME and a TIMESTAMPTZ are not changed."""
    return node if types.of(node) in _TIMES else call("lc_ts", node)


def dateadd(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_DATEADD_function.html"""
    unit = unit_of(arguments[0])
    if unit in _NOT_ADDED:
        raise StatementFailedError(f"DATEADD does not take {unit}")
    count, at = arguments[1], moment(arguments[2], types)
    if unit == "year":
        return call("lc_add_years", at, count)
    scale = {"quarter": ("month", 3), "decade": ("year", 10), "century": ("year", 100), "millennium": ("year", 1000)}
    unit, times = scale.get(unit, (unit, 1))
    return sql(f"$at + to_{unit}s(CAST($n AS INTEGER) * {times})", at=at, n=count)


def datediff(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    """Counts the unit's boundaries between two times: https://docs.aws.amazon.com/redshift/latest/dg/r_DATEDIFF_function.html"""
    unit = unit_of(arguments[0])
    if unit in _NOT_ADDED:
        raise StatementFailedError(f"DATEDIFF does not take {unit}")
    return call("date_diff", text(unit), moment(arguments[1], types), moment(arguments[2], types))


def date_part(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    """DOUBLE PRECISION, unlike EXTRACT: https://docs.aws.amazon.com/redshift/latest/dg/r_DATE_PART_function.html"""
    return cast(_part(unit_of(arguments[0]), arguments[1], types), "DOUBLE")


def extract(node: exp.Extract, types: Oracle) -> exp.Expr:
    """INTEGER, of a time with a zone DOUBLE PRECISION: https://docs.aws.amazon.com/redshift/latest/dg/r_EXTRACT_function.html"""
    unit, value = unit_of(node.this), node.expression
    zoned = types.of(value).startswith(("TIMESTAMP WITH", "TIMESTAMPTZ"))
    part = _part(unit, value, types)
    return cast(part, "DOUBLE" if zoned else "BIGINT" if unit == "epoch" else "INTEGER")


def _part(unit: str, value: exp.Expr, types: Oracle) -> exp.Expr:
    at = moment(value, types)
    if unit == "timezone_hour":
        raise StatementFailedError("The local cloud's limit, not Redshift's: timezone_hour is not supported")
    if unit == "epoch":
        return cast(call("floor", call("epoch", at)), "BIGINT")
    part = call("date_part", text(unit), at)
    # DuckDB also counts the minute's whole seconds.
    return sql(f"$part % {_FRACTIONS[unit]}", part=part) if unit in _FRACTIONS else part


def date_trunc(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_DATE_TRUNC.html"""
    unit, at = unit_of(arguments[0]), moment(arguments[1], types)
    years = {"century": 100, "millennium": 1000}.get(unit)
    if years is not None:  # the twenty-first century began in 2001
        return sql(f"make_timestamp((year($t) - 1) // {years} * {years} + 1, 1, 1, 0, 0, 0)", t=at)
    return call("date_trunc", text(unit), at)


def convert_timezone(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    """https://docs.aws.amazon.com/redshift/latest/dg/CONVERT_TIMEZONE.html"""
    zones = [text("UTC"), *arguments] if len(arguments) == 2 else list(arguments)
    return call("lc_zoned", call("lc_ts", zones[2]), zone(zones[0]), zone(zones[1]))


def zone(name: exp.Expr) -> exp.Expr:
    """Returns a zone's name for DuckDB, where abbreviations have summer time, and offsets of POSIX have the opposite sign."""
    return call("lc_zone", name)


def months_between(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_MONTHS_BETWEEN_function.html"""
    return call("lc_months_between", *(call("lc_ts", each) for each in arguments))


def trunc(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    """Returns the day of a timestamp, or a number without further digits: https://docs.aws.amazon.com/redshift/latest/dg/r_TRUNC.html"""
    if types.of(arguments[0]) in ("TIMESTAMP", "DATE", "TIMESTAMP WITH TIME ZONE"):
        return call("lc_dt", *arguments)
    return call("trunc", *arguments)
