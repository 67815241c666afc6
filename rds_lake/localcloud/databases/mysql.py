"""A MySQL or MariaDB database as RDS sees it: frozen for a snapshot, listed and read for an export.

What belongs here: SQL to the source. Its types in Parquet are `mysql_parquet.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pyarrow as pa
import pymysql
import pymysql.cursors

from rds_lake.localcloud.databases.mysql_parquet import arrow_array, parquet_type, reading
from rds_lake.localcloud.databases.source import SourceColumn, SourceTable, checked_port, shown

_PORT = 3306
# A batch ends at whichever comes first, so that neither narrow rows nor large objects fill the memory.
_BATCH_ROWS = 10_000
_BATCH_BYTES = 16 * 1024 * 1024

# Sessions must not depend on the server's settings. Zero dates and a 0 in an AUTO_INCREMENT column are copied as they
# are; a consumer that waits for S3 is not disconnected.
_SETTINGS = (
    "SET NAMES utf8mb4",
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'",
    # Only MariaDB reads what is in this kind of comment. Rows may be older than a constraint.
    "SET SESSION foreign_key_checks = 0 /*M! , check_constraint_checks = 0 */",
    "SET SESSION net_write_timeout = 3600",
    "SET SESSION lock_wait_timeout = 60",
)

# information_schema compares names without case, while a server may have `Test` beside `test`, as tables and as databases:
# bytes are compared besides, where names keep their case.
_EXACTLY = "(@@lower_case_table_names <> 0 OR CAST({0}TABLE_SCHEMA AS BINARY) = CAST(DATABASE() AS BINARY))"

_TABLES = f"""
SELECT c.TABLE_NAME, c.COLUMN_NAME, c.DATA_TYPE, c.COLUMN_TYPE, c.CHARACTER_MAXIMUM_LENGTH,
       c.NUMERIC_PRECISION, c.NUMERIC_SCALE, c.DATETIME_PRECISION
FROM information_schema.COLUMNS c
JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
 AND CAST(t.TABLE_NAME AS BINARY) = CAST(c.TABLE_NAME AS BINARY)
-- MariaDB gives a table with history a word of its own; views and sequences have theirs and are no tables
WHERE c.TABLE_SCHEMA = %s AND {_EXACTLY.format("c.")} AND {_EXACTLY.format("t.")}
 AND t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION
