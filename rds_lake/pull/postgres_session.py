"""One session with the target database. No error contains its address or a password.

libpq reads the URL, PGPASSWORD, ~/.pgpass and services (https://www.postgresql.org/docs/current/libpq-connect.html).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import conninfo

from rds_lake.database.postgres_connection import PostgresConnection
from rds_lake.errors import ConfigError, PullError, UnavailableError
from rds_lake.pull.target import RECORD
from rds_lake.threads import check

_CONNECT_SECONDS, _BRIEF_SECONDS = 10, 10.0
# An unreachable server is given up after a minute if it has to answer, and after five minutes if it has to receive
# rows; the system's own time-outs are two hours and 15 minutes. A disk of the server may stall for a minute or two.
_ALIVE = {
    "connect_timeout": _CONNECT_SECONDS,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 300_000,
    "application_name": "rds-lake pull",
    "client_encoding": "UTF8",
}
_SETTINGS = (
    "SET datestyle TO 'ISO, MDY'",
    "SET intervalstyle TO 'postgres'",
    "SET timezone TO 'UTC'",
    "SET search_path TO pg_catalog",
    # Only settings that this version of the server has: a big table takes long, and the session with the pull's lock is idle.
    "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('statement_timeout', 'transaction_timeout', "
    "'idle_in_transaction_session_timeout', 'idle_session_timeout')",
)
# https://www.postgresql.org/docs/current/errcodes-appendix.html: connection exceptions, and a server that shuts down
_ENDED = ("08", "57P")
_NO_HOST = "its host is not known here; a password with @ or / has to be written as %40 and %2F"
# Parts of libpq's messages, which may quote any part of the URL, and the texts that replace them.
_WHY = (
    ("password authentication failed", "it refuses this user and password"),
    ("no password supplied", "it requires a password: set PGPASSWORD, or use ~/.pgpass"),
    ("certificate", "TLS could not be negotiated (sslmode, sslrootcert)"),
    ("does not exist", "it has no such database or user"),
    ("permission denied for database", "this user may not connect to that database (GRANT CONNECT)"),
    ("not permitted to log in", "this user may not log in"),
    ("not currently accepting connections", "that database takes no connections"),
    ("the database system is", "it is starting, or being shut down; repeat the command in a moment"),
    ("closed the connection", "the server is not PostgreSQL, or closed the connection"),
    ("etwork is unreachable", "the network has no route to it"),
    ("o route to host", "the network has no route to it"),
    ("connection slots", "all its connections are in use; use a smaller --parallel"),
    ("no pg_hba.conf entry", "it does not allow this user to connect from this machine (pg_hba.conf)"),
    ("invalid ", "the port or an option of the URL is not valid"),
    ("host name", _NO_HOST),
    ("resolve host", _NO_HOST),
    ("onnection refused", "nothing listens there"),
    ("imeout expired", "it does not answer"),
    ("definition of service", "the service is not in ~/.pg_service.conf"),
    ("SSL", "TLS could not be negotiated (sslmode, sslrootcert)"),
    ("too many", "all its connections are in use; use a smaller --parallel"),
)


@dataclass(slots=True, eq=False)
class Session:
    """A connection, and the number of rows of its last statement."""

    connection: PostgresConnection
    rows: int = 0

    def run(self, statement: str, values: Sequence[Any] | None = None, *, unless: bool = False) -> None:
        """Run a statement, unless `unless` is true."""
        if not unless:
            self.connection.execute(statement.encode(), values)

    def run_briefly(self, statement: str) -> None:
        """Run the session's last statement, and give up if the server sends nothing for ten seconds."""
        self.connection.silence_seconds = _BRIEF_SECONDS
        self.run(statement)

    def ask(self, query: str, values: Sequence[Any]) -> Any:
        """Returns the first column of the first row, or None."""
        row = self.connection.execute(query.encode(), values).fetchone()
        return None if row is None else row[0]

    def all(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Returns all rows."""
        return self.connection.execute(query.encode(), values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction: all statements of the block take effect, or none."""
        with self.connection.transaction():
            yield

    @contextmanager
    def copy(self, statement: str) -> Iterator[psycopg.Copy]:
        """A COPY to write to; afterwards `rows` is the number of rows."""
        with self.connection.cursor() as cursor:
            with cursor.copy(statement.encode()) as copy:
                yield copy
            self.rows = cursor.rowcount

    def lock(self, schema: str) -> None:
        """Be the only pull of this schema until the session ends. PullError if another pull holds the lock."""
        if not self.ask("SELECT pg_try_advisory_lock(hashtext(%s), hashtext(%s))", [RECORD, schema]):
            raise PullError(
                f"another rds-lake pull is writing to the schema {schema}; wait until it ends, then repeat the command"
            )


@contextmanager
def open_session(url: str) -> Iterator[Session]:
    """A session, closed at the end of the block. UnavailableError if it is refused or lost, PullError if a statement is refused."""
    connection = _connected(url)
    try:
        with connection:
            # If the user may not set it, messages stay in the server's language.
            with suppress(psycopg.errors.InsufficientPrivilege):
                connection.execute("SET lc_messages TO 'C'")
            for setting in _SETTINGS:
                connection.execute(setting.encode())
            yield Session(connection)
    except psycopg.Error as error:
        check()
        raise _in_words(error, is_gone=connection.broken) from error


def _in_words(error: psycopg.Error, *, is_gone: bool) -> PullError | UnavailableError:
    """Returns UnavailableError for a problem that affects all tables, PullError for the server's error about one table."""
    if isinstance(error, psycopg.errors.DiskFull):
        return UnavailableError(
            f"the database's disk is full ({refused(error)}): give it space and repeat; complete tables are kept"
        )
    if isinstance(error, psycopg.errors.QueryCanceled):
        return PullError(f"the server ended a statement: {refused(error)}")
    # A server also raises OperationalError for a table that is too wide or a refused lock: with a code, and an open connection.
    code = error.sqlstate or ""
    if is_gone or code.startswith(_ENDED) or (isinstance(error, psycopg.OperationalError) and not code):
        return UnavailableError("the connection to the database broke; repeat the command: complete tables are kept")
    return PullError(f"PostgreSQL refused it: {refused(error)}")


def refused(error: psycopg.Error) -> str:
    """Returns the server's own sentence, with the row or object that it is about."""
    return " ".join(filter(None, (error.diag.message_primary, error.diag.message_detail))) or type(error).__name__


def _connected(url: str) -> PostgresConnection:
    # Raised outside of the handlers: libpq's messages quote parts of the URL.
    failure: UnavailableError | ConfigError
    try:
        conninfo.conninfo_to_dict(url)
        return PostgresConnection.connect(url, autocommit=True, **_ALIVE)
    except psycopg.OperationalError as error:
        text = str(error)
        why = next((said for part, said in _WHY if part in text), error.sqlstate or type(error).__name__)
        failure = UnavailableError(f"the database given with --to cannot be reached: {why}")
    except psycopg.Error:
        failure = ConfigError(
            "--to is not a valid PostgreSQL URL: postgresql://user@host:port/database?sslmode=require, with "
            "@, / and : of a password as %40, %2F and %3A"
        )
    raise failure
