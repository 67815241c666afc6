"""Reads which dates of each table are published, or older than the published date.

What belongs here: reading the lake's own records. Reporting them to Dagster is `defs/telling.py`.
"""

from __future__ import annotations

from datetime import date

from rds_lake.config.source import SourceSettings
from rds_lake.model.lake.publication import waiting
from rds_lake.stages.catalogue.raw_tables import group_versions, published_names
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.pointer import find_pointer
from rds_lake.stages.lake.snapshot_log import recorded_dates


def published_dates(lake: Lake, source: SourceSettings) -> dict[str, list[date]]:
    """Returns by table (`str(target)`) the dates with a partition that passed their checks and are not held."""
    recorded = recorded_dates(lake.s3, lake.layout, source.name)
    pointer = find_pointer(lake.s3, lake.layout, source.name)
    decided = recorded - set(waiting(pointer, recorded, manual=source.publish == "manual"))
    days = {day.isoformat(): day for day in decided}
    if not days:
        return {}
    existing = lake.glue.list_tables(source.name)
    versions = group_versions(existing)
    dates: dict[str, list[date]] = {}
    for target, views in published_names(existing).items():
        raws = [raw.table.name for view in views for raw in versions.get(view, ())]
        values = [partition.values[0] for raw in raws for partition in lake.glue.find_partitions(source.name, raw)]
        dates[target] = sorted({days[value] for value in values if value in days})
    return dates
