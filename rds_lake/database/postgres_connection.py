"""A connection to PostgreSQL that never waits for ever for an answer.

psycopg waits as long as the TCP connection exists. The connection also exists if the server hangs, or if a proxy has lost the
server: their machines still confirm every packet, so no time limit of the operating system or of the server ends the wait.

What belongs here: waiting and its end. The caller decides the queries.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg import capabilities, waiting
from psycopg.abc import PQGen

from rds_lake.database.connecting import CONNECT_SECONDS, for_psycopg
from rds_lake.database.dsn import Dsn
from rds_lake.threads import check

T = TypeVar("T")
_LOOK_SECONDS = 0.1  # between two checks whether the caller has ended
_CANCEL_SECONDS = 3.0  # for the request that ends a statement, and again for the statement's end


class NoAnswerError(psycopg.OperationalError):
    """The server sent nothing for `silent_seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:g} s")
        self.silent_seconds = seconds


class PostgresConnection(psycopg.Connection[tuple[Any, ...]]):
    """A psycopg connection that cancels a statement if the server sends nothing for `silence_seconds` (None: never), if the
    thread's caller has ended (`threads.py`), or if anything else is raised, such as KeyboardInterrupt.

    The server is asked to cancel the statement. If it confirms this within seconds, the connection can be used again;
    otherwise it is closed.
    """

    silence_seconds: float | None = None

    def wait(self, gen: PQGen[T], interval: float = _LOOK_SECONDS, timeout: float | None = None) -> T:
        """Wait for the server; psycopg calls this for every wait."""
        if timeout is not None:  # for notifications, which may never arrive
            return super().wait(gen, interval, timeout)
        try:
            watched = _watched(gen, self.silence_seconds, obey=True)
            return waiting.wait(watched, self.pgconn.socket, interval=interval)
        except BaseException as error:
            if isinstance(error, NoAnswerError) or not isinstance(error, psycopg.Error):
                self._give_up(gen)
            raise

    def _give_up(self, gen: PQGen[Any]) -> None:
        """Cancel the statement that `gen` waits for."""
        is_known = False
        try:
            # Before version 17, libpq's own request to cancel may wait for ever.
            if self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE and capabilities.has_cancel_safe():
                self.cancel_safe(timeout=_CANCEL_SECONDS)
                with suppress(psycopg.errors.QueryCanceled):
                    waiting.wait(_watched(gen, _CANCEL_SECONDS, obey=False), self.pgconn.socket, interval=_LOOK_SECONDS)
                is_known = True
        except psycopg.Error:
            pass  # the server does not answer
        finally:
            if not is_known:
                self.close()


def open_postgres(
    dsn: Dsn,
    database: str,
    *,
    name: str,
    silence_seconds: float,
    autocommit: bool = True,
    prepare_threshold: int | None = 5,
    connect_seconds: int = CONNECT_SECONDS,
) -> PostgresConnection:
    """Connect, and set the session's name. Errors: as `psycopg.connect`."""
    connection = PostgresConnection.connect(
        application_name=name,
        autocommit=autocommit,
        prepare_threshold=prepare_threshold,
        **for_psycopg(dsn, database, connect_seconds=connect_seconds),
    )
    connection.silence_seconds = silence_seconds
    return connection


def _watched(gen: PQGen[T], limit: float | None, *, obey: bool) -> PQGen[T]:
    """Wraps a psycopg generator. NoAnswerError if the server sends nothing for `limit` seconds; `obey`: also call `check`."""
    heard = time.monotonic()
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if obey:
                check()
            if ready:
                heard = time.monotonic()
            elif limit is not None and time.monotonic() - heard > limit:
                raise NoAnswerError(limit)
            wanted = gen.send(ready)
    except StopIteration as end:
        return end.value
