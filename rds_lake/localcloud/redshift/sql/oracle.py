"""Finds the type of an expression by asking DuckDB, because only DuckDB knows the types with which it will compute.

A probe is a query of the expression over the relations that it can see, which reads no row:

    SELECT <expression> FROM <the FROM and JOIN of its SELECT> LIMIT 0

Columns beside aggregates are wrapped in any_value, so that a probe needs no GROUP BY. Names of the select list are replaced by their
expressions, and a correlated subquery is probed inside its outer SELECT. The parts of an expression have been translated before
(`translate.py` goes from the leaves up). There is no second attempt, because a failed probe ends DuckDB's transaction: an expression
that fails here would fail in the statement as well.
"""

from __future__ import annotations

from typing import Any

import duckdb
from sqlglot import exp

from rds_lake.localcloud.redshift.errors import translate_error

_DEEP = 8
_NOT_SEEN = ("from_", "joins", "with_")


class Oracle:
    """Types of one statement's expressions, in DuckDB's words (`DECIMAL(12,2)`)."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, aggregates: frozenset[str]) -> None:
        self._connection, self._aggregates = connection, aggregates
        # For an UPDATE or DELETE, which has no SELECT of its own: a SELECT from the relations that it names.
        self.target: exp.Select | None = None
        # Whether any table of the statement has a SUPER column (`checks/semistructured.py`).
        self.has_super = False
        self._known: dict[tuple[int, str, str], str] = {}
        self._columns: dict[int, dict[str, str]] = {}

    def of(self, node: exp.Expr) -> str:
        """Returns the type of a node, which must be in its statement's tree. StatementFailedError says what is wrong with it."""
        if isinstance(node, exp.Literal):
            return _of_literal(node)
        if isinstance(node, exp.Boolean):
            return "BOOLEAN"
        if not isinstance(node, exp.Column):
            return self._described(self._probe(node))[0][1]
        select = node.find_ancestor(exp.Select)
        key = (id(select), node.table, node.name)
        if key not in self._known:
            self._known[key] = self._of_all(node, select) or self._described(self._probe(node))[0][1]
        return self._known[key]

    def _of_all(self, node: exp.Column, select: exp.Select | None) -> str | None:
        """Returns the type of a column if its SELECT reads one relation only. One probe finds the types of all its columns, since a
        probe for each column of a wide table would take too long.
        """
        source = select.args.get("from_") if select is not None else None
        if (
            select is None
            or source is None
            or select.args.get("joins")
            or node.find_ancestor(exp.From, exp.Select) is source
        ):
            return None
        if node.table not in ("", source.this.alias_or_name):
            return None
        return self._seen(select).get(node.name)

    def _described(self, query: exp.Select) -> list[tuple[str, str]]:
        try:
            rows: Any = self._connection.execute(f"DESCRIBE {query.sql('duckdb')}").fetchall()
        except duckdb.Error as error:
            raise translate_error(error) from error
        return [(str(row[0]), str(row[1])) for row in rows]

    def _probe(self, node: exp.Expr) -> exp.Select:
        scopes = _scopes(node)
        expression = self._without_aliases(node.copy(), scopes[0]) if scopes else node.copy()
        probe = exp.select(self._grouped(expression))
        scopes += [self.target] if self.target is not None else []
        for number, scope in enumerate(scopes):
            probe = _over(exp.select(probe.limit(1).subquery()) if number else probe, scope)
        if scopes and scopes[0] is not self.target:
            _with_common_tables(probe, scopes[0])
        return probe.limit(0)

    def _grouped(self, expression: exp.Expr) -> exp.Expr:
        """Returns the expression; if it has an aggregate, with the columns outside of it wrapped in any_value."""
        calls = [
            call
            for call in expression.find_all(exp.Anonymous, exp.AggFunc)
            if self._aggregates_here(call) and not _deeper(call)
        ]
        if not calls:
            return expression
        inside = {id(column) for call in calls for column in call.find_all(exp.Column)}
        for column in list(expression.find_all(exp.Column)):
            if id(column) not in inside and not _deeper(column):
                wrapped = exp.Anonymous(this="any_value", expressions=[column.copy()])
                if column is expression:
                    return wrapped
                column.replace(wrapped)
        return expression

    def _aggregates_here(self, call: exp.Expr) -> bool:
        name = call.name.lower() if isinstance(call, exp.Anonymous) else call.key
        around = call.parent
        while isinstance(around, exp.WithinGroup | exp.Filter | exp.IgnoreNulls):
            around = around.parent
        return name in self._aggregates and not isinstance(around, exp.Window)

    def _without_aliases(self, expression: exp.Expr, select: exp.Select) -> exp.Expr:
        """Returns the expression with names of the select list replaced (`SELECT a / b AS p, p * 100`), if no column has the name."""
        meant = {item.alias: item.this for item in select.expressions if isinstance(item, exp.Alias)}
        for _ in range(_DEEP):
            aliased = [c for c in expression.find_all(exp.Column) if not c.table and c.name in meant and not _deeper(c)]
            names = [column for column in aliased if column.name not in self._seen(select)]
            for column in names:
                value = exp.paren(meant[column.name].copy())
                if column is expression:
                    expression = value
                else:
                    column.replace(value)
            if not names:
                break
        return expression

    def _seen(self, select: exp.Select) -> dict[str, str]:
        """Returns the columns of the relations that a SELECT reads: their types by name."""
        if select.args.get("from_") is None:
            return {}
        if id(select) not in self._columns:
            probe = _over(exp.select("*"), select)
            _with_common_tables(probe, select)
            self._columns[id(select)] = dict(self._described(probe.limit(0)))
        return self._columns[id(select)]


