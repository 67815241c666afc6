"""Running a query: every table and view it names becomes a view of DuckDB, then DuckDB answers.

What belongs here: binding names and pruning partitions. Reading a table is `relations.py`, the dialect `dialect.py`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import botocore.exceptions
import duckdb
from sqlglot import exp

from rds_lake.localcloud.athena.dialect import MACROS, parse, to_duckdb
from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.relations import FileCache, Reading, quote, table_query
from rds_lake.localcloud.athena.types import duck_to_trino
from rds_lake.localcloud.loop import InProcessClients

_MISSING = {"EntityNotFoundException"}


@dataclass(slots=True)
class Answer:
    """Columns as (name, Trino type), and rows of Python values."""

    columns: list[tuple[str, str]]
    rows: list[tuple[Any, ...]]


@dataclass(slots=True)
class Engine:
    """One query's engine: a connection of its own, interrupted by `cancel`."""

    clients: InProcessClients
    cache: FileCache
    _connection: duckdb.DuckDBPyConnection = field(init=False)
    _bound: int = field(default=0)

    def __post_init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": 2})
        self._connection.execute("SET TimeZone = 'UTC'; SET memory_limit = '2GB'; SET integer_division = true")
        for macro in MACROS:
            self._connection.execute(f"CREATE OR REPLACE TEMP MACRO {macro}")

    def cancel(self) -> None:
        """Interrupt what runs."""
        self._connection.interrupt()

    def close(self) -> None:
        self._connection.close()

    def select(self, query: exp.Expression, database: str, parameters: Sequence[str] = ()) -> Answer:
        """The rows of a query."""
        self._bind(query, database, ())
        try:
            result = self._connection.execute(to_duckdb(query), list(parameters) or None)
            rows = result.fetchall()
        except duckdb.Error as error:
            raise translate_error(error) from error
        return Answer(columns=[(c[0], duck_to_trino(str(c[1]))) for c in result.description or []], rows=rows)

    def describe(self, query: exp.Query, database: str) -> list[tuple[str, str]]:
        """The columns a query would have, without running it."""
        self._bind(query, database, ())
        limited = exp.select("*").from_(query.copy().subquery("lc_described")).limit(0)
        try:
            result = self._connection.execute(to_duckdb(limited))
        except duckdb.Error as error:
            raise translate_error(error) from error
        return [(column[0], duck_to_trino(str(column[1]))) for column in result.description or []]

    def find_table(self, database: str, name: str) -> dict[str, Any]:
        """Glue's entry; TABLE_NOT_FOUND in Athena's words when there is none."""
        try:
            return self.clients.client("glue").get_table(DatabaseName=database.lower(), Name=name.lower())["Table"]
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in _MISSING:
                raise
            missing = f"line 1:15: Table 'awsdatacatalog.{database.lower()}.{name.lower()}' does not exist"
            raise QueryFailedError("TABLE_NOT_FOUND", missing) from error

    def _bind(self, query: exp.Expression | exp.Query, database: str, inside: tuple[str, ...]) -> None:
        """Point every table name of the query at a view of this connection."""
        ctes = {cte.alias.lower() for cte in query.find_all(exp.CTE)}
        columns = _columns_of(query)
        for table in list(query.find_all(exp.Table)):
            if not isinstance(table.this, exp.Identifier) or table.name.startswith("lc_bound_"):
                continue
            if not table.db and table.name.lower() in ctes:
                continue
            schema = (table.db or database).lower()
            name = f"{schema}.{table.name.lower()}"
            if name in inside:
                raise QueryFailedError("INVALID_VIEW", f"View '{name}' is recursive")
            entry = self.find_table(schema, table.name)
            reading = Reading(columns=columns, partitions=_literal_partitions(table, entry))
            bound = self._bound_view(entry, schema, reading, (*inside, name))
            alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))
            table.replace(exp.Table(this=exp.to_identifier(bound, quoted=True), alias=alias))

    def _bound_view(self, entry: dict[str, Any], schema: str, reading: Reading, inside: tuple[str, ...]) -> str:
        self._bound += 1
        bound = f"lc_bound_{self._bound}"
        if entry.get("TableType") == "VIRTUAL_VIEW":
            definition = view_definition(entry)
            body = parse(definition["originalSql"])
            self._bind(body, definition.get("schema") or schema, inside)
            sql = to_duckdb(body)
        else:
            sql = table_query(self.clients.client("glue"), self.cache, entry, reading)
        try:
            self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {quote(bound)} AS {sql}")
            if entry.get("TableType") == "VIRTUAL_VIEW":
                self._refuse_stale(entry, schema, bound)
        except duckdb.Error as error:
            if entry.get("TableType") == "VIRTUAL_VIEW":
                raise _stale(schema, entry["Name"], str(error)) from error
            raise translate_error(error) from error
        return bound

    def _refuse_stale(self, entry: dict[str, Any], schema: str, bound: str) -> None:
        """A view whose columns are no longer what they were when it was made is stale in Athena."""
        described = self._connection.execute(f"SELECT * FROM {quote(bound)} LIMIT 0").description or []
        now = [(c[0].lower(), duck_to_trino(str(c[1]))) for c in described]
        then = [(c["name"].lower(), c["type"]) for c in view_definition(entry)["columns"]]
        if now != then:
            raise _stale(schema, entry["Name"], "column types have changed")


