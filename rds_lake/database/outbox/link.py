"""The protocols of a connection and of an engine's SQL, as the outbox needs them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from rds_lake.database.connecting import PATIENT, Limits
from rds_lake.database.dsn import Dsn


class Link(Protocol):
    """One connection in autocommit mode. Errors are RdsLakeError, and contain nothing of the DSN."""

    def rows(self, sql: str, args: Sequence[object] = ()) -> list[tuple]:
        """Returns the rows of a query; times are in UTC, with their time zone."""
        ...

    def change(self, sql: str, args: Sequence[object] = ()) -> int:
        """Execute a statement; returns how many rows it changed."""
        ...

    def close(self) -> None:
        """Close the connection; the server rolls back uncommitted changes."""
        ...


Connect = Callable[[Dsn, str], Link]  # the second argument: the database


class Driver(Protocol):
    """Connects to a database of the server, with the driver of its engine."""

    def __call__(self, dsn: Dsn, database: str, limits: Limits = PATIENT) -> Link: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The SQL that differs between engines, with `%s` for arguments.

    `home`: the database to connect to; None: the outbox's own. `page`: arguments (last seq, most rows). `advance`:
    (new cut, expected cut, epoch). `renew`: (new epoch, expected cut, epoch). `who`: lists the sessions of other forwarders, one
    text each. `health`: (most rows to count). `delete`: deletes the rows with these ids and returns how many existed. `check`:
    ConfigError for a server whose outbox cannot be exact.
    """

    connect: Driver
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