def _deeper(node: exp.Expr) -> bool:
    """Whether it belongs to a subquery of the expression."""
    return node.find_ancestor(exp.Select) is not None


def _of_literal(node: exp.Literal) -> str:
    if node.is_string:
        return "VARCHAR"
    text = node.this
    if "e" in text.lower():
        return "DOUBLE"
    if "." in text:
        whole, _, part = text.partition(".")
        return f"DECIMAL({max(len(whole.lstrip('0')) + len(part), 1)},{len(part)})"
    return "INTEGER" if int(text) < 2**31 else "BIGINT" if int(text) < 2**63 else "HUGEINT"


def _scopes(node: exp.Expr) -> list[exp.Select]:
    """Returns the SELECTs whose relations a node can name, the innermost first. A query in FROM or WITH sees only its own."""
    selects: list[exp.Select] = []
    came, at = node, node.parent
    condition = False
    while at is not None:
        condition = condition or (isinstance(at, exp.Join) and came is at.args.get("on"))
        if isinstance(at, exp.Select):
            if selects and came.arg_key in _NOT_SEEN and not condition:
                break
            selects.append(at)
            condition = False
        came, at = at, at.parent
    return selects


def _over(probe: exp.Select, select: exp.Select) -> exp.Select:
    """Add the relations of a SELECT to a probe, without the conditions of joins, which do not matter for types."""
    source = select.args.get("from_")
    if source is not None:
        probe.set("from_", source.copy())
    joins = [join.copy() for join in select.args.get("joins") or ()]
    for join in joins:
        if join.args.get("on") is not None:
            join.set("on", exp.true())
    if joins:
        probe.set("joins", joins)
    return probe


def _with_common_tables(probe: exp.Select, select: exp.Select) -> None:
    """Add the common tables that a SELECT can see to a probe."""
    seen: dict[str, exp.CTE] = {}
    at: exp.Expr | None = select
    came: exp.Expr | None = None
    while at is not None:
        clause = at.args.get("with_")
        if clause is not None and clause is not came:
            seen = {cte.alias: cte for cte in clause.expressions} | seen
        if isinstance(at, exp.With):
            before = at.expressions[: at.expressions.index(came)] if came in at.expressions else []
            seen = {cte.alias: cte for cte in before} | seen
        came, at = at, at.parent
    if seen:
        probe.set("with_", exp.With(expressions=[cte.copy() for cte in seen.values()]))
