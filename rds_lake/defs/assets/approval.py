"""`<source>/publish_approval`: a person publishes a held date by materializing it; only for sources with `publish: manual`.

Its missing partitions are the dates that wait. No sensor or schedule requests it, and together with other assets of the source
("Materialize all") it publishes nothing, as that is no decision about a date. Whether a date may be published is decided by
`stages/publish/by_hand.py`.
"""

from collections.abc import Iterator

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs import metadata, reports
from rds_lake.defs.assets.context import Event, day_of, observed
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.keys import APPROVAL, OUTCOME, StageKeys, own_key
from rds_lake.defs.resources import Gateways, utc_now
from rds_lake.defs.translate import asset_tags, partitions_of
from rds_lake.stages.publish import by_hand
from rds_lake.stages.publish.publisher import Publisher
from rds_lake.stages.upkeep.own_exports import limited_to_source


def approval_asset(lake_config: LakeConfig, source: SourceSettings, keys: StageKeys) -> dg.AssetsDefinition:
    """Returns the asset. Publishing by it materializes the source's views, which have the keys `keys`."""

    @dg.multi_asset(
        name=f"{source.name}__approve",
        specs=[
            dg.AssetSpec(
                own_key(source, APPROVAL),
                deps=[own_key(source, OUTCOME)],
                skippable=True,
                group_name=source.name,
                kinds={"athena", "view"},
                tags=asset_tags(source, "approval"),
                owners=list(source.owners),
                description="Materialize a date of this asset alone to publish that date: all views of the source move to it. "
                "Dates without a materialization wait for approval, or were never published.",
                partitions_def=partitions_of(lake_config),
            )
        ],
        partitions_def=partitions_of(lake_config),
        retry_policy=RETRIES,
    )
    def approve(context: dg.AssetExecutionContext, gateways: dg.ResourceParam[Gateways]) -> Iterator[Event]:
        with dagster_failures():
            if context.run.asset_selection == {own_key(source, APPROVAL)}:
                yield _approved(context, gateways, lake_config, source, keys)
            else:
                yield _ignored(context, source)

    return approve


def _ignored(context: dg.AssetExecutionContext, source: SourceSettings) -> dg.AssetObservation:
    """Publishes nothing, as the run materializes other assets too."""
    text = f"nothing was published: materialize {source.name}/{APPROVAL} alone to publish {context.partition_key}"
    context.log.warning(text)
    return observed(context, own_key(source, APPROVAL), metadata.status(text))


def _approved(
    context: dg.AssetExecutionContext,
    gateways: Gateways,
    config: LakeConfig,
    source: SourceSettings,
    keys: StageKeys,
) -> dg.MaterializeResult:
    """Publishes the date, and records it at the assets of the views that moved."""
    from rds_lake.stages.streams.live.follow import beside  # with pyarrow: a code location loads without it

    lake = limited_to_source(gateways.lake, config, source, gateways.rds)
    log = context.log.info
    publisher = Publisher(lake=lake, source=source, now=utc_now(), log=log, beside=beside(lake, source, log))
    publication = by_hand.approve(publisher, day_of(context))
    for event in reports.published(lake, source, keys, publication, how=APPROVAL):
        context.log_event(event)
    return dg.MaterializeResult(asset_key=own_key(source, APPROVAL), metadata=metadata.moved(publication))
