"""The views of a source, published together by one step: one asset per table, or `<source>/views` for all.

A source with `publish: manual` also has `<source>/publish_outcome`, with the outcome of every date.
"""

from collections.abc import Iterator

import dagster as dg

from rds_lake.config.database import DatabaseKeys
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs import metadata, table_metadata, versions
from rds_lake.defs.assets.context import Event, day_of, observed, source_run
from rds_lake.defs.checks import tables as table_checks
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.keys import Stage, StageKeys, stage_key
from rds_lake.defs.orders import asked, op_name, orders_schema
from rds_lake.defs.resources import Gateways, utc_now
from rds_lake.defs.signature import signed
from rds_lake.defs.translate import asset_attributes, freshness_of, partitions_of
from rds_lake.errors import ManifestError
from rds_lake.model.lake.publication import State
from rds_lake.model.tables.described import Described
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.checks.described import find_described
from rds_lake.stages.checks.previous import RowComparison
from rds_lake.stages.source.outcomes import Published
from rds_lake.stages.source.stages import SharedStages


def views_asset(
    lake_config: LakeConfig, source: SourceSettings, keys: StageKeys, *, checked: bool
) -> dg.AssetsDefinition:
    """Returns one step that moves all views: with `can_subset=False`, no table can be published alone.

    `checked`: each table has its own checks (`defs/checks/tables.py`).
    """

    @dg.multi_asset(
        name=op_name(source.name, Stage.VIEWS),
        specs=_specs(lake_config, source, keys),
        check_specs=table_checks.specs(lake_config, source, keys) if checked else None,
        can_subset=False,
        config_schema=orders_schema(),
        retry_policy=RETRIES,
    )
    @signed
    def publish(context: dg.AssetExecutionContext, gateways: dg.ResourceParam[Gateways]) -> Iterator[Event]:
        asked(context)
        with dagster_failures():
            stages = source_run(context, gateways, lake_config, source).shared
            compared = stages.compare_rows(day_of(context))
            known = _known(context, gateways, stages, compared)
            outcome = stages.publish(day_of(context), now=utc_now())
            yield from _published(context, source, keys, outcome, known)
            if checked:
                yield from table_checks.results(source, keys, outcome, compared, known.lost)

    return publish


def _published(
    context: dg.AssetExecutionContext,
    source: SourceSettings,
    keys: StageKeys,
    outcome: Published,
    known: table_metadata.Known,
) -> Iterator[Event]:
    held = outcome.publication.state is State.HELD
    for target, key in keys.tables.items():
        shown = table_metadata.table_published(source, outcome, target, day_of(context), known)
        # For a held date no view moved, so no downstream asset has to start. Otherwise no key is left
        # out, which would silently skip every step behind it: a table that is gone is materialized as absent.
        made = dg.MaterializeResult(asset_key=key, metadata=shown, data_version=versions.of_published(outcome, target))
        yield observed(context, key, shown) if held else made
    if keys.outcome:
        yield dg.MaterializeResult(asset_key=keys.outcome, metadata=metadata.published(outcome))


def _known(
    context: dg.AssetExecutionContext, gateways: Gateways, stages: SharedStages, compared: RowComparison
) -> table_metadata.Known:
    """Returns further facts about the date's tables; those from `catalog` are read from Dagster's record of it."""
    of_date = dg.AssetRecordsFilter(stage_key(stages.source, Stage.CATALOG), asset_partitions=[context.partition_key])
    records = context.instance.fetch_materializations(of_date, limit=1).records
    return table_metadata.Known(
        compared=compared,
        lost=metadata.lost_values(records[0].asset_materialization if records else None),
        console=gateways.console,
        described=_described(context, gateways, stages.source),
    )


def _described(context: dg.AssetExecutionContext, gateways: Gateways, source: SourceSettings) -> Described:
    """Returns the database's last descriptions of its columns. A damaged record is only a warning in the log."""
    if not isinstance(source, DatabaseKeys) or source.verify is None:
        return Described()
    try:
        return find_described(gateways.lake, source.name)
    except ManifestError as error:
        context.log.warning(f"columns are shown without the database's comments: {error}")
        return Described()


def _specs(lake_config: LakeConfig, source: SourceSettings, keys: StageKeys) -> list[dg.AssetSpec]:
    # Every table's spec is a copy of the first with its own key and description, and Dagster checks the shared part only once: of
    # 1,000 tables that is a tenth of the time in which a code location loads (`python -m bench.definitions`).
    first = dg.AssetSpec(
        next(iter(keys.tables.values())),
        skippable=source.publish == "manual",
        deps=[dg.AssetDep(stage_key(source, Stage.CATALOG))],
        freshness_policy=freshness_of(source),
        partitions_def=partitions_of(lake_config),
        **asset_attributes(source, Stage.VIEWS),
    )
    specs = [
        first._replace(key=key, description=_description(target) if target else first.description)
        for target, key in keys.tables.items()
    ]
    if keys.outcome:
        outcome = "The outcome of each date: published, held for approval, or older than the published date."
        specs.append(first._replace(key=keys.outcome, skippable=False, description=outcome, freshness_policy=None))
    return specs


def _description(target: TableTarget) -> str:
    return f"`{target}` as a typed Athena view of the published snapshot date."
