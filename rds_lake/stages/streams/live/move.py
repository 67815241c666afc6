"""Moves the live views of a source: all tables of a database to one cut, on the published snapshot.

    the mark in the record -> CREATE OR REPLACE of what differs -> read back -> the record

Athena has no transaction over views: while views are replaced, each shows the earlier cut or the new one. A view whose table
has no changes in between is not replaced, since both cuts are equal for it. If one cannot be created, the others are moved
back. A killed run leaves the mark, and the next one compares the views in Glue with the record.

What belongs here: that order. Which cut is shown is `follow.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from rds_lake.errors import CatalogError, RdsLakeError
from rds_lake.model.lake.publication import Pointer
from rds_lake.model.streams.compacted import Compacted
from rds_lake.model.streams.shown import Shown, ShownCut, dates_shown, parse_shown, render_shown
from rds_lake.model.tables.glue import GlueTable
from rds_lake.model.words import counted
from rds_lake.sql.changes.table import ChangedTable
from rds_lake.sql.changes.views import live_columns, render_changes, render_history, render_live
from rds_lake.sql.stored_view import why_not
from rds_lake.stages.catalogue.published_view import is_published, published_view
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.live.marks import Mark, home_of

_RECORD = "_live.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The views to show: tables with the mark of their database. `problems`: tables whose views cannot be created."""

    shown: Shown
    statements: Mapping[str, str]
    tables: Mapping[str, ChangedTable]  # by their live view
    problems: tuple[str, ...] = ()


def read_shown(lake: Lake, source: str) -> tuple[Shown | None, str | None]:
    """Returns what the live views show (None if there are none), and the version of the record."""
    key = lake.layout.compacted_key(source, _RECORD)
    stored = lake.s3.find_version(lake.layout.bucket, key)
    return (None, None) if stored is None else (parse_shown(stored[0], where=lake.layout.uri(key)), stored[1])


def wanted_views(
    source: str, export_task: str, tables: Sequence[ChangedTable], marks: Sequence[Mark], compacted: Compacted
) -> Wanted:
    """Returns the statements that show every table at the last cut to which all tables of its database are compacted."""
    by_home = {mark.home: mark for mark in marks}
    statements: dict[str, str] = {}
    problems: list[str] = []
    made: dict[str, ChangedTable] = {}
    cuts = {home: _cut(mark, by_home, tables, compacted) for home, mark in by_home.items()}
    for changed in tables:
        home = home_of(changed.names.target, by_home)
        mark = by_home[home].watermark
        table = replace(changed, merged=compacted.merged_of(changed.names.target))
        progress = compacted.of(table.names.target, mark.epoch)
        cut = min(cuts[home], progress.changed if progress else 0)  # the table has no changes from here to the cut
        try:
            rendered = {
                table.changes: render_changes(source, table),
                table.live: render_live(source, table, mark, cut),
                table.history: render_history(source, table, mark.epoch, cut),
            }
        except CatalogError as error:
            problems.append(f"{table.names.target}: {error}")
            continue
        statements |= rendered
        made[table.live] = table
    shown = Shown(
        snapshot_date=marks[0].watermark.day,
        export_task=export_task,
        cuts=tuple(
            ShownCut(home=home, epoch=mark.watermark.epoch, cut=max(cuts[home], mark.watermark.cut))
            for home, mark in sorted(by_home.items())
        ),
        merged={f"{table.raw}/{epoch}": until for table in made.values() for epoch, until in table.merged},
    )
    return Wanted(shown=shown, statements=statements, tables=made, problems=tuple(problems))


