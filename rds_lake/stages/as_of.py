"""Reading a source as of a date: which dates can be read, and the typed tables of one.

What belongs here: looking them up. Rewriting a query is `sql/as_of.py`.
"""

from __future__ import annotations

from datetime import date

from rds_lake.config_source import SourceSettings
from rds_lake.errors import AsOfError
from rds_lake.stages.dated import tables_of
from rds_lake.stages.lake import Lake
from rds_lake.stages.naming import TypedTable
from rds_lake.stages.snapshot_log import recorded_dates


def readable_tables(lake: Lake, source: SourceSettings, day: date) -> tuple[TypedTable, ...]:
    """The tables of a date that was checked and published, as latest or as an older date.

    AsOfError names the dates there are: a date whose partitions are missing would be read as empty tables.
    """
    dates = recorded_dates(lake.s3, lake.layout, source.name)
    if day not in dates:
        newest = ", ".join(str(one) for one in sorted(dates, reverse=True)[:10]) or "none yet"
        more = f" and {len(dates) - 10} older ones" if len(dates) > 10 else ""
        raise AsOfError(f"{source.name} has no {day} to read; it has {newest}{more}")
    # One call per table would have a question to one of 800 tables wait for all of them.
    return tables_of(lake, source, day, ask_all=False).typed
