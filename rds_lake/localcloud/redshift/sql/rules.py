"""Translates Redshift's operators, casts and calls to DuckDB's. The children of each node have been translated before."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sqlglot import exp

from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here
from rds_lake.localcloud.redshift.sql import comparing, decimals
from rds_lake.localcloud.redshift.sql.aggregates import AGGREGATES, in_order, scaled
from rds_lake.localcloud.redshift.sql.building import call, cast, number, sql, text
from rds_lake.localcloud.redshift.sql.checks.windows import check_window
from rds_lake.localcloud.redshift.sql.functions import CALLED, RULED, check_arguments, unknown
from rds_lake.localcloud.redshift.sql.oracle import Oracle
from rds_lake.localcloud.redshift.sql.times.datetimes import extract, zone
from rds_lake.localcloud.redshift.sql.times.intervals import interval
from rds_lake.localcloud.redshift.sql.types import ColumnType, read_type

_NAMED_ALIKE = frozenset(
    {"any_value", "bit_and", "bit_or", "bool_and", "bool_or", "count", "max", "min"}
    | {"stddev", "stddev_pop", "stddev_samp", "var_pop", "var_samp", "variance"}
)
AGGREGATE_NAMES = frozenset(AGGREGATES) | _NAMED_ALIKE | {"string_agg", "quantile_cont", "quantile_disc", "var_samp"}
_INSIDE = (exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)
_POSITIONAL: dict[str, type[exp.Expr]] = {
    "first_value": exp.FirstValue, "last_value": exp.LastValue, "nth_value": exp.NthValue, "lag": exp.Lag, "lead": exp.Lead,
}  # fmt: skip
_FROM_TEXT = {
    "smallint": "lc_smallint", "integer": "lc_integer", "bigint": "lc_bigint", "real": "lc_double", "double precision": "lc_double",
    "boolean": "lc_boolean", "date": "lc_date", "timestamp without time zone": "lc_timestamp_of",
    "timestamp with time zone": "lc_timestamptz",
}  # fmt: skip


def fix(node: exp.Expr, types: Oracle) -> exp.Expr:
    """Returns the node, or its replacement."""
    rule = _BY_KIND.get(type(node))
    return node if rule is None else rule(node, types)


def _called(node: exp.Anonymous, types: Oracle) -> exp.Expr:
    """Translate a call. A call below a window or WITHIN GROUP is translated with that node."""
    if isinstance(node.parent, (exp.Window, *_INSIDE)):
        _find(node)
        return node
    return _function(node, types, lambda expression: expression)


def _find(node: exp.Anonymous) -> None:
    name = node.name.lower()
    known = name in CALLED or name in RULED or name in AGGREGATES or name.startswith(("percentile_", "approximate_"))
    if not known:
        raise unknown(name)


def _function(node: exp.Expr, types: Oracle, over: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    name, arguments = node.name.lower(), list(node.expressions)
    if name in AGGREGATES:
        return AGGREGATES[name](arguments, types, over)
    if name in CALLED:
        fewest, most, duck = CALLED[name]
        check_arguments(name, len(arguments), fewest, most)
        return over(call(duck, *arguments))
    if name in RULED:
        fewest, most, rule = RULED[name]
        check_arguments(name, len(arguments), fewest, most)
        return rule(arguments, types)
    raise unknown(name)


def _window(node: exp.Window, types: Oracle) -> exp.Expr:
    inner = _nulls_outside(node.this)
    check_window(node, inner)

    def over(expression: exp.Expr) -> exp.Expr:
        copy = exp.Window(**{key: value for key, value in node.copy().args.items() if key != "this"})
        copy.set("this", expression)
        return copy

    if isinstance(inner, exp.WithinGroup):
        return in_order(inner, types, over)
    if isinstance(inner, exp.IgnoreNulls | exp.RespectNulls):
        kind = type(inner)
        return _function(inner.this, types, lambda expression: over(kind(this=_positional(expression))))
    if not isinstance(inner, exp.Anonymous):
        raise not_here(f"{inner.sql('redshift')} over a window is not supported")
    return _function(inner, types, over)


def _nulls_outside(inner: exp.Expr) -> exp.Expr:
    """Returns `lag(x IGNORE NULLS)` as `lag(x) IGNORE NULLS`."""
    first = inner.expressions[0] if isinstance(inner, exp.Anonymous) and inner.expressions else None
    if not isinstance(first, exp.IgnoreNulls | exp.RespectNulls):
        return inner
    plain = exp.Anonymous(this=inner.name, expressions=[first.this, *inner.expressions[1:]])
    return type(first)(this=plain)


def _positional(expression: exp.Expr) -> exp.Expr:
    """Returns a call as the class for which sqlglot writes IGNORE NULLS."""
    kind = _POSITIONAL.get(expression.name)
    if kind is None:
        raise StatementFailedError(f"IGNORE NULLS does not belong to {expression.name}")
    value, *rest = expression.expressions
    return kind(this=value, **({"offset": rest[0]} if rest else {}))


def _within_group(node: exp.WithinGroup, types: Oracle) -> exp.Expr:
    return node if isinstance(node.parent, exp.Window) else in_order(node, types, lambda expression: expression)


def _divide(node: exp.Div, types: Oracle) -> exp.Expr:
    left, right = node.this, node.expression
    first, second = types.of(left), types.of(right)
    if first in decimals.INTEGERS and second in decimals.INTEGERS:
        return exp.paren(exp.IntDiv(this=left, expression=right))
    a, b = decimals.size_of(first), decimals.size_of(second)
    if a is None or b is None:
        return sql("CAST($a AS DOUBLE) / CAST($b AS DOUBLE)", a=left, b=right)
    size = decimals.of_quotient(a, b)
    shift = size.scale + b.scale - a.scale
    digits = (
        f"lc_unscaled($a) * lc_power_text({shift})" if shift >= 0 else f"lc_unscaled($a) // lc_power_text({-shift})"
    )
    quotient = sql(f"{digits} // lc_unscaled($b)", a=left, b=right)
    whole = sql("CASE WHEN $a IS NOT NULL AND $b IS NOT NULL THEN $q END", a=left, b=right, q=quotient)
    return scaled(whole, size.scale, size.precision)


def _arithmetic(node: exp.Binary, types: Oracle) -> exp.Expr:
    """Sums and products: of decimals with Redshift's precision and scale, of a REAL and another type as DOUBLE PRECISION."""
    first, second = types.of(node.this), types.of(node.expression)
    if "FLOAT" in (first, second) and first != second:
        for side, kind in (("this", first), ("expression", second)):
            if kind == "FLOAT":
                node.set(side, cast(node.args[side].copy(), "DOUBLE"))
        return node
    a, b = decimals.size_of(first), decimals.size_of(second)
    if a is None or b is None or not (decimals.is_decimal(first) or decimals.is_decimal(second)):
        return node
    size = decimals.of_product(a, b) if isinstance(node, exp.Mul) else decimals.of_sum(a, b)
    # Beyond 18 digits DuckDB computes with 128 bits only if an operand has them.
    node.set("this", cast(node.this.copy(), f"DECIMAL({max(a.precision, 19)},{a.scale})"))
    return cast(exp.paren(node.copy()), str(size))