def _cut(mark: Mark, homes: Collection[str], tables: Sequence[ChangedTable], compacted: Compacted) -> int:
    places = [
        compacted.of(table.names.target, mark.watermark.epoch)
        for table in tables
        if home_of(table.names.target, homes) == mark.home
    ]
    return min((place.until if place else 0 for place in places), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMover:
    """Moves the views of changes of one source."""

    lake: Lake
    source: str
    log: Callable[[str], None]

    def move(
        self, wanted: Wanted, shown: Shown | None, etag: str | None, back: Callable[[Shown], Wanted | None]
    ) -> int:
        """Creates every view that differs, drops unwanted ones, and returns how many were created.

        `back`: the statements of what was shown before, None if they cannot be created any more. Raises ConflictError
        if another run moved the views since `etag`; QueryError or CatalogError if a view cannot be created or is not as
        requested.
        """
        existing = self.lake.glue.list_tables(self.source)
        stale = self._stale(wanted.statements, shown, existing)
        gone = self._gone(wanted, shown, existing)
        if shown is not None and not (stale or gone or shown.moving) and self._same(shown, wanted.shown):
            return 0
        # The record first names all views that readers may see meanwhile: the old and the new ones.
        old = shown.views if shown else {}
        moving = replace(wanted.shown, views=old, moving=True, earlier=tuple(sorted(dates_shown(shown))))
        etag = self._write(moving, etag)
        try:
            self.lake.athena.run_many([wanted.statements[view] for view in stale], database=self.source)
        except RdsLakeError:
            self._go_back(shown, stale, back)
            raise
        for view in gone:
            self.lake.glue.delete_view(self.source, view)
        existing = self.lake.glue.list_tables(self.source)
        self._require(wanted, existing)
        views = {view: published_view(sql, existing[view]) for view, sql in wanted.statements.items()}
        self._write(replace(wanted.shown, views=views), etag)
        self.log(
            f"{self.source}: {len(stale)} of {counted(len(views), 'view')} of changes moved to {_text(wanted.shown)}"
        )
        return len(stale)

    def _stale(
        self, statements: Mapping[str, str], shown: Shown | None, existing: Mapping[str, GlueTable]
    ) -> tuple[str, ...]:
        known = Pointer(snapshot_date=shown.snapshot_date, export_task="", views=shown.views) if shown else None
        return tuple(sorted(view for view, sql in statements.items() if not is_published(known, existing, view, sql)))

    def _gone(self, wanted: Wanted, shown: Shown | None, existing: Mapping[str, GlueTable]) -> tuple[str, ...]:
        """Returns views that rds-lake created and that are no longer wanted.

        A view that a person, or a table's own view, has replaced since is not among them.
        """
        views = shown.views if shown else {}
        return tuple(
            sorted(
                view
                for view, kept in views.items()
                if view not in wanted.statements
                and view in existing
                and existing[view].is_view
                and published_view("", existing[view]).stored == kept.stored
            )
        )

    def _same(self, shown: Shown, wanted: Shown) -> bool:
        return (shown.snapshot_date, shown.export_task, shown.cuts) == (
            wanted.snapshot_date,
            wanted.export_task,
            wanted.cuts,
        )

    def _go_back(self, shown: Shown | None, stale: Sequence[str], back: Callable[[Shown], Wanted | None]) -> None:
        earlier = back(shown) if shown is not None else None
        if earlier is None:
            self.log(f"not every live view of {self.source} could be moved, and the moved views cannot be moved back")
            return
        statements = [earlier.statements[view] for view in stale if view in earlier.statements]
        self.log(
            f"not every live view of {self.source} could be moved; the moved views were moved back to {_text(earlier.shown)}"
        )
        self.lake.athena.try_many(statements, database=self.source)

    def _require(self, wanted: Wanted, existing: Mapping[str, GlueTable]) -> None:
        """Reads the views back. Raises CatalogError unless Glue has the live views of these tables, with their columns."""
        problems: list[str] = []
        for view, table in wanted.tables.items():
            stored = existing.get(view)
            reason = (
                "is not in the catalogue"
                if stored is None or not stored.is_view
                else why_not(
                    stored.view_text, raw=table.raw, columns=live_columns(table), day=wanted.shown.snapshot_date
                )
            )
            if reason:
                problems.append(f"{view} {reason}")
        problems += [view for view in wanted.statements if view not in existing]
        if problems:
            raise CatalogError(
                f"Athena reported success, but these live views of {self.source} are not what was asked for; materialize `changes` "
                "again, and make sure that only rds-lake changes views with these names:",
                problems,
            )

    def _write(self, shown: Shown, etag: str | None) -> str:
        lake = self.lake
        key = lake.layout.compacted_key(self.source, _RECORD)
        return lake.s3.replace_text(lake.layout.bucket, key, render_shown(shown), etag=etag, kms_key=lake.kms_key)


def _text(shown: Shown) -> str:
    cuts = ", ".join(f"cut {cut_.cut} of {cut_.home}" for cut_ in shown.cuts)
    return f"{cuts}, on the snapshot of {shown.snapshot_date}"
