"""The assets of one source: `snapshot_export` -> `parquet` -> `catalog` -> one asset per table.

What belongs here: reading the run's context, calling one stage, reporting. What does not: rules of the pipeline.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import dagster as dg

from rds_lake.aws.sns import SnsGateway
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs.asked import orders_of
from rds_lake.defs.checks import results as checks
from rds_lake.defs.checks.schema_report import changed_tables, schema_changes
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.resources import AwsResource, utc_now
from rds_lake.defs.translate import (
    OUTCOME,
    Stage,
    Tag,
    asset_attributes,
    export_cost_metadata,
    manifest_metadata,
    own_key,
    partitions_of,
    published_metadata,
    relocation_cost_metadata,
    stage_key,
    table_key,
)
from rds_lake.errors import FullExportBegunError
from rds_lake.model.exports.task import ExportTask
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.publication import State
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.catalogue.naming import gathered, view_names
from rds_lake.stages.databases.run import DatabaseRun
from rds_lake.stages.dynamodb.run import DynamoRun
from rds_lake.stages.lake.known_tables import TABLE_ASSETS_LIMIT
from rds_lake.stages.runs.advanced import Advanced, Turn
from rds_lake.stages.runs.notify import render_held
from rds_lake.stages.source.run import SourceRun
from rds_lake.stages.watch.sources import run_of
from rds_lake.stages.watch.status import export_seconds, snapshot_gb, tables_gb

# What a sensor asked a run for -> what it does about conversions by Glue (`stages/dynamodb/converting/glue_convert.py`).
_TURNS: Mapping[str, Turn] = {"settle": "begin", "convert": "resume"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTables:
    """The tables of a source that have assets: view name -> original table. None: one `views` asset."""

    views: dict[str, TableTarget] | None

    @classmethod
    def of(cls, source: SourceSettings, known: Sequence[TableTarget] | None) -> "SourceTables":
        """One asset per table where the tables are known, wanted and few enough for Dagster's event log."""
        if not known or not source.table_assets or len(known) > TABLE_ASSETS_LIMIT:
            return cls(views=None)
        return cls(views={view: target for target, view in view_names(known, source).items()})


def source_assets(
    config: LakeConfig, source: SourceSettings, known: Sequence[TableTarget] | None
) -> list[dg.AssetsDefinition]:
    """All assets of the source; a source with `athena: false` ends at its Parquet."""
    stages = [_export_asset(config, source), _parquet_asset(config, source, known)]
    if source.athena:
        stages += [
            _catalog_asset(config, source),
            _views_asset(config, source, SourceTables.of(source, known)),
        ]
    return stages


def _export_asset(config: LakeConfig, source: SourceSettings) -> dg.AssetsDefinition:
    key = stage_key(source, Stage.EXPORT)

    # A multi_asset of one: only with `can_subset` may a step that materializes nothing leave its checks out too.
    @dg.multi_asset(
        name=f"{source.name}__{Stage.EXPORT}",
        specs=[dg.AssetSpec(key, skippable=True, **asset_attributes(source, Stage.EXPORT))],
        partitions_def=partitions_of(config, source),
        check_specs=checks.specs(config, source, Stage.EXPORT),
        can_subset=True,
        retry_policy=RETRIES,
    )
    def snapshot_export(
        context: dg.AssetExecutionContext, aws: AwsResource
    ) -> Iterator[dg.AssetObservation | dg.MaterializeResult]:
        run = _source_run(context, aws, config, source)
        tags = orders_of(context.run)
        with dagster_failures():
            if tags.get(Tag.TRIGGER) == "begin":
                # The event path holds no worker: the completion event brings the run that continues.
                task = run.begin(_day(context))
                yield dg.AssetObservation(key, partition=context.partition_key, metadata=_begun(task))
                return
            accepted = run.accept(_day(context), export_task=tags.get(Tag.EXPORT_TASK), poll_seconds=aws.poll_seconds)
            gb = snapshot_gb(run.rds, accepted.record) if isinstance(run, DatabaseRun) else tables_gb(accepted.record)
        yield dg.MaterializeResult(
            asset_key=key,
            metadata=accepted.metadata()
            | export_cost_metadata(
                config.lake.prices,
                snapshot_gb=gb,
                seconds=export_seconds(accepted.record),
                of_tables=bool(accepted.record.parts),
            ),
            check_results=checks.completeness(source, accepted.findings, day=_day(context)),
        )
        checks.stop_if_incomplete(accepted.record.export_task, accepted.findings)

    return snapshot_export


def _begun(task: ExportTask | None) -> dict[str, Any]:
    """What a run that only begins tells: the task, or that AWS has no place for it yet."""
    if task is None:
        return {"rds_lake/status": "waiting for one of AWS's places; reconciliation starts it"}
    return {"rds_lake/export_task": task.identifier, "rds_lake/status": task.status.value}


def _parquet_asset(
    config: LakeConfig, source: SourceSettings, known: Sequence[TableTarget] | None
) -> dg.AssetsDefinition:
    key = stage_key(source, Stage.PARQUET)

    # As of `snapshot_export`: a step that finds its export of no use materializes nothing.
    @dg.multi_asset(
        name=f"{source.name}__{Stage.PARQUET}",
        specs=[
            dg.AssetSpec(
                key,
                deps=[stage_key(source, Stage.EXPORT)],
                skippable=True,
                **asset_attributes(source, Stage.PARQUET),
            )
        ],
        partitions_def=partitions_of(config, source),
        check_specs=checks.specs(config, source, Stage.PARQUET),
        can_subset=True,
        retry_policy=RETRIES,
    )
    def parquet(
        context: dg.AssetExecutionContext, aws: AwsResource
    ) -> Iterator[dg.AssetObservation | dg.MaterializeResult]:
        with dagster_failures():
            run = _source_run(context, aws, config, source)
            try:
                manifest = _relocated(run, context, aws)
            except FullExportBegunError as error:
                # Full exports take the place of changes that cannot be used; their end brings the run that continues.
                context.log.warning(str(error))
                metadata = {"rds_lake/status": str(error)}
                yield dg.AssetObservation(key, partition=context.partition_key, metadata=metadata)
                return
            if not isinstance(manifest, Manifest):
                # Glue goes on by itself: the event that a run of it ended brings the run that continues.
                status = {"rds_lake/status": f"AWS Glue converts. {manifest}"}
                yield dg.AssetObservation(key, partition=context.partition_key, metadata=status)
                return
            compared = None if source.athena else run.shared.compare_rows(_day(context))
            reported = _relocation_checks(source, manifest, known)
        yield dg.MaterializeResult(
            asset_key=key,
            metadata=manifest_metadata(manifest) | relocation_cost_metadata(config.lake.prices, manifest),
            check_results=[*reported, *([checks.rows_compared(source, compared)] if compared else [])],
        )
        if compared is not None:
            checks.stop_if_dropped(source, compared)

    return parquet


def _relocation_checks(
    source: SourceSettings, manifest: Manifest, known: Sequence[TableTarget] | None
) -> list[dg.AssetCheckResult]:
    brought = gathered((table.target for table in manifest.tables), source)
    expected = gathered(known, source) if known else brought
    unknown, gone = sorted(map(str, brought - expected)), sorted(map(str, expected - brought))
    return list(checks.relocation(source, manifest, unknown=unknown, gone=gone))


def _relocated(run: SourceRun, context: dg.AssetExecutionContext, aws: AwsResource) -> Manifest | Advanced:
    """A run that settles exports never waits for AWS; one that a person started may."""
    if not isinstance(run, DynamoRun):
        return run.relocate(_day(context))
    tags = orders_of(context.run)
    turn = _TURNS.get(tags.get(Tag.TRIGGER, ""), "by_hand")
    if Tag.EXPORT_TASK in tags:
        return run.advance(_day(context), turn=turn)
    return run.advance_awaiting(_day(context), turn=turn, poll_seconds=aws.poll_seconds)


def _catalog_asset(config: LakeConfig, source: SourceSettings) -> dg.AssetsDefinition:
    @dg.asset(
        key=stage_key(source, Stage.CATALOG),
        deps=[stage_key(source, Stage.PARQUET)],
        partitions_def=partitions_of(config, source),
        check_specs=checks.specs(config, source, Stage.CATALOG),
        retry_policy=RETRIES,
        **asset_attributes(source, Stage.CATALOG),
    )
    def catalog(context: dg.AssetExecutionContext, aws: AwsResource) -> Iterator[dg.MaterializeResult]:
        with dagster_failures():
            run = _source_run(context, aws, config, source)
            outcome = run.shared.catalogue(_day(context))
            compared = run.shared.compare_rows(_day(context))
        yield dg.MaterializeResult(
            metadata=outcome.metadata() | changed_tables(outcome.synced),
            check_results=[
                *checks.quality(source, outcome.quality, day=_day(context)),
                checks.within_limits(source, outcome.left_out, day=_day(context)),
                checks.rows_compared(source, compared),
                schema_changes(source, outcome.synced, day=_day(context)),
            ],
        )
        checks.stop_if_unreadable(outcome.quality)
        checks.stop_if_dropped(source, compared)

    return cast(dg.AssetsDefinition, catalog)


