"""Publishes a date: moves every view of a source to one snapshot date; to an older date only on a person's command.

Each of two publications at once has its own mark in the pointer, and removes it only if the pointer did not change since it
read all views back. So the one that ends last has verified that every view shows the published date; an overtaken one moves
its views back; and the mark of a killed or failed one stays until the published date is published again
(`pointer.repairs_due`).

What belongs here: the decision about a date, and handling other publications at the same time. Moving the views is
`move_views.py`; which date may be published is `model/lake/publication.py`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

from rds_lake.config.source import SourceSettings
from rds_lake.errors import CatalogError, ConflictError, PublishError, UnavailableError
from rds_lake.model.lake.publication import Pointer, State, arriving, rolling_back, still_rolled_back
from rds_lake.stages.catalogue.dated import DatedTables, tables_of
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.pointer import PublishState, read_state
from rds_lake.stages.lake.snapshot_log import is_recorded, record, recorded_dates
from rds_lake.stages.publish.move_views import Follow, Publication, ViewMover

_LOOKS = 60  # at another publication in progress, before it is considered dead
_LOOK_SECONDS = 2.0
_ARRIVALS = 3  # dates that arrive while one is published, each of which may be the one before it
_ATTEMPTS = 20  # each conflict means that another publication proceeded


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Publishes dates of one source. `announce` is called once with a date that is held; `beside` and `follow`: see `ViewMover`."""

    lake: Lake
    source: SourceSettings
    now: datetime
    log: Callable[[str], None]
    announce: Callable[[date], None] | None = None
    beside: Callable[[DatedTables], None] | None = None
    follow: Follow | None = None
    sleep: Callable[[float], None] = field(default=time.sleep)
    token: str = field(default_factory=lambda: uuid.uuid4().hex[:12])  # of this one publication
    _begun: list[date] = field(default_factory=list, repr=False)  # dates that it may have moved views to

    def arrive(self, tables: DatedTables) -> Publication:
        """Handles a date that passed its checks: publishes it, holds it, or only lists it.

        Safe to repeat after a crash. Raises QueryError or CatalogError if a view cannot be created or is not as requested: the
        pointer then stays.
        """
        return self._noticing_others(lambda state: self._arrive(tables, state), again=True)

    def show(self, tables: DatedTables) -> Publication:
        """Publishes the date on a person's command. Raises CatalogError if another publication ran at the same time.

        Raises PublishError if a newer date was published meanwhile.
        """
        name, day = self.source.name, tables.snapshot_date

        def forward(state: PublishState) -> Publication:
            if state.pointer is not None and state.pointer.snapshot_date > day:
                raise PublishError(
                    f"{name} was published at {state.pointer.snapshot_date} in the meantime, which is newer than {day}; "
                    f"no view was moved. To go back: rds-lake rollback {name} {day}"
                )
            return self._move(tables, state, still_rolled_back(state.pointer, day))

        return self._noticing_others(forward, again=False)

    def show_instead(self, tables: DatedTables, newer: date) -> Publication:
        """Publishes the date instead of the newer one, which no run publishes again; otherwise like `show`."""

        def back(state: PublishState) -> Publication:
            if state.pointer is None or state.pointer.snapshot_date != newer:
                raise ConflictError(
                    service="rds-lake", operation="rollback", code="Moved", message=f"no longer {newer}"
                )
            return self._move(tables, state, rolling_back(state.pointer))

        return self._noticing_others(back, again=False)

    def _arrive(self, tables: DatedTables, state: PublishState) -> Publication:
        day, pointer = tables.snapshot_date, state.pointer
        outcome = arriving(pointer, day, manual=self.source.publish == "manual")
        shown = pointer.snapshot_date if pointer else None
        if outcome is State.PUBLISHED and day != shown and any(move.snapshot_date > day for move in state.moves):
            outcome = State.OLDER  # a newer date is being published, or was when its run was killed
        if outcome is State.PUBLISHED and state.etag is None and self._newer_is_shown(day):
            outcome = State.OLDER
        if outcome is State.PUBLISHED:
            return self._move(tables, state, still_rolled_back(pointer, day))
        self._put_right()
        if outcome is State.HELD and self.announce and not is_recorded(self.lake, tables.manifest):
            self.announce(day)
        record(self.lake, tables.manifest, outcome, now=self.now)
        if outcome is State.OLDER and self.source.diff_views:
            # It may be the date before the published one by now, or another export of that. The pointer is read after this date
            # was recorded, and a publication looks for such dates after it wrote the pointer: one of the two sees the other.
            self._follow(self._state(), day)
        self.log(
            f"{self.source.name} {day} is {outcome.value}, no view was moved; the published date is {shown or 'none yet'}"
        )
        return Publication(state=outcome, latest=shown)

    def _newer_is_shown(self, day: date) -> bool:
        """Whether views of a newer date exist although there is no pointer: somebody deleted it, and only that date restores it."""
        name = self.source.name
        newest = max(recorded_dates(self.lake.s3, self.lake.layout, name), default=day)
        if newest <= day or not any(table.is_view for table in self.lake.glue.list_tables(name).values()):
            return False
        self.log(
            f"{name} has views, and no record of their date: it was deleted. To write it again: rds-lake publish {name} {newest}"
        )
        return True

    def _follow(self, state: PublishState, arrived: date) -> None:
        """Publishes the published date again if views that compare it with another date are outdated."""
        pointer = state.pointer
        if pointer is None or pointer.snapshot_date <= arrived:
            return
        tables = tables_of(self.lake, self.source, pointer.snapshot_date, published=pointer)
        if self.follow and self.follow.is_behind(tables, self.lake.glue.list_tables(self.source.name)):
            self._move(tables, state, pointer.rolled_back_from, follows=True)

    def _noticing_others(self, decide: Callable[[PublishState], Publication], *, again: bool) -> Publication:
        """Decides by the current pointer. If another publication moved it meanwhile, decides again, or moves views back.

        `again`: decide again, as a run does; a person's command ends with CatalogError instead.
        """
        name = self.source.name
        for attempt in range(_ATTEMPTS):
            try:
                return decide(self._state())
            except ConflictError as conflict:
                self.log(f"another publication of {name} ran at the same time ({conflict})")
                if not again:
                    self._put_right()
                    raise CatalogError(
                        f"another publication of {name} ran at the same time; its result is kept. Check `rds-lake status "
                        f"{name}`, then repeat the command if you still want it"
                    ) from conflict
                self.sleep(attempt * _LOOK_SECONDS / _ATTEMPTS)
            except (PublishError, UnavailableError):
                self._put_right()
                raise
        self._put_right()
        raise UnavailableError(
            f"several runs publish {name} at once, and this run lost {_ATTEMPTS} times; repeat it in a few minutes"
        )

    def _put_right(self) -> None:
        """Moves this publication's views back to the published date, once other publications have ended."""
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
        for _ in range(_ATTEMPTS):  # a publication that is still marked there was killed
            state = self._state()
            if state.pointer is None or self._moved_to_published(state, state.pointer):
                return
        raise UnavailableError(
            f"other publications of {self.source.name} do not end, so views may show another date than the published date. "
            "The reconciliation sensor publishes the published date again"
        )

    def _moved_to_published(self, state: PublishState, pointer: Pointer) -> bool:
        """Whether all views show the published date now, with no other publication in between."""
        try:
            shown = tables_of(self.lake, self.source, pointer.snapshot_date)
            self._move(shown, state, pointer.rolled_back_from)
        except ConflictError:
            return False
        self._begun.clear()
        return True

    def _move(
        self, tables: DatedTables, state: PublishState, rolled_back_from: date | None, *, follows: bool = False
    ) -> Publication:
        mover = ViewMover(
            lake=self.lake,
            source=self.source,
            now=self.now,
            log=self.log,
            token=self.token,
            begun=self._begun,
            beside=self.beside,
            follow=self.follow,
        )
        publication = mover.move(tables, state, rolled_back_from, follows=follows)
        for _ in range(_ARRIVALS):
            if self.follow is None or not self.follow.compare_another(tables):
                break
            state = self._state()
            if state.pointer is None or state.pointer.snapshot_date != tables.snapshot_date:
                break  # another publication came after this one, and looks by itself
            mover.move(tables, state, state.pointer.rolled_back_from)
        return publication

    def _state(self) -> PublishState:
        return read_state(self.lake.s3, self.lake.layout, self.source.name)
