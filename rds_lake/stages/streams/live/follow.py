"""Moves the live views of a source to the published snapshot and the newest cut, for `changes` and for publications.

`bring_up` compacts and moves; `beside` only moves, during a publication, so that a new date and its live views appear
together. A publication never fails because of live views: the reason is logged, and they follow with the next `changes`.

What belongs here: reading the inputs, and handling other runs at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from rds_lake.config.source import SourceSettings
from rds_lake.errors import CatalogError, ConflictError, RdsLakeError, UnavailableError
from rds_lake.model.streams.captured import CapturedTable
from rds_lake.model.streams.compacted import Compacted, Progress
from rds_lake.model.streams.forwarded import EpochCuts, ForwardedCuts
from rds_lake.model.streams.shown import Shown
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.changes.table import ChangedTable
from rds_lake.stages.catalogue.dated import DatedTables, tables_of
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.pointer import find_pointer, read_state
from rds_lake.stages.streams.changed_tables import changed_tables
from rds_lake.stages.streams.compaction.compact import Compaction, Compactor
from rds_lake.stages.streams.compaction.merge import Merger
from rds_lake.stages.streams.cuts import forwarded
from rds_lake.stages.streams.live.arrival_marks import marks_of
from rds_lake.stages.streams.live.marks import Mark, Marks, home_of
from rds_lake.stages.streams.live.move import LiveMover, Wanted, read_shown, wanted_views
from rds_lake.stages.streams.record import get_cut

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """The result of `bring_up`. `shown`: what the live views show, None without a published snapshot that has capture.

    `problems`: why tables are not shown or are behind, each with what to do.
    """

    shown: Shown | None
    compactions: tuple[Compaction, ...] = ()
    tables: tuple[ChangedTable, ...] = ()
    marks: tuple[Mark, ...] = ()
    moved: int = 0
    problems: tuple[str, ...] = ()

    @property
    def behind(self) -> dict[TableTarget, str]:
        """The tables whose changes could not be compacted, with the reason."""
        return {target: reason for done in self.compactions for target, reason in done.behind.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveViews:
    """The live views of one source."""

    lake: Lake
    source: SourceSettings
    log: Callable[[str], None]
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def bring_up(self) -> Brought:
        """Compacts all new cuts, and moves the views to the newest cut that every table has.

        Raises QueryError, CatalogError or TransientError if that fails as a whole; a failure of one table is a problem
        in the result.
        """
        for _ in range(_ATTEMPTS):
            pointer = find_pointer(self.lake.s3, self.lake.layout, self.source.name)
            if pointer is None:
                return Brought(
                    shown=None,
                    problems=("no date is published yet, so there is no snapshot to which changes could be added",),
                )
            try:
                return self._brought(tables_of(self.lake, self.source, pointer.snapshot_date, published=pointer))
            except ConflictError as conflict:
                self.log(f"another run moved the live views of {self.source.name} meanwhile ({conflict})")
        raise UnavailableError(
            f"several runs move the live views of {self.source.name} at once; repeat this in a few minutes"
        )

    def beside(self, dated: DatedTables) -> None:
        """Moves the views to this date, which is being published; errors are only logged. The first turn creates the views."""
        try:
            if read_shown(self.lake, self.source.name)[0] is None:
                return
            marks = marks_of(self.lake, self.source, dated)
            tables, _, problems = self._tables(dated, marks, may_begin_versions=False)
            for problem in (*marks.problems, *problems):
                self.log(f"live views of {self.source.name}: {problem}")
            if marks.marks or not marks.problems:
                self._move_among_others(dated, tables, marks.marks)
        except RdsLakeError as error:
            self.log(
                f"the live views of {self.source.name} did not move to {dated.snapshot_date}; they follow when `changes` is "
                f"materialized: {error}"
            )

    def _brought(self, dated: DatedTables) -> Brought:
        marks = marks_of(self.lake, self.source, dated)
        tables, epochs, problems = self._tables(dated, marks, may_begin_versions=True)
        compactor = Compactor(lake=self.lake, source=self.source.name, log=self.log)
        compactions = tuple(compactor.compact(final, changed) for final, changed in epochs)
        problems = (*marks.problems, *problems, *(problem for done in compactions for problem in done.problems))
        merger = Merger(lake=self.lake, source=self.source.name, log=self.log)
        problems += tuple(problem for final, changed in epochs for problem in merger.merge(final.epoch, changed))
        shown, moved = None, 0
        if marks.marks or not marks.problems:  # marks that cannot be read leave the views as they are
            shown, moved, more = self._move(dated, tables, marks.marks, is_published=True)
            problems += more
        if not marks.marks and not marks.problems:
            problems += (
                f"{self.source.name} {dated.snapshot_date} was exported without the tables of capture; live views are created "
                "with the first snapshot that has them",
            )
        return Brought(
            shown=shown, compactions=compactions, tables=tables, marks=marks.marks, moved=moved, problems=problems
        )

    def _tables(
        self, dated: DatedTables, marks: Marks, *, may_begin_versions: bool
    ) -> tuple[tuple[ChangedTable, ...], list[tuple[EpochCuts, list[ChangedTable]]], tuple[str, ...]]:
        """Returns the tables by epoch of their database, and problems of other tables."""
        compactor = Compactor(lake=self.lake, source=self.source.name, log=self.log)
        known = compactor.record.read()
        records = forwarded(self.lake, self.source.name)
        captured = [table for mark in marks.marks for table in self._captured(mark, records)]
        versions = {table.target: known.version_of(table.target) for table in captured}
        changed = changed_tables(dated, captured, self.source, versions)
        tables, problems = changed.tables, changed.problems
        versioned = compactor.versioned(tables)
        if not may_begin_versions:
            waiting = [table for table, now in zip(tables, versioned, strict=True) if table.version != now.version]
            if waiting:
                raise CatalogError(
                    f"the types of {', '.join(str(table.names.target) for table in waiting)} changed, so their changes have "
                    "to be compacted again first"
                )
        homes = {record.database for record in records}
        epochs = [
            (final, [table for table in versioned if home_of(table.names.target, homes) == record.database])
            for record in records
            for final in record.epochs
        ]
        return versioned, [(final, changed) for final, changed in epochs if changed], problems

    def _captured(self, mark: Mark, records: Sequence[ForwardedCuts]) -> Sequence[CapturedTable]:
        """Returns the captured tables as the newest cut of the snapshot's epoch describes them, or the snapshot itself."""
        epochs = [record.find(mark.watermark.epoch) for record in records if record.database == mark.home]
        newest: dict[TableTarget, CapturedTable] = {}
        for final in epochs:
            if final is not None and final.cut > mark.watermark.cut:
                cut = get_cut(self.lake, self.source.name, final.epoch, final.cut)
                newest = {table.table.target: table.table for table in cut.tables if table.table.key}
        return list(({table.target: table for table in mark.captured} | newest).values())

    def _move_among_others(self, dated: DatedTables, tables: Sequence[ChangedTable], marks: Sequence[Mark]) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                self._move(dated, tables, marks, is_published=False)
                return
            except ConflictError:
                if attempt == _ATTEMPTS - 1:
                    raise

    def _move(
        self, dated: DatedTables, tables: Sequence[ChangedTable], marks: Sequence[Mark], *, is_published: bool
    ) -> tuple[Shown | None, int, tuple[str, ...]]:
        """Returns what is shown afterwards, how many views were created, and tables without views.

        `is_published`: the date was the published one when it was read. Raises ConflictError if it no longer is; during
        a publication, the publication moves the views.
        """
        shown, etag = read_shown(self.lake, self.source.name)
        if is_published and self._is_being_published(dated):
            return shown, 0, ()
        if not marks and shown is None:
            return None, 0, ()
        task = dated.manifest.export.export_task
        compacted = Compactor(lake=self.lake, source=self.source.name, log=self.log).record.read()
        mover = LiveMover(lake=self.lake, source=self.source.name, log=self.log)
        if not marks:
            nothing = Shown(snapshot_date=dated.snapshot_date, export_task=task)
            mover.move(Wanted(shown=nothing, statements={}, tables={}), shown, etag, lambda _: None)
            return None, 0, ()
        wanted = wanted_views(self.source.name, task, tables, marks, compacted)

        def back(before: Shown) -> Wanted | None:
            """Returns the statements shown before, on this same snapshot."""
            if before.export_task != task:
                return None
            cuts = {shown_cut.epoch: shown_cut.cut for shown_cut in before.cuts}
            held = Compacted(tables=tuple(_until(progress, cuts) for progress in compacted.tables))
            return wanted_views(self.source.name, task, tables, marks, held)

        moved = mover.move(wanted, shown, etag, back)
        return wanted.shown, moved, wanted.problems

    def _is_being_published(self, dated: DatedTables) -> bool:
        state = read_state(self.lake.s3, self.lake.layout, self.source.name)
        if state.pointer is None or state.pointer.export_task != dated.manifest.export.export_task:
            raise ConflictError(
                service="rds-lake", operation="changes", code="Moved", message=f"not {dated.snapshot_date} any more"
            )
        return bool(state.under_way(self.now()))


def _until(progress: Progress, cuts: dict[str, int]) -> Progress:
    return replace(progress, until=min(progress.until, cuts.get(progress.epoch, 0)))


def beside(lake: Lake, source: SourceSettings, log: Callable[[str], None]) -> Callable[[DatedTables], None] | None:
    """Returns what a publication of the source has to do for live views; None if nothing of it is captured."""
    captured = getattr(source, "streams", None)
    return LiveViews(lake=lake, source=source, log=log).beside if captured and source.athena else None
