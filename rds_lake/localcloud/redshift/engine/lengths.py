"""The declared types of a query's columns, which CREATE TABLE AS keeps.

Columns of tables, casts and literal texts have a declared type. Any other text gets the longest VARCHAR; Redshift finds a more
exact length (docs/fidelity.md).
"""

from __future__ import annotations

from sqlglot import exp

from rds_lake.localcloud.redshift.engine.tables import Tables
from rds_lake.localcloud.redshift.sql.types import ColumnType, read_type


def declared(query: exp.Expr, tables: Tables) -> list[ColumnType | None]:
    """Returns one type per column of the query, None if none is declared; an empty list if the number of columns is unknown."""
    if not isinstance(query, exp.Select):
        return []
    types: list[ColumnType | None] = []
    for item in query.expressions:
        inner = item.unalias()
        if inner.is_star:
            relations = _relations(query)
            if relations is None:
                return []
            qualifier = inner.table if isinstance(inner, exp.Column) else ""
            for name, columns in relations.items():
                if not qualifier or qualifier == name:
                    types += list(columns.values())
            continue
        types.append(_of(inner, query, tables))
    return types


def _of(item: exp.Expr, query: exp.Select, tables: Tables) -> ColumnType | None:
    if isinstance(item, exp.Cast):
        return read_type(item.to)
    if isinstance(item, exp.Literal) and item.is_string:
        return ColumnType(word="character varying", size=max(len(item.this.encode()), 1))
    if isinstance(item, exp.Column):
        relations = _relations(query) or {}
        places = [relations.get(item.table, {})] if item.table else list(relations.values())
        return next((columns[item.name] for columns in places if item.name in columns), None)
    return None


def _relations(query: exp.Select) -> dict[str, dict[str, ColumnType | None]] | None:
    """Returns the columns of each relation in FROM; None if one of them is not known."""
    sources = [query.args.get("from_"), *(query.args.get("joins") or [])]
    by_relation: dict[str, dict[str, ColumnType | None]] = {}
    for source in sources:
        relation = source.this if source is not None else None
        columns = relation.meta.get("columns") if isinstance(relation, exp.Table) else None
        if relation is None or columns is None:
            return None
        by_relation[relation.alias_or_name] = columns
    return by_relation
