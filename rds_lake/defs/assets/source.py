"""The assets of one source: `snapshot_export` -> `parquet` -> `catalog` -> one asset per table."""

from collections.abc import Sequence

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs.assets.catalog import catalog_asset
from rds_lake.defs.assets.export import export_asset
from rds_lake.defs.assets.parquet import parquet_asset
from rds_lake.defs.assets.views import views_asset
from rds_lake.defs.keys import StageKeys
from rds_lake.model.tables.table import TableTarget


def source_assets(
    lake_config: LakeConfig,
    source: SourceSettings,
    keys: StageKeys,
    known: Sequence[TableTarget] | None,
    *,
    tables_checked: bool,
) -> list[dg.AssetsDefinition]:
    """Returns all assets of the source; with `athena: false` the last one is its Parquet. `tables_checked`: tables have checks."""
    stages = [export_asset(lake_config, source), parquet_asset(lake_config, source, known)]
    return (
        [*stages, catalog_asset(lake_config, source), views_asset(lake_config, source, keys, checked=tables_checked)]
        if source.athena
        else stages
    )
