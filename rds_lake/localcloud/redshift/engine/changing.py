"""Statements that change rows: INSERT, UPDATE, DELETE, TRUNCATE, and CREATE TABLE AS."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import duckdb
from sqlglot import exp

from rds_lake.localcloud.athena.relations import quote
from rds_lake.localcloud.redshift.engine.lengths import declared
from rds_lake.localcloud.redshift.engine.names import bind, checked_schema
from rds_lake.localcloud.redshift.engine.storing import check_count, stored, stored_query
from rds_lake.localcloud.redshift.engine.tables import Column, TableName, Tables
from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here
from rds_lake.localcloud.redshift.sql.oracle import Oracle
from rds_lake.localcloud.redshift.sql.rules import AGGREGATE_NAMES
from rds_lake.localcloud.redshift.sql.translate import duck_text, translate
from rds_lake.localcloud.redshift.sql.types import type_of_duck


class Changing:
    """Executes these statements in one session. Each method returns the number of changed rows."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, tables: Tables, database: str) -> None:
        self._connection, self._tables, self._database = connection, tables, database

    def insert(self, tree: exp.Insert) -> int:
        """https://docs.aws.amazon.com/redshift/latest/dg/r_INSERT_30.html"""
        into = tree.this
        table = into.this if isinstance(into, exp.Schema) else into
        name = self._tables.get(table.name, checked_schema(table, self._database))
        columns = self._columns(
            name, [part.name for part in into.expressions] if isinstance(into, exp.Schema) else None
        )
        query = tree.expression
        if query is None:
            raise not_here("INSERT DEFAULT VALUES is not supported")
        types = self._types()
        if isinstance(query, exp.Values):
            query = self._listed(query, columns)
        bind(query, self._tables, self._database)
        query = translate(query, types)
        text = duck_text(query)
        check_count(len(self._connection.execute(f"DESCRIBE {text}").fetchall()), len(columns))
        rows = stored_query(query, columns, types)
        names = ", ".join(quote(column.name) for column in columns)
        return self._changed(f"INSERT INTO {name.sql} ({names}) {duck_text(rows)}")

    def _columns(self, name: TableName, wanted: list[str] | None) -> list[Column]:
        by_name = {column.name: column for column in self._tables.columns(name)}
        missing = [column for column in wanted or () if column not in by_name]
        if missing:
            raise StatementFailedError(f'column "{missing[0]}" of relation "{name.name}" does not exist')
        return list(by_name.values()) if wanted is None else [by_name[column] for column in wanted]

    def _listed(self, values: exp.Values, columns: list[Column]) -> exp.Expr:
        """Returns VALUES as a query. The values of each row are cast separately, so that one column may contain '5' and 5."""
        selects: list[exp.Select] = []
        for row in values.expressions:
            given = list(row.expressions) if isinstance(row, exp.Tuple) else [row]
            check_count(len(given), len(columns))
            selects.append(exp.select(*(_cast_in_row(v, c) for v, c in zip(given, columns, strict=True))))
        whole: exp.Expr = selects[0]
        for select in selects[1:]:
            whole = exp.Union(this=whole, expression=select, distinct=False)
        return whole

    def update(self, tree: exp.Update) -> int:
        """https://docs.aws.amazon.com/redshift/latest/dg/r_UPDATE.html"""
        name = self._tables.get(tree.this.name, checked_schema(tree.this, self._database))
        columns = {column.name: column for column in self._tables.columns(name)}
        assignments = list(tree.expressions)
        for each in assignments:
            if each.this.name not in columns:
                raise StatementFailedError(f'column "{each.this.name}" of relation "{name.name}" does not exist')
        bind(tree, self._tables, self._database)
        types = self._types()
        types.target = _over(tree)
        for part in (tree.args.get("from_"), tree.args.get("where")):
            if part is not None:
                translate(part, types)
        for each in assignments:
            holder = exp.Paren(this=each.expression)
            each.set("expression", holder)
            translate(holder, types)
            each.set("expression", stored(holder, columns[each.this.name], types))
            each.set("this", exp.to_identifier(each.this.name, quoted=True))
        return self._changed(duck_text(tree))

    def delete(self, tree: exp.Delete) -> int:
        """https://docs.aws.amazon.com/redshift/latest/dg/r_DELETE.html"""
        bind(tree, self._tables, self._database)
        types = self._types()
        types.target = _over(tree)
        if tree.args.get("where") is not None:
            translate(tree.args["where"], types)
        return self._changed(duck_text(tree))

    def truncate(self, tree: exp.TruncateTable) -> int:
        """Delete all rows; in Redshift this also commits, see `session.py`."""
        for table in tree.expressions:
            name = self._tables.get(table.name, checked_schema(table, self._database))
            self._connection.execute(f"DELETE FROM {name.sql}")
        return 0

    def create_as(self, name: TableName, query: exp.Expr) -> int:
        """https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_AS.html"""
        bind(query, self._tables, self._database)
        declared_types = declared(query, self._tables)
        types = self._types()
        text = duck_text(translate(query, types))
        described: Any = self._connection.execute(f"DESCRIBE {text}").fetchall()
        columns = [Column(name=row[0], kind=type_of_duck(row[1])) for row in described]
        for number, kind in enumerate(declared_types if len(declared_types) == len(columns) else ()):
            if kind is not None and kind.is_text == columns[number].kind.is_text:
                columns[number] = replace(columns[number], kind=kind)
        names = [column.name for column in columns]
        twice = next((each for each in names if names.count(each) > 1), None)
        if twice is not None:
            raise StatementFailedError(f'column "{twice}" duplicated')
        self._tables.create(name, columns)
        return self._changed(f"INSERT INTO {name.sql} {text}")

    def _types(self) -> Oracle:
        return Oracle(self._connection, AGGREGATE_NAMES)

    def _changed(self, sql: str) -> int:
        row = self._connection.execute(sql).fetchone()
        return int(row[0]) if row else 0


def _cast_in_row(value: exp.Expr, column: Column) -> exp.Expr:
    if isinstance(value, exp.Column | exp.Var) and value.name.lower() == "default":
        if column.default is None:
            return exp.null()
        raise not_here("DEFAULT in VALUES is not supported for a column with a default: leave the column out")
    if column.kind.is_text:
        return value if not isinstance(value, exp.Null) else exp.Cast(this=value, to=exp.DataType.build("varchar"))
    return exp.Cast(this=value, to=exp.DataType.build(str(column.kind), dialect="redshift"))


def _over(tree: exp.Expr) -> exp.Select:
    """Returns a SELECT from the relations of an UPDATE or DELETE."""
    target = tree.this.copy()
    source = tree.args.get("from_") or tree.args.get("using") or []
    select = exp.select().from_(target)
    for other in source if isinstance(source, list) else [source.this]:
        select = select.join(other.copy(), join_type="cross")
    return select
