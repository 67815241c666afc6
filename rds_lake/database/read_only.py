"""Read-only sessions of a live database, outside of transactions, with a time-out in the database.

What belongs here: the session. The queries are in `counts.py` and `described.py`; `asked.py` runs both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from rds_lake.database.connecting import CONNECT_SECONDS, code_of, for_pymysql, kind_of
from rds_lake.database.dsn import Dsn
from rds_lake.errors import ConfigError, UnavailableError
from rds_lake.model.aws.engine import Engine
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.quoting import backticked, qualified

# The codes of a lost connection: 2006 and 2013 of MySQL, class 57P of PostgreSQL.
_LOST = {"2006", "2013", "57P01", "57P02", "57P03"}


_ESTIMATES = """
SELECT n.nspname, c.relname, c.reltuples::bigint
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm')
"""


class StatementError(Exception):
    """The database refused one statement, or ended it; the session can be used further. `code`: the database's code."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the database answered {code}")
        self.code = code


class ReadOnly(Protocol):
    """One read-only connection. Its methods raise StatementError."""

    def rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        """Returns the rows of a statement over the database's catalogue."""
        ...

    def estimates(self) -> dict[tuple[str, str], int]:
        """Returns the estimated rows by schema and table, from the database's statistics; below 0: unknown."""
        ...

    def count(self, target: TableTarget) -> int: ...


def by_database(dsn: Dsn, targets: Sequence[TableTarget]) -> Mapping[str, Sequence[TableTarget]]:
    """Groups the tables by the database to connect to: a session of PostgreSQL sees one database, MySQL's sees all."""
    grouped: dict[str, list[TableTarget]] = defaultdict(list)
    for target in targets:
        grouped[target.database if dsn.engine is Engine.POSTGRES else dsn.database].append(target)
    return grouped


def read_only(dsn: Dsn, database: str, timeout_seconds: int) -> AbstractContextManager[ReadOnly]:
    """Opens a session that can write nothing, and whose statements end after `timeout_seconds`.

    ConfigError if the driver is not installed, UnavailableError if the database cannot be reached. Their messages contain nothing
    of the DSN.
    """
    return (_postgres if dsn.engine is Engine.POSTGRES else _mysql)(dsn, database, timeout_seconds)


@contextmanager
def _one_statement(of_driver: type[Exception]) -> Iterator[None]:
    try:
        yield
    except of_driver as error:
        code = code_of(error)
        if not code or code in _LOST:
            raise
        raise StatementError(code) from None


@contextmanager
def _postgres(dsn: Dsn, database: str, timeout_seconds: int) -> Iterator[ReadOnly]:
    try:
        import psycopg
    except ImportError as error:
        raise _missing("psycopg") from error
    from rds_lake.database.postgres_connection import open_postgres

    silence_seconds = timeout_seconds + CONNECT_SECONDS
    failure: Exception | None = None
    try:
        with open_postgres(dsn, database, name="rds-lake verify", silence_seconds=silence_seconds) as connection:
            # Statements instead of start-up options, which RDS Proxy and pgbouncer refuse.
            connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
            connection.execute(f"SET statement_timeout = {timeout_seconds * 1000}".encode())
            yield _Postgres(connection, psycopg.Error)
    except (psycopg.Error, StatementError) as error:
        failure = error
    if failure is not None:
        raise _unreachable(failure) from None


@dataclass(frozen=True, slots=True)
class _Postgres:
    connection: Any
    error: type[Exception]

    def rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        with _one_statement(self.error):
            return self.connection.execute(statement.encode()).fetchall()

    def estimates(self) -> dict[tuple[str, str], int]:
        return {(schema, table): rows for schema, table, rows in self.rows(_ESTIMATES)}

    def count(self, target: TableTarget) -> int:
        return self.rows(f"SELECT count(*) FROM {qualified(target.schema, target.table)}")[0][0]


@contextmanager
def _mysql(dsn: Dsn, database: str, timeout_seconds: int) -> Iterator[ReadOnly]:
    try:
        import pymysql
    except ImportError as error:
        raise _missing("pymysql") from error
    failure: Exception | None = None
    try:
        with (
            pymysql.connect(
                database=database or None,
                autocommit=True,
                **for_pymysql(dsn, silence_seconds=timeout_seconds + CONNECT_SECONDS),
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
            try:
                cursor.execute(f"SET SESSION max_execution_time = {timeout_seconds * 1000}")
            except pymysql.MySQLError as error:
                if code_of(error) in _LOST:
                    raise
                # MariaDB's name of the setting; in seconds.
                cursor.execute(f"SET SESSION max_statement_time = {timeout_seconds}")
            yield _MySql(cursor, pymysql.MySQLError)
    except (pymysql.MySQLError, OSError, StatementError) as error:
        failure = error
    if failure is not None:
        raise _unreachable(failure) from None


@dataclass(frozen=True, slots=True)
class _MySql:
    cursor: Any
    error: type[Exception]

    def rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        with _one_statement(self.error):
            self.cursor.execute(statement)
            return self.cursor.fetchall()

    def estimates(self) -> dict[tuple[str, str], int]:
        rows = self.rows(
            "SELECT table_schema, table_name, table_rows FROM information_schema.tables WHERE table_rows IS NOT NULL"
        )
        return {(schema, table): rows for schema, table, rows in rows}

    def count(self, target: TableTarget) -> int:
        return self.rows(f"SELECT count(*) FROM {backticked(target.database)}.{backticked(target.table)}")[0][0]


def _missing(driver: str) -> ConfigError:
    return ConfigError(f"`verify:` needs {driver}, which is not installed: pip install 'rds-lake[verify]'")


def _unreachable(failure: Exception) -> UnavailableError:
    reason = str(failure) if isinstance(failure, StatementError) else kind_of(failure)
    return UnavailableError(
        f"the database that `verify:` names cannot be reached ({reason}); check host, user and password in "
        "the secret, and whether this process may connect. Published dates are not affected"
    )
