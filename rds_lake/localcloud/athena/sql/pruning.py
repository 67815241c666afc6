"""Finds the partitions that a query needs: passes conditions on partition keys with literals down to the tables.

A condition is passed down through views, subqueries, unions and CTEs that are used once, if leaving out the other rows early cannot
change the result: not below LIMIT, windows or aggregation. Only conditions that are not true for NULL are used, so that outer joins
are safe as well. The query keeps its own WHERE.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation

from sqlglot import exp

_COMPARISONS: dict[type[exp.Expr], str] = {exp.EQ: "=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_FLIPPED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_INTEGERS = ("tinyint", "smallint", "int", "bigint")


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal's text, and whether it is a `string`, a `number` or a `date`."""

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Condition:
    """`column operator value`; `=` takes any of several values."""

    column: str
    operator: str
    values: tuple[Literal, ...]

    def admits(self, value: str, hive_type: str) -> bool:
        """Whether a partition with this value may have rows for which the condition is true; true if that is not certain."""
        return any(_holds(value, self.operator, literal, hive_type.lower()) for literal in self.values)


def _holds(value: str, operator: str, literal: Literal, hive_type: str) -> bool:
    left, right = _comparable(value, hive_type), _comparable(literal.text, hive_type)
    fits = {"date": "date", "string": "string"}.get(hive_type, "number" if hive_type in _INTEGERS else "string")
    if left is None or right is None or literal.kind != fits:
        return True
    # Both come from one branch of _comparable, so they have the same type.
    order = (left > right) - (left < right)  # type: ignore[operator]
    return {"=": order == 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[operator]


def _comparable(text: str, hive_type: str) -> str | Decimal | date | None:
    try:
        if hive_type in _INTEGERS:
            return Decimal(text)
        if hive_type == "date":
            return date.fromisoformat(text)
    except (InvalidOperation, ValueError):
        return None
    return text if re.fullmatch(r"string|(var)?char(\(\d+\))?", hive_type) else None


def locate(query: exp.Expr, inherited: Sequence[Condition] = ()) -> dict[int, tuple[Condition, ...]]:
    """Returns conditions that are true for each needed row of a table, by `id()` of the table's node.

    `inherited` are conditions on the query's own columns, from the query that reads it.
    """
    walk = _Walk(query)
    walk.visit(query, tuple(inherited))
    for select in query.find_all(exp.Select):
        if id(select) not in walk.seen:
            walk.visit(select, ())
    return walk.conditions


class _Walk:
    def __init__(self, query: exp.Expr) -> None:
        self.conditions: dict[int, tuple[Condition, ...]] = {}
        self.seen: set[int] = set()
        self._ctes = {cte.alias.lower(): cte for cte in query.find_all(exp.CTE)}
        uses = [table.name.lower() for table in query.find_all(exp.Table) if not table.db]
        self._once = {name for name in self._ctes if uses.count(name) == 1}

    def visit(self, query: exp.Expr, inherited: tuple[Condition, ...]) -> None:
        """Visit a query and everything that it reads."""
        if isinstance(query, exp.Subquery):
            self.visit(query.this, () if _cuts(query) else inherited)
        elif isinstance(query, exp.Union):
            self._visit_union(query, () if _cuts(query) else inherited)
        elif isinstance(query, exp.Select):
            self._visit_select(query, inherited)

    def _visit_union(self, union: exp.Union, inherited: tuple[Condition, ...]) -> None:
        names = [column.lower() for column in union.named_selects]
        self.visit(union.this, inherited)
        others = [column.lower() for column in getattr(union.expression, "named_selects", [])]
        moved = []
        if "*" not in names and len(names) == len(others):
            known = [condition for condition in inherited if condition.column in names]
            moved = [replace(condition, column=others[names.index(condition.column)]) for condition in known]
        self.visit(union.expression, tuple(moved))

    def _visit_select(self, select: exp.Select, inherited: tuple[Condition, ...]) -> None:
        self.seen.add(id(select))
        wanted = [*_own_conditions(select), *_passed_down(select, inherited)]
        sources = list(_sources(select))
        for source in sources:
            name = source.alias_or_name.lower()
            conditions = tuple(
                condition
                for column, condition in wanted
                if column.table.lower() == name or (not column.table and len(sources) == 1)
            )
            self._visit_source(source, conditions)

    def _visit_source(self, source: exp.Expr, conditions: tuple[Condition, ...]) -> None:
        alias = source.args.get("alias")
        if isinstance(alias, exp.TableAlias) and alias.columns:
            conditions = ()  # its columns are renamed by the alias
        if not isinstance(source, exp.Table):
            self.visit(source, conditions)
            return
        cte = self._ctes.get(source.name.lower()) if not source.db else None
        if cte is None:
            self.conditions[id(source)] = conditions
        elif source.name.lower() in self._once and not cte.args["alias"].columns:
            self.visit(cte.this, conditions)


def _cuts(query: exp.Expr) -> bool:
    return any(query.args.get(part) is not None for part in ("limit", "offset", "fetch"))


def _sources(select: exp.Select) -> Iterator[exp.Expr]:
    first = select.args.get("from_") or select.args.get("from")
    for item in [first, *(select.args.get("joins") or []), *(select.args.get("laterals") or [])]:
        if item is not None:
            yield item.this


def _own_conditions(select: exp.Select) -> Iterator[tuple[exp.Column, Condition]]:
    joins = select.args.get("joins") or []
    clauses = [select.args["where"].this] if select.args.get("where") else []
    if not any(join.side for join in joins):
        clauses += [join.args["on"] for join in joins if join.args.get("on") is not None]
    for clause in clauses:
        for part in _conjuncts(clause):
            yield from _conditions(part)


def _passed_down(select: exp.Select, inherited: Iterable[Condition]) -> Iterator[tuple[exp.Column, Condition]]:
    grouped = any(select.args.get(part) is not None for part in ("group", "having", "qualify"))
    if grouped or _cuts(select) or select.find(exp.Window):
        return
    for condition in inherited:
        for column in select.expressions:
            inner = column.unalias()
            if isinstance(inner, exp.Star):
                yield exp.column(condition.column), condition
            elif isinstance(inner, exp.Column) and isinstance(inner.this, exp.Star):
                yield exp.column(condition.column, inner.table), condition
            elif isinstance(inner, exp.Column) and column.alias_or_name.lower() == condition.column:
                yield inner, replace(condition, column=inner.name.lower())


def _conjuncts(clause: exp.Expr) -> Iterator[exp.Expr]:
    clause = clause.unnest()
    if isinstance(clause, exp.And):
        yield from _conjuncts(clause.this)
        yield from _conjuncts(clause.expression)
    else:
        yield clause


def _conditions(part: exp.Expr) -> list[tuple[exp.Column, Condition]]:
    """Returns the conditions of a conjunct on a single column; none for any other conjunct."""
    if type(part) in _COMPARISONS:
        return _comparison(part, _COMPARISONS[type(part)])
    if isinstance(part, exp.Between):
        low, high = _literal(part.args["low"]), _literal(part.args["high"])
        if isinstance(part.this, exp.Column) and low and high and not part.args.get("symmetric"):
            name = part.this.name.lower()
            return [(part.this, Condition(name, ">=", (low,))), (part.this, Condition(name, "<=", (high,)))]
    if isinstance(part, exp.In) and isinstance(part.this, exp.Column) and part.expressions:
        literals = [_literal(value) for value in part.expressions]
        known = tuple(literal for literal in literals if literal is not None)
        return [(part.this, Condition(part.this.name.lower(), "=", known))] if len(known) == len(literals) else []
    if isinstance(part, exp.Or):
        return _either([_conditions(side.unnest()) for side in part.flatten()])
    return []


def _comparison(part: exp.Expr, operator: str) -> list[tuple[exp.Column, Condition]]:
    left, right = part.this, part.expression
    if not isinstance(left, exp.Column):
        left, right, operator = right, left, _FLIPPED[operator]
    literal = _literal(right)
    if not isinstance(left, exp.Column) or literal is None:
        return []
    return [(left, Condition(left.name.lower(), operator, (literal,)))]


def _either(sides: list[list[tuple[exp.Column, Condition]]]) -> list[tuple[exp.Column, Condition]]:
    """Returns `a = 1 OR a = 2` as the condition `a IN (1, 2)`; none for any other OR."""
    if any(len(side) != 1 or side[0][1].operator != "=" or side[0][0] != sides[0][0][0] for side in sides):
        return []
    column, condition = sides[0][0]
    return [(column, replace(condition, values=tuple(value for ((_, c),) in sides for value in c.values)))]


def _literal(node: exp.Expr) -> Literal | None:
    node = node.unnest()
    if isinstance(node, exp.Literal):
        return Literal(node.this, "string" if node.is_string else "number")
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        return Literal(f"-{node.this.this}", "number")
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and node.to.this == exp.DataType.Type.DATE:
        return Literal(node.this.this, "date")
    return None
