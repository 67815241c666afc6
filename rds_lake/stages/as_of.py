"""Reading a source as of a date: which dates can be read, and the typed tables of one.

What belongs here: looking them up. Rewriting a query is `sql/as_of.py`.
"""

from __future__ import annotations

from datetime import date

from rds_lake.config import SourceSettings
from rds_lake.errors import AsOfError
from rds_lake.stages import handover
from rds_lake.stages.catalog import locate
from rds_lake.stages.naming import TypedTable, name_tables, type_tables
from rds_lake.stages.publish import Lake


def readable_tables(lake: Lake, source: SourceSettings, day: date) -> tuple[TypedTable, ...]:
    """The tables of a date that was checked and published, as latest or as an older date.

    AsOfError names the dates there are: a date whose partitions are missing would be read as empty tables.
    """
    dates = readable_dates(lake, source.name)
    if day not in dates:
        newest = ", ".join(str(one) for one in sorted(dates, reverse=True)[:10]) or "none yet"
        more = f" and {len(dates) - 10} older ones" if len(dates) > 10 else ""
        raise AsOfError(f"{source.name} has no {day} to read; it has {newest}{more}")
    manifest = handover.get_manifest(lake.s3, lake.layout, source.name, day)
    # One call per table would have a question to one of 800 tables wait for all of them.
    located = locate(lake.glue, manifest=manifest, tables=name_tables(manifest, source), ask_all=False)
    return type_tables(located, source)


def readable_dates(lake: Lake, source: str) -> set[date]:
    """Dates that `<source>._snapshots` lists."""
    folder = lake.layout.snapshot_log_folder(source)
    names = (item.key.removeprefix(folder) for item in lake.s3.list_objects(lake.layout.bucket, folder))
    return {date.fromisoformat(name[:10]) for name in names if name.endswith(".parquet")}
