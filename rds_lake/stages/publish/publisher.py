"""Publish: flip every view of a source to one snapshot date, never backwards unless a person says so.

    intent into the pointer -> CREATE OR REPLACE of what differs -> views of gone tables dropped -> read back
    -> rows of `_snapshots` -> the pointer moves

The pointer (`lake/pointer.py`) is written last: after a crash in the middle it still names the old date, and the views that may
have moved; the next run finishes. Athena has no transaction over views: in between each is old or new, never broken.

Of two publications at once each has its own mark in the pointer, and takes it away only in the version in which it read all
views back. So whoever ends last has seen every view as the pointer says; whoever is overtaken puts right what it moved; and
the mark of one that was killed or failed stays, until the published date is published again (`pointer.repairs_due`).

What belongs here: the flip and its order. Which date may be published is `model/lake/publication.py`, a view's text `sql/views.py`.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from rds_lake.config.source import SourceSettings
from rds_lake.errors import CatalogError, ConflictError, PublishError, RdsLakeError, UnavailableError
from rds_lake.model.lake.publication import (
    Moving,
    Pointer,
    PublishedView,
    State,
    arriving,
    rolling_back,
    still_rolled_back,
)
from rds_lake.model.tables.glue import GlueTable
from rds_lake.model.tables.names import PARTITION_KEY
from rds_lake.sql.stored_view import why_not
from rds_lake.sql.views import render_view
from rds_lake.stages.catalogue.dated import DatedTables, tables_of
from rds_lake.stages.catalogue.naming import TypedTable
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.in_use import InUse
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.pointer import PublishState, read_state, write_state
from rds_lake.stages.lake.snapshot_log import is_recorded, record, recorded_dates

_LOOKS = 60  # at somebody else's flip, before taking it for dead
_LOOK_SECONDS = 2.0
_ATTEMPTS = 20  # each conflict means that another publication went on


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The outcome: what became of the date, what readers see, which views changed, which were dropped with their table."""

    state: State
    latest: date | None
    flipped: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def became_latest(self) -> bool:
        return self.state is State.PUBLISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Publishes dates of one source. `announce` is told once of a date that is held."""

    lake: Lake
    source: SourceSettings
    now: datetime
    log: Callable[[str], None]
    announce: Callable[[date], None] | None = None
    sleep: Callable[[float], None] = field(default=time.sleep)
    token: str = field(default_factory=lambda: uuid.uuid4().hex[:12])  # of this one publication
    _begun: list[date] = field(default_factory=list, repr=False)  # dates that we may have moved views to

    def arrive(self, tables: DatedTables) -> Publication:
        """What a run does with a date that passed its checks: publish it, hold it, or only list it.

        Safe to repeat after a crash anywhere. Raises QueryError or CatalogError if a view cannot be made or is not what
        was asked for: the pointer then stays.
        """
        return self._noticing_others(lambda state: self._arrive(tables, state), again=True)

    def show(self, tables: DatedTables) -> Publication:
        """Publish the date because a person says so; CatalogError when another publication came in between.

        PublishError when a newer date was published before it came to that.
        """
        name, day = self.source.name, tables.snapshot_date

        def forward(state: PublishState) -> Publication:
            if state.pointer is not None and state.pointer.snapshot_date > day:
                raise PublishError(
                    f"{name} was published at {state.pointer.snapshot_date} in the meantime, which is newer than {day}; "
                    f"no view was moved. To go back: rds-lake rollback {name} {day}"
                )
            return self._flip(tables, state, still_rolled_back(state.pointer, day))

        return self._noticing_others(forward, again=False)

    def show_instead(self, tables: DatedTables, newer: date) -> Publication:
        """Publish the date in place of the newer one, which no run brings back; as `show` otherwise."""

        def back(state: PublishState) -> Publication:
            if state.pointer is None or state.pointer.snapshot_date != newer:
                raise ConflictError(
                    service="rds-lake", operation="rollback", code="Moved", message=f"not {newer} any more"
                )
            return self._flip(tables, state, rolling_back(state.pointer))

        return self._noticing_others(back, again=False)

    def _arrive(self, tables: DatedTables, state: PublishState) -> Publication:
        day, pointer = tables.snapshot_date, state.pointer
        outcome = arriving(pointer, day, manual=self.source.publish == "manual")
        shown = pointer.snapshot_date if pointer else None
        if outcome is State.PUBLISHED and day != shown and any(move.snapshot_date > day for move in state.moves):
            outcome = State.OLDER  # a newer date is on its way, or was when its run was killed
        if outcome is State.PUBLISHED:
            return self._flip(tables, state, still_rolled_back(pointer, day))
        self._put_right()
        if outcome is State.HELD and self.announce and not is_recorded(self.lake, tables.manifest):
            self.announce(day)
        record(self.lake, tables.manifest, outcome, now=self.now)
        self.log(f"{self.source.name} {day} is {outcome.value}, no view moves; published is {shown or 'nothing yet'}")
        return Publication(state=outcome, latest=shown)

    def _noticing_others(self, decide: Callable[[PublishState], Publication], *, again: bool) -> Publication:
        """Decide on the pointer as it is; when somebody moved it meanwhile, decide anew, or put our traces right."""
        name = self.source.name
        for attempt in range(_ATTEMPTS):
            try:
                return decide(self._state())
            except ConflictError as conflict:
                self.log(f"another publication of {name} came in between ({conflict})")
                if not again:
                    self._put_right()
                    raise CatalogError(
                        f"another publication of {name} came in between; what it published stays. See `rds-lake status "
                        f"{name}`, then repeat the command if it is still what you want"
                    ) from conflict
                self.sleep(attempt * _LOOK_SECONDS / _ATTEMPTS)
            except (PublishError, UnavailableError):
                self._put_right()
                raise
        self._put_right()
        raise UnavailableError(f"{name} is being published by several runs at once; again later")

    def _put_right(self) -> None:
        """Give views that we moved the published date back, once the others are at their end."""
        looks = 0
        while looks < _LOOKS:
            state = self._state()
            if state.pointer is None or not self._begun:
                return
            if any(move.token != self.token for move in state.under_way(self.now)):
                looks += 1
                self.sleep(_LOOK_SECONDS)
                continue
            if self._moved_to_published(state, state.pointer):
                return
            looks += 1
        for _ in range(_ATTEMPTS):  # whoever is still marked there does not come to his end
            state = self._state()
            if state.pointer is None or self._moved_to_published(state, state.pointer):
                return
        raise UnavailableError(f"other publications of {self.source.name} do not come to their end; again later")

    def _moved_to_published(self, state: PublishState, pointer: Pointer) -> bool:
        """Whether all views show the published date, and nobody came in between."""
        try:
            shown = tables_of(self.lake, self.source, pointer.snapshot_date)
            self._flip(shown, state, pointer.rolled_back_from)
        except ConflictError:
            return False
        self._begun.clear()
        return True

    def _flip(self, tables: DatedTables, state: PublishState, rolled_back_from: date | None) -> Publication:
        name, day = self.source.name, tables.snapshot_date
        statements = {table.names.view: render_view(name, table.names, table.columns, day) for table in tables.typed}
        existing = self.lake.glue.list_tables(name)
        stale = tuple(sorted(v for v, sql in statements.items() if not _is_published(state.pointer, existing, v, sql)))
        gone = tuple(
            sorted((_known_views(state) - set(statements)) & {n for n, one in existing.items() if one.is_view})
        )
        moves_on = state.pointer is None or state.pointer.snapshot_date != day
        if stale or gone or moves_on:
            state = self._marked(state, day, tuple(sorted({*statements, *gone})))
        if moves_on:
            InUse.of(self.lake, name).require_not_removed(day)
        self._require_current(tables)
        if stale or gone:
            try:
                self.lake.athena.run_many([statements[view] for view in stale], database=name)
            except RdsLakeError:
                self._put_back(state, day)
                raise
            for view in gone:
                self.lake.glue.delete_view(name, view)
            existing = self.lake.glue.list_tables(name)
        self._require_views(tables, existing, state)
        record(self.lake, tables.manifest, State.PUBLISHED, now=self.now)
        self._note_rolled_back(day, rolled_back_from)
        views = {
            view: PublishedView(statement=_digest(sql), stored=_digest(existing[view].view_text))
            for view, sql in statements.items()
        }
        pointer = Pointer(
            snapshot_date=day,
            export_task=tables.manifest.export.export_task,
            views=views,
            rolled_back_from=rolled_back_from,
        )
        # Others go on, and will see that they were overtaken. Those killed on their way to this very date are made up for.
        others = tuple(move for move in state.under_way(self.now) if not self._is_ended_by(move, day))
        if pointer != state.pointer or others != state.moves:
            write_state(self.lake, name, PublishState(pointer=pointer, moves=others, etag=state.etag))
        self.log(f"{name}: {len(stale)} of {len(statements)} views moved to {day}")
        return Publication(state=State.PUBLISHED, latest=day, flipped=stale, dropped=gone)

    def _is_ended_by(self, move: Moving, day: date) -> bool:
        return move.token == self.token or move.snapshot_date == day

    def _marked(self, state: PublishState, day: date, views: tuple[str, ...]) -> PublishState:
        """The state with our mark, written; as it is where an earlier attempt of ours wrote it."""
        mine = Moving(snapshot_date=day, views=views, token=self.token, since=self.now)
        if mine in state.moves:
            return state
        others = tuple(move for move in state.moves if move.token != self.token)
        self._begun.append(day)
        return write_state(self.lake, self.source.name, replace(state, moves=(*others, mine)))

    def _require_current(self, tables: DatedTables) -> None:
        """The manifest is still the one that the tables were looked up by.

        From our mark on no removal takes the date; what was removed or exported anew before is seen here.
        """
        name, day, mine = self.source.name, tables.snapshot_date, tables.manifest.export.export_task
        manifest = handover.find_manifest(self.lake.s3, self.lake.layout, name, day)
        if manifest is None:
            raise PublishError(f"{name} {day} was removed from the lake in the meantime; no view was moved")
        if manifest.export.export_task != mine:
            raise UnavailableError(
                f"{name} {day} was exported anew in the meantime, by {manifest.export.export_task}; its own run publishes it"
            )

    def _require_views(self, tables: DatedTables, existing: Mapping[str, GlueTable], state: PublishState) -> None:
        """Read back; ConflictError where another publication may be the reason that a view is another's."""
        try:
            _require_views(tables.typed, existing, self.source.name, tables.snapshot_date)
        except CatalogError as error:
            others = [move for move in state.under_way(self.now) if move.token != self.token]
            if others or self._state().etag != state.etag:
                raise ConflictError(
                    service="rds-lake",
                    operation="publish",
                    code="Moved",
                    message=f"views were moved by another: {error}",
                ) from error
            raise

    def _put_back(self, state: PublishState, day: date) -> None:
        """Some views cannot be made: those that moved go back, so that nobody joins two dates for long."""
        if state.pointer is None or state.pointer.snapshot_date == day:
            return
        shown = state.pointer.snapshot_date
        self.log(f"not every view of {self.source.name} can be moved to {day}; those that did go back to {shown}")
        self._flip(tables_of(self.lake, self.source, shown), state, state.pointer.rolled_back_from)

    def _note_rolled_back(self, shown: date, rolled_back_from: date | None) -> None:
        """The rows of the newer dates that were given up for the one that is shown."""
        if rolled_back_from is None:
            return
        for day in sorted(recorded_dates(self.lake.s3, self.lake.layout, self.source.name)):
            if shown < day <= rolled_back_from:
                manifest = handover.find_manifest(self.lake.s3, self.lake.layout, self.source.name, day)
                if manifest is not None:
                    record(self.lake, manifest, State.ROLLED_BACK, now=self.now)

    def _state(self) -> PublishState:
        return read_state(self.lake.s3, self.lake.layout, self.source.name)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _known_views(state: PublishState) -> set[str]:
    """Views of ours: the published ones, and those that a flip without end may have made."""
    return {*(state.pointer.views if state.pointer else ()), *(view for move in state.moves for view in move.views)}


