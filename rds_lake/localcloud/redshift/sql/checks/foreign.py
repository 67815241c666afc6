"""Refuses SQL of other databases, which the parser reads and DuckDB would run or ignore, but which Redshift does not have."""

from __future__ import annotations

from sqlglot import exp

from rds_lake.localcloud.redshift.errors import StatementFailedError

# The parts that a statement or clause may have; any other part is refused.
_PARTS: dict[type[exp.Expr], frozenset[str]] = {
    exp.Select: frozenset(
        {
            "with_",
            "expressions",
            "from_",
            "joins",
            "where",
            "group",
            "having",
            "qualify",
            "order",
            "limit",
            "offset",
            "distinct",
            "into",
            "hint",
        }
    ),
    exp.Limit: frozenset({"this", "expression", "offset"}),
    exp.Insert: frozenset({"this", "expression", "with_"}),
    exp.Update: frozenset({"this", "expressions", "from_", "where", "with_"}),
    exp.Delete: frozenset({"this", "using", "where", "with_"}),
    exp.Create: frozenset({"this", "kind", "expression", "properties", "exists", "replace", "no_schema_binding"}),
}


def refuse_foreign(node: exp.Expr) -> None:
    """StatementFailedError for a clause that Redshift's documentation does not have, or that is not supported here.

    (https://docs.aws.amazon.com/redshift/latest/dg/r_SELECT_synopsis.html,
    https://docs.aws.amazon.com/redshift/latest/dg/r_UNION.html: INTERSECT ALL, EXCEPT ALL and MINUS ALL are not supported)
    """
    allowed = _PARTS.get(type(node))
    unsupported = (
        [name for name, value in node.args.items() if value and name not in allowed] if allowed is not None else []
    )
    what = _foreign(node) or (f"{unsupported[0].strip('_').upper()} of {node.key.upper()}" if unsupported else "")
    if what:
        raise StatementFailedError(f"syntax error: {what} is not supported")


def _foreign(node: exp.Expr) -> str:
    """Returns the name of a clause that Redshift does not have, else `""`."""
    if isinstance(node, exp.Except | exp.Intersect) and not node.args.get("distinct"):
        return f"{node.key.upper()} ALL"
    if isinstance(node, exp.SetOperation) and node.args.get("by_name"):
        return f"{node.key.upper()} BY NAME"
    if isinstance(node, exp.Distinct) and node.args.get("on"):
        return "SELECT DISTINCT ON"
    if isinstance(node, exp.Join) and (node.kind in ("SEMI", "ANTI") or node.method in ("ASOF", "POSITIONAL")):
        return f"{node.kind or node.method} JOIN"
    if isinstance(node, exp.Filter):
        return "FILTER after an aggregate"
    return {exp.TableSample: "TABLESAMPLE", exp.Fetch: "FETCH FIRST"}.get(type(node), "")
