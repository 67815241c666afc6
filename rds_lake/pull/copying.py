"""The text of rows into a table of PostgreSQL by COPY: over one connection, or over several where the table is big.

The server reads the text of one COPY with one process, which takes longer than everything else of a pull. So a table that has
most of a date's rows would keep one core of the server busy for hours, while the others do nothing.

What belongs here: which session writes what. What the table is and when readers see it is `postgres.py`.
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

_PAUSE = 0.05  # seconds between two looks at whether somebody takes or brings text
OpenSession = Callable[[], AbstractContextManager[Session]]


class Sessions:
    """How many connections may copy at once. Each table has one in any case; a big one gets those that no table uses."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._used = 0
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[None]:
        """A table's first."""
        self._change(1)
        try:
            yield
        finally:
            self._change(-1)

    def one_more(self) -> bool:
        """Whether there is another; `back` returns it."""
        with self._lock:
            if self._used >= self.most:
                return False
            self._used += 1
            return True

    def back(self) -> None:
        """What `one_more` gave is free again."""
        self._change(-1)

    def _change(self, by: int) -> None:
        with self._lock:
            self._used += by


def copy_by_one(session: Session, statement: str, texts: Iterator[memoryview]) -> int:
    """Write all texts; the number of rows that the server counted."""
    with session.copy(statement) as copy:
        for text in texts:
            copy.write(text)
    return session.rows


@dataclass(slots=True, kw_only=True)
class CopyingTogether:
    """The same over several connections, each of which commits what it wrote: nobody may see the table before all have ended.

    The first error ends all of them. `connect` opens a connection that can be interrupted.
    """

    statement: str
    connect: OpenSession
    sessions: Sessions
    _texts: Queue[memoryview | None] = field(default_factory=lambda: Queue(maxsize=1))

    def copy(self, texts: Iterator[memoryview]) -> int:
        """Write all texts; the number of rows that the server counted. A connection more is opened while all have work."""
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
        """Whether some writer took what was waiting before, so that this waits now; raises what a writer raised."""
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
