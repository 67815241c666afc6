"""The outbox in MySQL and MariaDB.

The transaction of the claim uses READ COMMITTED: under REPEATABLE READ, its locks would cover the gaps into which writers insert.
Each id is deleted by its own statement: with `seq IN (…)` the server may scan the table, and wait for rows of open
transactions. Several of these statements are sent in one packet.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rds_lake.database.connecting import PATIENT, Limits, for_pymysql
from rds_lake.database.dsn import Dsn
from rds_lake.database.outbox.errors import missing_driver, sentences
from rds_lake.database.outbox.link import Dialect, Link
from rds_lake.errors import ConfigError
from rds_lake.model.streams.captured import CAPTURE, OUTBOX, OWN_SCHEMA, POSITION
from rds_lake.sql.quoting import backticked

_LOCK_SECONDS = 2
_DELETED_AT_ONCE = 500
_SESSION = (
    "SET SESSION time_zone = '+00:00'",
    f"SET SESSION innodb_lock_wait_timeout = {_LOCK_SECONDS}",
    f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS}",
    # The lock is held while objects are written, which has no time limit.
    "SET SESSION wait_timeout = 86400",
)
# Earlier versions lose AUTO_INCREMENT when the server stops: an emptied outbox would give the same ids again.
_KEEPS_IDS = {"MySQL": (8, 0), "MariaDB": (10, 3)}

_OUTBOX, _POSITION, _CAPTURE = (f"{backticked(OWN_SCHEMA)}.{backticked(name)}" for name in (OUTBOX, POSITION, CAPTURE))


class MySqlLink:
    """One connection of PyMySQL."""

    def __init__(self, dsn: Dsn, database: str, limits: Limits = PATIENT) -> None:
        try:
            import pymysql
            from pymysql.constants import CLIENT
        except ImportError as error:
            raise missing_driver("pymysql") from error
        self._errors = (pymysql.MySQLError, OSError)
        with sentences(*self._errors):
            self._connection: Any = pymysql.connect(
                database=database,
                charset="utf8mb4",
                autocommit=True,
                client_flag=CLIENT.MULTI_STATEMENTS,
                **for_pymysql(dsn, silence_seconds=limits.statement, connect_seconds=limits.connect),
            )
        try:
            for statement in _SESSION:
                self.change(statement)
        except BaseException:
            self.close()
            raise

    def rows(self, sql: str, args: Sequence[object] = ()) -> list[tuple]:
        with sentences(*self._errors), self._connection.cursor() as cursor:
            cursor.execute(sql, args or None)
            return [tuple(map(_aware, row)) for row in cursor.fetchall()]

    def change(self, sql: str, args: Sequence[object] = ()) -> int:
        with sentences(*self._errors), self._connection.cursor() as cursor:
            cursor.execute(sql, args or None)
            changed = cursor.rowcount
            while cursor.nextset():
                changed += cursor.rowcount
            return changed

    def close(self) -> None:
        if self._connection.open:
            self._connection.close()


def _aware(value: object) -> object:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _check(link: Link) -> None:
    """ConfigError for a version that loses the AUTO_INCREMENT counter at a restart."""
    ((version,),) = link.rows("SELECT VERSION()")
    name = "MariaDB" if "mariadb" in version.lower() else "MySQL"
    parts = tuple(int(part) for part in version.split("-")[0].split(".")[:2] if part.isdigit())
    if parts < _KEEPS_IDS[name]:
        raise ConfigError(
            f"{name} {version} assigns the ids of an emptied outbox again after a restart: `capture: outbox` needs "
            f"{name} {'.'.join(map(str, _KEEPS_IDS[name]))} or newer"
        )


def _delete(link: Link, ids: array[int]) -> int:
    """Delete the rows with one DELETE for each id."""
    deleted = 0
    for start in range(0, len(ids), _DELETED_AT_ONCE):
        some = ids[start : start + _DELETED_AT_ONCE]
        deleted += link.change("; ".join(f"DELETE FROM {_OUTBOX} WHERE seq = {seq:d}" for seq in some))
    return deleted


MYSQL = Dialect(
    connect=MySqlLink,
    home=OWN_SCHEMA,
    begin_claim=("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "START TRANSACTION"),
    lock=f"SELECT cut, epoch FROM {_POSITION} WHERE id = 1 FOR UPDATE",
    begin_reading=(
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ),
    capture=f"SELECT table_schema, table_name, definition FROM {_CAPTURE} ORDER BY 1, 2",
    position=f"SELECT cut, epoch FROM {_POSITION} WHERE id = 1",
    page=(
        f"SELECT seq, xid, at, table_schema, table_name, op, old_image, new_image, omitted FROM {_OUTBOX} FORCE INDEX (PRIMARY) "
        "WHERE seq > %s ORDER BY seq LIMIT %s"
    ),
    advance=f"UPDATE {_POSITION} SET cut = %s WHERE id = 1 AND cut = %s AND epoch = %s",
    renew=f"UPDATE {_POSITION} SET cut = 0, epoch = %s WHERE id = 1 AND cut = %s AND epoch = %s",
    who=(
        "SELECT CONCAT('connection ', id, ' from ', host, ', which last did something ', time, ' s ago') "
        "FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND db = DATABASE() "
        "AND user = SUBSTRING_INDEX(USER(), '@', 1) ORDER BY id"
    ),
    health=(
        f"SELECT (SELECT count(*) FROM (SELECT 1 FROM {_OUTBOX} LIMIT %s) counted), "
        f"(SELECT TIMESTAMPDIFF(MICROSECOND, at, UTC_TIMESTAMP(6)) / 1000000 FROM {_OUTBOX} ORDER BY seq LIMIT 1)"
    ),
    delete=_delete,
    check=_check,
)
