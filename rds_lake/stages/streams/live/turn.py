"""One turn of a source's changes: forward or collect, compact, move live views, check for drift.

A failed step does not stop the next ones: existing cuts are compacted even if the database cannot be reached.

What belongs here: the order; callers repeat it regularly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rds_lake.config.database import Database
from rds_lake.errors import RdsLakeError
from rds_lake.model.streams.drift import Drift
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.collecting.collect import CollectedNow, collector_of
from rds_lake.stages.streams.compaction.in_use import using_changes
from rds_lake.stages.streams.forward import Forwarded, Forwarding
from rds_lake.stages.streams.forward_each import forward_each
from rds_lake.stages.streams.live.arrival_marks import is_by_call
from rds_lake.stages.streams.live.drift import DriftCheck
from rds_lake.stages.streams.live.follow import Brought, LiveViews

_NAMED = 3  # lines that are not changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The result of a turn. `failure`: why changes could not be forwarded or collected; all other work was done."""

    brought: Brought
    forwarded: tuple[Forwarded, ...] = ()
    collected: CollectedNow | None = None
    drift: Drift | None = None
    failure: RdsLakeError | None = None

    @property
    def rows(self) -> int:
        """The number of changes that were compacted."""
        return sum(done.rows for done in self.brought.compactions)

    @property
    def problems(self) -> tuple[str, ...]:
        """Problems for readers of changes: tables not shown or behind, and values that could not be read."""
        unread = [
            f"{target}.{value.column}: {value.count:,} values could not be read and are NULL in its changes, first in change "
            f"{value.seq} of epoch {done.epoch}; their texts are in the files of its cut"
            for done in self.brought.compactions
            for target, columns in done.unparsed.items()
            for value in columns
        ]
        return (*self.brought.problems, *unread, *self._not_collected())

    def _not_collected(self) -> Iterator[str]:
        """Returns sentences about arrived changes that are in no cut."""
        if self.collected is None:
            return
        record = self.collected.record
        if record.unread:
            named = "; ".join(map(str, record.unread_lines[:_NAMED]))
            yield (
                f"{record.unread:,} arrived lines are not changes; they were saved in `_changes/…/_unread/`: {named}"
            )
        if self.collected.astray:
            yield f"{self.collected.astray:,} objects are not in an hour's folder of `_changes/…/arrived/`, so they are not read"


def take_turn(lake: Lake, source: Database, outboxes: Sequence[Forwarding], *, log: Callable[[str], None]) -> Turn:
    """Does a whole turn. `outboxes`: those that this turn forwards; empty if another program forwards them.

    Raises QueryError, CatalogError or TransientError if the live views cannot be moved at all.
    """
    forwarded: tuple[Forwarded, ...] = ()
    collected: CollectedNow | None = None
    failure: RdsLakeError | None = None
    try:
        forwarded = tuple(forward_each(outboxes, say=log))
        if is_by_call(source):
            # A removal deletes digests that a record named a moment ago.
            with using_changes(lake, source.name, "turn", log=log):
                collected = collector_of(lake, source, log).collect()
    except RdsLakeError as error:
        failure = error
    with using_changes(lake, source.name, "turn", log=log):
        brought = LiveViews(lake=lake, source=source, log=log).bring_up()
    drift = None
    if brought.shown is not None and brought.tables:
        check = DriftCheck(lake=lake, source=source, log=log)
        shown = brought.shown
        drift = check.check(brought.tables, brought.marks, shown.snapshot_date, shown.export_task, brought.behind)
    return Turn(brought=brought, forwarded=forwarded, collected=collected, drift=drift, failure=failure)
