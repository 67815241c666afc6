"""Common table expressions: whether a name in FROM refers to one of them."""

from __future__ import annotations

from sqlglot import exp


def names_a_common_table(table: exp.Table) -> bool:
    """Whether a table's name refers to a common table of a WITH around it, or to an earlier one of its own WITH."""
    if table.db:
        return False
    node: exp.Expr = table
    inside: exp.Expr | None = None  # the WITH the walk came out of, and the part of it it came from
    while node.parent is not None:
        parent = node.parent
        if isinstance(parent, exp.With):
            before = parent.expressions[: parent.expressions.index(node)]
            visible = [*before, node] if parent.args.get("recursive") else before
            inside = parent
        else:
            clause = parent.args.get("with_")
            visible = clause.expressions if clause is not None and clause is not inside else []
        if any(cte.alias.lower() == table.name.lower() for cte in visible):
            return True
        node = parent
    return False
