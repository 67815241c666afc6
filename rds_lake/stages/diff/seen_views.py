"""Checks that the views `<view>_diff` exist and compare the published date; `views.py` creates them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from rds_lake.config.source import SourceSettings
from rds_lake.sql.diff.view import SUFFIX
from rds_lake.stages.catalogue.published_view import is_as_made
from rds_lake.stages.checks.previous import date_before
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.pointer import find_pointer
from rds_lake.stages.publish.diff_views_record import read_diff_views


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffViewsSeen:
    """The state of the views. `snapshot_date`: the published date, None before there is one."""

    snapshot_date: date | None
    before: date | None = None
    views: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def see_diff_views(lake: Lake, source: SourceSettings) -> DiffViewsSeen:
    """Returns whether the views compare the published date. Raises CatalogError or ManifestError if that cannot be read."""
    pointer = find_pointer(lake.s3, lake.layout, source.name)
    if pointer is None:
        return DiffViewsSeen(snapshot_date=None)
    day = pointer.snapshot_date
    made, _ = read_diff_views(lake, source.name)
    before = date_before(lake, source, day)
    if made is None or made.making or made.snapshot_date != day or (made.views and made.before != before):
        problem = (
            f"the views *{SUFFIX} do not compare {day} with the date before it{f', {before}' if before else ''}; materialize the "
            f"views of {day} again"
        )
        return DiffViewsSeen(snapshot_date=day, problems=(problem,))
    existing = lake.glue.list_tables(source.name)
    lost = [view for view, description in made.views.items() if not is_as_made(description, existing.get(view))]
    said = (
        f"{view}: another user or program dropped or replaced it; the next publication creates it again if its name is free"
        for view in lost
    )
    views = tuple(view for view in made.views if view not in lost)
    return DiffViewsSeen(snapshot_date=day, before=made.before, views=views, problems=(*made.problems, *said))
