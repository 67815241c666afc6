"""What drivers are given to connect by a Dsn, and what may be said of their errors.

The drivers themselves are imported by the module that connects: they are optional, and each use says in its own words what needs them.
"""

from __future__ import annotations

from typing import Any

from rds_lake.database.dsn import Dsn

CONNECT_SECONDS = 10
# A machine that is gone without a word is given up after so long; the system's own way takes two hours. How long a machine
# that is there may take is the limit of a statement.
_IDLE_SECONDS, _PROBE_SECONDS, _PROBES = 30, 10, 3


def for_psycopg(dsn: Dsn, database: str) -> dict[str, Any]:
    """Arguments of `psycopg.connect`: where, who, TLS as the Dsn says (`sslmode`, `sslrootcert`, …), and when to give up."""
    return {
        "host": dsn.host,
        "port": dsn.port,
        "user": dsn.user,
        "password": dsn.password,
        "dbname": database,
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": _IDLE_SECONDS,
        "keepalives_interval": _PROBE_SECONDS,
        "keepalives_count": _PROBES,
        "tcp_user_timeout": (_IDLE_SECONDS + _PROBES * _PROBE_SECONDS) * 1000,
        **{key: value for key, value in dsn.options.items() if key.startswith("ssl")},
    }


def for_pymysql(dsn: Dsn, *, silence_seconds: float = 120) -> dict[str, Any]:
    """Arguments of `pymysql.connect`: where, who, TLS as the Dsn says (`ssl_ca`), and when to give up.

    `silence_seconds`: how long the server may say nothing, and take nothing; the handshake of TLS counts as the latter.
    """
    return {
        "host": dsn.host,
        "port": dsn.port,
        "user": dsn.user,
        "password": dsn.password,
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": silence_seconds,
        "write_timeout": silence_seconds,
        "ssl_ca": dsn.options.get("ssl_ca"),
        "ssl_verify_cert": True if "ssl_ca" in dsn.options else None,
    }


def kind_of(error: BaseException) -> str:
    """A driver's error as it may be shown: how long the server was silent, or the error's type and code."""
    seconds = getattr(error, "silent_seconds", None)
    if seconds is not None:
        return f"no answer within {seconds:g} s"
    return f"{type(error).__name__} {code_of(error)}".rstrip()


def code_of(error: BaseException | None) -> str:
    """SQLSTATE of PostgreSQL, the number of MySQL: the only part of a driver's error that surely holds no secret."""
    number = error.args[0] if error is not None and error.args else None
    return str(number) if isinstance(number, int) else getattr(error, "sqlstate", None) or ""
