"""The record of collected changes for `capture: lambda`: it decides which arrived change is in which cut.

    lake/_changes/shop/_collected.json                           this record
    lake/_changes/shop/_seen/000000000012-3f9c2d71ab04.parquet   digests of cut 12: of objects, and of ids of changes
    lake/_changes/shop/_unread/000000000012-3f9c2d71ab04.jsonl   lines of its objects that are not changes, with the reason

The run that replaces this record by If-Match has made the next cut. All other objects are written before, under names of the
attempt, or afterwards from the record. So one of two runs at once takes the cut, and the objects of the other are never read.

An hour of arrival is *open* for two days. Firehose tries for 24 hours to write to S3
(https://docs.aws.amazon.com/firehose/latest/dev/basic-deliver.html, "Data delivery failure handling"), and files an object
under the hour in which its oldest record arrived, so a closed hour gets no more objects. Repetitions are searched for in all
open hours.

What belongs here: the record's values. `stages/streams/collecting/` reads and writes it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

from rds_lake.model.records import read_record, render_record
from rds_lake.model.streams.captured import OWN_SCHEMA, CapturedTable
from rds_lake.model.streams.cut import Cut
from rds_lake.model.tables.table import TableTarget

# The one epoch of `capture: lambda`: the lake assigns the numbers, so no restore repeats them.
LAMBDA_EPOCH = "lambda"
OPEN = timedelta(hours=48)
_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFile:
    """Digests of objects and ids, `rows` of them. `last_hour`: the newest hour in which one of them arrived."""

    key: str
    rows: int
    last_hour: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadLine:
    """A line that is not a change, and the reason. `line` counts from 1; 0 means the whole object."""

    object: str
    line: int
    why: str

    def __str__(self) -> str:
        place = f"line {self.line} of {self.object}" if self.line else self.object
        return f"{place}: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """The record. `last`: the manifest of the cut with the number `cut`. `seq`: the last number given to a change.

    `open_from`: the oldest open hour; None before the first cut. `tables`: all tables that ever had a change, with
    columns and key of the newest change. `unread`: the number of lines that are not changes; `unread_lines`: some of
    the newest.
    """

    cut: int = 0
    seq: int = 0
    last: Cut | None = None
    open_from: datetime | None = None
    seen: tuple[SeenFile, ...] = ()
    tables: tuple[CapturedTable, ...] = ()
    repeated: int = 0
    unread: int = 0
    unread_lines: tuple[UnreadLine, ...] = ()

    def with_unread(self, lines: tuple[UnreadLine, ...]) -> Collected:
        """Returns the record with more unread lines; it names the newest ones."""
        named = (*lines, *self.unread_lines)[:_NAMED]
        return replace(self, unread=self.unread + len(lines), unread_lines=named)


def oldest_open(record: Collected, now: datetime) -> datetime:
    """Returns the oldest hour that is open now. A closed hour does not open again."""
    hour = (now - OPEN).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return max(hour, record.open_from or hour)


def render_collected(record: Collected) -> str:
    """Returns the record as JSON."""
    return render_record(asdict(record), version=1)


def parse_collected(text: str | None, *, where: str) -> Collected:
    """Returns the record that `render_collected` wrote; empty if there is no object. Raises ManifestError if it is damaged."""
    remedy = "bring an earlier version of the object back: it is the only record of which changes were collected"
    return Collected() if text is None else read_record(Collected, text, where=where, known=(1,), remedy=remedy)


def home_of_calls(target: TableTarget) -> str:
    """Returns the database name under which a source's calls are recorded; a MySQL server has one for all databases."""
    return OWN_SCHEMA if target.schema == target.database else target.database
