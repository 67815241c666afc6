"""Read-only sessions of a live database, outside of transactions, with a time-out in the database.

What belongs here: the session. The queries are in `counts.py` and `described.py`; `asked.py` runs both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from rds_lake.database.connecting import CONNECT_SECONDS, code_of, for_pymysql, kind_of
from rds_lake.database.dsn import Dsn
from rds_lake.errors import ConfigError, UnavailableError
from rds_lake.model.aws.engine import Engine
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.quoting import backticked, qualified

# The codes of a lost connection: 2006 and 2013 of MySQL, class 57P of PostgreSQL.
_LOST = {"2006", "2013", "57P01", "57P02", "57P03"}


_POSTGRES_ESTIMATES = """
SELECT n.nspname, c.relname, c.reltuples::bigint
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm')
"""


_MYSQL_ESTIMATES = (
    "SELECT table_schema, table_name, table_rows FROM information_schema.tables WHERE table_rows IS NOT NULL"
)
# A statement took longer than the session's time-out: PostgreSQL, MariaDB, MySQL.
_TIMED_OUT = {"57014", "1969", "3024"}


class StatementError(Exception):
    """The database refused one statement, or ended it; the session can be used further. `code`: the database's code."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the database answered {code}")
        self.code = code

    @property
    def is_timeout(self) -> bool:
        """Whether the statement took longer than the session's `timeout_seconds`."""
        return self.code in _TIMED_OUT


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOnly:
    """One read-only session. Its methods raise StatementError.

    `fetch`: returns the rows of a statement, with the driver, whose errors are `of_driver`. `estimated`: the statement for the
    statistics. `name`: a table's name in SQL.
    """

    fetch: Callable[[str], Sequence[tuple[Any, ...]]]
    of_driver: type[Exception]
    estimated: str
    name: Callable[[TableTarget], str]

    def rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        """Returns the rows of a statement."""
        try:
            return self.fetch(statement)
        except self.of_driver as error:
            code = code_of(error)
            if not code or code in _LOST:
                raise
            raise StatementError(code) from None

    def estimates(self) -> dict[tuple[str, str], int]:
        """Returns the estimated rows by schema and table, from the database's statistics; below 0: unknown."""
        return {(schema, table): rows for schema, table, rows in self.rows(self.estimated)}

    def count(self, target: TableTarget) -> int:
        """Returns the rows of a table, by counting them."""
        return self.rows(f"SELECT count(*) FROM {self.name(target)}")[0][0]


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
def _postgres(dsn: Dsn, database: str, timeout_seconds: int) -> Iterator[ReadOnly]:
    try:
        import psycopg
    except ImportError as error:
        raise _missing("psycopg") from error
    from rds_lake.database.postgres_connection import open_postgres

    silence_seconds = timeout_seconds + CONNECT_SECONDS
    failure: Exception | None = None
    try:
        with open_postgres(
            dsn, database, name="rds-lake verify", silence_seconds=silence_seconds, connect_seconds=CONNECT_SECONDS
        ) as connection:
            # Statements instead of start-up options, which RDS Proxy and pgbouncer refuse.
            connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
            connection.execute(f"SET statement_timeout = {timeout_seconds * 1000}".encode())
            yield ReadOnly(
                fetch=lambda statement: connection.execute(statement.encode()).fetchall(),
                of_driver=psycopg.Error,
                estimated=_POSTGRES_ESTIMATES,
                name=lambda target: qualified(target.schema, target.table),
            )
    except (psycopg.Error, StatementError) as error:
        failure = error
    if failure is not None:
        raise _unreachable(failure) from None


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
                **for_pymysql(dsn, silence_seconds=timeout_seconds + CONNECT_SECONDS, connect_seconds=CONNECT_SECONDS),
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
            yield ReadOnly(
                fetch=partial(_fetched, cursor),
                of_driver=pymysql.MySQLError,
                estimated=_MYSQL_ESTIMATES,
                name=lambda target: f"{backticked(target.database)}.{backticked(target.table)}",
            )
    except (pymysql.MySQLError, OSError, StatementError) as error:
        failure = error
    if failure is not None:
        raise _unreachable(failure) from None


def _fetched(cursor: Any, statement: str) -> Sequence[tuple[Any, ...]]:
    cursor.execute(statement)
    return cursor.fetchall()


def _missing(driver: str) -> ConfigError:
    return ConfigError(f"`verify:` needs {driver}, which is not installed: pip install 'rds-lake[verify]'")


def _unreachable(failure: Exception) -> UnavailableError:
    reason = str(failure) if isinstance(failure, StatementError) else kind_of(failure)
    return UnavailableError(
        f"the database that `verify:` names cannot be reached ({reason}); check host, user and password in "
        "the secret, and whether this process may connect. Published dates are not affected"
    )
