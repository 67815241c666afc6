"""Checks the published views: queries each through Athena, and compares the age of the published date with the limit.

Long after a date was checked, objects may expire, partitions be deleted and views be changed by hand: Athena then answers
with fewer rows, or none, and reports no error.

What belongs here: checks of the published date. Checks of a date before it is published are `quality.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from rds_lake.config.source import SourceSettings
from rds_lake.errors import QueryError, UnavailableError
from rds_lake.model.lake.publication import waiting
from rds_lake.model.words import counted
from rds_lake.sql.views import render_view_counts
from rds_lake.stages.catalogue.dated import tables_of
from rds_lake.stages.catalogue.naming import TypedTable
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.manifest_head import get_head
from rds_lake.stages.lake.pointer import find_pointer
from rds_lake.stages.lake.snapshot_log import recorded_dates

_VIEWS_PER_QUERY = 50
_LOOKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """The published date and its problems for readers. `holds`: a sentence on what was checked, shown if there are no problems."""

    snapshot_date: date | None
    problems: tuple[str, ...] = ()
    holds: str = ""


def read_published(lake: Lake, source: SourceSettings) -> ReadBack:
    """Counts the rows of every published view: they must match the manifest, and not every view may be empty."""
    for _ in range(_LOOKS):
        pointer = find_pointer(lake.s3, lake.layout, source.name)
        if pointer is None:
            break
        tables = tables_of(lake, source, pointer.snapshot_date).typed
        problems = _problems(lake, source.name, pointer.snapshot_date, tables)
        # Counts taken while another run moved the views mean nothing.
        if not problems or find_pointer(lake.s3, lake.layout, source.name) == pointer:
            rows = sum(table.named.manifest.rows for table in tables)
            holds = f"{counted(len(tables), 'view', 'returns', 'return')} all {counted(rows, 'row')}"
            return ReadBack(snapshot_date=pointer.snapshot_date, problems=tuple(problems), holds=holds)
    else:
        raise UnavailableError(
            f"the views of {source.name} were moved {_LOOKS} times while their rows were counted; repeat the check"
        )
    return ReadBack(snapshot_date=None)


def find_age(lake: Lake, source: SourceSettings, *, now: datetime) -> ReadBack:
    """Returns whether the data that readers see is older than `freshness_hours`, and which dates wait for approval."""
    pointer = find_pointer(lake.s3, lake.layout, source.name)
    dates = recorded_dates(lake.s3, lake.layout, source.name)
    held = waiting(pointer, dates, manual=source.publish == "manual")
    waits = f"; {held[-1]} waits: rds-lake publish {source.name} {held[-1]}" if held else ""
    if pointer is None:
        return ReadBack(snapshot_date=None, problems=(f"nothing is published yet{waits}",) if waits else ())
    made = get_head(lake.s3, lake.layout, source.name, pointer.snapshot_date).export.snapshot_time
    limit, shown = source.freshness, pointer.snapshot_date
    if limit is None or now - made <= limit:
        age = (now - made).total_seconds() / 3600
        holds = f"the published data is {age:.0f} h old, a snapshot of {made:%Y-%m-%d %H:%M} UTC"
        return ReadBack(snapshot_date=shown, holds=holds)
    problem = (
        f"readers see {shown}, a snapshot of {made:%Y-%m-%d %H:%M} UTC, older than the {limit.total_seconds() / 3600:g} h of "
        f"`freshness_hours`{waits}"
    )
    return ReadBack(snapshot_date=shown, problems=(problem,))


def _problems(lake: Lake, database: str, day: date, tables: Sequence[TypedTable]) -> list[str]:
    expected = {table.names.view: table.named.manifest.rows for table in tables}
    views = sorted(expected)
    problems = [] if any(expected.values()) or not views else [f"every table of {day} is empty"]
    for start in range(0, len(views), _VIEWS_PER_QUERY):
        some = views[start : start + _VIEWS_PER_QUERY]
        try:
            problems += _compared(lake, database, some, expected)
        except QueryError:
            # One broken view fails the statement of all: each is queried alone to find it.
            for view in some:
                try:
                    problems += _compared(lake, database, [view], expected)
                except QueryError as error:
                    problems.append(f"{view}: {error}")
    return problems


def _compared(lake: Lake, database: str, views: Sequence[str], expected: dict[str, int]) -> list[str]:
    rows = lake.athena.run(render_view_counts(database, views), database=database).rows
    counts = {str(view): int(count or 0) for view, count in rows}
    return [
        f"{view}: readers get {counted(counts.get(view, 0), 'row')}, the published date has {expected[view]:,}"
        for view in views
        if counts.get(view) != expected[view]
    ]
