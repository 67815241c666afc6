"""Concurrent transactions of one database: locks of tables, and error 1023 if the transactions are not serializable.

Conflicts are found by table, as in Redshift. A transaction reads the state at the beginning of its first statement that names
a table. A writer locks its tables until its end, and the next writer waits. Overlapping transactions form a graph, in which a
transaction that read a table precedes one that wrote it later. A statement that closes a cycle fails with error 1023.
(https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html) With SNAPSHOT isolation, only an UPDATE or DELETE of a
table that another transaction has changed since fails. (https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_DATABASE.html)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from rds_lake.localcloud.redshift.errors import StatementFailedError

_LOOK_AGAIN = 0.05
_FIRST_ID = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Tables that a statement reads, writes, and locks against readers (DDL, TRUNCATE, LOCK): `schema.name`."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        return not (self.reads or self.writes or self.alone)


@dataclass(slots=True, eq=False)
class Transaction:
    """`snapshot`, `ended`: how many transactions had ended when it took its snapshot, and when it was committed (else None)."""

    id: int
    snapshot: int | None = None
    ended: int | None = None
    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    alone: set[str] = field(default_factory=set)
    waits_for: frozenset[Transaction] = frozenset()

    def sees(self, other: Transaction) -> bool:
        """Whether the other's changes are in this one's snapshot."""
        return self.snapshot is not None and other.ended is not None and other.ended <= self.snapshot

    def before(self, other: Transaction) -> bool:
        """Whether this one must come first in every serial order of both."""
        if other.sees(self):
            return bool(self.writes & (other.reads | other.writes))
        if self.reads & other.writes and not self.sees(other):
            return True
        return self.ended is not None and not self.sees(other) and bool(self.writes & other.writes)


class Transactions:
    """The transactions of one database. `snapshot`: whether its isolation level is SNAPSHOT, not SERIALIZABLE."""

    def __init__(self, *, snapshot: bool = False) -> None:
        self.snapshot = snapshot
        self._changed = threading.Condition()
        self._active: list[Transaction] = []
        self._ended: list[Transaction] = []
        self._count, self._ids = 0, _FIRST_ID

    def begin(self) -> Transaction:
        """Returns a transaction that has neither read nor written."""
        with self._changed:
            self._ids += 1
            transaction = Transaction(self._ids)
            self._active.append(transaction)
        return transaction

    def take(
        self, transaction: Transaction, footprint: Footprint, *, cancelled: Callable[[], bool], table_id: Callable[[str], int],
        resting: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:  # fmt: skip
        """Wait until the statement may use its tables. StatementFailedError for a deadlock, a cancellation and error 1023.

        `resting`: a context that is entered while it waits. `table_id`: the number of a table, for the error.
        """
        with self._changed:
            if footprint.is_empty:
                return
            if self._in_the_way(transaction, footprint):
                with resting():
                    self._wait(transaction, footprint, cancelled)
            if transaction.snapshot is None:
                transaction.snapshot = self._count
            transaction.reads |= footprint.reads
            transaction.writes |= footprint.writes | footprint.alone
            transaction.alone |= footprint.alone
            circle = self._circle(transaction, footprint)
            if circle:
                raise _violation(table_id(_disputed(circle)), circle)

    def _wait(self, transaction: Transaction, footprint: Footprint, cancelled: Callable[[], bool]) -> None:
        try:
            while blocking := self._in_the_way(transaction, footprint):
                transaction.waits_for = blocking
                if _reaches(transaction, transaction, lambda each: each.waits_for):
                    raise StatementFailedError("deadlock detected")
                if cancelled():
                    raise StatementFailedError("Query cancelled on user's request")
                self._changed.wait(_LOOK_AGAIN)
        finally:
            transaction.waits_for = frozenset()

    def end(self, transaction: Transaction, *, committed: bool) -> None:
        """Release its tables. A rolled-back transaction has no effect."""
        with self._changed:
            if transaction not in self._active:
                return
            self._active.remove(transaction)
            self._count += 1
            if committed and transaction.snapshot is not None:
                transaction.ended = self._count
                self._ended.append(transaction)
            oldest = min((t.snapshot for t in self._active if t.snapshot is not None), default=self._count)
            self._ended = [each for each in self._ended if each.ended is not None and each.ended > oldest]
            self._changed.notify_all()

    def shown(self) -> list[tuple[int, str, str]]:
        """Returns the active transactions: id, table, and the kind of lock."""
        with self._changed:
            return [
                (each.id, table, "AccessExclusiveLock" if table in each.alone else "ShareRowExclusiveLock")
                for each in self._active for table in sorted(each.writes)
            ]  # fmt: skip

    def _in_the_way(self, transaction: Transaction, footprint: Footprint) -> frozenset[Transaction]:
        writes = footprint.writes | footprint.alone
        return frozenset(
            other
            for other in self._active
            if other is not transaction
            and (other.writes & writes or other.alone & footprint.reads or other.reads & footprint.alone)
        )

    def _circle(self, transaction: Transaction, footprint: Footprint) -> list[Transaction]:
        """Returns the transactions of a cycle that the statement closes."""
        if self.snapshot:
            stale = footprint.reads & footprint.writes
            newer = [each for each in self._ended if not transaction.sees(each) and each.writes & stale]
            return [transaction, newer[0]] if newer else []
        overlapping = [*self._active, *self._ended]
        return _reaches(
            transaction, transaction, lambda each: (o for o in overlapping if o is not each and each.before(o))
        )


def _reaches(
    start: Transaction, goal: Transaction, after: Callable[[Transaction], Iterable[Transaction]]
) -> list[Transaction]:
    """Returns a path along edges from one transaction to another, empty if there is none."""
    seen: set[int] = set()

    def walk(at: Transaction) -> Iterator[Transaction]:
        for following in after(at):
            if following is goal:
                yield at
                return
            if following.id not in seen:
                seen.add(following.id)
                way = list(walk(following))
                if way:
                    yield at
                    yield from way
                    return

    return list(walk(start))


def _disputed(circle: list[Transaction]) -> str:
    """Returns a table that one of them wrote and the next has read or written."""
    for each, other in zip(circle, [*circle[1:], circle[0]], strict=True):
        both = (each.reads | each.writes) & other.writes or each.writes & other.reads
        if both:
            return min(both)
    return ""


def _violation(table: int, circle: list[Transaction]) -> StatementFailedError:
    ids = ", ".join(str(each.id) for each in circle)
    return StatementFailedError(
        f"1023\n  Detail: Serializable isolation violation on table - {table}, transactions forming the cycle are: {ids} "
        "(pid:1073741824)"
    )
