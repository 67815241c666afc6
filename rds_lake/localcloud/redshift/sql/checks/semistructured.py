"""SUPER is stored and read as a whole only: access to its parts, and its use as a text, are refused.

(https://docs.aws.amazon.com/redshift/latest/dg/query-super.html)
"""

from __future__ import annotations

from sqlglot import exp

from rds_lake.localcloud.redshift.errors import not_here
from rds_lake.localcloud.redshift.sql.oracle import Oracle

_WHOLE = frozenset({"count"})
_OPERATORS = (
    exp.DPipe, exp.Like, exp.ILike, exp.SimilarTo, exp.RegexpLike, exp.RegexpILike, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT,
    exp.GTE, exp.Between, exp.In, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod,
)  # fmt: skip
_NAMES = "lc_relations"


def has_super(tree: exp.Expr) -> bool:
    """Whether a statement reads a table with a SUPER column."""
    columns = (table.meta.get("columns") or {} for table in tree.root().find_all(exp.Table))
    return any(kind is not None and kind.word == "super" for each in columns for kind in each.values())


def refuse_super(node: exp.Expr, types: Oracle) -> None:
    """StatementFailedError for a function or an operator with a SUPER operand."""
    if isinstance(node, exp.Anonymous):
        if node.name.lower() not in _WHOLE and any(_is_super(each, types) for each in node.expressions):
            raise not_here(f"{node.name.lower()} of SUPER is not supported")
    elif isinstance(node, _OPERATORS) and any(_is_super(node.args.get(key), types) for key in ("this", "expression")):
        raise not_here(f"the operator {node.key.upper()} of SUPER is not supported")


def _is_super(value: object, types: Oracle) -> bool:
    return isinstance(value, exp.Column) and types.of(value) == "JSON"


def refuse_path(node: exp.Column) -> None:
    """StatementFailedError for `a.b` if `a` is not a relation: DuckDB would read a part of the column `a`."""
    if not node.table:
        return
    around = node.parent
    while around is not None:
        if isinstance(around, exp.Select | exp.Update | exp.Delete):
            if _NAMES not in around.meta:
                around.meta[_NAMES] = _relations(around)
            if node.table in around.meta[_NAMES]:
                return
        around = around.parent
    raise not_here(
        f"{node.table}.{node.name} is not supported: no table is called {node.table}, and parts of SUPER cannot be read"
    )


def _relations(around: exp.Expr) -> frozenset[str]:
    sources = [around.args.get("from_"), *(around.args.get("joins") or ())]
    if not isinstance(around, exp.Select):
        using = around.args.get("using") or []
        sources += [around.this, *(using if isinstance(using, list) else [using])]
    tables = (
        each
        for source in sources
        if source is not None
        for each in source.find_all(exp.Table, exp.Subquery, exp.Values)
    )
    return frozenset(each.alias_or_name for each in tables)
