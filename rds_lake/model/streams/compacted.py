"""The record of each table's progress of compaction to typed Parquet for Athena.

    lake/_compacted/shop/_state.json                                                      this record
    lake/_compacted/shop/shop/public.orders/v1/<epoch>/000000000012-3f9c2d71ab04/00000.parquet   the events of cuts up to 12

Each attempt to compact has its own folder. Only folders in this record become partitions in Glue, so files of killed or
overtaken attempts are never read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from rds_lake.model.records import read_record, render_record
from rds_lake.model.tables.table import TableTarget

_REMEDY = "find out who wrote it; if you delete it, also drop the raw tables of changes: both are then created again from the cuts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unparsed:
    """Values of a column that do not fit its type; they are NULL in the Parquet. `seq`: the first event with one."""

    column: str
    count: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The events of a table in the cuts after the previous batch, up to `until`. `folder`: with a trailing slash.

    `changed`: the last cut with events; 0 if none has any.
    """

    until: int
    changed: int
    folder: str
    rows: int
    columns: tuple[tuple[str, str], ...]  # name and Hive type, as the files have them


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One table in one epoch.

    `until`: the last compacted cut; `changed`: the last cut with changes; `pending`: batches that Glue may not have
    yet.

    `merged`: readers see merged files up to this cut (`compaction/merge.py`). `merging`: the cut up to which the next
    merged file goes, 0 if none was begun. `unmerged`: batches with rows after `merged`.

    `version` counts raw tables: types that Athena cannot read together with the earlier ones begin a new table, into
    which all cuts are compacted again.
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
        """Whether Glue has changes of the table: if its raw table is missing then, someone dropped it."""
        return self.rows > sum(batch.rows for batch in self.pending)

    def followed_by(self, batch: Batch, unparsed: Iterable[Unparsed]) -> Progress:
        """Returns the progress after one more batch; a batch without rows only moves `until`."""
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
        """Returns the table's progress in this epoch; None if it was never compacted in it."""
        return next((table for table in self.tables if (table.target, table.epoch) == (target, epoch)), None)

    def version_of(self, target: TableTarget) -> int:
        """Returns the version of the table's raw table."""
        return max((table.version for table in self.tables if table.target == target), default=1)

    def merged_of(self, target: TableTarget) -> tuple[tuple[str, int], ...]:
        """Returns, by epoch, the cut up to which readers see merged files of the table."""
        return tuple((table.epoch, table.merged) for table in self.tables if table.target == target and table.merged)

    def having(self, progress: Progress) -> Compacted:
        """Returns the record with this progress in place of the table's earlier one.

        It replaces the progress of the same epoch; a newer version replaces all older versions.
        """
        kept = [
            table
            for table in self.tables
            if (table.target, table.epoch) != (progress.target, progress.epoch)
            and not (table.target == progress.target and table.version < progress.version)
        ]
        return Compacted(tables=(*kept, progress))


def render_compacted(compacted: Compacted) -> str:
    """Returns the record as JSON."""
    return render_record(asdict(compacted), version=1)


def parse_compacted(text: str | None, *, where: str) -> Compacted:
    """Returns the record that `render_compacted` wrote; empty if there is no object. Raises ManifestError if it is damaged."""
    return Compacted() if text is None else read_record(Compacted, text, where=where, known=(1,), remedy=_REMEDY)


def _added(known: Iterable[Unparsed], more: Iterable[Unparsed]) -> tuple[Unparsed, ...]:
    unparsed = {entry.column: entry for entry in known}
    for entry in more:
        old = unparsed.get(entry.column)
        unparsed[entry.column] = replace(old, count=old.count + entry.count) if old else entry
    return tuple(unparsed[column] for column in sorted(unparsed))
