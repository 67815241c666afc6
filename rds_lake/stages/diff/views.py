"""The views `<view>_diff` of a source (`diff_views:`): compare the published date with the date before, and move with its views.

    statements -> the record, with both dates -> CREATE OR REPLACE of what differs -> what is not wanted is dropped -> the record

The record is written first, so that retention sees which dates the views are about to read, or this run sees that a date is
being removed. A publication never fails because of these views: the reason why one cannot be created is recorded and reported
by the check `diff_views_are_made`, and a view that would show wrong rows is dropped.

All of it happens under the publication's mark in the pointer (`publish/move_views.py`): of two publications at once, the
overtaken one moves these views back together with the tables' views, and a killed one is repaired.

What belongs here: which views, and that order. A view's text is `sql/diff/view.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from rds_lake.config.source import SourceSettings
from rds_lake.errors import ConflictError, DiffError, RdsLakeError, UnavailableError
from rds_lake.model.lake.diff_views import DiffViewsMade, dates_compared
from rds_lake.model.lake.publication import PublishedView
from rds_lake.model.tables.glue import GlueTable
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.diff.comparison import Comparison
from rds_lake.sql.diff.view import SUFFIX, render_diff_view, why_not_diff_view
from rds_lake.stages.catalogue.dated import DatedTables
from rds_lake.stages.catalogue.naming import TypedTable
from rds_lake.stages.catalogue.published_view import published_view
from rds_lake.stages.checks.previous import date_before
from rds_lake.stages.diff.compare import Asked, comparison_of
from rds_lake.stages.diff.view_names import own_views, stale_views, taken_names
from rds_lake.stages.lake.in_use import InUse
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.manifest_head import find_head
from rds_lake.stages.publish.as_of import readable_tables
from rds_lake.stages.publish.diff_views_record import read_diff_views, write_diff_views

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """The views of a date. `task`: the export of the date before; `problems`: requested views that cannot be created."""

    day: date
    before: date | None
    task: str = ""
    statements: Mapping[str, str]
    compared: Mapping[str, Comparison]
    problems: tuple[str, ...] = ()

    def record(
        self, views: Mapping[str, PublishedView], *, making: tuple[str, ...] = (), earlier: tuple[date, ...] = ()
    ) -> DiffViewsMade:
        """Returns the record of the views."""
        return DiffViewsMade(
            snapshot_date=self.day,
            before=self.before,
            views=views,
            making=making,
            earlier=earlier,
            problems=self.problems,
        )

    def without(self, problems: Mapping[str, str]) -> _Wanted:
        """Returns the views without these, with the reasons as problems."""
        left = {view: sql for view, sql in self.statements.items() if view not in problems}
        said = tuple(f"{view}: {why}" for view, why in problems.items())
        return replace(self, statements=left, problems=(*self.problems, *said))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """What to do for the views: create those in `stale`; `is_due`: the record or Glue has something else to correct."""

    wanted: _Wanted
    stale: tuple[str, ...]
    is_due: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffViews:
    """The views `<view>_diff` of one source. `known_key`: a DynamoDB table's own key columns, by its name."""

    lake: Lake
    source: SourceSettings
    known_key: Callable[[str], Sequence[str]]
    log: Callable[[str], None]

    def is_behind(self, dated: DatedTables, existing: Mapping[str, GlueTable]) -> bool:
        """Whether one of the views is outdated; also if that is unknown, which `follow` then reports."""
        if not self._may_have_any(dated, existing):
            return False
        try:
            made, _ = read_diff_views(self.lake, self.source.name)
            if made is None and not self.source.diff_views:
                return False
            return self._planned(dated, made, existing).is_due
        except RdsLakeError:
            return True

    def follow(self, dated: DatedTables, existing: Mapping[str, GlueTable]) -> None:
        """Moves the views to this date, which is published or about to be. Errors are logged, and stop no publication.

        `existing`: Glue's tables by name. If `diff_views:` is empty and no view has such a name, AWS is not called.
        """
        if not self._may_have_any(dated, existing):
            return
        try:
            self._among_others(dated)
        except RdsLakeError as error:
            self.log(
                f"the views *{SUFFIX} of {self.source.name} did not move to {dated.snapshot_date}; they follow when the views are "
                f"materialized again: {error}"
            )

    def compare_another(self, dated: DatedTables) -> bool:
        """Whether the views compare this published date with another date than the one before it, which arrived meanwhile.

        If that is unknown, the check `diff_views_are_made` tries again.
        """
        if not self.source.diff_views:
            return False
        try:
            made, _ = read_diff_views(self.lake, self.source.name)
            return made is not None and made.before != self._before(dated, self._asked(dated, {}))
        except RdsLakeError as error:
            self.log(f"the dates that the views *{SUFFIX} of {self.source.name} compare could not be read: {error}")
            return False

    def _may_have_any(self, dated: DatedTables, existing: Mapping[str, GlueTable]) -> bool:
        own = {table.names.view for table in dated.typed}
        return bool(self.source.diff_views) or any(v.endswith(SUFFIX) and v not in own for v in existing)

    def _among_others(self, dated: DatedTables) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                self._move(dated)
                return
            except ConflictError:
                if attempt == _ATTEMPTS - 1:
                    raise

    def _move(self, dated: DatedTables) -> None:
        """Moves the views. Raises ConflictError if another run wrote the record meanwhile."""
        name = self.source.name
        made, etag = read_diff_views(self.lake, name)
        if made is None and not self.source.diff_views:
            return
        planned = self._planned(dated, made, self.lake.glue.list_tables(name))
        if not planned.is_due:
            return
        wanted, stale = planned.wanted, planned.stale
        # The dates that the views read, before and after, are recorded first, so that retention keeps them. Views that a
        # killed run may have created stay in the record: otherwise they would no longer be recognised as rds-lake's.
        making = tuple(sorted({*stale, *(made.making if made else ())}))
        moving = wanted.record(made.views if made else {}, making=making, earlier=tuple(sorted(dates_compared(made))))
        etag = write_diff_views(self.lake, name, moving, etag)
        gone = self._why_gone(wanted)
        if gone:
            wanted, stale = wanted.without(dict.fromkeys(wanted.statements, gone)), ()
        wanted = wanted.without(self._make(wanted, stale))
        existing = self.lake.glue.list_tables(name)
        for view in sorted(own_views(moving, existing) - wanted.statements.keys()):
            self.lake.glue.delete_view(name, view)
        there = sorted((view, sql) for view, sql in wanted.statements.items() if view in existing)
        views = {view: published_view(sql, existing[view]) for view, sql in there}
        write_diff_views(self.lake, name, wanted.record(views), etag)
        self.log(f"{name}: {len(views)} views *{SUFFIX} compare {wanted.day} with {wanted.before}")
        for problem in wanted.problems:
            self.log(f"views *{SUFFIX} of {name}: {problem}")

    def _planned(self, dated: DatedTables, made: DiffViewsMade | None, existing: Mapping[str, GlueTable]) -> _Planned:
        wanted, old = self._wanted(dated), made.views if made else {}
        wanted = wanted.without(taken_names(dated, wanted.statements, existing.keys() - own_views(made, existing)))
        stale = stale_views(made, wanted.statements, existing)
        is_right = made is not None and not stale and made == wanted.record({v: old[v] for v in wanted.statements})
        return _Planned(wanted=wanted, stale=stale, is_due=not is_right)

    def _make(self, wanted: _Wanted, stale: Sequence[str]) -> dict[str, str]:
        """Creates the views, and returns why some were not created or are not as requested."""
        if not stale:
            return {}
        statements = [wanted.statements[view] for view in stale]
        outcomes = self.lake.athena.try_many(statements, database=self.source.name)
        failed = {
            v: str(outcome) for v, outcome in zip(stale, outcomes, strict=True) if isinstance(outcome, RdsLakeError)
        }
        existing = self.lake.glue.list_tables(self.source.name)
        for view in stale:
            stored = existing.get(view)
            text = stored.view_text if stored is not None and stored.is_view else ""
            reason = why_not_diff_view(text, wanted.compared[view])
            if reason and view not in failed:
                failed[view] = f"Athena reported success, but it {reason}; materialize the views again"
        return failed

    def _why_gone(self, wanted: _Wanted) -> str | None:
        """Returns why the date before can no longer be read, or is of another export now."""
        if wanted.before is None or not wanted.statements:
            return None
        try:
            InUse.of(self.lake, self.source.name).require_not_removed(wanted.before)
        except UnavailableError as error:
            return str(error)
        head = find_head(self.lake.s3, self.lake.layout, self.source.name, wanted.before)
        if head is None or head.export.export_task != wanted.task:
            return f"{wanted.before} was removed or exported again meanwhile; materialize the views again"
        return None

    def _wanted(self, dated: DatedTables) -> _Wanted:
        """Returns the statements of the views that can be created, and why others cannot."""
        day, problems = dated.snapshot_date, dict[str, str]()
        tables = self._asked(dated, problems)
        before = self._before(dated, tables)
        statements: dict[str, str] = {}
        compared: dict[str, Comparison] = {}
        head = before and find_head(self.lake.s3, self.lake.layout, self.source.name, before)
        earlier = self._earlier(before, tables, problems) if before else {}
        for view, table in tables.items():
            other = earlier.get(table.names.target)
            if other is None or before is None:
                continue
            try:
                compared[view] = self._compared(other, table, Asked(before=before, after=day))
                statements[view] = render_diff_view(compared[view], view)
            except RdsLakeError as error:
                problems[view] = str(error)
        return _Wanted(
            day=day,
            before=before,
            task=head.export.export_task if head else "",
            statements=statements,
            compared=compared,
            problems=tuple(f"{view}: {why}" for view, why in problems.items()),
        )

    def _before(self, dated: DatedTables, tables: Mapping[str, TypedTable]) -> date | None:
        """Returns the date that the tables are compared with; None if there is none."""
        return date_before(self.lake, self.source, dated.snapshot_date) if tables else None

    def _asked(self, dated: DatedTables, problems: dict[str, str]) -> dict[str, TypedTable]:
        """Returns the tables that lake.yaml names, by the view they are to get."""
        by_name = {name: table for table in dated.typed for name in (table.names.view, str(table.names.target))}
        left_out = {name: left.reason for left in dated.left_out for name in (left.view, left.table)}
        tables: dict[str, TypedTable] = {}
        for name in self.source.diff_views:
            if name in by_name:
                tables[f"{by_name[name].names.view}{SUFFIX}"] = by_name[name]
            else:
                unknown = (
                    f"`diff_views:` names it, and {self.source.name} {dated.snapshot_date} has no such view or table"
                )
                problems[name] = left_out.get(name, unknown)
        return tables

    def _earlier(
        self, before: date, tables: Mapping[str, TypedTable], problems: dict[str, str]
    ) -> dict[TableTarget, TypedTable]:
        """Returns the tables at the date before; if one cannot be read, each is read separately."""
        views = {view: table.names.view for view, table in tables.items()}
        try:
            readable = readable_tables(self.lake, self.source, before, set(views.values()))
        except RdsLakeError as error:
            if len(views) == 1:
                problems.update(dict.fromkeys(views, str(error)))
                return {}
            each = (self._earlier(before, {view: table}, problems) for view, table in tables.items())
            return {target: table for tables in each for target, table in tables.items()}
        earlier = {table.names.target: table for table in readable}
        for view, table in tables.items():
            if table.names.target not in earlier:
                problems[view] = f"{before} has no view of {table.names.target} to compare with"
        return earlier

    def _compared(self, before: TypedTable, after: TypedTable, asked: Asked) -> Comparison:
        compare, _ = comparison_of(self.source, before, after, asked, self.known_key)
        if not compare.keys:
            target = after.names.target
            raise DiffError(f"the key of {target} is unknown; name its columns under `keys:` in lake.yaml")
        return compare
