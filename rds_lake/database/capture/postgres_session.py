"""Sessions with a PostgreSQL database for capture. Their errors contain nothing of the DSN."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rds_lake.database.connecting import kind_of
from rds_lake.database.dsn import Dsn
from rds_lake.errors import ConfigError, TerminalError, UnavailableError

_SILENCE_SECONDS = 300
# Another session holds a lock, or the server ends sessions: the statement may succeed in a minute.
_LATER = {"55P03", "57014", "40001", "40P01", "57P01", "57P02", "57P03"}


@contextmanager
def postgres_session(dsn: Dsn, database: str, *, writes: bool = False) -> Iterator[Any]:
    """A psycopg connection in one transaction, committed at the end. Names are resolved only in pg_catalog.

    ConfigError if the driver is not installed, UnavailableError if the connection fails or a lock is not granted in time,
    TerminalError, with the database's own sentence, if it refuses a statement.
    """
    try:
        import psycopg
    except ImportError as error:
        raise ConfigError("`streams:` needs psycopg, which is not installed: pip install 'rds-lake[verify]'") from error
    from rds_lake.database.postgres_connection import open_postgres

    failure: Exception | None = None
    try:
        with open_postgres(
            dsn, database, name="rds-lake streams", silence_seconds=_SILENCE_SECONDS, autocommit=False
        ) as connection:
            # Statements instead of start-up options, which RDS Proxy and pgbouncer refuse.
            connection.execute("SET TRANSACTION READ WRITE" if writes else "SET TRANSACTION READ ONLY")
            connection.execute("SET LOCAL search_path = pg_catalog, pg_temp")
            connection.execute("SET LOCAL standard_conforming_strings = on")
            yield connection
    except psycopg.Error as error:
        failure = error
    if failure is not None:
        raise _translated(failure) from None


def _translated(failure: Any) -> ConfigError | UnavailableError | TerminalError:
    code, sentence = failure.sqlstate, failure.diag.message_primary
    if code is None or code.startswith(("08", "28")) or sentence is None:
        return UnavailableError(
            f"the database that `streams:` names cannot be reached ({kind_of(failure)}); check host, user and password "
            "in the secret (or in --dsn), and whether this process may connect"
        )
    if code in _LATER:
        return UnavailableError(
            f"the database gave up after waiting ({sentence}); nothing was changed, try again later"
        )
    return TerminalError(f"the database refused: {sentence} ({code}); nothing was changed")
