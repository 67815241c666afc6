"""The outbox for its forwarder: claimed by one process, read completely in one snapshot, emptied in one transaction.

    with open_outbox(dsn, "shop") as outbox:
        position = outbox.claim()                      # the row of `position`, locked until the end: one forwarder at a time
        with outbox.reading() as reading:              # one REPEATABLE READ snapshot on a second connection
            for page in reading.pages(): …
        outbox.advance(position, ids)                  # raises the cut, deletes exactly `ids`, commits

There are two connections. The first locks the row of `position`, and commits in the same transaction: a forwarder that loses its
connection loses the lock, and can no longer commit. The second only reads, without locks, so that no writer waits for it: ids of
rows in open transactions lie between the ids that are read, and a locking read would wait for them, or (MySQL, REPEATABLE
READ) stop all writers from inserting. For the same reason rows are deleted by their ids, never by a range.

What belongs here: the order of the statements. What differs between engines is a `Dialect`, in `postgres.py` and
`mysql.py`; `errors.py` translates errors of drivers.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from rds_lake.database.dsn import Dsn
from rds_lake.database.outbox.link import Connect, Dialect, Link
from rds_lake.database.outbox.mysql import MYSQL
from rds_lake.database.outbox.postgres import POSTGRES
from rds_lake.errors import ConfigError, OutboxBusyError, RdsLakeError, UnavailableError
from rds_lake.model.aws.engine import Engine

_PAGE_BYTES = 4 << 20
_FIRST_PAGE, _MOST_ROWS = 200, 5000
_BEFORE_ALL = -(1 << 63)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The row of `rds_lake.position`: the newest committed cut of the epoch."""

    epoch: str
    cut: int


class OutboxRow(NamedTuple):
    """A row of `rds_lake.outbox`. `at` in UTC; the images and `omitted` as the trigger wrote them."""

    seq: int
    xid: int | None
    at: datetime
    schema: str
    table: str
    op: str
    old: str | None
    new: str | None
    omitted: str | None

    @property
    def size(self) -> int:
        """Characters of its images."""
        return len(self.old or "") + len(self.new or "")


@dataclass(frozen=True, slots=True)
class Reading:
    """A snapshot of the three tables."""

    link: Link
    dialect: Dialect
    position: Position

    def definitions(self) -> list[tuple[str, str, str]]:
        """Returns schema, table and definition of each captured table."""
        return [(schema, table, text) for schema, table, text in self.link.rows(self.dialect.capture)]

    def pages(self) -> Iterator[list[OutboxRow]]:
        """Returns all rows by ascending `seq`, in pages of about 4 MiB."""
        last, most = _BEFORE_ALL, _FIRST_PAGE
        while True:
            page = [OutboxRow(*row) for row in self.link.rows(self.dialect.page, (last, most))]
            if page:
                yield page
            if len(page) < most:
                return
            last = page[-1].seq
            average = sum(row.size for row in page) // len(page) + 1
            most = max(1, min(_MOST_ROWS, _PAGE_BYTES // average))


class Outbox:
    """The outbox of one database."""

    def __init__(self, open_link: Callable[[], Link], dialect: Dialect) -> None:
        self._open, self._dialect = open_link, dialect
        self._holder: Link | None = None

    def claim(self) -> Position:
        """Lock the row of `position` until this outbox is closed, and return the row.

        OutboxBusyError if another process holds the lock, ConfigError if the row does not exist.
        """
        link = self._holder = self._open()
        self._dialect.check(link)
        for statement in self._dialect.begin_claim:
            link.change(statement)
        busy: OutboxBusyError | None = None
        try:
            return _position(link.rows(self._dialect.lock))
        except OutboxBusyError as error:
            busy = error
        raise OutboxBusyError(f"another process is forwarding the changes of this database: {busy}{self._who()}")

    def _who(self) -> str:
        """Returns the other forwarders that this user can see, as text."""
        with suppress(RdsLakeError):
            assert self._holder is not None
            self._holder.change("ROLLBACK")
            if others := [str(text) for (text,) in self._holder.rows(self._dialect.who)]:
                return f". It is probably {others[0]}"
        return ". This user cannot see whose session it is"

    def keep(self) -> None:
        """Send a statement on the connection that holds the lock: networks drop idle connections. UnavailableError if it is lost."""
        self._held.rows("SELECT 1")

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """A snapshot of the three tables, until the end of the block."""
        link = self._open()
        try:
            for statement in self._dialect.begin_reading:
                link.change(statement)
            yield Reading(link, self._dialect, _position(link.rows(self._dialect.position)))
        finally:
            link.close()

    def advance(self, position: Position, ids: array[int]) -> int:
        """Raise the cut by one and delete exactly these rows, in the transaction that holds the lock; returns how many were deleted.

        UnavailableError if the position was changed meanwhile; then nothing is changed.
        """
        link = self._held
        if link.change(self._dialect.advance, (position.cut + 1, position.cut, position.epoch)) != 1:
            link.change("ROLLBACK")
            raise UnavailableError(
                "rds_lake.position was changed while its changes were forwarded; nothing was deleted, and they are "
                "forwarded again"
            )
        deleted = self._dialect.delete(link, ids)
        link.change("COMMIT")
        return deleted

    def renew(self, position: Position, epoch: str) -> None:
        """Begin a new epoch, which counts its cuts from 1, and release the lock."""
        if self._held.change(self._dialect.renew, (epoch, position.cut, position.epoch)) != 1:
            raise UnavailableError("rds_lake.position was changed at the same time; nothing was reset, try again")
        self._held.change("COMMIT")

    def close(self) -> None:
        """Release the lock and roll back uncommitted changes."""
        if self._holder is not None:
            self._holder.close()
            self._holder = None

    @property
    def _held(self) -> Link:
        assert self._holder is not None, "claim() comes first"
        return self._holder


@contextmanager
def open_outbox(dsn: Dsn, database: str, *, connect: Connect | None = None) -> Iterator[Outbox]:
    """The outbox of a PostgreSQL database, or of a MySQL server; connections are opened when they are first needed.

    ConfigError if the driver is not installed; later UnavailableError for lost connections, and ConfigError for missing
    rights and tables.
    """
    dialect = dialect_of(dsn.engine)
    make = connect or dialect.connect
    outbox = Outbox(lambda: make(dsn, dialect.home or database), dialect)
    try:
        yield outbox
    finally:
        outbox.close()


def dialect_of(engine: Engine) -> Dialect:
    """Returns the SQL dialect of the engine."""
    return POSTGRES if engine is Engine.POSTGRES else MYSQL


def _position(rows: Sequence[tuple]) -> Position:
    if len(rows) != 1:
        raise ConfigError(
            "rds_lake.position has no row, or several: run `rds-lake streams triggers` with --install for the source again"
        )
    ((cut, epoch),) = rows
    return Position(cut=int(cut), epoch=str(epoch))
