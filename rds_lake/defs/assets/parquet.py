"""`<source>/parquet`: a date's files in the lake's layout, relocated or converted, and their manifest."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs import metadata, versions
from rds_lake.defs.assets.context import Event, day_of, materialized, observed, source_run
from rds_lake.defs.checks import results as checks
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.keys import Stage, stage_key
from rds_lake.defs.orders import Orders, asked, op_name, orders_schema
from rds_lake.defs.resources import AwsResource, Gateways
from rds_lake.defs.signature import signed
from rds_lake.defs.translate import asset_attributes, partitions_of
from rds_lake.errors import FullExportBegunError
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.catalogue.naming import gathered
from rds_lake.stages.runs.conversion import ConversionProgress, RunKind

if TYPE_CHECKING:
    from rds_lake.stages.source.run import SourceRun

# Why a run was requested -> what it does about Glue's runs (`stages/runs/conversion.py`). These runs never wait.
_RUN_KINDS: Mapping[str, RunKind] = {"settle": "begin", "convert": "resume"}


def parquet_asset(
    lake_config: LakeConfig, source: SourceSettings, known: Sequence[TableTarget] | None
) -> dg.AssetsDefinition:
    """Returns the asset, a multi_asset of one like `snapshot_export`: a step with an unusable export materializes nothing."""

    @dg.multi_asset(
        name=op_name(source.name, Stage.PARQUET),
        specs=[
            dg.AssetSpec(
                stage_key(source, Stage.PARQUET),
                deps=[stage_key(source, Stage.EXPORT)],
                skippable=True,
                **asset_attributes(source, Stage.PARQUET),
            )
        ],
        partitions_def=partitions_of(lake_config),
        check_specs=checks.specs(lake_config, source, Stage.PARQUET),
        can_subset=True,
        config_schema=orders_schema(),
        retry_policy=RETRIES,
    )
    @signed
    def parquet(
        context: dg.AssetExecutionContext, aws: AwsResource, gateways: dg.ResourceParam[Gateways]
    ) -> Iterator[Event]:
        with dagster_failures():
            run = source_run(context, gateways, lake_config, source)
            made = _made(context, run, asked(context), poll_seconds=aws.poll_seconds)
            if isinstance(made, Manifest):
                yield from _relocated(context, run, made, known)
            else:
                yield observed(context, stage_key(source, Stage.PARQUET), metadata.status(made))

    return parquet


def _made(
    context: dg.AssetExecutionContext, run: "SourceRun", orders: Orders, *, poll_seconds: float
) -> Manifest | str:
    """Returns the date's manifest, or the work in progress if another run will finish the date."""
    try:
        made = _advance(run, orders, context, poll_seconds=poll_seconds)
    except FullExportBegunError as error:
        # Full exports replace changes that cannot be used; the event of their end starts the next run.
        context.log.warning(str(error))
        return str(error)
    # The event of the end of Glue's run starts the next run.
    return made if isinstance(made, Manifest) else f"AWS Glue is converting the date. {made}"


def _advance(
    run: "SourceRun", orders: Orders, context: dg.AssetExecutionContext, *, poll_seconds: float
) -> Manifest | ConversionProgress:
    """Continues the date. Only a run that a person launched, or a scan, waits for AWS."""
    from rds_lake.stages.dynamodb.run import DynamoRun  # with pyarrow: a code location loads without it

    day = day_of(context)
    if not isinstance(run, DynamoRun):
        return run.relocate(day)
    run_kind = _RUN_KINDS.get(orders.trigger)
    if run_kind is not None:
        return run.convert(day, run_kind=run_kind)
    return run.convert_or_export_again(day, run_kind="by_hand", poll_seconds=poll_seconds)


def _relocated(
    context: dg.AssetExecutionContext,
    run: "SourceRun",
    manifest: Manifest,
    known: Sequence[TableTarget] | None,
) -> Iterator[Event]:
    """Yields the date's Parquet with its checks; without Athena, also the comparison with the date before."""
    source, config = run.shared.source, run.shared.config
    compared = None if source.athena else run.shared.compare_rows(manifest.snapshot_date)
    yield from materialized(
        context,
        stage_key(source, Stage.PARQUET),
        shown=metadata.relocated(config.lake.prices, manifest),
        results=[
            *_schema_checks(source, manifest, known),
            *([checks.rows_compared(source, compared)] if compared else []),
        ],
        stop=checks.dropped(source, compared) if compared else (),
        version=versions.of_manifest(manifest),
    )


def _schema_checks(
    source: SourceSettings, manifest: Manifest, known: Sequence[TableTarget] | None
) -> list[dg.AssetCheckResult]:
    brought = gathered((table.target for table in manifest.tables), source)
    expected = gathered(known, source) if known else brought
    unknown, gone = sorted(map(str, brought - expected)), sorted(map(str, expected - brought))
    return checks.relocation(source, manifest, unknown=unknown, gone=gone)
