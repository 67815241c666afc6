"""Comparisons: trailing blanks of texts do not count; other values are compared unchanged."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from rds_lake.localcloud.redshift.sql.building import call, sql, text
from rds_lake.localcloud.redshift.sql.oracle import Oracle

# Values without a type of their own, or that are compared unchanged.
_OTHERS = (exp.Literal, exp.Any, exp.All, exp.Tuple, exp.Null, exp.Subquery, exp.Boolean)


def compared(node: exp.Expr, types: Oracle) -> exp.Expr:
    """Returns a comparison in which trailing blanks do not count: https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html"""
    parts = [part for part in ("this", "expression", "low", "high") if isinstance(node.args.get(part), exp.Expr)]
    values = [node.args[part] for part in parts]
    if any(_is_plain(value) for value in values) or not _is_text(values, types):
        return node
    for part, value in zip(parts, values, strict=True):
        node.set(part, _key(value))
    return node


def _is_plain(value: exp.Expr) -> bool:
    """Whether a value is certainly not a text, so that the values compared with it are not texts either."""
    return isinstance(value, exp.Null | exp.Boolean | exp.Interval) or (
        isinstance(value, exp.Literal) and not value.is_string
    )


def _is_text(values: Sequence[exp.Expr], types: Oracle) -> bool:
    """Whether texts are compared: the first value that is neither a literal nor a query decides."""
    known = [value for value in values if not isinstance(value, _OTHERS)]
    return types.of(known[0]) == "VARCHAR" if known else True


def _key(value: exp.Expr) -> exp.Expr:
    if isinstance(value, exp.Literal):
        return text(value.this.rstrip(" ")) if value.is_string else value
    if isinstance(value, _OTHERS):
        return value.copy()
    return call("lc_key", value.copy())


def in_list(node: exp.In, types: Oracle) -> exp.Expr:
    """Returns IN with a list or a query, in which trailing blanks do not count."""
    if (node.expressions and all(_is_plain(each) for each in node.expressions)) or not _is_text([node.this], types):
        return node
    node.set("this", _key(node.this))
    if node.expressions:
        node.set("expressions", [_key(each) for each in node.expressions])
    query = node.args.get("query")
    select = query.this if isinstance(query, exp.Subquery) else query
    if isinstance(select, exp.Select) and len(select.expressions) == 1 and not select.expressions[0].is_star:
        select.set("expressions", [_key(select.expressions[0].unalias())])
    return node


def case(node: exp.Case, types: Oracle) -> exp.Expr:
    """Returns CASE of a value with a comparison in each branch."""
    if node.this is None:
        return node
    compared = "lc_key($a) = lc_key($b)" if _is_text([node.this], types) else "$a = $b"
    for branch in node.args["ifs"]:
        branch.set("this", sql(compared, a=node.this, b=branch.this))
    node.set("this", None)
    return node
