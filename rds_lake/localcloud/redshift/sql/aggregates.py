"""Aggregates whose results have another type in Redshift than in DuckDB, as calls or over a window.

(https://docs.aws.amazon.com/redshift/latest/dg/c_Aggregate_Functions.html, c_Window_functions.html)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here
from rds_lake.localcloud.redshift.sql.building import call, cast, sql, text
from rds_lake.localcloud.redshift.sql.decimals import INTEGERS, is_decimal, size_of
from rds_lake.localcloud.redshift.sql.oracle import Oracle

# Returns a call of an aggregate, over its window if it has one.
Over = Callable[[exp.Expr], exp.Expr]
_WIDEST = 38


def scaled(unscaled: exp.Expr, scale: int, precision: int = _WIDEST) -> exp.Expr:
    """Returns a DECIMAL from its digits without the decimal point."""
    if not scale:
        return cast(unscaled, f"DECIMAL({precision},0)")
    unit = cast(text("0." + "1".rjust(scale, "0")), f"DECIMAL({min(scale + 1, _WIDEST)},{scale})")
    product = exp.Mul(this=cast(unscaled, "DECIMAL(38,0)"), expression=unit)
    return cast(exp.paren(product), f"DECIMAL({precision},{scale})")


def _argument(arguments: Sequence[exp.Expr]) -> exp.Expr:
    first = arguments[0]
    return first.expressions[0] if isinstance(first, exp.Distinct) else first


def average(arguments: Sequence[exp.Expr], types: Oracle, over: Over) -> exp.Expr:
    """Returns BIGINT for integers, DECIMAL(38, scale) for decimals: https://docs.aws.amazon.com/redshift/latest/dg/r_AVG.html"""
    kind = types.of(_argument(arguments))
    total, count = (over(call(name, *(a.copy() for a in arguments))) for name in ("sum", "count"))
    if kind in INTEGERS:
        return cast(sql("CASE WHEN $n > 0 THEN $s // $n END", s=total, n=count), "BIGINT")
    size = size_of(kind)
    if size is not None:
        digits = sql("CASE WHEN $n > 0 THEN lc_unscaled($s) // $n END", s=total, n=count)
        return scaled(digits, size.scale)
    return over(call("avg", *arguments))


def total(arguments: Sequence[exp.Expr], types: Oracle, over: Over) -> exp.Expr:
    """Returns BIGINT for integers: https://docs.aws.amazon.com/redshift/latest/dg/r_SUM.html"""
    kind = types.of(_argument(arguments))
    summed = over(call("sum", *arguments))
    if isinstance(summed, exp.Window) and kind == "BIGINT":
        # https://docs.aws.amazon.com/redshift/latest/dg/r_WF_SUM.html: NUMERIC over a window.
        return cast(summed, f"DECIMAL({_WIDEST},0)")
    return cast(summed, "BIGINT") if kind in INTEGERS else summed


def ratio_to_report(arguments: Sequence[exp.Expr], types: Oracle, over: Over) -> exp.Expr:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_WF_RATIO_TO_REPORT.html"""
    whole = over(call("sum", cast(arguments[0].copy(), "DOUBLE")))
    if not isinstance(whole, exp.Window):
        raise StatementFailedError("window function ratio_to_report requires an OVER clause")
    return sql("CAST($x AS DOUBLE) / nullif($s, 0)", x=arguments[0], s=whole)


def median(arguments: Sequence[exp.Expr], types: Oracle, over: Over) -> exp.Expr:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_MEDIAN.html"""
    value = arguments[0]
    kind = types.of(value)
    # DuckDB rounds the mean of two decimals to their scale.
    result = over(call("median", cast(value, "DOUBLE") if is_decimal(kind) else value))
    return cast(result, "DATE") if kind == "DATE" else result


def in_order(group: exp.WithinGroup, types: Oracle, over: Over) -> exp.Expr:
    """LISTAGG and PERCENTILE_… WITHIN GROUP (ORDER BY …)."""
    inner, order = group.this, group.expression
    name, arguments = inner.name.lower(), list(inner.expressions)
    if name == "listagg":
        return listagg(arguments, types, over, order)
    quantile = {
        "percentile_cont": "quantile_cont", "percentile_disc": "quantile_disc",
        "approximate_percentile_disc": "quantile_disc",
    }.get(name)  # fmt: skip
    if quantile is None or len(order.expressions) != 1:
        raise not_here(f"{name} WITHIN GROUP is not supported")
    ordered = order.expressions[0]
    fraction = sql("1 - $f", f=arguments[0]) if ordered.args.get("desc") else arguments[0]
    value = ordered.this
    kind = types.of(value)
    if quantile == "quantile_cont" and is_decimal(kind):
        value = cast(value, "DOUBLE")
    result = over(call(quantile, value, fraction))
    return cast(result, "DATE") if kind == "DATE" else result


def listagg(arguments: list[exp.Expr], types: Oracle, over: Over, order: exp.Expr | None = None) -> exp.Expr:
    """Without NULL and empty texts; DISTINCT without blanks at the end: https://docs.aws.amazon.com/redshift/latest/dg/r_LISTAGG.html"""
    first = arguments[0]
    distinct = isinstance(first, exp.Distinct)
    given = [*first.expressions, *arguments[1:]] if distinct else list(arguments)
    value, separator = given[0], (given[1] if len(given) > 1 else text(""))
    plain = types.of(value) == "VARCHAR"
    if distinct and order is not None and not plain:
        # Ordered by the values, not by their texts.
        ordered = exp.Order(this=value, expressions=[each.copy() for each in order.expressions])
        values = over(call("list", exp.Distinct(expressions=[ordered])))
        joined = sql("array_to_string(list_transform($v, lambda e: CAST(e AS VARCHAR)), $s)", v=values, s=separator)
        return call("lc_listed", joined)
    shown = value if plain else cast(value, "VARCHAR")
    shown = sql("nullif(rtrim($x, ' '), '')" if distinct else "nullif($x, '')", x=shown)
    if order is not None:
        separator = exp.Order(this=separator, expressions=[each.copy() for each in order.expressions])
        for each in separator.expressions if distinct else ():
            if each.this == value:  # DuckDB orders distinct values by themselves only
                each.set("this", shown.copy())
    pieces = [exp.Distinct(expressions=[shown]), separator] if distinct else [shown, separator]
    return call("lc_listed", over(call("string_agg", *pieces)))


def approximate_count(arguments: Sequence[exp.Expr], types: Oracle, over: Over) -> exp.Expr:
    """Exact here."""
    return over(call("count", *arguments))


AGGREGATES: dict[str, Callable[..., exp.Expr]] = {
    "avg": average, "sum": total, "ratio_to_report": ratio_to_report, "median": median, "approximate_count": approximate_count,
    "listagg": listagg,
}  # fmt: skip
