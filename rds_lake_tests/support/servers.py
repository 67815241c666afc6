"""The servers that the tests of a session share: where their files lie, and how what a test made there is taken away."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

import psycopg
import pymysql
from psycopg import sql

from rds_lake.database.connecting import for_pymysql
from rds_lake.database.dsn import parse_dsn
from rds_lake.sql.quoting import backticked, mysql_literal

_ROOM = 4 << 30
_POSTGRES_OWN = ("postgres", "template0", "template1")
_MYSQL_OWN = ("information_schema", "mysql", "performance_schema", "sys")


def memory() -> Path | None:
    """A file system in memory, where there is one with room."""
    folder = Path("/dev/shm")
    return folder if folder.is_dir() and shutil.disk_usage(folder).free > _ROOM else None


def empty_postgres(url: str, *, keep: Collection[str]) -> None:
    """Drop every database but `keep`, and every role but the server's own."""
    with psycopg.connect(url, autocommit=True) as connection:
        made = connection.execute("SELECT datname FROM pg_database WHERE datname <> ALL(%s)", [[*_POSTGRES_OWN, *keep]])
        for (name,) in made.fetchall():
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        roles = connection.execute("SELECT rolname FROM pg_roles WHERE oid >= 16384")
        for (name,) in roles.fetchall():
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def empty_mariadb(url: str) -> None:
    """Drop every database, and every user and role but the server's own and the one who asks."""
    dsn = parse_dsn(url, where="the shared server")
    with pymysql.connect(**for_pymysql(dsn), autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT IN %s", [_MYSQL_OWN])
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP DATABASE {backticked(name)}")
        cursor.execute(
            "SELECT user, host, is_role FROM mysql.user WHERE user NOT IN ('root', 'mariadb.sys', 'mysql', '', %s)",
            [dsn.user],
        )
        for user, host, is_role in cursor.fetchall():
            name = mysql_literal(user)
            cursor.execute(f"DROP ROLE {name}" if is_role == "Y" else f"DROP USER {name}@{mysql_literal(host)}")
