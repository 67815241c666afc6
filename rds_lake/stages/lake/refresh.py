"""Reads the tables of a source's newest manifest, which `rds-lake refresh` writes to a file for Dagster.

What belongs here: finding that manifest. The file is `known_tables.py`.
"""

from __future__ import annotations

from datetime import date

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.lake.handover import get_manifest, list_dates


def newest_tables(
    s3: S3Gateway, config: LakeConfig, source: SourceSettings
) -> tuple[date, tuple[TableTarget, ...]] | None:
    """Returns the newest manifest's date and tables; None while no date of the source is in the lake."""
    layout = LakeLayout(bucket=config.lake.bucket, prefix=config.lake.prefix)
    newest = max(list_dates(s3, layout, source.name), default=None)
    if newest is None:
        return None
    manifest = get_manifest(s3, layout, source.name, newest)
    return newest, tuple(sorted(table.target for table in manifest.tables))
