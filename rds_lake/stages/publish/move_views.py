"""One attempt to move every view of a source to one snapshot date, on the pointer as it was read.

    mark into the pointer -> CREATE OR REPLACE of what differs -> views of gone tables dropped -> read back
    -> rows of `_snapshots` -> the pointer moves

The pointer (`lake/pointer.py`) is written last: after a crash it still names the old date, and the views that may have moved;
the next run finishes. Athena has no transaction over views: meanwhile each view is old or new, never broken.

What belongs here: that order. Choosing the date, and handling other publications at the same time, is `publisher.py`; a view's
text is `sql/views.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from rds_lake.config.source import SourceSettings
from rds_lake.errors import CatalogError, ConflictError, ManifestError, PublishError, RdsLakeError, UnavailableError
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.publication import Moving, Pointer, PublishedView, State, went_back_from
from rds_lake.model.tables.glue import GlueTable
from rds_lake.model.tables.names import PARTITION_KEY
from rds_lake.model.words import counted
from rds_lake.sql.stored_view import why_not
from rds_lake.sql.views import render_view
from rds_lake.stages.catalogue.dated import DatedTables, tables_of
from rds_lake.stages.catalogue.naming import TypedTable
from rds_lake.stages.catalogue.published_view import is_published, published_view
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.in_use import InUse
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.pointer import PublishState, read_state, write_state
from rds_lake.stages.lake.snapshot_log import record, recorded_dates


class Follow(Protocol):
    """Moves the views that compare the published date with another.

    `existing`: Glue's tables by name. No call raises an error that would end a publication.
    """

    def is_behind(self, dated: DatedTables, existing: Mapping[str, GlueTable]) -> bool:
        """Whether the views have to be changed once this date is published; True if that is unknown."""
        ...

    def follow(self, dated: DatedTables, existing: Mapping[str, GlueTable]) -> None:
        """Moves the views to this date, which is published or about to be."""
        ...

    def compare_another(self, dated: DatedTables) -> bool:
        """Whether the views have to be changed because the date before this one arrived meanwhile."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The outcome: the state of the date, the date that readers see, the views that changed, and the views that were dropped."""

    state: State
    latest: date | None
    flipped: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def became_latest(self) -> bool:
        return self.state is State.PUBLISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewMover:
    """Moves the views of one source. `token` is of one publication; `begun` collects dates whose views may have moved.

    `beside` moves the live views, and raises no error that would end a publication; `follow` moves the views that compare the
    date with another, under the same mark in the pointer, so that both are repaired after an overtaken or killed publication.
    """

    lake: Lake
    source: SourceSettings
    now: datetime
    log: Callable[[str], None]
    token: str
    begun: list[date]
    beside: Callable[[DatedTables], None] | None = None
    follow: Follow | None = None

    def move(
        self, tables: DatedTables, state: PublishState, rolled_back_from: date | None, *, follows: bool = False
    ) -> Publication:
        """Moves every view to the date of the tables. `state`: the pointer as it was read.

        `follows`: the views that compare the date with another are known to be outdated; otherwise this is checked if no view
        moves. Raises ConflictError if another publication changed the pointer or a view since; QueryError or CatalogError if a
        view cannot be created or is not as requested: the pointer then stays.
        """
        name, day = self.source.name, tables.snapshot_date
        statements = {table.names.view: render_view(name, table.names, table.columns, day) for table in tables.typed}
        existing = self.lake.glue.list_tables(name)
        stale = tuple(sorted(v for v, sql in statements.items() if not is_published(state.pointer, existing, v, sql)))
        views = {view for view, table in existing.items() if table.is_view}
        gone = tuple(sorted((_known_views(state) - statements.keys()) & views))
        moves_on = state.pointer is None or state.pointer.snapshot_date != day
        follow = self._behind(tables, existing, follows=bool(stale or gone) or moves_on or follows)
        if stale or gone or moves_on or follow:
            state = self._marked(state, day, tuple(sorted({*statements, *gone})))
        if moves_on:
            InUse.of(self.lake, name).require_not_removed(day)
        self._require_current(tables)
        if stale or gone:
            self._make([statements[view] for view in stale], state, day)
            for view in gone:
                self.lake.glue.delete_view(name, view)
            existing = self.lake.glue.list_tables(name)
        if stale or moves_on or self._is_another_export(tables, state):
            (self.beside or _nothing)(tables)
        if follow is not None:
            follow.follow(tables, existing)
        self._require_views(tables, existing, state)
        record(self.lake, tables.manifest, State.PUBLISHED, now=self.now)
        self._note_rolled_back(day, rolled_back_from)
        made = {view: published_view(sql, existing[view]) for view, sql in statements.items()}
        self._write_pointer(state, self._pointer(tables.manifest, made, rolled_back_from, state.pointer))
        self.log(f"{name}: {len(stale)} of {counted(len(statements), 'view')} moved to {day}")
        return Publication(state=State.PUBLISHED, latest=day, flipped=stale, dropped=gone)

    @staticmethod
    def _is_another_export(tables: DatedTables, state: PublishState) -> bool:
        return state.pointer is None or state.pointer.export_task != tables.manifest.export.export_task

    def _marked(self, state: PublishState, day: date, views: tuple[str, ...]) -> PublishState:
        """Writes this publication's mark, unless an earlier attempt did, and returns the state."""
        own = Moving(snapshot_date=day, views=views, token=self.token, since=self.now)
        if own in state.moves:
            return state
        others = tuple(move for move in state.moves if move.token != self.token)
        self.begun.append(day)
        return write_state(self.lake, self.source.name, replace(state, moves=(*others, own)))

    def _require_current(self, tables: DatedTables) -> None:
        """Raises an error unless the manifest is still the one from which the tables were read.

        Once the mark is written, the date cannot be removed; an earlier removal or a new export is noticed here.
        """
        name, day, export_task = self.source.name, tables.snapshot_date, tables.manifest.export.export_task
        manifest = handover.find_manifest(self.lake.s3, self.lake.layout, name, day)
        if manifest is None:
            raise PublishError(f"{name} {day} was removed from the lake in the meantime; no view was moved")
        if manifest.export.export_task != export_task:
            raise UnavailableError(
                f"{name} {day} was exported again in the meantime, by {manifest.export.export_task}; the run of that export "
                "publishes it"
            )

    def _make(self, statements: list[str], state: PublishState, day: date) -> None:
        """Creates or replaces the views. If one fails, the others are moved back, so that no query joins two dates for long."""
        try:
            self.lake.athena.run_many(statements, database=self.source.name)
        except RdsLakeError:
            if state.pointer is not None and state.pointer.snapshot_date != day:
                shown = state.pointer.snapshot_date
                self.log(
                    f"not every view of {self.source.name} can be moved to {day}; the moved views go back to {shown}"
                )
                self.move(tables_of(self.lake, self.source, shown), state, state.pointer.rolled_back_from)
            raise

    def _require_views(self, tables: DatedTables, existing: Mapping[str, GlueTable], state: PublishState) -> None:
        """Reads the views back. Raises ConflictError if another publication may have changed one."""
        try:
            _require_views(tables.typed, existing, self.source.name, tables.snapshot_date)
        except CatalogError as error:
            others = [move for move in state.under_way(self.now) if move.token != self.token]
            if others or read_state(self.lake.s3, self.lake.layout, self.source.name).etag != state.etag:
                raise ConflictError(
                    service="rds-lake",
                    operation="publish",
                    code="Moved",
                    message=f"another run moved the views: {error}",
                ) from error
            raise

    def _behind(self, tables: DatedTables, existing: Mapping[str, GlueTable], *, follows: bool) -> Follow | None:
        """Returns the views to move by `follow`, if it is needed. `follows`: it is needed in any case; otherwise this is checked."""
        follow = self.follow
        return follow if follow is not None and (follows or follow.is_behind(tables, existing)) else None

    def _pointer(
        self, manifest: Manifest, views: Mapping[str, PublishedView], newest: date | None, earlier: Pointer | None
    ) -> Pointer:
        """Returns the pointer to this date. `newest`: the date that was rolled back from; of `earlier` it keeps the dates before."""
        day, rolled_back = manifest.snapshot_date, frozenset[date]()
        if earlier is not None and (earlier.rolled_back or earlier.rolled_back_from):
            known = recorded_dates(self.lake.s3, self.lake.layout, self.source.name)
            rolled_back = went_back_from(earlier, known) - {day}
        return Pointer(
            snapshot_date=day,
            export_task=manifest.export.export_task,
            views=views,
            rolled_back_from=newest,
            rolled_back=tuple(sorted(rolled_back)),
        )

    def _note_rolled_back(self, shown: date, rolled_back_from: date | None) -> None:
        """Writes the rows of the newer dates that were rolled back.

        A date whose manifest is damaged keeps its row: often it is why a person rolls back, and the views have moved already.
        """
        if rolled_back_from is None:
            return
        for day in sorted(recorded_dates(self.lake.s3, self.lake.layout, self.source.name)):
            if not shown < day <= rolled_back_from:
                continue
            try:
                manifest = handover.find_manifest(self.lake.s3, self.lake.layout, self.source.name, day)
            except ManifestError as error:
                self.log(
                    f"{self.source.name} {day} is rolled back, but its row of `_snapshots` says what it said: {error}"
                )
                continue
            if manifest is not None:
                record(self.lake, manifest, State.ROLLED_BACK, now=self.now)

    def _write_pointer(self, state: PublishState, pointer: Pointer) -> None:
        """Writes the pointer without this publication's mark, and without marks of killed publications of the same date.

        Marks of publications that may still be running stay: those will notice that they were overtaken.
        """
        day = pointer.snapshot_date
        others = tuple(
            move for move in state.under_way(self.now) if move.token != self.token and move.snapshot_date != day
        )
        if pointer != state.pointer or others != state.moves:
            write_state(self.lake, self.source.name, PublishState(pointer=pointer, moves=others, etag=state.etag))


def _nothing(*_: object) -> None:
    """The default for `beside`: does nothing."""


def _known_views(state: PublishState) -> set[str]:
    """Returns views created by rds-lake: the published views, and those that an unfinished publication may have created."""
    return {*(state.pointer.views if state.pointer else ()), *(view for move in state.moves for view in move.views)}


def _require_views(tables: tuple[TypedTable, ...], existing: Mapping[str, GlueTable], source: str, day: date) -> None:
    """Reads the views back. Raises CatalogError unless Glue has exactly the views of these tables and this date."""
    problems: list[str] = []
    for table in tables:
        names, view = table.names, existing.get(table.names.view)
        if view is None or not view.is_view:
            problems.append(f"{names.view} is not in the catalogue")
            continue
        keys = [names.member_key] if names.member_key else []
        columns = [*(column.alias for column in table.columns), *keys, PARTITION_KEY]
        reason = why_not(view.view_text, raw=names.raw, columns=columns, day=day)
        if reason:
            problems.append(f"{names.view} {reason}")
    if problems:
        raise CatalogError(
            f"Athena reported success, but these views of {source} are not what was asked for; the pointer was not moved. "
            f"Materialize {day} again, and make sure that only rds-lake changes views with these names:",
            problems,
        )