def _cast(node: exp.Cast, types: Oracle) -> exp.Expr:
    return as_type(node.this, read_type(node.to), types)


def _try_cast(node: exp.TryCast, types: Oracle) -> exp.Expr:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_TRY_CAST.html"""
    kind = read_type(node.to)
    if kind.is_text:
        return as_type(node.this, kind, types)
    if types.of(node.this) != "VARCHAR":
        return exp.TryCast(this=node.this, to=exp.DataType.build(kind.duck, dialect="duckdb"))
    name = "lc_numeric" if kind.word == "numeric" else _FROM_TEXT.get(kind.word)
    if name is None:
        raise not_here(f"TRY_CAST of text to {kind} is not supported")
    converted = call(name.replace("lc_", "lc_try_", 1), node.this)
    return exp.TryCast(this=converted, to=exp.DataType.build(kind.duck, dialect="duckdb"))


def as_type(value: exp.Expr, kind: ColumnType, types: Oracle) -> exp.Expr:
    """Returns a value with the cast of a statement, which cuts texts that are too long. (https://docs.aws.amazon.com/redshift/latest/dg/r_CAST_function.html)"""
    given = types.of(value)
    if "JSON" in (given, kind.duck) and given != kind.duck:
        raise not_here("casts from and to SUPER are not supported")
    if given == "BLOB" and kind.duck != "BLOB":
        raise not_here("casts of VARBYTE are not supported: use FROM_VARBYTE")
    if kind.duck == "BLOB":
        return value if given == "BLOB" else call("encode", value)
    if kind.is_text:
        shown = (
            value
            if given == "VARCHAR"
            else call("lc_float_text", value)
            if given in decimals.FLOATS
            else cast(value, "VARCHAR")
        )
        cut = call("lc_cut", shown, number(kind.size))
        return call("rtrim", cut, text(" ")) if kind.is_char else cut
    if given == "VARCHAR" and kind.word == "numeric":
        return cast(call("lc_numeric", value), kind.duck)
    if given == "VARCHAR" and kind.word in _FROM_TEXT:
        converted = call(_FROM_TEXT[kind.word], value)
        return cast(converted, kind.duck) if kind.word in ("real", "double precision") else converted
    if kind.word == "date" and given.startswith("TIMESTAMP"):
        return call("lc_dt", value)
    if kind.word.startswith("timestamp without") and given.startswith("TIMESTAMP WITH"):
        return call("lc_ts", value)
    return cast(value, kind.duck)


def _substring(node: exp.Substring, types: Oracle) -> exp.Expr:
    length = node.args.get("length")
    return call("lc_substring", node.this, node.args.get("start") or number(1), *([length] if length else []))


def _trim(node: exp.Trim, types: Oracle) -> exp.Expr:
    side = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get((node.text("position") or "BOTH").upper(), "trim")
    return call(side, node.this, node.expression if node.expression is not None else text(" "))


def _at_zone(node: exp.AtTimeZone, types: Oracle) -> exp.Expr:
    if not types.of(node.this).startswith("TIMESTAMP WITH"):
        node.set("this", call("lc_ts", node.this.copy()))
    node.set("zone", zone(node.args["zone"].copy()))
    return node


def _refused(what: str, node: exp.Expr, types: Oracle) -> exp.Expr:
    raise not_here(f"{what} is not supported")


def _similar(node: exp.SimilarTo, types: Oracle) -> exp.Expr:
    """https://docs.aws.amazon.com/redshift/latest/dg/pattern-matching-conditions-similar-to.html"""
    pattern = node.expression
    if not isinstance(pattern, exp.Literal):
        raise not_here("SIMILAR TO a pattern that is not a literal is not supported")
    return call(
        "regexp_full_match", node.this, text(pattern.this.replace(".", "\\.").replace("%", ".*").replace("_", "."))
    )


def _like(node: exp.Binary, types: Oracle) -> exp.Expr:
    """A backslash escapes. ILIKE ignores the case of ASCII letters only.

    (https://docs.aws.amazon.com/redshift/latest/dg/r_patternmatching_condition_like.html)
    """
    if isinstance(node.expression, exp.Any | exp.All):
        raise StatementFailedError(f"syntax error: {node.key.upper()} ANY is not supported")
    around, like = node.parent, exp.Like(**node.copy().args)
    if isinstance(node, exp.ILike):
        for side in ("this", "expression"):
            like.set(side, call("lc_ascii_lower", like.args[side].copy()))
    plain = isinstance(node.expression, exp.Literal) and "\\" not in node.expression.this
    return like if plain or isinstance(around, exp.Escape) else exp.paren(exp.Escape(this=like, expression=text("\\")))


def _power(node: exp.Binary, types: Oracle) -> exp.Expr:
    return call("power", cast(node.this, "DOUBLE"), cast(node.expression, "DOUBLE"))


def _root(name: str, node: exp.Expr, types: Oracle) -> exp.Expr:
    return call(name, cast(node.this, "DOUBLE"))


def _sysdate(node: exp.Expr, types: Oracle) -> exp.Expr:
    return sql("now() AT TIME ZONE 'UTC'")


def _today(node: exp.Expr, types: Oracle) -> exp.Expr:
    return sql("CAST(now() AT TIME ZONE 'UTC' AS DATE)")


Fixing = Callable[..., exp.Expr]
_BY_KIND: dict[type[exp.Expr], Fixing] = {
    exp.Anonymous: _called, exp.Window: _window, exp.WithinGroup: _within_group, exp.Div: _divide, exp.Add: _arithmetic,
    exp.Sub: _arithmetic, exp.Mul: _arithmetic, exp.In: comparing.in_list, exp.Case: comparing.case,
    exp.Cast: _cast, exp.TryCast: _try_cast,
    exp.Extract: extract, exp.Substring: _substring, exp.Trim: _trim, exp.AtTimeZone: _at_zone, exp.SimilarTo: _similar,
    exp.CurrentTimestamp: _sysdate, exp.CurrentDate: _today, exp.Interval: interval, exp.Like: _like, exp.ILike: _like,
    exp.Pow: _power, exp.Sqrt: partial(_root, "sqrt"), exp.Cbrt: partial(_root, "cbrt"),
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between), comparing.compared),
    exp.IntDiv: partial(_refused, "the operator //"), exp.Bracket: partial(_refused, "SUPER"),
    exp.Dot: partial(_refused, "SUPER"), exp.JoinHint: partial(_refused, "a join's hint"),
    exp.JSONExtract: partial(_refused, "the operator ->"),
}  # fmt: skip
# Calls and clauses with sqlglot's own classes, which remain unchanged or are translated by a rule above.
KNOWN_CALLS = (
    exp.Anonymous, exp.And, exp.Or, exp.Case, exp.If, exp.Cast, exp.TryCast, exp.Extract, exp.Trim, exp.Substring,
    exp.StrPosition, exp.Exists, exp.CurrentDate, exp.CurrentTimestamp, exp.RegexpLike, exp.RegexpILike, exp.RowNumber,
    # Operators: ^ |/ ||/
    exp.Pow, exp.Sqrt, exp.Cbrt,
)  # fmt: skip


def refuse_unknown(node: exp.Expr) -> None:
    """StatementFailedError for a call of a class that no rule knows."""
    if isinstance(node, exp.Func) and not isinstance(node, KNOWN_CALLS):
        raise StatementFailedError(f"function {node.sql_name().lower()}() does not exist")
