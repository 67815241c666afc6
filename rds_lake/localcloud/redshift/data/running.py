"""Runs statements, each in a thread of a pool that ends with the cloud.

A batch in TRANSACTION mode has all or no effect; in AUTO_COMMIT each statement is its own transaction, and the first that
fails ends the batch. (https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_BatchExecuteStatement.html)
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from rds_lake.localcloud.faults.faults import Faults
from rds_lake.localcloud.redshift.data.sessions import KeptSession, Sessions
from rds_lake.localcloud.redshift.data.statements import ABORTED, FAILED, FINISHED, Part, Statement, Statements
from rds_lake.localcloud.redshift.engine.session import Session
from rds_lake.localcloud.redshift.errors import StatementFailedError

_THREADS = 64
_BEFORE = "an earlier statement of the batch failed"


class Running:
    """The pool. `open` returns a new session of a warehouse's database."""

    def __init__(
        self,
        book: Statements,
        sessions: Sessions,
        faults: Faults,
        workers: int,
        open: Callable[[str, str, int], Session],
    ) -> None:
        self._book, self._sessions, self._faults, self._open = book, sessions, faults, open
        # A statement that waits for a lock gives its place to another: the one that holds the lock may be waiting for a place.
        self._pool = ThreadPoolExecutor(max(workers, _THREADS), thread_name_prefix="redshift")
        self._places = threading.BoundedSemaphore(workers)
        self._ending = threading.Event()

    def close(self) -> None:
        """Wait until running statements have ended; waiting ones are not started."""
        self._ending.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, statement: Statement, database: str, kept: KeptSession | None) -> None:
        """Run the statement as soon as a thread is free."""
        self._pool.submit(self._run, statement, database, kept)

    def cancel(self, statement: Statement) -> bool:
        """Request its end; returns False if it has already ended. It is ABORTED once none of its parts runs."""
        with self._book.changed:
            if statement.status not in ("SUBMITTED", "PICKED", "STARTED"):
                return False
            statement.cancelled = True
            if statement.running is not None:
                statement.running.cancel()
            self._book.changed.notify_all()
        return True

    def _run(self, statement: Statement, database: str, kept: KeptSession | None) -> None:
        session: Session | None = None
        outcome = FAILED, "ERROR: the statement ended without a result"
        try:
            self._book.move(statement, "PICKED")
            session = (
                kept.session if kept is not None else self._open(statement.warehouse, database, statement.capacity)
            )
            with self._book.changed:
                statement.running = session
            with self._places:
                self._book.move(statement, "STARTED")
                failure = self._faulty(statement) or self._parts(statement, session)
            outcome = self._outcome(statement, failure)
        finally:
            with self._book.changed:
                statement.running = None
            if kept is not None:
                kept.session.reuse()
                self._sessions.give_back(kept)
            elif session is not None:
                session.close()
            # Last, because a caller who sees that the statement has ended may use its session at once.
            self._book.move(statement, *outcome)

    def _outcome(self, statement: Statement, failure: str) -> tuple[str, str]:
        """Returns the status with which it ends, and its error; the same for its parts that did not run."""
        if statement.cancelled:
            self._close_parts(statement, ABORTED, "")
            return ABORTED, "Query cancelled on user's request"
        if failure:
            self._close_parts(statement, ABORTED, _BEFORE)
            return FAILED, failure
        return FINISHED, ""

    def _close_parts(self, statement: Statement, status: str, error: str) -> None:
        for part in statement.parts:
            if part.status in ("SUBMITTED", "STARTED"):
                self._book.end(part, status, error=error)

    def _faulty(self, statement: Statement) -> str:
        """Returns the injected fault: a delay, and the text of a failure."""
        fault = self._faults.of_redshift(statement.name, "delay_seconds")
        if fault is not None:
            with self._book.changed:
                self._book.changed.wait_for(lambda: statement.cancelled or self._ending.is_set(), fault.delay_seconds)
        failing = self._faults.of_redshift(statement.name, "fail")
        return f"ERROR: {failing.fail}" if failing is not None else ""

    def _parts(self, statement: Statement, session: Session) -> str:
        """Run the parts one after the other; returns the failure's text, empty if there is none."""
        together = statement.batch and statement.mode == "TRANSACTION"
        done: list[Part] = []
        if together:
            session.begin()
        for part in statement.parts:
            if statement.cancelled:
                break
            self._book.begin(part)
            session.query, session.stores = part.query, statement.stores
            session.user, session.resting = statement.user, self._resting
            try:
                result = session.run(part.sql)
            except StatementFailedError as error:
                self._book.end(part, ABORTED if statement.cancelled else FAILED, error=str(error))
                if together:
                    self._undo(done)
                return str(error)
            self._book.end(part, FINISHED, result)
            done.append(part)
        if not together:
            return ""
        if statement.cancelled:
            session.rollback()
            self._undo(done)
            return ""
        try:
            session.commit()
        except StatementFailedError as error:
            self._undo(done)
            return str(error)
        return ""

    @contextlib.contextmanager
    def _resting(self) -> Iterator[None]:
        self._places.release()
        try:
            yield
        finally:
            self._places.acquire()

    def _undo(self, parts: list[Part]) -> None:
        for part in parts:
            self._book.end(part, ABORTED, error="the transaction was rolled back")
