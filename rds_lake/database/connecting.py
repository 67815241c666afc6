"""What drivers are given to connect by a Dsn, and what may be said of their errors.

The drivers themselves are imported by whoever connects: they are optional, and each use says in its own words what needs them.
"""

from __future__ import annotations

from typing import Any

from rds_lake.database.dsn import Dsn

CONNECT_SECONDS = 10


def for_psycopg(dsn: Dsn, database: str) -> dict[str, Any]:
    """Arguments of `psycopg.connect`: where, who, and TLS as the Dsn says (`sslmode`, `sslrootcert`, …)."""
    return {
        "host": dsn.host,
        "port": dsn.port,
        "user": dsn.user,
        "password": dsn.password,
        "dbname": database,
        "connect_timeout": CONNECT_SECONDS,
        **{key: value for key, value in dsn.options.items() if key.startswith("ssl")},
    }


def for_pymysql(dsn: Dsn) -> dict[str, Any]:
    """Arguments of `pymysql.connect`: where, who, and TLS as the Dsn says (`ssl_ca`)."""
    return {
        "host": dsn.host,
        "port": dsn.port,
        "user": dsn.user,
        "password": dsn.password,
        "connect_timeout": CONNECT_SECONDS,
        "ssl_ca": dsn.options.get("ssl_ca"),
        "ssl_verify_cert": True if "ssl_ca" in dsn.options else None,
    }


def code_of(error: BaseException | None) -> str:
    """SQLSTATE of PostgreSQL, the number of MySQL: the only part of a driver's error that surely holds no secret."""
    number = error.args[0] if error is not None and error.args else None
    return str(number) if isinstance(number, int) else getattr(error, "sqlstate", None) or ""