def view_definition(entry: dict[str, Any]) -> dict[str, Any]:
    """The JSON inside a view's ViewOriginalText (aws-facts 6)."""
    match = re.search(r"/\* Presto View: (\S+) \*/", entry.get("ViewOriginalText", ""))
    if match is None:
        raise QueryFailedError("INVALID_VIEW", f"Invalid view JSON: {entry['Name']}")
    return json.loads(base64.b64decode(match[1]))


def _stale(schema: str, name: str, why: str) -> QueryFailedError:
    return QueryFailedError(
        "VIEW_IS_STALE",
        f"line 1:15: View 'awsdatacatalog.{schema}.{name}' is stale or in invalid state: {why.splitlines()[0]}",
    )


def _columns_of(query: exp.Expression | exp.Query) -> frozenset[str] | None:
    """Every column name the query mentions, or None when it takes all."""
    if any(not isinstance(star.parent, exp.Count) for star in query.find_all(exp.Star)):
        return None
    return frozenset(column.name.lower() for column in query.find_all(exp.Column))


def _literal_partitions(table: exp.Table, entry: dict[str, Any]) -> dict[str, frozenset[str]]:
    """Partition values the query's own WHERE allows: `key = 'x'` and `key IN (…)` at its top level."""
    keys = {key["Name"].lower() for key in entry.get("PartitionKeys") or []}
    select = table.find_ancestor(exp.Select)
    where = select.args.get("where") if select is not None else None
    if not keys or select is None or where is None:
        return {}
    alone = len(list(select.find_all(exp.Table))) == 1
    names = {table.alias_or_name.lower()}
    allowed: dict[str, frozenset[str]] = {}
    for condition in where.this.flatten() if isinstance(where.this, exp.And) else [where.this]:
        column, values = _literal_condition(condition)
        if column is None or column.name.lower() not in keys:
            continue
        if column.table.lower() in names or (alone and not column.table):
            allowed[column.name.lower()] = values
    return allowed


def _literal_condition(condition: Any) -> tuple[exp.Column | None, frozenset[str]]:
    condition = condition.unnest() if isinstance(condition, exp.Paren) else condition
    column = condition.this
    if not isinstance(column, exp.Column):
        return None, frozenset()
    if isinstance(condition, exp.EQ) and isinstance(condition.expression, exp.Literal):
        return column, frozenset({condition.expression.this})
    literals = condition.expressions if isinstance(condition, exp.In) else []
    if literals and all(isinstance(literal, exp.Literal) for literal in literals):
        return column, frozenset(literal.this for literal in literals)
    return None, frozenset()


def translate_error(error: duckdb.Error) -> QueryFailedError:
    """DuckDB's complaint in Athena's words."""
    message = str(error)
    if match := re.search(r"INVALID_CAST_ARGUMENT: (.*)", message):
        return QueryFailedError("INVALID_CAST_ARGUMENT", match[1].splitlines()[0])
    if match := re.search(r'[Cc]olumn (?:named )?"([^"]+)" (?:not found|that|does not)', message):
        return QueryFailedError(
            "COLUMN_NOT_FOUND",
            f"line 1:8: Column '{match[1]}' cannot be resolved or requester is not authorized to access requested resources",
        )
    if isinstance(error, duckdb.ConversionException):
        return QueryFailedError("INVALID_CAST_ARGUMENT", message.splitlines()[0])
    if isinstance(error, duckdb.ParserException | duckdb.BinderException | duckdb.CatalogException):
        return QueryFailedError("SYNTAX_ERROR", f"line 1:1: {message.splitlines()[0]}")
    return QueryFailedError("GENERIC_INTERNAL_ERROR", message.splitlines()[0], category=1)
