"""Arguments for drivers to connect by a Dsn, and the part of their errors that may be shown.

The drivers are optional: the module that connects imports its driver, and its error names the feature that needs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rds_lake.database.dsn import Dsn

CONNECT_SECONDS = 10
# TCP keepalive: a server that disappeared is detected after a minute (30 s + 3 × 10 s); the system's default is two hours.
# A server that is reachable is limited by the time-out of the statement.
_IDLE_SECONDS, _PROBE_SECONDS, _PROBES = 30, 10, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many seconds to wait for a connection, and for the end of each statement."""

    connect: int
    statement: int


PATIENT = Limits(connect=CONNECT_SECONDS, statement=120)

# For ticks of sensors, which Dagster ends after 60 s. A server that falls silent takes 13 s at most.
HURRIED = Limits(connect=3, statement=4)


def for_psycopg(dsn: Dsn, database: str, *, connect_seconds: int = CONNECT_SECONDS) -> dict[str, Any]:
    """Returns the arguments of `psycopg.connect`: host, user, TLS as in the Dsn (`sslmode`, `sslrootcert`, …), and time-outs."""
    return {
        "host": dsn.host,
        "port": dsn.port,
        "user": dsn.user,
        "password": dsn.password,
        "dbname": database,
        "connect_timeout": connect_seconds,
        "keepalives_idle": _IDLE_SECONDS,
        "keepalives_interval": _PROBE_SECONDS,
        "keepalives_count": _PROBES,
        "tcp_user_timeout": (_IDLE_SECONDS + _PROBES * _PROBE_SECONDS) * 1000,
        **{key: value for key, value in dsn.options.items() if key.startswith("ssl")},
    }


def for_pymysql(dsn: Dsn, *, silence_seconds: float = 120, connect_seconds: int = CONNECT_SECONDS) -> dict[str, Any]:
    """Returns the arguments of `pymysql.connect`: host, user, TLS as in the Dsn (`ssl_ca`), and time-outs.

    `silence_seconds`: the longest wait for the server to send or to accept data; the TLS handshake counts as accepting.
    """
    return {
        "host": dsn.host,
        "port": dsn.port,
        "user": dsn.user,
        "password": dsn.password,
        "connect_timeout": connect_seconds,
        "read_timeout": silence_seconds,
        "write_timeout": silence_seconds,
        "ssl_ca": dsn.options.get("ssl_ca"),
        "ssl_verify_cert": True if "ssl_ca" in dsn.options else None,
    }


def kind_of(error: BaseException) -> str:
    """Returns the part of a driver's error that may be shown: how long the server was silent, or the error's type and code."""
    seconds = getattr(error, "silent_seconds", None)
    if seconds is not None:
        return f"no answer within {seconds:g} s"
    return f"{type(error).__name__} {code_of(error)}".rstrip()


def code_of(error: BaseException | None) -> str:
    """Returns SQLSTATE of PostgreSQL, or the error number of MySQL: the only part of the error that cannot contain a secret."""
    number = error.args[0] if error is not None and error.args else None
    return str(number) if isinstance(number, int) else getattr(error, "sqlstate", None) or ""
