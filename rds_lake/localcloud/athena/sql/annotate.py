"""Finds the types of a query's expressions that are known without running it.

sqlglot finds the types of qualified columns only, and qualifying rewrites a query. So a copy of the query is qualified, and the
types are copied from it to the original.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

_MARK = "lc_number"
_INTEGERS = {"TINYINT": 3, "SMALLINT": 5, "INT": 10, "BIGINT": 19}


def set_types(tree: exp.Expr, schema: Mapping[str, Mapping[str, str]]) -> None:
    """Set `type` of every node whose type is known. `schema`: bound relation -> column -> Trino type."""
    nodes = list(tree.walk())
    for number, node in enumerate(nodes):
        node.meta[_MARK] = number
    copy = _without_positions(tree.copy())
    try:
        copy = qualify(
            copy,
            schema={relation: dict(columns) for relation, columns in schema.items()},
            dialect="athena",
            expand_stars=False,
            expand_alias_refs=False,
            validate_qualify_columns=False,
            quote_identifiers=False,
            identify=False,
        )
        copy = annotate_types(copy, schema={r: dict(c) for r, c in schema.items()}, dialect="athena")
    except (SqlglotError, ValueError, KeyError, AttributeError, TypeError, AssertionError, IndexError, RecursionError):
        # A query that sqlglot cannot qualify runs without the translations that need a type.
        copy = annotate_types(tree.copy(), dialect="athena")
    for node in copy.walk():
        number = node.meta.get(_MARK)
        if number is not None and isinstance(node, type(nodes[number])):
            nodes[number].type = node.type


def _without_positions(tree: exp.Expr) -> exp.Expr:
    """Returns the tree without `ORDER BY 1` and `GROUP BY 1` whose column may come from a `*`.

    sqlglot looks a position up in the select list as it is written, in which `*` is one item.
    """
    for select in tree.find_all(exp.Select):
        if any(column.is_star for column in select.expressions):
            for clause in (select.args.get("order"), select.args.get("group")):
                for item in list(clause.expressions) if clause is not None else []:
                    position = item.this if isinstance(item, exp.Ordered) else item
                    if isinstance(position, exp.Literal):
                        position.replace(exp.null())
    return tree


def word(node: exp.Expr | None) -> str:
    """Returns sqlglot's name of the node's type (`DATE`, `TIMESTAMP`, `ARRAY`, …); empty if unknown."""
    kind = node.type if node is not None else None
    if kind is None or kind.this == exp.DataType.Type.UNKNOWN:
        return ""
    name = kind.this.name
    return "TIMESTAMP" if name in ("TIMESTAMPNTZ", "DATETIME") else name


def decimal_of(node: exp.Expr | None) -> tuple[int, int] | None:
    """Returns Trino's precision and scale, if that is certain: for columns, casts, literals and sums of those."""
    if isinstance(node, exp.Paren | exp.Neg):
        return decimal_of(node.this)
    if isinstance(node, exp.Literal):
        digits = node.this.replace(".", "")
        exact = not node.is_string and digits.isdigit() and "." in node.this
        return (len(digits), len(node.this.rsplit(".", 1)[1])) if exact else None
    if isinstance(node, exp.Sum):
        inner = decimal_of(node.this)
        return (38, inner[1]) if inner else None
    if isinstance(node, exp.Column | exp.Cast) and word(node) == "DECIMAL" and node.type is not None:
        sizes = [int(size.name) for size in node.type.expressions]
        return (sizes[0], sizes[1] if len(sizes) > 1 else 0) if sizes else (38, 0)
    return None


def number_of(node: exp.Expr | None) -> tuple[int, int] | None:
    """Returns the same as `decimal_of`; for an integer the decimal to which Trino converts it."""
    decimal = decimal_of(node)
    if decimal is not None:
        return decimal
    if isinstance(node, exp.Literal) and not node.is_string and node.this.isdigit():
        return 10, 0
    digits = _INTEGERS.get(word(node)) if isinstance(node, exp.Column | exp.Cast) else None
    return (digits, 0) if digits else None
