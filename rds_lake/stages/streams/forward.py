"""Forwards the changes of one outbox: files of one snapshot, the manifest of the cut, then one transaction in the database.

    1  lock the row of `position`                  no other process forwards until the connection ends
    2  bring the record of final cuts up to it     a forwarder may have been killed before its step 7
    3  look which manifest has the next number, and take its ETag
    4  read the outbox to its end in one snapshot, writing files as they fill
    5  PUT the manifest, if it is still as step 3 saw it
    6  raise `position.cut`, delete exactly the ids read, commit
    7  record that the cut is final

After a kill before 5, the changes are still in the outbox, and the written files are in no manifest. After a kill between 5
and 6, the next forwarder replaces the manifest by one that has its events too. After a kill after 6, step 2 of the next
forwarder does 7. Which cuts readers may read, and why two forwarders cannot harm each other: `model/streams/cut.py`.

An empty outbox gives no cut: `as_of` of the record advances instead, about once a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rds_lake.database.outbox.outbox import Outbox, Position
from rds_lake.model.streams.cut import CutTable
from rds_lake.model.streams.forwarded import advanced
from rds_lake.model.tables.table import TableTarget
from rds_lake.model.words import counted
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.attempt import Attempt
from rds_lake.stages.streams.files import FILE_BYTES, HELD_BYTES
from rds_lake.stages.streams.record import catch_up, change_forwarded
from rds_lake.stages.streams.uncommitted import find_standing

AS_OF_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarding:
    """One outbox and the destination of its changes. `open_outbox` connects; `new_attempt` returns an id never used before.

    `database`: the outbox's own; `rds_lake` for a MySQL server. `clock`: UTC.
    """

    lake: Lake
    source: str
    database: str
    open_outbox: Callable[[], AbstractContextManager[Outbox]]
    clock: Callable[[], datetime]
    new_attempt: Callable[[], str]
    log: Callable[[str], None]
    file_bytes: int = FILE_BYTES
    held_bytes: int = HELD_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """The result. `cut` with `rows` changes; with 0 rows, `cut` is the newest existing one.

    `rows_of`: changes by table. `warnings`: sentences about rows and tables that a person should examine.
    """

    source: str
    database: str
    epoch: str
    cut: int
    as_of: datetime
    rows_of: dict[TableTarget, int] = field(default_factory=dict)
    size: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return sum(self.rows_of.values())

    def __str__(self) -> str:
        whose = f"{self.source}, database {self.database}"
        if not self.rows:
            return f"{whose}: no changes after cut {self.cut}"
        return f"{whose}: cut {self.cut}, {counted(self.rows, 'change')} of {counted(len(self.rows_of), 'table')}, {self.size:,} bytes"


def forward_once(work: Forwarding) -> Forwarded:
    """Forwards everything that is committed now, as one cut.

    Raises OutboxBusyError if another process forwards; UnavailableError for temporary errors; ConfigError for missing
    rights and tables; ManifestError if earlier cuts are from another database. After an error nothing is lost.
    """
    with work.open_outbox() as outbox:
        position = outbox.claim()
        record = catch_up(work.lake, work.source, work.database, position)
        standing = find_standing(work.lake, work.source, position.epoch, position.cut + 1)
        attempt = _attempt(work, position)
        with attempt.tidied():
            attempt.read(outbox, standing)
            if not attempt.ids and standing.cut is None:
                if record.as_of is None or attempt.began - record.as_of >= AS_OF_EVERY:
                    _seen_empty(work, position, attempt.began)
                return _result(work, attempt, position.cut, ())
            cut = attempt.write(outbox, standing)
        attempt.note_deleted(outbox.advance(position, attempt.ids))
    change_forwarded(
        work.lake,
        work.source,
        work.database,
        lambda record: record.with_final(position.epoch, cut.number, attempt=cut.attempt, as_of=cut.began),
    )
    return _result(work, attempt, cut.number, cut.tables)


def _attempt(work: Forwarding, position: Position) -> Attempt:
    return Attempt(
        lake=work.lake,
        source=work.source,
        database=work.database,
        position=position,
        name=work.new_attempt(),
        began=work.clock(),
        log=work.log,
        sizes=(work.file_bytes, work.held_bytes),
    )


def _seen_empty(work: Forwarding, position: Position, as_of: datetime) -> None:
    """Records that every change committed by that time is in the cuts."""
    change_forwarded(
        work.lake,
        work.source,
        work.database,
        lambda record: (
            replace(record, as_of=advanced(record.as_of, as_of))
            if record.current and (record.current.epoch, record.current.cut) == (position.epoch, position.cut)
            else record
        ),
    )


def _result(work: Forwarding, attempt: Attempt, cut: int, tables: tuple[CutTable, ...]) -> Forwarded:
    return Forwarded(
        source=work.source,
        database=work.database,
        epoch=attempt.position.epoch,
        cut=cut,
        as_of=attempt.began,
        rows_of={each.table.target: sum(file.rows for file in each.files) for each in tables if each.files},
        size=sum(file.size for each in tables for file in each.files),
        warnings=attempt.warnings(),
    )
