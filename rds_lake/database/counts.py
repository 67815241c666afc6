"""Counts the rows of a live database with as little load as possible.

Sessions are read-only and outside of transactions, with a time-out in the database, and count one table at a time. A table that
the database's own statistics estimate as large is not counted: the estimate is returned.

What belongs here: the queries. Comparing the counts with a snapshot is `stages/checks/verify.py`.
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

_WHY = {
    "42501": "the user may not read it",
    "42P01": "it is gone",
    "3F000": "its schema is gone",
    "57014": "counting took too long",
    "1142": "the user may not read it",
    "1146": "it is gone",
    "1969": "counting took too long",
    "3024": "counting took too long",
}
# The connection is gone, not a table: 2006 and 2013 of MySQL, class 57P of PostgreSQL.
_LOST = {"2006", "2013", "57P01", "57P02", "57P03"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCount:
    """The rows of a table: counted, or estimated by the database, or unknown with the reason `why`."""

    rows: int | None
    exact: bool = True
    why: str = ""


class ReadOnly(Protocol):
    """One read-only connection."""

    def rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        """Returns the rows of a statement over the database's catalogue."""
        ...

    def estimates(self) -> dict[tuple[str, str], int]:
        """Returns the estimated rows by schema and table, from the database's statistics; below 0: unknown."""
        ...

    def count(self, target: TableTarget) -> int: ...


def count_rows(
    dsn: Dsn, targets: Sequence[TableTarget], *, exact_below: int, timeout_seconds: int
) -> dict[TableTarget, RowCount]:
    """Returns the rows of every table. A table that cannot be counted has a reason instead.

    ConfigError if the driver is not installed, UnavailableError if the database cannot be reached. Their messages contain nothing
    of the DSN.
    """
    counts: dict[TableTarget, RowCount] = {}
    for database, tables_of_database in by_database(dsn, targets).items():
        with read_only(dsn, database, timeout_seconds) as session:
            estimates = session.estimates()
            for target in tables_of_database:
                estimate = estimates.get((target.schema, target.table), -1)
                if estimate >= exact_below:
                    counts[target] = RowCount(rows=estimate, exact=False)
                else:
                    counts[target] = _counted(session, target)
    return counts


def by_database(dsn: Dsn, targets: Sequence[TableTarget]) -> Mapping[str, Sequence[TableTarget]]:
    """Groups the tables by the database to connect to: a session of PostgreSQL sees one database, MySQL's sees all."""
    grouped: dict[str, list[TableTarget]] = defaultdict(list)
    for target in targets:
        grouped[target.database if dsn.engine is Engine.POSTGRES else dsn.database].append(target)
    return grouped


def read_only(dsn: Dsn, database: str, timeout_seconds: int) -> AbstractContextManager[ReadOnly]:
    """Opens a session that can write nothing, and whose statements end after `timeout_seconds`. Raises what `count_rows` raises."""
    return (_postgres if dsn.engine is Engine.POSTGRES else _mysql)(dsn, database, timeout_seconds)


def _counted(session: ReadOnly, target: TableTarget) -> RowCount:
    try:
        return RowCount(rows=session.count(target))
    except Exception as error:  # two drivers, each with a root of its own
        code = code_of(error)
        if not code or code in _LOST:
            raise
    return RowCount(rows=None, why=_WHY.get(code, f"the database answered {code}"))


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
            # Statements and no start-up options: RDS Proxy and pgbouncer refuse those.
            connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
            connection.execute(f"SET statement_timeout = {timeout_seconds * 1000}".encode())
            yield _Postgres(connection)
    except psycopg.Error as error:
        failure = error
    if failure is not None:
        raise _unreachable(failure) from None


@dataclass(frozen=True, slots=True)
class _Postgres:
    connection: Any

    def rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        return self.connection.execute(statement.encode()).fetchall()

    def estimates(self) -> dict[tuple[str, str], int]:
        rows = self.connection.execute(
            "SELECT n.nspname, c.relname, c.reltuples::bigint FROM pg_catalog.pg_class c "
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm')"
        )
        return {(schema, table): rows for schema, table, rows in rows}

    def count(self, target: TableTarget) -> int:
        return self.connection.execute(f"SELECT count(*) FROM {qualified(target.schema, target.table)}").fetchone()[0]


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
                cursor.execute(f"SET SESSION max_statement_time = {timeout_seconds}")  # MariaDB's name, and its unit
            yield _MySql(cursor)
    except (pymysql.MySQLError, OSError) as error:
        failure = error
    if failure is not None:
        raise _unreachable(failure) from None


@dataclass(frozen=True, slots=True)
class _MySql:
    cursor: Any

    def rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        self.cursor.execute(statement)
        return self.cursor.fetchall()

    def estimates(self) -> dict[tuple[str, str], int]:
        self.cursor.execute(
            "SELECT table_schema, table_name, table_rows FROM information_schema.tables WHERE table_rows IS NOT NULL"
        )
        return {(schema, table): rows for schema, table, rows in self.cursor.fetchall()}

    def count(self, target: TableTarget) -> int:
        self.cursor.execute(f"SELECT count(*) FROM {backticked(target.database)}.{backticked(target.table)}")
        return self.cursor.fetchone()[0]


def _missing(driver: str) -> ConfigError:
    return ConfigError(f"`verify:` needs {driver}, which is not installed: pip install 'rds-lake[verify]'")


def _unreachable(failure: Exception) -> UnavailableError:
    return UnavailableError(
        f"the database that `verify:` names cannot be reached ({kind_of(failure)}); check host, user and password in "
        "the secret, and whether this process may connect. Published dates are not affected"
    )
