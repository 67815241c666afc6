"""What the outbox needs of a connection and of an engine."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from rds_lake.database.dsn import Dsn


class Link(Protocol):
    """One connection in autocommit mode. Errors are RdsLakeError; none has a word of the DSN."""

    def rows(self, sql: str, args: Sequence[object] = ()) -> list[tuple]:
        """The rows that a query gives; times in UTC, with their zone."""
        ...

    def change(self, sql: str, args: Sequence[object] = ()) -> int:
        """How many rows the statement changed."""
        ...

    def close(self) -> None:
        """End the connection; the server rolls back what was not committed."""
        ...


Connect = Callable[[Dsn, str], Link]  # the second argument: the database


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What differs between engines, mostly SQL with `%s` for its arguments.

    `home`: the database that a connection begins with; None: the outbox's own. `page`: of (last seq, most rows). `advance`: of
    (new cut, expected cut, epoch). `renew`: of (new epoch, expected cut, epoch). `who`: the other forwarders' sessions, each
    as a text. `health`: of (most rows to count). `delete`: deletes the rows with these ids; how many there were. `check`:
    ConfigError for a server whose outbox cannot be exact.
    """

    connect: Connect
    home: str | None
    begin_claim: tuple[str, ...]
    lock: str
    begin_reading: tuple[str, ...]
    capture: str
    position: str
    page: str
    advance: str
    renew: str
    who: str
    health: str
    delete: Callable[[Link, array[int]], int]
    check: Callable[[Link], None]
