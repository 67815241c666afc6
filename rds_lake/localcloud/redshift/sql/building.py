"""Pieces of DuckDB's trees that rules are built of."""

from __future__ import annotations

from sqlglot import exp

from rds_lake.localcloud.redshift.errors import StatementFailedError


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A call of a DuckDB function or macro."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def text(value: str) -> exp.Literal:
    """A literal text."""
    return exp.Literal.string(value)


def number(value: int) -> exp.Literal:
    """A literal integer."""
    return exp.Literal(this=str(value), is_string=False)


def cast(node: exp.Expr, duck: str) -> exp.Cast:
    """A plain cast of DuckDB."""
    return exp.Cast(this=node, to=exp.DataType.build(duck, dialect="duckdb"))


def sql(template: str, /, **parts: exp.Expr) -> exp.Expr:
    """DuckDB's text with `$name` for parts, in parentheses: `sql("$a + INTERVAL 1 DAY", a=node)`."""
    tree = exp.maybe_parse(f"({template})", dialect="duckdb")
    for mark in list(tree.find_all(exp.Parameter, exp.Placeholder)):
        mark.replace(parts[mark.name].copy())
    return tree


def constant_text(node: exp.Expr, what: str) -> str:
    """The value of a literal text; StatementFailedError where the local cloud needs one and there is none."""
    if isinstance(node, exp.Literal) and node.is_string:
        return node.this
    raise StatementFailedError(f"The local cloud's limit, not Redshift's: {what} is a literal text here")
