"""`<source>/catalog`: catalogues a date in Glue and reads it back through Athena."""

from collections.abc import Iterator
from typing import cast

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs import metadata
from rds_lake.defs.assets.context import Event, day_of, materialized, source_run
from rds_lake.defs.checks import results as checks
from rds_lake.defs.checks.schema_report import changed_tables, schema_changes
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.keys import Stage, stage_key
from rds_lake.defs.orders import asked, orders_schema
from rds_lake.defs.resources import Gateways
from rds_lake.defs.signature import signed
from rds_lake.defs.translate import asset_attributes, partitions_of
from rds_lake.stages.source.stages import SharedStages


def catalog_asset(lake_config: LakeConfig, source: SourceSettings) -> dg.AssetsDefinition:
    """Returns the asset; sources with `athena: false` do not have it."""

    @dg.asset(
        key=stage_key(source, Stage.CATALOG),
        deps=[stage_key(source, Stage.PARQUET)],
        partitions_def=partitions_of(lake_config),
        check_specs=checks.specs(lake_config, source, Stage.CATALOG),
        config_schema=orders_schema(),
        retry_policy=RETRIES,
        **asset_attributes(source, Stage.CATALOG),
    )
    @signed
    def catalog(context: dg.AssetExecutionContext, gateways: dg.ResourceParam[Gateways]) -> Iterator[Event]:
        asked(context)
        with dagster_failures():
            yield from _catalogued(context, source_run(context, gateways, lake_config, source).shared)

    return cast(dg.AssetsDefinition, catalog)


def _catalogued(context: dg.AssetExecutionContext, stages: SharedStages) -> Iterator[Event]:
    source, day = stages.source, day_of(context)
    outcome = stages.catalogue(day)
    compared = stages.compare_rows(day)
    yield from materialized(
        context,
        stage_key(source, Stage.CATALOG),
        shown=metadata.catalogued(outcome, casts_counted=source.counts_casts) | changed_tables(outcome.synced),
        results=[
            *checks.quality(source, outcome.quality, day=day),
            checks.within_limits(source, outcome.left_out, day=day),
            checks.rows_compared(source, compared),
            schema_changes(source, outcome.synced, day=day),
        ],
        stop=[*checks.unreadable(outcome.quality), *checks.dropped(source, compared)],
    )
