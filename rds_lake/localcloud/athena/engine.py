"""Runs a query: every table and view that it names becomes a view in DuckDB, and DuckDB executes it.

What belongs here: binding names. Reading a table is `relations.py`, its partitions `athena/sql/pruning.py`, the dialect
`athena/sql/dialect.py`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import botocore.exceptions
import duckdb
import pyarrow as pa
from sqlglot import exp

from rds_lake.localcloud.athena.errors import QueryFailedError, translate_error
from rds_lake.localcloud.athena.locked import locked_connection
from rds_lake.localcloud.athena.metadata import metadata_query
from rds_lake.localcloud.athena.relations import FileCache, Reading, quote, table_query
from rds_lake.localcloud.athena.sql.allowed import refuse_foreign
from rds_lake.localcloud.athena.sql.dialect import parse, to_duckdb
from rds_lake.localcloud.athena.sql.pruning import locate
from rds_lake.localcloud.athena.sql.types import duck_to_trino, hive_to_trino
from rds_lake.localcloud.athena.sql.with_clauses import names_a_common_table
from rds_lake.localcloud.athena.statements.views import ViewDefinition, is_view, stale

_MISSING = {"EntityNotFoundException"}
_BOUND = "lc_bound_"


class Clients(Protocol):
    """boto3's clients by service."""

    def client(self, service: str, /) -> Any:
        """Returns the client of a service."""
        ...


@dataclass(slots=True)
class Answer:
    """Columns as (name, Trino type), and rows of Python values."""

    columns: list[tuple[str, str]]
    rows: list[tuple[Any, ...]]


