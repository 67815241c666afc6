"""A cut: all changes that were committed when one reading transaction began, of all tables, and not in an earlier cut.

    lake/_changes/shop/<epoch>/cut=000000000012/<attempt>/shop/public.orders/00000.jsonl.gz     events, see `event.py`
    lake/_changes/shop/<epoch>/cut=000000000012.json                                            the cut's manifest, written last

The cuts of an epoch are numbered without gaps from 1. After all events up to the end of any cut, the tables have a state that the
database really had. An epoch ends when ids may be used again: after a restore. Each database has its own epochs and cuts; a
MySQL server counts as one database.

**Which cuts are final.** `position.cut` in the database decides what was forwarded. A cut's manifest is written before that
number is raised: if a forwarder was killed in between, its manifest may exist while its events are still in the outbox. So

- A forwarder works on cut `position.cut + 1`, while it holds the lock on the row of `position`, and commits in the transaction
  that holds this lock. When it has the lock, it reads the ETag of an existing manifest with this number. It writes its own
  manifest once, by If-Match (If-None-Match if none existed). So a manifest beyond `position.cut` may be replaced, but not by a
  process that has lost its lock, and not after the commit.
- A new manifest must contain all events of the one that it replaces, with the same content; otherwise the database is not the
  one that these events came from, and ManifestError names the first difference.
- After the commit, the record `_changes/<source>/_forwarded/<database>.json` (`forwarded.py`) marks the cut as final. If a
  forwarder is killed before it writes this record, the next forwarder writes it first.

**Readers read final cuts only**, by `complete_cuts` in `stages/streams/cuts.py`, which uses that record and never a listing. Each
`(epoch, seq)` is in exactly one final cut. Within an epoch, `seq` orders the events of each key, also across cuts; ids of a later
cut may be lower than those of an earlier one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from rds_lake.model.records import read_record, render_record
from rds_lake.model.streams.captured import CapturedTable


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFile:
    """Events of one table, by ascending `seq`. `size`: stored bytes."""

    key: str
    rows: int
    size: int
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CutTable:
    """A captured table and its events in the cut; no files if nothing changed.

    `table` has no columns and key if the database did not describe the table then, because its triggers were removed.
    """

    table: CapturedTable
    files: tuple[ChangeFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The manifest of a cut. `began`: when the reading transaction began, by the forwarder's clock.

    `database`: the database of the tables; `rds_lake` for a MySQL server, whose tables are in several databases.
    """

    source: str
    database: str
    epoch: str
    number: int
    attempt: str
    began: datetime
    tables: tuple[CutTable, ...]

    @property
    def rows(self) -> int:
        return sum(file.rows for table in self.tables for file in table.files)


def render_cut(cut: Cut) -> str:
    """Returns the manifest as JSON."""
    return render_record(asdict(cut), version=1)


def parse_cut(text: str, *, where: str) -> Cut:
    """Returns the manifest that `render_cut` wrote. Raises ManifestError, which names `where`, for anything else."""
    remedy = "find out who wrote it; the events of the cut are in the files beside it, whose names its own would list"
    return read_record(Cut, text, where=where, known=(1,), remedy=remedy)
