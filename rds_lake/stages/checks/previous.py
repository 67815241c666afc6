"""Compares a date's rows with the date before, so that an emptied table is reported before readers see it.

The date before is the newest older one that passed its checks and was not rolled back, and it is the same one wherever dates
are compared: this check, `changes:`, the views of `diff_views:`, the status and the report. After a comparison with a date
that failed its checks, a second empty day would look like no change.

What belongs here: the comparison, from manifests alone. The allowed drop is `max_drop` in lake.yaml.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, field
from datetime import date

from rds_lake.config.source import SourceSettings
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.publication import Pointer, went_back_from
from rds_lake.model.lake.union import gather
from rds_lake.model.tables.table import TableTarget
from rds_lake.model.words import counted
from rds_lake.stages.catalogue.naming import name_tables, view_names
from rds_lake.stages.catalogue.raw_tables import published_names
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.pointer import find_pointer
from rds_lake.stages.lake.snapshot_log import recorded_dates

# Queues and job tables of a few rows are empty every other day; they warn, unless `max_drop` names them.
_SMALL_ROWS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDrop:
    """A table that lost more than `limit` of its rows. `blocking`: readers must not see it without approval."""

    table: str
    view: str
    before: int
    now: int
    limit: float
    blocking: bool

    def __str__(self) -> str:
        gone = (self.before - self.now) / self.before
        return (
            f"{self.table}: {counted(self.now, 'row')}, {self.before:,} before: {gone:.1%} are gone, but `max_drop` of the view "
            f"{self.view} allows {self.limit:.1%}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """A table's rows now and before; None if it did not exist before."""

    table: str
    view: str
    before: int | None
    now: int

    @property
    def share(self) -> float:
        """The change as a share of the earlier rows."""
        return abs(self.now - (self.before or 0)) / max(self.before or 0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowComparison:
    """A date compared with the date before; `previous` is None for the first date. `rows`: all tables, the most changed first.

    `gone`: the rows of tables that the date before had and this date does not have.
    """

    snapshot_date: date
    previous: date | None
    rows: tuple[RowChange, ...] = ()
    drops: tuple[RowDrop, ...] = ()
    gone: Mapping[str, int] = field(default_factory=dict[str, int])

    def change_of(self, target: TableTarget) -> RowChange | None:
        """Returns the table's rows compared with the date before; None if the date has no such table."""
        table = str(target)
        return next((change for change in self.rows if change.table == table), None)

    @property
    def blocking(self) -> tuple[RowDrop, ...]:
        return tuple(drop for drop in self.drops if drop.blocking)


def compare_rows(lake: Lake, source: SourceSettings, manifest: Manifest) -> RowComparison:
    """Compares the manifest's tables with those of the date before. Missing tables, new tables and outboxes are no drops."""
    day = manifest.snapshot_date
    before, rows, views = date_before(lake, source, day), _rows(manifest, source), _views(lake, source, manifest)
    earlier = {} if before is None else _rows(handover.get_manifest(lake.s3, lake.layout, source.name, before), source)
    changes = [
        RowChange(table=str(target), view=views[target], before=earlier.get(target), now=count)
        for target, count in rows.items()
    ]
    gone = {str(target): count for target, count in earlier.items() if target not in rows}
    drops = [
        RowDrop(
            table=str(target),
            view=views[target],
            before=earlier[target],
            now=count,
            limit=limit,
            blocking=named or earlier[target] >= _SMALL_ROWS,
        )
        for target, count in sorted(rows.items())
        for limit, named in [source.max_drop_of(views[target], str(target))]
        if target not in source.outbox_tables and count < earlier.get(target, 0) * (1 - limit)
    ]
    changes.sort(key=lambda change: (-change.share, -change.now, change.view))
    return RowComparison(snapshot_date=day, previous=before, rows=tuple(changes), drops=tuple(drops), gone=gone)


def gone_tables(source: SourceSettings, manifest: Manifest, before: Manifest) -> tuple[str, ...]:
    """Returns tables of the date `before` that the manifest does not have; publishing it dropped their views."""
    return tuple(sorted(str(target) for target in _rows(before, source).keys() - _rows(manifest, source).keys()))


def _views(lake: Lake, source: SourceSettings, manifest: Manifest) -> dict[TableTarget, str]:
    """Returns the tables' names in Athena; Glue is called only if `max_drop` has entries by name."""
    if source.athena and isinstance(source.max_drop, dict):
        named = name_tables(manifest, source, published_names(lake.glue.list_tables(source.name)))
        return {table.names.target: table.names.view for table in named}
    return view_names([table.target for table in manifest.tables], source)


def date_before(lake: Lake, source: SourceSettings, day: date) -> date | None:
    """Returns the newest older date that passed its checks and was not rolled back; None for the first."""
    dates = handover.list_dates(lake.s3, lake.layout, source.name)
    if not source.athena:
        return max((d for d in dates if d < day), default=None)
    checked = recorded_dates(lake.s3, lake.layout, source.name)
    sound = sound_dates(dates, checked, find_pointer(lake.s3, lake.layout, source.name))
    return max((d for d in sound if d < day), default=None)


def sound_dates(dates: Collection[date], checked: Container[date], pointer: Pointer | None) -> tuple[date, ...]:
    """Returns those of `dates`, in order, that passed their checks (`checked`) and were not rolled back."""
    undone = went_back_from(pointer, dates)
    return tuple(day for day in dates if day in checked and day not in undone)


def _rows(manifest: Manifest, source: SourceSettings) -> dict[TableTarget, int]:
    """Returns the rows of each table as catalogued; a union has its members' rows."""
    own = {table.target: table.rows for table in manifest.tables}
    return {
        target: sum(own[member] for member in members) if members else own[target]
        for target, members in gather(own, source.naming.unions).items()
    }
