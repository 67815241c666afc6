"""One attempt to move every view of a source to one snapshot date, on the pointer as it was read.

    mark into the pointer -> CREATE OR REPLACE of what differs -> views of gone tables dropped -> read back
    -> rows of `_snapshots` -> the pointer moves

The pointer (`lake/pointer.py`) is written last: after a crash in the middle it still names the old date, and the views that may
have moved; the next run finishes. Athena has no transaction over views: in between each is old or new, never broken.

What belongs here: that order. Which date is moved to, and what happens when another publication comes in between, is
`publisher.py`; a view's text is `sql/views.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from rds_lake.config.source import SourceSettings
from rds_lake.errors import CatalogError, ConflictError, PublishError, RdsLakeError, UnavailableError
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
        """Whether they have to be changed once this date is published; true if that is unknown."""
        ...

    def follow(self, dated: DatedTables, existing: Mapping[str, GlueTable]) -> None:
        """Move them to this date, which is published or about to be."""
        ...

    def compare_another(self, dated: DatedTables) -> bool:
        """Whether they have to be changed because the date before this one arrived meanwhile."""
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

    `beside` moves what goes with the date's views, and raises nothing that would end a publication; `follow` what compares the date
    with another, under the same mark in the pointer, so that a publication that is overtaken or killed is put right in both.
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
        """Move every view to the date of the tables. `state` is the pointer that this was decided on.

        `follows`: what compares the date with another is known to be outdated; else it is asked, where no view moves.
        Raises ConflictError when another publication changed the pointer or a view since; QueryError or CatalogError when a
        view cannot be made or is not what was asked for: the pointer then stays.
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
        """The state with this publication's mark, written; as it is where an earlier attempt of it wrote the mark."""
        mine = Moving(snapshot_date=day, views=views, token=self.token, since=self.now)
        if mine in state.moves:
            return state
        others = tuple(move for move in state.moves if move.token != self.token)
        self.begun.append(day)
        return write_state(self.lake, self.source.name, replace(state, moves=(*others, mine)))

    def _require_current(self, tables: DatedTables) -> None:
        """The manifest is still the one that the tables were looked up by.

        Once the mark is written no removal takes the date; a removal or a new export that came before is noticed here.
        """
        name, day, mine = self.source.name, tables.snapshot_date, tables.manifest.export.export_task
        manifest = handover.find_manifest(self.lake.s3, self.lake.layout, name, day)
        if manifest is None:
            raise PublishError(f"{name} {day} was removed from the lake in the meantime; no view was moved")
        if manifest.export.export_task != mine:
            raise UnavailableError(
                f"{name} {day} was exported again in the meantime, by {manifest.export.export_task}; the run of that export "
                "publishes it"
            )

    def _make(self, statements: list[str], state: PublishState, day: date) -> None:
        """Create or replace the views. If one fails, those that moved go back, so that no query joins two dates for long."""
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
        """Read the views back; ConflictError if another publication may have changed one."""
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
        """What has to follow. `follows`: it has to in any case; else it is asked."""
        follow = self.follow
        return follow if follow is not None and (follows or follow.is_behind(tables, existing)) else None

    def _pointer(
        self, manifest: Manifest, views: Mapping[str, PublishedView], newest: date | None, earlier: Pointer | None
    ) -> Pointer:
        """The pointer to this date. `newest`: that was rolled back from; of `earlier` it keeps the dates that were before."""
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
        """Write the rows of the newer dates that were rolled back."""
        if rolled_back_from is None:
            return
        for day in sorted(recorded_dates(self.lake.s3, self.lake.layout, self.source.name)):
            if shown < day <= rolled_back_from:
                manifest = handover.find_manifest(self.lake.s3, self.lake.layout, self.source.name, day)
                if manifest is not None:
                    record(self.lake, manifest, State.ROLLED_BACK, now=self.now)

    def _write_pointer(self, state: PublishState, pointer: Pointer) -> None:
        """The pointer without this publication's mark, and without marks of killed ones that were on their way to the same date.

        Marks of publications that may still be at work stay: those will see that they were overtaken.
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
    """Views made by rds-lake: the published views, and those that an unfinished publication may have made."""
    return {*(state.pointer.views if state.pointer else ()), *(view for move in state.moves for view in move.views)}


def _require_views(tables: tuple[TypedTable, ...], existing: Mapping[str, GlueTable], source: str, day: date) -> None:
    """Read the views back; CatalogError unless Glue has exactly the views of these tables and this date."""
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
