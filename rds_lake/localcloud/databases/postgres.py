"""A PostgreSQL database as RDS sees it: frozen for a snapshot, listed and read for an export.

A snapshot is a real copy (`CREATE DATABASE … TEMPLATE`), so later changes never leak into it. Everything RDS exports as
text is read as the server's own text, which is exact for NaN, infinity, ranges and bits.

What belongs here: SQL to the source. The Parquet types are `rds/parquet.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote, unquote, urlsplit

import adbc_driver_postgresql.dbapi as adbc
import psycopg
import pyarrow as pa
from psycopg import sql

from rds_lake.localcloud.databases.source import SourceColumn, SourceTable, checked_port, shown

# Types that RDS does not export as text: expectedExportedType and Arrow type (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html).
_NATIVE: dict[str, tuple[str, pa.DataType]] = {
    "bigint": ("int64", pa.int64()),
    "integer": ("int32", pa.int32()),
    "smallint": ("int32 (INT(16, true))", pa.int16()),
    "double precision": ("double", pa.float64()),
    "real": ("float", pa.float32()),
    "boolean": ("boolean", pa.bool_()),
    "bytea": ("binary", pa.binary()),
}
_TEXT = ("binary (UTF8)", pa.string())
_STRATEGY_SINCE = 150000

# AWS writes PostgreSQL's output text under fixed settings; so sessions here must not depend on the server's.
_SETTINGS = (
    "SET timezone TO 'UTC'",
    "SET datestyle TO 'ISO, MDY'",
    "SET intervalstyle TO 'postgres'",
    "SET bytea_output TO 'hex'",
    "SET extra_float_digits TO 1",
)

_TABLES = """
SELECT n.nspname, c.relname, a.attname, col.data_type, col.character_maximum_length, col.numeric_precision,
       col.datetime_precision, col.domain_name IS NOT NULL
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN information_schema.columns col
  ON col.table_schema = n.nspname AND col.table_name = c.relname AND col.column_name = a.attname
-- ordinary tables and leaf partitions, each a table of its own; unlogged and temporary ones are skipped by AWS
WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY n.nspname, c.relname, a.attnum
"""


class PostgresDatabase:
    """The database behind a `postgresql://` URL."""

    def __init__(
        self, url: str, *, sleep: Callable[[float], None] = time.sleep, connection: adbc.Connection | None = None
    ) -> None:
        checked_port(url)
        self.url = url
        self._connection = connection
        if not self.name:
            raise ValueError(f"{shown(url)} names no database: postgresql://host:port/DATABASE")
        self._sleep = sleep

    @property
    def engine(self) -> str:
        return "postgres"

    @property
    def name(self) -> str:
        """The database's name, as it appears in an export's keys."""
        return unquote(urlsplit(self.url).path.lstrip("/"))

    def tables(self) -> list[SourceTable]:
        """Returns every table that RDS would export."""
        columns_of: dict[tuple[str, str], list[SourceColumn]] = {}
        with psycopg.connect(self.url) as connection:
            for schema, table, *column in connection.execute(_TABLES):
                name, data_type, length, precision, datetime_precision, is_domain = column
                # A domain is exported as text, whatever its base type.
                expected, arrow = _TEXT if is_domain else _NATIVE.get(data_type, _TEXT)
                columns_of.setdefault((schema, table), []).append(
                    SourceColumn(
                        name=name,
                        data_type=data_type,
                        expected=expected,
                        arrow=arrow,
                        char_max_length=length,
                        num_precision=precision,
                        datetime_precision=datetime_precision,
                    )
                )
        return [SourceTable(schema=s, name=t, columns=tuple(columns)) for (s, t), columns in columns_of.items()]

    def batches(self, table: SourceTable) -> Iterator[pa.RecordBatch]:
        """Returns the table's rows in batches, native types unchanged and all others as text."""
        columns = sql.SQL(", ").join(_reading(column) for column in table.columns)
        query = sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(table.schema, table.name))
        with self._connected() as connection, connection.cursor() as cursor:
            cursor.execute(query.as_string(None))
            yield from cursor.fetch_record_batch()

    @contextmanager
    def opened(self) -> Iterator[PostgresDatabase]:
        """Returns the same database with one connection, because the driver reads all types of the server when it connects."""
        with self._connected() as connection:
            yield PostgresDatabase(self.url, sleep=self._sleep, connection=connection)

    @contextmanager
    def _connected(self) -> Iterator[adbc.Connection]:
        if self._connection is not None:
            yield self._connection
            return
        with adbc.connect(self.url) as connection:
            with connection.cursor() as cursor:
                for setting in _SETTINGS:
                    cursor.execute(setting)
            yield connection

    def freeze(self, name: str) -> PostgresDatabase:
        """Returns a copy of the present content under another name on the same server.

        A template must have no sessions: other sessions are ended, and the copy is tried again for some time.
        """
        for attempt in range(20):
            with self._beside() as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                    [self.name],
                )
                try:
                    connection.execute(copy_statement(name, self.name, version=connection.info.server_version))
                    break
                except psycopg.errors.ObjectInUse:
                    if attempt == 19:
                        raise
            self._sleep(0.2)
        return PostgresDatabase(self.sibling_url(name), sleep=self._sleep)

    def drop(self) -> None:
        """Remove this (frozen) database."""
        with self._beside() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.name)))

    @contextmanager
    def _beside(self) -> Iterator[psycopg.Connection]:
        """Returns a session in another database of the server, because a session cannot copy or drop its own database.

        It is in `postgres`, which nearly every server has; if that is missing or is this one, in `template1`, which every server has.
        """
        names = [name for name in ("postgres", "template1") if name != self.name]
        for name in names:
            try:
                connection = psycopg.connect(self.sibling_url(name), autocommit=True)
            except psycopg.OperationalError as error:
                # An error while connecting has no SQLSTATE, only a text.
                if name == names[-1] or f'database "{name}" does not exist' not in str(error):
                    raise
                continue
            with connection:
                yield connection
            return

    def sibling_url(self, database: str) -> str:
        """Returns the URL of another database on the same server."""
        parts = urlsplit(self.url)
        # By hand: urlunsplit drops the empty host of `postgresql:///shop?host=/run/postgresql`.
        return f"{parts.scheme}://{parts.netloc}/{quote(database, safe='')}{'?' if parts.query else ''}{parts.query}"


def copy_statement(name: str, template: str, *, version: int) -> sql.Composed:
    """Returns the statement that copies a database. `version`: the server's, as 140011.

    From version 15 on, copying files must be requested (it is faster than the new way, through the log); before, it was the only
    way, without an option. (https://www.postgresql.org/docs/15/release-15.html)
    """
    strategy = sql.SQL(" STRATEGY file_copy") if version >= _STRATEGY_SINCE else sql.SQL("")
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    return statement + strategy


def _reading(column: SourceColumn) -> sql.Composable:
    """Returns the expression that reads a column: unchanged, or as PostgreSQL's output text."""
    name = sql.Identifier(column.name)
    if column.expected != _TEXT[0]:
        return name
    if column.data_type == "inet":
        # The only type whose cast to text differs from its output: `10.0.0.1` becomes `10.0.0.1/32`.
        return sql.SQL("CASE WHEN {0} IS NOT NULL THEN format('%s', {0}) END AS {0}").format(name)
    return sql.SQL("{0}::text AS {0}").format(name)
