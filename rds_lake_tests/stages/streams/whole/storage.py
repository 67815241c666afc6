"""Snapshots as storage takes them: one committed state of all databases of a server, while transactions are open and go on.

The local cloud's own copies wait for open transactions, or end them. Then no number of the outbox is smaller than one that was
committed before it, and rules that are wrong under load look right.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any, LiteralString, cast

import psycopg
import pymysql
from psycopg import sql

from rds_lake.database.connecting import for_pymysql
from rds_lake.database.dsn import parse_dsn
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.mysql import MySqlDatabase
from rds_lake.localcloud.databases.postgres import PostgresDatabase
from rds_lake.localcloud.databases.source import FrozenDatabase
from rds_lake.localcloud.rds.kinds import SourceKind
from rds_lake.localcloud.rds.sources import Content

_COLUMNS = """
SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1, 2, a.attnum
"""


def take_from_storage(cloud: LocalCloud, urls: Sequence[str]) -> None:
    """From now on the cloud's snapshots are of this kind; all its databases are on one server."""

    def freeze(kind: SourceKind, identifier: str) -> Content:
        make = _freeze_postgres if urls[0].startswith("postgresql") else _freeze_mysql
        return Content(make(urls))

    cloud._sources.freeze = freeze  # type: ignore[method-assign]


def _freeze_postgres(urls: Sequence[str]) -> list[FrozenDatabase]:
    (url,) = urls
    live, name = PostgresDatabase(url), f"frozen_{uuid.uuid4().hex[:16]}"
    with psycopg.connect(live.sibling_url("postgres"), autocommit=True) as beside:
        beside.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    copy = PostgresDatabase(live.sibling_url(name))
    with psycopg.connect(url) as source, psycopg.connect(copy.url) as target:
        source.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        tables: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for schema, table, column, kind in source.execute(_COLUMNS):
            tables.setdefault((schema, table), []).append((column, kind))
        for place, columns in tables.items():
            target.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(place[0])))
            _copy(source, target, sql.Identifier(*place), columns)
    return [FrozenDatabase(name=live.name, content=copy)]


def _copy(
    source: psycopg.Connection[Any],
    target: psycopg.Connection[Any],
    place: sql.Identifier,
    columns: list[tuple[str, str]],
) -> None:
    listed = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(cast(LiteralString, kind))) for name, kind in columns
    )
    names = sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)
    target.execute(sql.SQL("CREATE TABLE {} ({})").format(place, listed))
    with (
        source.cursor().copy(sql.SQL("COPY {} ({}) TO STDOUT (FORMAT binary)").format(place, names)) as rows,
        target.cursor().copy(sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(place, names)) as copied,
    ):
        for block in rows:
            copied.write(block)


def _freeze_mysql(urls: Sequence[str]) -> list[FrozenDatabase]:
    frozen: list[FrozenDatabase] = []
    with ExitStack() as stack:
        source, target = (stack.enter_context(_session(urls[0])) for _ in range(2))
        source.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        source.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        for url in urls:
            live, name = MySqlDatabase(url), f"frozen_{uuid.uuid4().hex[:16]}"
            target.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
            for table in live.tables():
                _copy_mysql(source, target, f"`{live.name}`.`{table.name}`", f"{name}.`{table.name}`")
            frozen.append(FrozenDatabase(name=live.name, content=MySqlDatabase(live.sibling_url(name))))
    return frozen


def _copy_mysql(source: Any, target: Any, place: str, copy: str) -> None:
    target.execute(f"CREATE TABLE {copy} LIKE {place}")
    source.execute(f"SELECT * FROM {place}")
    rows = source.fetchall()
    if rows:
        target.executemany(f"INSERT INTO {copy} VALUES ({', '.join(['%s'] * len(rows[0]))})", rows)


@contextmanager
def _session(url: str) -> Iterator[Any]:
    connection = pymysql.connect(**for_pymysql(parse_dsn(url, where="the test")), autocommit=True, charset="utf8mb4")
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
        yield cursor