@dataclass(slots=True)
class Engine:
    """The engine of one query, with its own connection, which `cancel` interrupts."""

    clients: Clients
    cache: FileCache
    permit_database: Callable[[str], None] = lambda database: None
    _connection: duckdb.DuckDBPyConnection = field(init=False)
    _schema: dict[str, dict[str, str]] = field(default_factory=dict)
    _bound: int = field(default=0)
    _cancelled: bool = field(default=False)
    _closed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._connection = locked_connection(self.cache.folder if self.cache else None)

    def cancel(self) -> None:
        """Interrupt the running statement, and start no other."""
        self._cancelled = True
        threading.Thread(target=self._interrupt, name="athena-cancel", daemon=True).start()

    def _interrupt(self) -> None:
        """Interrupt repeatedly until the query has ended: an interrupt just before DuckDB begins is lost."""
        while not self._closed.wait(0.02):
            with contextlib.suppress(duckdb.ConnectionException):  # closed, because the query has just ended
                self._connection.interrupt()

    def close(self) -> None:
        self._closed.set()
        self._connection.close()

    def select(self, query: exp.Expr, database: str) -> Answer:
        """Returns the rows of a query."""
        self._bind(query, database, (), ())
        try:
            result = self._execute(to_duckdb(query, self._schema))
            rows = result.fetchall()
        except duckdb.Error as error:
            raise translate_error(error) from error
        return Answer(columns=_described(result), rows=rows)

    def to_arrow(self, query: exp.Query, database: str, types: Sequence[tuple[str, str]]) -> pa.Table:
        """Returns the rows of a query with named DuckDB types, to be written; columns are taken in order."""
        self._bind(query, database, (), ())
        names = [quote(f"lc_{number}") for number in range(len(types))]
        casts = ", ".join(
            f"CAST({column} AS {kind}) AS {quote(name)}" for column, (name, kind) in zip(names, types, strict=True)
        )
        sql = f"SELECT {casts} FROM ({to_duckdb(query, self._schema)}) AS lc_source({', '.join(names)})"
        try:
            self._refuse_cancelled()
            # A relation, not a DB-API result: DuckDB would warn of an extra copy.
            return self._connection.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise translate_error(error) from error

    def describe(self, query: exp.Query, database: str) -> list[tuple[str, str]]:
        """Returns the columns that a query would have, without running it."""
        self._bind(query, database, (), ())
        try:
            result = self._execute(f"SELECT * FROM ({to_duckdb(query, self._schema)}) AS lc_described LIMIT 0")
        except duckdb.Error as error:
            raise translate_error(error) from error
        columns = _described(result)
        if not isinstance(query, exp.Select) or len(query.expressions) != len(columns):
            return columns
        # DuckDB has no type that carries a zone other than the session's; Athena refuses such a column in a view.
        zoned = [
            isinstance(e.unalias(), exp.AtTimeZone) or e.unalias().name == "at_timezone" for e in query.expressions
        ]
        kept = zip(columns, zoned, strict=True)
        return [(name, "timestamp(3) with time zone" if has_zone else kind) for (name, kind), has_zone in kept]

    def find_table(self, database: str, name: str) -> dict[str, Any]:
        """Returns Glue's entry. TABLE_NOT_FOUND or SCHEMA_NOT_FOUND, as in Athena, if it does not exist."""
        schema, name = database.lower(), name.lower()
        self.permit_database(schema)
        glue = self.clients.client("glue")
        try:
            return glue.get_table(DatabaseName=schema, Name=name)["Table"] | {"DatabaseName": schema}
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in _MISSING:
                raise
            try:
                glue.get_database(Name=schema)
            except botocore.exceptions.ClientError:
                missing = f"line 1:15: Schema '{schema}' does not exist"
                raise QueryFailedError("SCHEMA_NOT_FOUND", missing) from error
            missing = f"line 1:15: Table 'awsdatacatalog.{schema}.{name}' does not exist"
            raise QueryFailedError("TABLE_NOT_FOUND", missing) from error

    def _refuse_cancelled(self) -> None:
        if self._cancelled:
            raise QueryFailedError("USER_CANCELED", "Query cancelled")

    def _execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        self._refuse_cancelled()
        return self._connection.execute(sql)

    def _bind(self, query: exp.Expr, database: str, inside: tuple[str, ...], readings: Sequence[Reading]) -> None:
        """Replace every table name of the query by a view of this connection. `readings`: what the query reads."""
        refuse_foreign(query)
        reading = readings[0] if readings else Reading(columns=None)
        columns = _columns_of(query, reading.columns)
        conditions = locate(query, reading.conditions)
        for table in list(query.find_all(exp.Table)):
            if names_a_common_table(table):
                continue
            reading = Reading(columns=columns, conditions=conditions.get(id(table), ()))
            bound = self._bound_view((table.db or database).lower(), table.name.lower(), reading, inside)
            alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))
            kept = {part: table.args[part] for part in ("joins", "laterals", "sample") if table.args.get(part)}
            table.replace(exp.Table(this=exp.to_identifier(bound, quoted=True), alias=alias, **kept))

    def _bound_view(self, schema: str, name: str, reading: Reading, inside: tuple[str, ...]) -> str:
        """Returns the name of a DuckDB view with the relation's rows."""
        self._bound += 1
        bound = f"{_BOUND}{self._bound}"
        glue = self.clients.client("glue")
        if (metadata := metadata_query(glue, schema, name)) is not None:
            self._define(bound, metadata)
            return bound
        entry = self.find_table(schema, name)
        if is_view(entry):
            self._define_view(bound, entry, reading, inside)
            return bound
        parts = entry["StorageDescriptor"]["Columns"] + (entry.get("PartitionKeys") or [])
        self._define(bound, table_query(glue, self.cache, entry, reading))
        self._schema[bound] = {part["Name"].lower(): hive_to_trino(part["Type"]) for part in parts}
        return bound

    def _define_view(self, bound: str, entry: dict[str, Any], reading: Reading, inside: tuple[str, ...]) -> None:
        schema, name = entry["DatabaseName"], entry["Name"]
        full = f"{schema}.{name}"
        if full in inside:
            raise QueryFailedError("INVALID_VIEW", f"line 1:15: View '{full}' is recursive")
        definition = ViewDefinition.of(entry)
        body = parse(definition.sql)
        try:
            self._bind(body, definition.schema, (*inside, full), (reading,))
            self._define(bound, to_duckdb(body, self._schema))
            why = definition.stale_because(_described(self._execute(f"SELECT * FROM {quote(bound)} LIMIT 0")))
        except QueryFailedError as error:
            if error.code in ("COLUMN_NOT_FOUND", "TABLE_NOT_FOUND", "SYNTAX_ERROR", "TYPE_MISMATCH"):
                raise stale(schema, name, str(error)) from error
            raise
        except duckdb.Error as error:
            raise stale(schema, name, str(error)) from error
        if why is not None:
            raise stale(schema, name, why)
        self._schema[bound] = {column.lower(): kind for column, kind in definition.columns}

    def _define(self, bound: str, sql: str) -> None:
        try:
            self._execute(f"CREATE OR REPLACE TEMP VIEW {quote(bound)} AS {sql}")
        except duckdb.Error as error:
            raise translate_error(error) from error


def _described(result: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return [(column[0], duck_to_trino(str(column[1]))) for column in result.description or []]


def _columns_of(query: exp.Expr, wanted: frozenset[str] | None) -> frozenset[str] | None:
    """Returns the columns that a query reads if only some of its own columns are needed; None for all. Used for scanned bytes:
    DuckDB itself reads only what it needs.
    """
    if isinstance(query, exp.Select) and wanted is not None:
        query = query.copy()
        kept = [e for e in query.expressions if e.is_star or e.alias_or_name.lower() in wanted]
        query.set("expressions", kept)
        if any(column.is_star for column in kept):
            query.set("expressions", [column for column in kept if not column.is_star])
            return frozenset(column.name.lower() for column in query.find_all(exp.Column)) | wanted
    if any(not isinstance(star.parent, exp.Count) for star in query.find_all(exp.Star)):
        return None
    return frozenset(column.name.lower() for column in query.find_all(exp.Column))