def _is_published(pointer: Pointer | None, existing: Mapping[str, GlueTable], view: str, statement: str) -> bool:
    """Whether the very view stands in Glue: made by this statement, and since then touched by nobody."""
    mark = pointer.views.get(view) if pointer else None
    found = existing.get(view)
    return (
        mark is not None
        and found is not None
        and found.is_view
        and (mark.statement, mark.stored) == (_digest(statement), _digest(found.view_text))
    )


def _require_views(tables: tuple[TypedTable, ...], existing: Mapping[str, GlueTable], source: str, day: date) -> None:
    """Read back: what Glue holds by now must be the views of these tables and of this date."""
    problems: list[str] = []
    for table in tables:
        names, found = table.names, existing.get(table.names.view)
        if found is None or not found.is_view:
            problems.append(f"{names.view} is not in the catalogue")
            continue
        keys = [names.member_key] if names.member_key else []
        columns = [*(column.alias for column in table.columns), *keys, PARTITION_KEY]
        reason = why_not(found.view_text, raw=names.raw, columns=columns, day=day)
        if reason:
            problems.append(f"{names.view} {reason}")
    if problems:
        raise CatalogError(
            f"Athena reported success, but these views of {source} are not what was asked for; the pointer was not moved. "
            f"Materialize {day} again; nobody else may change views of these names:",
            problems,
        )
