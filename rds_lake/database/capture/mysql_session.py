"""A session of MySQL or MariaDB for capture, opened with a time-out. Its errors contain nothing of the DSN."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from rds_lake.database.connecting import for_pymysql
from rds_lake.database.dsn import Dsn
from rds_lake.errors import ConfigError, UnavailableError

_SILENCE_SECONDS = 300
# The codes of a lost connection.
_LOST = {2006, 2013, 1053, 1927}
_BUSY = {1205, 1213}


@contextmanager
def mysql_session(dsn: Dsn) -> Iterator[Any]:
    """A cursor of PyMySQL with autocommit, without a current database.

    ConfigError if the driver is not installed, UnavailableError if the server cannot be reached or the connection is lost.
    """
    pymysql = _driver()
    failure: Exception | None = None
    with closing(_connected(dsn, pymysql)) as connection, connection.cursor() as cursor:
        try:
            yield cursor
        except (pymysql.OperationalError, pymysql.InterfaceError, OSError) as error:
            if isinstance(error, pymysql.OperationalError) and code_of(error) not in _LOST:
                raise
            failure = error
    if failure is not None:
        raise _unreachable(failure)


def _connected(dsn: Dsn, pymysql: Any) -> Any:
    failure: Exception
    try:
        return pymysql.connect(
            charset="utf8mb4",
            autocommit=True,
            **for_pymysql(dsn, silence_seconds=_SILENCE_SECONDS),
        )
    except (pymysql.MySQLError, OSError) as error:
        failure = error
    # Raised outside of the handler, because the driver's own error contains host and user.
    raise _unreachable(failure)


def _driver() -> Any:
    try:
        import pymysql
    except ImportError as error:
        raise ConfigError("`streams:` needs PyMySQL, which is not installed: pip install 'rds-lake[verify]'") from error
    return pymysql


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The server's error number and sentence for a statement that it did not execute."""

    code: int
    sentence: str

    @property
    def is_busy(self) -> bool:
        """Whether another session blocks the statement: by a lock, or in a deadlock."""
        return self.code in _BUSY


def attempt(cursor: Any, statement: str) -> Refused | None:
    """Execute a statement; returns None if the server executed it. A lost connection is an error of `mysql_session`."""
    import pymysql

    try:
        cursor.execute(statement)
    except pymysql.MySQLError as error:
        if not code_of(error) or code_of(error) in _LOST:
            raise
        return Refused(code=code_of(error), sentence=str(error.args[-1]))
    return None


def code_of(error: BaseException) -> int:
    """Returns the server's error number; 0 if the error has none."""
    number = error.args[0] if error.args else 0
    return number if isinstance(number, int) else 0


def _unreachable(failure: Exception) -> UnavailableError:
    code = f" {code_of(failure)}" if code_of(failure) else ""
    return UnavailableError(
        f"the database of `streams:` cannot be reached ({type(failure).__name__}{code}); check host, user and "
        "password, and whether this process may connect"
    )
