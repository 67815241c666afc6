"""Translates a driver's errors for the reader of the outbox into sentences that contain nothing of the DSN.

https://www.postgresql.org/docs/current/errcodes-appendix.html,
https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rds_lake.database.connecting import code_of, kind_of
from rds_lake.errors import ConfigError, OutboxBusyError, RdsLakeError, UnavailableError

_LOCKED = {"55P03", "1205"}
_MISSING = {"42P01", "42703", "3F000", "3D000", "1049", "1054", "1146"}
_FORBIDDEN = {"42501", "1044", "1142", "1143"}
_READ_ONLY = {"25006", "1290", "1792", "1836"}
_WRONG_USER = {"28P01", "28000", "1045", "1698"}
_TOO_SLOW = {"57014", "1969", "3024"}


@contextmanager
def sentences(*roots: type[Exception]) -> Iterator[None]:
    """Translate errors of these types. The driver's own text is dropped: it may contain host, user and values."""
    failure: Exception | None = None
    try:
        yield
    except roots as error:
        failure = error
    if failure is not None:
        raise _sentence(failure) from None


def missing_driver(driver: str) -> ConfigError:
    """Returns the error for a driver that is not installed."""
    return ConfigError(f"reading the outbox needs {driver}, which is not installed: pip install 'rds-lake[verify]'")


def _sentence(failure: Exception) -> RdsLakeError:
    code = code_of(failure)
    if code in _LOCKED:
        return OutboxBusyError(f"a table or row of rds_lake is locked by another session ({code})")
    if code in _MISSING:
        return ConfigError(
            f"the database has no outbox as `streams:` needs it ({code}): run `rds-lake streams triggers` with --install for "
            "the source"
        )
    if code in _FORBIDDEN:
        return ConfigError(
            f"the user of `streams.secret` may not use the outbox ({code}): it needs SELECT and DELETE on rds_lake.outbox, SELECT "
            "and UPDATE on rds_lake.position, SELECT on rds_lake.capture, and in PostgreSQL USAGE on the schema rds_lake"
        )
    if code in _READ_ONLY:
        return ConfigError(
            f"the database that `streams.secret` names does not accept writes ({code}): name the writer's endpoint, "
            "not a reader's"
        )
    if code in _WRONG_USER:
        return UnavailableError(
            f"the database refuses the user or password of `streams.secret` ({code}); was it rotated?"
        )
    if code in _TOO_SLOW:
        return UnavailableError(f"a statement on the outbox took too long ({code}); it is tried again")
    named = kind_of(failure)
    if not _is_lost(code):
        return UnavailableError(f"the database refused a statement on the outbox ({named}); nothing was changed")
    return UnavailableError(
        f"the database with the outbox cannot be reached, or the connection was lost ({named}). Changes stay in the "
        "outbox until they are forwarded; check whether this process may connect"
    )


def _is_lost(code: str) -> bool:
    """Whether the connection is lost: no code, PostgreSQL's classes 08, 53 and 57P, or MySQL's client errors."""
    of_client = len(code) == 4 and code.startswith("2")
    return not code or of_client or code in {"1040", "1053", "1927"} or code.startswith(("08", "53", "57P"))
