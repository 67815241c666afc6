"""Writes rows into a PostgreSQL table by COPY, over one connection or, for a big table, over several.

The server reads the text of one COPY with one process, and this is the slowest part of a pull. So a table that has most of a
date's rows would keep one core of the server busy for hours, while the others do nothing.

What belongs here: which session writes which rows. `postgres.py` creates the table and makes it visible to readers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from queue import Empty, Full, Queue

from rds_lake.pull.postgres_session import Session
from rds_lake.threads import cancelling_threads, check

_PAUSE = 0.05  # seconds between two attempts to put or get text
OpenSession = Callable[[], AbstractContextManager[Session]]


class Sessions:
    """Counts the connections that copy. Every table has one connection; a big table also gets the unused ones, up to `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._used = 0
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count the first connection of a table during the block."""
        self._change(1)
        try:
            yield
        finally:
            self._change(-1)

    def one_more(self) -> bool:
        """Take one more connection if one is free, and return whether there was one. `back` returns it."""
        with self._lock:
            if self._used >= self.most:
                return False
            self._used += 1
            return True

    def back(self) -> None:
        """Return a connection that `one_more` gave."""
        self._change(-1)

    def _change(self, by: int) -> None:
        with self._lock:
            self._used += by


def copy_by_one(session: Session, statement: str, texts: Iterator[memoryview]) -> int:
    """Write all texts over one connection; returns the number of rows that the server counted."""
    with session.copy(statement) as copy:
        for text in texts:
            copy.write(text)
    return session.rows


@dataclass(slots=True, kw_only=True)
class CopyingTogether:
    """Copies over several connections. Each of them commits its own rows, so readers must not see the table before all are done.

    The first error stops all connections. `connect` opens a connection whose statements end with their thread.
    """

    statement: str
    connect: OpenSession
    sessions: Sessions
    _texts: Queue[memoryview | None] = field(default_factory=lambda: Queue(maxsize=1))

    def copy(self, texts: Iterator[memoryview]) -> int:
        """Write all texts, and return the number of rows that the server counted. Opens another connection while all are busy."""
        extra = 0
        try:
            with cancelling_threads(self.sessions.most, "copy") as pool:
                writers = [pool.submit(self._write)]
                for text in texts:
                    while not self._taken(text, writers):
                        if self.sessions.one_more():
                            extra += 1
                            writers.append(pool.submit(self._write))
                for _ in writers:
                    while not self._taken(None, writers):
                        pass
                return sum(writer.result() for writer in writers)
        finally:
            for _ in range(extra):
                self.sessions.back()

    def _taken(self, text: memoryview | None, writers: list[Future[int]]) -> bool:
        """Queue the text for the writers; False if the queue stayed full. Raises the error of a writer that failed."""
        check()
        try:
            self._texts.put(text, timeout=_PAUSE)
        except Full:
            for writer in writers:
                if writer.done():
                    writer.result()
            return False
        return True

    def _write(self) -> int:
        with self.connect() as session:
            return copy_by_one(session, self.statement, self._received())

    def _received(self) -> Iterator[memoryview]:
        while True:
            check()
            try:
                text = self._texts.get(timeout=_PAUSE)
            except Empty:
                continue
            if text is None:
                return
            yield text
