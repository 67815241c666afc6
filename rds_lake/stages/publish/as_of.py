"""Reads a source as of a date: the dates that can be read, and the typed tables of one.

What belongs here: finding them. Rewriting a query is `sql/as_of.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date

from rds_lake.config.source import SourceSettings
from rds_lake.errors import AsOfError, LostFilesError
from rds_lake.model.words import counted
from rds_lake.stages.catalogue.dated import tables_of
from rds_lake.stages.catalogue.naming import TypedTable
from rds_lake.stages.lake.intact import missing_files
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.pointer import find_pointer
from rds_lake.stages.lake.snapshot_log import recorded_dates


def published_date(lake: Lake, source: SourceSettings) -> date:
    """Returns the date that the source's views read. Raises AsOfError if none is published yet."""
    pointer = find_pointer(lake.s3, lake.layout, source.name)
    if pointer is None:
        raise AsOfError(
            f"no date of {source.name} is published yet: name a checked date with --date, or check progress with `rds-lake "
            f"status {source.name}`"
        )
    return pointer.snapshot_date


def readable_tables(
    lake: Lake, source: SourceSettings, day: date, views: Collection[str] | None
) -> tuple[TypedTable, ...]:
    """Returns the date's tables with these views, or all with a view, after checking that their partitions and files exist.

    The date must have passed its checks and not be held; AsOfError names existing dates. Raises CatalogError or LostFilesError
    if a partition or a file of these tables was deleted: Athena would return fewer rows, or none, and no error. Other tables
    cost no call.
    """
    refuse_unreadable(lake, source, day)
    dated = tables_of(lake, source, day, views=views)
    read = {table.target for named in dated.located for table in named.members or (named.manifest,)}
    manifest = dated.manifest
    gone = missing_files(lake.s3, replace(manifest, tables=tuple(t for t in manifest.tables if t.target in read)))
    if gone:
        raise LostFilesError(
            f"{counted(len(gone), 'file')} of {source.name} {day}, needed by the query, {'is' if len(gone) == 1 else 'are'} missing; "
            "nothing was run. Materialize `parquet` of the date again, or ask for another date:",
            gone,
        )
    return dated.typed


def refuse_unreadable(lake: Lake, source: SourceSettings, day: date) -> None:
    """Raises AsOfError, which lists the dates that can be read, if the date never passed its checks or was removed."""
    dates = recorded_dates(lake.s3, lake.layout, source.name)
    if day not in dates:
        newest = ", ".join(str(day) for day in sorted(dates, reverse=True)[:10]) or "none yet"
        more = f" and {len(dates) - 10} older ones" if len(dates) > 10 else ""
        raise AsOfError(f"{source.name} has no {day} to read; it has {newest}{more}")
