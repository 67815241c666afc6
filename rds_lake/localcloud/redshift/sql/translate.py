"""Translates a query of Redshift to DuckDB's SQL: from the leaves up, and the relations of a SELECT before its other parts."""

from __future__ import annotations

from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import UnsupportedError

from rds_lake.localcloud.redshift.errors import not_here
from rds_lake.localcloud.redshift.sql.checks.foreign import refuse_foreign
from rds_lake.localcloud.redshift.sql.checks.semistructured import has_super, refuse_path, refuse_super
from rds_lake.localcloud.redshift.sql.oracle import Oracle
from rds_lake.localcloud.redshift.sql.rules import fix, refuse_unknown

_FIRST = ("with_", "from_", "joins", "laterals")
_RELATIONS = (exp.Table, exp.Subquery, exp.Values)


def translate(tree: exp.Expr, types: Oracle) -> exp.Expr:
    """Returns DuckDB's tree of a query or part of a statement; changes the given tree. StatementFailedError if it is not valid."""
    types.has_super = types.has_super or has_super(tree)
    _name_columns(tree)
    holder = exp.Paren(this=tree) if tree.parent is None else None
    _visit(tree, types)
    return holder.this if holder is not None else tree


def duck_text(tree: exp.Expr) -> str:
    """Returns DuckDB's text of a translated tree."""
    try:
        return tree.sql("duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE, comments=False)
    except UnsupportedError as error:
        raise not_here(str(error).splitlines()[0]) from error


def _visit(node: exp.Expr, types: Oracle) -> None:
    _check(node)
    for child in list(_children(node)):
        _visit(child, types)
    if isinstance(node, exp.Column):
        refuse_path(node)
    elif types.has_super:
        refuse_super(node, types)
    fixed = fix(node, types)
    if fixed is not node:
        node.replace(fixed)


def _children(node: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(node, exp.DataType):
        return
    names = [name for name in _FIRST if node.args.get(name)]
    names += [name for name in node.args if name not in names]
    for name in names:
        value = node.args[name]
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, exp.Expr):
                yield each


def _check(node: exp.Expr) -> None:
    """StatementFailedError for an unknown function, for other relations than tables, subqueries and VALUES, and for other clauses."""
    refuse_unknown(node)
    if isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier):
        raise not_here(f"the table function {node.this.name or node.this.key} is not supported")
    if isinstance(node, exp.From | exp.Join) and not isinstance(node.this, _RELATIONS):
        raise not_here(f"{node.this.key} in FROM is not supported")
    refuse_foreign(node)
    if isinstance(node, exp.Lateral | exp.Unnest | exp.Pivot | exp.Lambda | exp.Placeholder | exp.Parameter):
        raise not_here(f"{node.key} is not supported")


def _name_columns(tree: exp.Expr) -> None:
    """Name the columns that have no name by their function, or `?column?`."""
    first = tree
    while isinstance(first, exp.SetOperation | exp.Subquery):
        first = first.this
    if not isinstance(first, exp.Select):
        return
    for item in list(first.expressions):
        if not isinstance(item, exp.Alias | exp.Column | exp.Star):
            item.replace(exp.alias_(item.copy(), _name_of(item), quoted=True))


def _name_of(item: exp.Expr) -> str:
    while isinstance(item, exp.Window | exp.WithinGroup | exp.Paren):
        item = item.this
    if isinstance(item, exp.Anonymous):
        return item.name.lower()
    if isinstance(item, exp.Cast):
        return (
            item.this.name
            if isinstance(item.this, exp.Column)
            else _NAMES.get(str(item.to.this.name), str(item.to.this.name).lower())
        )
    return "case" if isinstance(item, exp.Case) else "?column?"


_NAMES = {"INT": "int4", "BIGINT": "int8", "SMALLINT": "int2", "DOUBLE": "float8", "FLOAT": "float4", "DECIMAL": "numeric",
          "BOOLEAN": "bool", "TEXT": "text"}  # fmt: skip
