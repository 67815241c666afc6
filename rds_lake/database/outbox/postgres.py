"""The outbox in PostgreSQL.

It uses explicit statements instead of start-up options, because RDS Proxy and pgbouncer forward only statements. The lock is a row
lock: a pooler would leave an advisory lock with the wrong session.
"""

from __future__ import annotations

import os
import socket
from array import array
from collections.abc import Sequence

from rds_lake.database.connecting import PATIENT, Limits
from rds_lake.database.dsn import Dsn
from rds_lake.database.outbox.errors import missing_driver, sentences
from rds_lake.database.outbox.link import Dialect, Link
from rds_lake.model.streams.captured import CAPTURE, OUTBOX, OWN_SCHEMA, POSITION
from rds_lake.sql.quoting import qualified

_LOCK_SECONDS = 2
_DELETED_AT_ONCE = 5000
_NAME = "rds-lake forward"
_SESSION = (
    "SET timezone = 'UTC'",
    f"SET lock_timeout = '{_LOCK_SECONDS}s'",
    # The lock is held while objects are written, which has no time limit.
    "SET idle_in_transaction_session_timeout = 0",
    # The statistics of a table that is often emptied are wrong: without this, each page would sort the whole table.
    "SET enable_seqscan = off",
    "SET enable_bitmapscan = off",
)

_OUTBOX, _POSITION, _CAPTURE = (qualified(OWN_SCHEMA, name) for name in (OUTBOX, POSITION, CAPTURE))


class PostgresLink:
    """One connection of psycopg."""

    def __init__(self, dsn: Dsn, database: str, limits: Limits = PATIENT) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise missing_driver("psycopg") from error
        from rds_lake.database.postgres_connection import open_postgres

        self._errors = psycopg.Error
        with sentences(psycopg.Error):
            self._connection = open_postgres(
                dsn,
                database,
                name=f"{_NAME} {socket.gethostname()[:30]}:{os.getpid()}",
                silence_seconds=limits.statement + limits.connect,
                prepare_threshold=None,
                connect_seconds=limits.connect,
            )
        try:
            for statement in (*_SESSION, f"SET statement_timeout = '{limits.statement}s'"):
                self.change(statement)
        except BaseException:
            self.close()
            raise

    def rows(self, sql: str, args: Sequence[object] = ()) -> list[tuple]:
        with sentences(self._errors):
            return self._connection.execute(sql.encode(), args or None).fetchall()

    def change(self, sql: str, args: Sequence[object] = ()) -> int:
        with sentences(self._errors):
            return self._connection.execute(sql.encode(), args or None).rowcount

    def close(self) -> None:
        self._connection.close()


def _check(link: Link) -> None:
    """Accepts every version: sequences keep their value at a restart."""


def _delete(link: Link, ids: array[int]) -> int:
    """Delete the rows by arrays of ids."""
    statement = f"DELETE FROM {_OUTBOX} WHERE seq = ANY(%s::bigint[])"
    starts = range(0, len(ids), _DELETED_AT_ONCE)
    return sum(link.change(statement, (list(ids[start : start + _DELETED_AT_ONCE]),)) for start in starts)


POSTGRES = Dialect(
    connect=PostgresLink,
    home=None,
    begin_claim=("BEGIN ISOLATION LEVEL READ COMMITTED",),
    lock=f"SELECT cut, epoch FROM {_POSITION} WHERE id = 1 FOR UPDATE",
    begin_reading=("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",),
    capture=f"SELECT table_schema, table_name, definition FROM {_CAPTURE} ORDER BY 1, 2",
    position=f"SELECT cut, epoch FROM {_POSITION} WHERE id = 1",
    page=(
        f"SELECT seq, xid, at, table_schema, table_name, op, old_image, new_image, omitted FROM {_OUTBOX} "
        "WHERE seq > %s ORDER BY seq LIMIT %s"
    ),
    advance=f"UPDATE {_POSITION} SET cut = %s WHERE id = 1 AND cut = %s AND epoch = %s",
    renew=f"UPDATE {_POSITION} SET cut = 0, epoch = %s WHERE id = 1 AND cut = %s AND epoch = %s",
    who=(
        "SELECT application_name || ' (process ' || pid || ' of the server), since ' || date_trunc('second', xact_start) || ' UTC' "
        "FROM pg_catalog.pg_stat_activity WHERE starts_with(application_name, '"
        + _NAME
        + "') AND pid <> pg_backend_pid() "
        "AND datname = current_database() AND xact_start IS NOT NULL ORDER BY xact_start"
    ),
    health=(
        f"SELECT (SELECT count(*) FROM (SELECT 1 FROM {_OUTBOX} LIMIT %s) counted), "
        f"(SELECT extract(epoch FROM clock_timestamp() - at) FROM {_OUTBOX} ORDER BY seq LIMIT 1)"
    ),
    delete=_delete,
    check=_check,
)
