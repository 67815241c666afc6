"""`lambda_async` and `lambda_sync` in MariaDB, as they are built into Aurora MySQL.

A function writes its call through a FederatedX table, thus over another connection, into a table without transactions on the same
server: the call is there at once, and a rollback does not undo it. `Poller` makes the call and writes the answer, for which the
function waits. An error of Lambda is error 1873 of the writer's statement.

(https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Integrating.NativeLambda.html)
"""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pymysql

from rds_lake.localcloud.databases.mysql import identifier
from rds_lake.localcloud.lambdas.calls.calls import CallFailedError, DatabaseCall, DatabaseCalls, FunctionFailedError

_HOME = "rds_lake_local"
_ID = "id CHAR(36) CHARACTER SET ascii NOT NULL PRIMARY KEY"
_CALLS = f"({_ID}, source VARCHAR(100), kind VARCHAR(20), function_arn TEXT, payload LONGTEXT)"
_ANSWERS = f"({_ID}, problem TEXT, payload LONGTEXT)"
_ENDS = {"calls": ("calls_out", _CALLS), "answers": ("answers_in", _ANSWERS)}
_PLUGIN = "FederatedX"
# Seconds: how long a function waits for an answer; the time between two looks of the poller, and that time after `_QUIET_AFTER` looks
# without a call.
_WAITS, _BUSY, _QUIET, _QUIET_AFTER = 60, 0.001, 0.02, 1000
_FUNCTION = """
CREATE FUNCTION {name}(function_arn TEXT, payload LONGTEXT) RETURNS LONGTEXT MODIFIES SQL DATA
BEGIN
  DECLARE me CHAR(36) CHARACTER SET ascii DEFAULT UUID();
  DECLARE answered, turns INT DEFAULT 0;
  DECLARE failure, answer LONGTEXT;
  INSERT INTO {home}.calls_out VALUES (me, {source}, {kind}, function_arn, payload);
  WHILE NOT answered AND turns < {turns} DO
    SELECT COUNT(*), MAX(a.problem), MAX(a.payload) INTO answered, failure, answer FROM {home}.answers_in AS a WHERE a.id = me;
    IF NOT answered THEN
      DO SLEEP(0.001);
      SET turns = turns + 1;
    END IF;
  END WHILE;
  DELETE FROM {home}.answers_in WHERE id = me;
  IF NOT answered THEN
    SET failure = 'Network Connection. Unable to connect to endpoint';
  END IF;
  IF failure IS NOT NULL THEN
    SET failure = LEFT(CONCAT('Lambda API returned error: ', failure), 128);
    SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1873, MESSAGE_TEXT = failure;
  END IF;
  RETURN answer;
END
"""
_KINDS = {"lambda_async": "Event", "lambda_sync": "RequestResponse"}


class NoFederationError(RuntimeError):
    """The server has no FederatedX, which the functions need, and which is in MariaDB's package."""


def connect(url: str) -> pymysql.Connection[Any]:
    """Returns a connection that commits every statement."""
    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.lstrip("/")) or None,
        charset="utf8mb4",
        autocommit=True,
    )


def install(url: str, *, database: str) -> None:
    """Create the functions in the database of a URL; existing ones are replaced. NoFederationError without FederatedX."""
    with connect(url) as connection, connection.cursor() as cursor:
        _federate(cursor, url)
        schema = identifier(unquote(urlsplit(url).path.lstrip("/")))
        for name, kind in _KINDS.items():
            cursor.execute(f"DROP FUNCTION IF EXISTS {schema}.{name}")
            text = _FUNCTION.format(
                name=f"{schema}.{name}",
                home=_HOME,
                source=connection.escape(database),
                kind=connection.escape(kind),
                turns=_WAITS * 1000,
            )
            cursor.execute(text)
        cursor.execute("CREATE ROLE IF NOT EXISTS AWS_LAMBDA_ACCESS")
        for name in _KINDS:
            cursor.execute(f"GRANT EXECUTE ON FUNCTION {schema}.{name} TO AWS_LAMBDA_ACCESS")


def _federate(cursor: Any, url: str) -> None:
    cursor.execute("SELECT COUNT(*) FROM information_schema.ENGINES WHERE ENGINE = 'FEDERATED' AND SUPPORT <> 'NO'")
    if not cursor.fetchone()[0]:
        try:
            cursor.execute("INSTALL SONAME 'ha_federatedx'")
        except pymysql.err.Error as error:
            raise NoFederationError(
                f"lambda_async cannot be created in {urlsplit(url).path.lstrip('/')}: the server has no {_PLUGIN}, which comes "
                f"with MariaDB's package ({error.args[-1]})"
            ) from error
    parts = urlsplit(url)
    user, password = quote(unquote(parts.username or ""), safe=""), quote(unquote(parts.password or ""), safe="")
    link = f"mysql://{user}:{password}@{parts.hostname}:{parts.port or 3306}/{_HOME}"
    cursor.execute(f"CREATE DATABASE IF NOT EXISTS {_HOME} CHARACTER SET utf8mb4")
    for table, (other, columns) in _ENDS.items():
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {_HOME}.{table} {columns} ENGINE=Aria TRANSACTIONAL=0")
        cursor.execute(f"DROP TABLE IF EXISTS {_HOME}.{other}")
        cursor.execute(f"CREATE TABLE {_HOME}.{other} {columns} ENGINE=FEDERATED CONNECTION='{link}/{table}'")


class Poller:
    """Takes the calls of one server's databases, makes them, and writes their results."""

    def __init__(self, url: str, calls: DatabaseCalls) -> None:
        self._url, self._calls = url, calls
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="lambda-calls", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        self._thread.join()

    def _poll(self) -> None:
        quiet = 0
        try:
            with connect(self._url) as connection, connection.cursor() as cursor:
                while not self._closing.wait(_BUSY if quiet < _QUIET_AFTER else _QUIET):
                    quiet = 0 if self._take(cursor) else quiet + 1
        except pymysql.err.Error:
            return  # the server has stopped

    def _take(self, cursor: Any) -> int:
        """Make the waiting calls; returns how many. They are removed first, so that none is made twice."""
        cursor.execute(f"DELETE FROM {_HOME}.calls RETURNING id, source, kind, function_arn, payload")
        rows = cursor.fetchall()
        for me, source, kind, function, payload in rows:
            call = DatabaseCall(database=source, function=function or "", payload=payload or "", kind=kind)
            cursor.execute(f"INSERT INTO {_HOME}.answers VALUES (%s, %s, %s)", (me, *self._make(call)))
        return len(rows)

    def _make(self, call: DatabaseCall) -> tuple[str | None, str | None]:
        """Returns the problem, or else the answer."""
        try:
            invoked = self._calls.make(call)
        except (CallFailedError, FunctionFailedError) as error:
            return str(error), None
        return None, "" if invoked.outcome is None else json.dumps(invoked.outcome.payload)
