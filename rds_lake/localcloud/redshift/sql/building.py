"""Builds parts of DuckDB's syntax trees."""

from __future__ import annotations

from sqlglot import exp

from rds_lake.localcloud.redshift.errors import StatementFailedError


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """Returns a call of a DuckDB function or macro."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def text(value: str) -> exp.Literal:
    """Returns a literal text."""
    return exp.Literal.string(value)


def number(value: int) -> exp.Literal:
    """Returns a literal integer."""
    return exp.Literal(this=str(value), is_string=False)


def cast(node: exp.Expr, duck: str) -> exp.Cast:
    """Returns a cast with DuckDB's meaning."""
    return exp.Cast(this=node, to=exp.DataType.build(duck, dialect="duckdb"))


def sql(template: str, /, **parts: exp.Expr) -> exp.Expr:
    """Returns the tree of DuckDB's SQL in parentheses, with parts for `$name`: `sql("$a + INTERVAL 1 DAY", a=node)`."""
    tree = exp.maybe_parse(f"({template})", dialect="duckdb")
    for mark in list(tree.find_all(exp.Parameter, exp.Placeholder)):
        mark.replace(parts[mark.name].copy())
    return tree


def constant_text(node: exp.Expr, what: str) -> str:
    """Returns the value of a literal text. StatementFailedError for any other expression. `what`: its name in the error."""
    if isinstance(node, exp.Literal) and node.is_string:
        return node.this
    raise StatementFailedError(f"The local cloud's limit, not Redshift's: {what} must be a literal text")
