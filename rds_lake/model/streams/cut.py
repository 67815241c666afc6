"""A cut: all changes that were committed when one reading transaction began, of all tables, and not in an earlier cut.

    lake/_changes/shop/<epoch>/cut=000000000012/<attempt>/shop/public.orders/00000.jsonl.gz     events, see `event.py`
    lake/_changes/shop/<epoch>/cut=000000000012.json                                            the cut's manifest, written last

The cuts of an epoch are numbered without gaps from 1. The state of all tables after all events of the cuts up to one is a state
that the database really had. An epoch ends where ids may be used again: after a restore.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from rds_lake.model.records import read_record, render_record
from rds_lake.model.streams.captured import CapturedTable


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFile:
    """Events of one table, by ascending `seq`. `size` in bytes as stored."""

    key: str
    rows: int
    size: int
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CutTable:
    """A captured table, and its events in the cut; none where nothing changed."""

    table: CapturedTable
    files: tuple[ChangeFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The manifest of a cut. `began`: when the reading transaction began, by the forwarder's clock."""

    source: str
    epoch: str
    number: int
    attempt: str
    began: datetime
    tables: tuple[CutTable, ...]

    @property
    def rows(self) -> int:
        return sum(file.rows for table in self.tables for file in table.files)


def render_cut(cut: Cut) -> str:
    """The JSON of the cut's manifest."""
    return render_record(asdict(cut), version=1)


def parse_cut(text: str, *, where: str) -> Cut:
    """What `render_cut` made; ManifestError names `where` when it is something else."""
    remedy = "find out who wrote it; the events of the cut are in the files beside it, whose names its own would list"
    return read_record(Cut, text, where=where, known=(1,), remedy=remedy)
