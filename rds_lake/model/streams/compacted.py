"""How far the changes of each table are compacted: typed Parquet that Athena reads, made of the cuts' own files.

    lake/_compacted/shop/_state.json                                                      this record
    lake/_compacted/shop/shop/public.orders/v1/<epoch>/000000000012-3f9c2d71ab04/00000.parquet   the events of cuts up to 12

Each attempt to compact has a folder of its own. Only folders that this record named once become partitions in Glue, so what a
killed or overtaken attempt wrote is never read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from rds_lake.model.records import read_record, render_record
from rds_lake.model.tables.table import TableTarget

_REMEDY = "find out who wrote it; if you delete it, also drop the raw tables of changes: both are then created again from the cuts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unparsed:
    """Values of a column that are no values of its type; they are NULL in the Parquet. `seq`: the first event that has one."""

    column: str
    count: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The events of a table in the cuts up to `until`, and after those of the batch before. `folder` with trailing slash.

    `changed`: the last cut that has events; 0 where none has.
    """

    until: int
    changed: int
    folder: str
    rows: int
    columns: tuple[tuple[str, str], ...]  # name and Hive type, as the files have them


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One table in one epoch. `until`: the last cut that is compacted; `changed`: the last one with changes.
    `pending`: batches that Glue may not have yet.

    `merged`: up to this cut readers see the files into which batches were merged (`compaction/merge.py`); `merging`: up to which the
    next such file goes, 0 where none was begun; `unmerged`: batches with rows behind `merged`.

    `version` counts raw tables: types that Athena cannot read together with the earlier ones begin a new one, which holds all
    cuts anew.
    """

    target: TableTarget
    epoch: str
    version: int = 1
    until: int = 0
    changed: int = 0
    rows: int = 0
    pending: tuple[Batch, ...] = ()
    unparsed: tuple[Unparsed, ...] = ()
    merged: int = 0
    merging: int = 0
    unmerged: int = 0

    @property
    def has_catalogued(self) -> bool:
        """Whether Glue has changes of it: a raw table that is missing then was dropped."""
        return self.rows > sum(batch.rows for batch in self.pending)

    def followed_by(self, batch: Batch, unparsed: Iterable[Unparsed]) -> Progress:
        """After one more batch; one without rows only moves `until`."""
        pending = (*self.pending, batch) if batch.rows else self.pending
        return replace(
            self,
            until=batch.until,
            changed=batch.changed or self.changed,
            rows=self.rows + batch.rows,
            pending=pending,
            unmerged=self.unmerged + (batch.rows > 0),
            unparsed=_added(self.unparsed, unparsed),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """The record of one source."""

    tables: tuple[Progress, ...] = ()

    def of(self, target: TableTarget, epoch: str) -> Progress | None:
        """How far a table is; None where it was never compacted in this epoch."""
        return next((table for table in self.tables if (table.target, table.epoch) == (target, epoch)), None)

    def version_of(self, target: TableTarget) -> int:
        """The version of the table's raw table."""
        return max((table.version for table in self.tables if table.target == target), default=1)

    def merged_of(self, target: TableTarget) -> tuple[tuple[str, int], ...]:
        """By epoch up to which cut readers see merged files of the table."""
        return tuple((table.epoch, table.merged) for table in self.tables if table.target == target and table.merged)

    def having(self, progress: Progress) -> Compacted:
        """With this in the place of what is there of the same table and epoch; a newer version takes the place of older ones."""
        kept = [
            table
            for table in self.tables
            if (table.target, table.epoch) != (progress.target, progress.epoch)
            and not (table.target == progress.target and table.version < progress.version)
        ]
        return Compacted(tables=(*kept, progress))


def render_compacted(compacted: Compacted) -> str:
    """The JSON of the record."""
    return render_record(asdict(compacted), version=1)


def parse_compacted(text: str | None, *, where: str) -> Compacted:
    """What `render_compacted` made; empty where there is no object. ManifestError when it is damaged."""
    return Compacted() if text is None else read_record(Compacted, text, where=where, known=(1,), remedy=_REMEDY)


def _added(known: Iterable[Unparsed], more: Iterable[Unparsed]) -> tuple[Unparsed, ...]:
    unparsed = {one.column: one for one in known}
    for one in more:
        old = unparsed.get(one.column)
        unparsed[one.column] = replace(old, count=old.count + one.count) if old else one
    return tuple(unparsed[column] for column in sorted(unparsed))