"""

# MySQL refuses values for generated columns, MariaDB ignores them.
_WRITABLE = f"""
SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = %s AND {_EXACTLY.format("")} AND COALESCE(GENERATION_EXPRESSION, '') = ''
ORDER BY TABLE_NAME, ORDINAL_POSITION
"""

_SEQUENCES = f"""
SELECT TABLE_NAME FROM information_schema.TABLES
WHERE TABLE_SCHEMA = %s AND {_EXACTLY.format("")} AND TABLE_TYPE = 'SEQUENCE'
"""


class MySqlDatabase:
    """The database behind a `mysql://user:password@host:port/database` URL; `?unix_socket=` instead of a host."""

    def __init__(self, url: str) -> None:
        self._port = checked_port(url) or _PORT
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        self._socket = options.pop("unix_socket", None)
        if options:
            raise ValueError(f"{shown(url)} has options rds-lake does not know: {', '.join(options)}")
        self.url = url
        if not self.name:
            raise ValueError(f"{shown(url)} names no database: mysql://host:port/DATABASE")
        self._engine: str | None = None

    @property
    def engine(self) -> str:
        """Returns `mysql` or `mariadb`, as the server reports."""
        if self._engine is None:
            with self._session() as cursor:
                ((version,),) = _rows(cursor, "SELECT VERSION()")
            self._engine = "mariadb" if "mariadb" in version.lower() else "mysql"
        return self._engine

    @property
    def name(self) -> str:
        """The database's name, as it appears in an export's keys."""
        return unquote(urlsplit(self.url).path.lstrip("/"))

    def tables(self) -> list[SourceTable]:
        """Returns every table that RDS would export."""
        columns_of: dict[str, list[SourceColumn]] = {}
        with self._session() as cursor:
            for table, *column in _rows(cursor, _TABLES, self.name):
                columns_of.setdefault(table, []).append(_column(*column))
        return [
            SourceTable(schema=self.name, name=table, columns=tuple(columns))
            for table, columns in sorted(columns_of.items())
        ]

    def batches(self, table: SourceTable) -> Iterator[pa.RecordBatch]:
        """Returns the table's rows in batches, as the server sends them; no table is ever completely in memory."""
        listed = ", ".join(reading(column, identifier(column.name)) for column in table.columns)
        place = f"{identifier(table.schema)}.{identifier(table.name)}"
        with self._session(pymysql.cursors.SSCursor) as cursor:
            cursor.execute(f"SELECT {listed} FROM {place}")
            for rows in _portions(cursor):
                arrays = [
                    arrow_array(column, values)
                    for column, values in zip(table.columns, zip(*rows, strict=True), strict=True)
                ]
                yield pa.RecordBatch.from_arrays(arrays, names=[column.name for column in table.columns])

    @contextmanager
    def opened(self) -> Iterator[MySqlDatabase]:
        """Returns itself, since connecting is quick."""
        yield self

    def freeze(self, name: str) -> MySqlDatabase:
        """Returns a copy of the present content under another name on the same server.

        It uses LOCK TABLES … READ, so writers wait while the copy is made. A transaction would not be consistent, because
        INSERT … SELECT reads the newest rows and not the transaction's snapshot, and MyISAM and Aria have no transactions.
        """
        return freeze_together([self], [name])[0]

    def drop(self) -> None:
        """Remove this (frozen) database."""
        with self._session(anywhere=True) as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {identifier(self.name)}")

    def sibling_url(self, database: str) -> str:
        """Returns the URL of another database on the same server."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}/{quote(database, safe='')}{'?' if parts.query else ''}{parts.query}"

    def _prepared(self, name: str) -> tuple[list[str], list[str]]:
        """Returns the tables to lock for a copy, and the statements that fill its tables, which it creates."""
        columns: dict[str, list[str]] = {}
        fill, locks = list[str](), list[str]()
        with self._session() as cursor:
            for table, column in _rows(cursor, _WRITABLE, self.name):
                columns.setdefault(table, []).append(identifier(column))
            for table in self.tables():
                source = f"{identifier(self.name)}.{identifier(table.name)}"
                target = f"{identifier(name)}.{identifier(table.name)}"
                # Without its foreign keys: LIKE leaves them out, and they would point at the original's tables.
                cursor.execute(f"CREATE TABLE {target} LIKE {source}")
                locks.append(f"{source} READ, {target} WRITE")
                listed = ", ".join(columns[table.name])
                fill.append(f"INSERT INTO {target} ({listed}) SELECT {listed} FROM {source}")
            # A column's default may use a sequence, which the copy's column names too.
            locks += [
                f"{identifier(self.name)}.{identifier(sequence)} WRITE"
                for (sequence,) in _rows(cursor, _SEQUENCES, self.name)
            ]
        return locks if fill else [], fill

    @contextmanager
    def _session(
        self, kind: type[pymysql.cursors.Cursor] = pymysql.cursors.Cursor, *, anywhere: bool = False
    ) -> Iterator[pymysql.cursors.Cursor]:
        """Open a new connection with `_SETTINGS`, and yield its cursor.

        `anywhere`: connect to no database, since this one may not exist.
        """
        parts = urlsplit(self.url)
        connection = pymysql.connect(
            host=parts.hostname or "localhost",
            port=self._port,
            unix_socket=self._socket,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=None if anywhere else self.name,
            charset="utf8mb4",
            autocommit=True,
            # No decoders: rows are the server's text.
            conv={},
        )
        # The cursor first: PyMySQL then reads and discards the rows that an unfinished reader has left.
        with closing(connection), connection.cursor(kind) as cursor:
            for setting in _SETTINGS:
                cursor.execute(setting)
            yield cursor


def freeze_together(databases: Sequence[MySqlDatabase], names: Sequence[str]) -> list[MySqlDatabase]:
    """Returns copies of databases of one server as of one instant; see `MySqlDatabase.freeze`."""
    copies: list[MySqlDatabase] = []
    try:
        for database, name in zip(databases, names, strict=True):
            with database._session() as cursor:
                cursor.execute(f"CREATE DATABASE {identifier(name)} CHARACTER SET utf8mb4")
            copies.append(MySqlDatabase(database.sibling_url(name)))
        prepared = [database._prepared(name) for database, name in zip(databases, names, strict=True)]
        locks, fill = ([text for pair in prepared for text in pair[at]] for at in (0, 1))
        if fill:
            with databases[0]._session() as cursor:
                cursor.execute(f"LOCK TABLES {', '.join(locks)}")
                for statement in fill:
                    cursor.execute(statement)
                cursor.execute("UNLOCK TABLES")
    except BaseException:
        # No incomplete copy remains, also after Ctrl-C. The session and its locks have ended by now.
        for copy in copies:
            copy.drop()
        raise
    return copies


def identifier(name: str) -> str:
    """Returns the name in backticks, with backticks in it doubled."""
    if not name or "\x00" in name:
        raise ValueError(f"{name!r} cannot be a name in MySQL")
    return "`" + name.replace("`", "``") + "`"


def _rows(cursor: pymysql.cursors.Cursor, query: str, *arguments: str) -> list[tuple[Any, ...]]:
    cursor.execute(query, arguments or None)
    return list(cursor.fetchall())


def _column(
    name: str,
    data_type: str,
    column_type: str,
    length: str | None,
    precision: str | None,
    scale: str | None,
    datetime_precision: str | None,
) -> SourceColumn:
    expected, arrow = parquet_type(data_type, column_type, _whole(precision), _whole(scale))
    return SourceColumn(
        name=name,
        data_type=data_type,
        expected=expected,
        arrow=arrow,
        char_max_length=_whole(length),
        num_precision=_whole(precision),
        datetime_precision=_whole(datetime_precision),
    )


def _whole(text: str | None) -> int | None:
    return None if text is None else int(text)


def _portions(rows: Iterable[Sequence[str | bytes | None]]) -> Iterator[list[Sequence[str | bytes | None]]]:
    """Returns rows in batches of limited length and size; none is empty."""
    portion: list[Sequence[str | bytes | None]] = []
    size = 0
    for row in rows:
        portion.append(row)
        size += sum(len(value) for value in row if value is not None)
        if len(portion) >= _BATCH_ROWS or size >= _BATCH_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion
