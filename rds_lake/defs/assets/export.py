"""`<source>/snapshot_export`: a date's export, begun or accepted."""

from collections.abc import Iterator

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs import metadata, versions
from rds_lake.defs.assets.context import Event, day_of, materialized, observed, source_run
from rds_lake.defs.checks import results as checks
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.keys import Stage, stage_key
from rds_lake.defs.orders import asked, op_name, orders_schema
from rds_lake.defs.resources import AwsResource, Gateways
from rds_lake.defs.signature import signed
from rds_lake.defs.translate import asset_attributes, partitions_of
from rds_lake.errors import SnapshotNotFoundError
from rds_lake.stages.watch.status import billed_gb, export_seconds


def export_asset(lake_config: LakeConfig, source: SourceSettings) -> dg.AssetsDefinition:
    """Returns the asset, a multi_asset of one: only with `can_subset` can a step materialize nothing and leave out its checks."""

    @dg.multi_asset(
        name=op_name(source.name, Stage.EXPORT),
        specs=[dg.AssetSpec(stage_key(source, Stage.EXPORT), skippable=True, **asset_attributes(source, Stage.EXPORT))],
        partitions_def=partitions_of(lake_config),
        check_specs=checks.specs(lake_config, source, Stage.EXPORT),
        can_subset=True,
        config_schema=orders_schema(),
        retry_policy=RETRIES,
    )
    @signed
    def snapshot_export(
        context: dg.AssetExecutionContext, aws: AwsResource, gateways: dg.ResourceParam[Gateways]
    ) -> Iterator[Event]:
        orders = asked(context)
        with dagster_failures():
            if orders.trigger == "begin":
                yield _begun(context, gateways, lake_config, source)
            else:
                yield from _accepted(context, orders.export_task, aws.poll_seconds, gateways, lake_config, source)

    return snapshot_export


def _begun(
    context: dg.AssetExecutionContext, gateways: Gateways, lake_config: LakeConfig, source: SourceSettings
) -> dg.AssetObservation:
    """Starts or adopts the export and ends. No worker waits: the event of the export's end requests the run that settles it."""
    task = source_run(context, gateways, lake_config, source).begin(day_of(context))
    return observed(context, stage_key(source, Stage.EXPORT), metadata.begun(task))


def _accepted(
    context: dg.AssetExecutionContext,
    export_task: str | None,
    poll_seconds: float,
    gateways: Gateways,
    lake_config: LakeConfig,
    source: SourceSettings,
) -> Iterator[Event]:
    """Accepts the date's finished export; without `export_task` it is started or adopted, and awaited."""
    day = day_of(context)
    run = source_run(context, gateways, lake_config, source)
    try:
        accepted = run.accept(day, export_task=export_task, poll_seconds=poll_seconds)
    except SnapshotNotFoundError as error:
        yield observed(context, stage_key(source, Stage.EXPORT), metadata.status(f"no snapshot of this date: {error}"))
        raise
    record = accepted.record
    cost = metadata.export_cost(
        lake_config.lake.prices,
        snapshot_gb=billed_gb(gateways.rds, record),
        seconds=export_seconds(record),
        of_tables=bool(accepted.record.parts),
    )
    yield from materialized(
        context,
        stage_key(source, Stage.EXPORT),
        shown=metadata.accepted(accepted) | cost,
        results=checks.completeness(source, accepted.findings, day=day),
        stop=checks.incomplete(record.export_task, accepted.findings),
        version=versions.of_export(record),
    )