def _views_asset(config: LakeConfig, source: SourceSettings, tables: SourceTables) -> dg.AssetsDefinition:
    """One step that flips all views: `can_subset=False`, so that no table can be published alone."""
    keys = {view: table_key(source, view) for view in tables.views or {}} or {
        Stage.VIEWS.value: stage_key(source, Stage.VIEWS)
    }
    attributes = asset_attributes(source, Stage.VIEWS)

    @dg.multi_asset(
        name=f"{source.name}__publish",
        specs=[
            dg.AssetSpec(
                key,
                deps=[stage_key(source, Stage.CATALOG)],
                partitions_def=partitions_of(config, source),
                skippable=source.publish == "manual",
                **_described(attributes, tables, view),
            )
            for view, key in keys.items()
        ]
        + _outcome_specs(config, source),
        partitions_def=partitions_of(config, source),
        can_subset=False,
        retry_policy=RETRIES,
    )
    def publish(
        context: dg.AssetExecutionContext, aws: AwsResource
    ) -> Iterator[dg.AssetObservation | dg.MaterializeResult]:
        with dagster_failures():
            outcome = _source_run(context, aws, config, source).shared.publish(_day(context), now=utc_now())
        held = outcome.publication.state is State.HELD
        for view, key in keys.items():
            # By the table: a name published before it was lake.yaml's own stays in Athena, and is no asset's key.
            target = tables.views[view] if tables.views else None
            metadata = published_metadata(source, outcome, target, _day(context))
            if held:
                # No view moved, so nothing that waits for these assets has a reason to start.
                yield dg.AssetObservation(key, partition=context.partition_key, metadata=metadata)
            else:
                # A key left out would silently skip every step behind it: a table that is gone is said to be gone.
                yield dg.MaterializeResult(asset_key=key, metadata=metadata)
        if source.publish == "manual":
            yield dg.MaterializeResult(asset_key=own_key(source, OUTCOME), metadata=outcome.metadata())

    return publish


def _outcome_specs(config: LakeConfig, source: SourceSettings) -> list[dg.AssetSpec]:
    """Of a source with `publish: manual`, what became of each date: a held one materializes nothing else here."""
    if source.publish != "manual":
        return []
    attributes: dict[str, Any] = asset_attributes(source, Stage.VIEWS)
    attributes["description"] = "What became of each date: published, held for a person, or older."
    return [
        dg.AssetSpec(
            own_key(source, OUTCOME),
            deps=[stage_key(source, Stage.CATALOG)],
            partitions_def=partitions_of(config, source),
            **attributes,
        )
    ]


def _described(attributes: dict[str, Any], tables: SourceTables, view: str) -> dict[str, Any]:
    """The attributes, with the table's own description where there is a table."""
    if tables.views is None:
        return attributes
    return attributes | {
        "description": f"`{tables.views[view]}` as a typed Athena view of the published snapshot date."
    }


def _source_run(
    context: dg.AssetExecutionContext, aws: AwsResource, config: LakeConfig, source: SourceSettings
) -> SourceRun:
    gateways = aws.gateways(config.lake)
    return run_of(
        config,
        source,
        rds=gateways.rds,
        dynamodb=gateways.dynamodb,
        lake=gateways.lake,
        log=context.log.info,
        announce=lambda day: _announce_held(gateways.topic, source.name, day),
    )


def _announce_held(topic: SnsGateway | None, source: str, day: date) -> None:
    """Once per held date: nothing failed, and still a person is needed."""
    if topic is not None:
        mail = render_held(source, day)
        topic.publish(subject=mail.subject, message=mail.body)


def _day(context: dg.AssetExecutionContext) -> date:
    return date.fromisoformat(context.partition_key)
