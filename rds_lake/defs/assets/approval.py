"""`<source>/publish_approval`: a person publishes a held date by materializing it; only for sources with `publish: manual`.

Its missing partitions are the dates that wait. No sensor or schedule ever asks for it, and together with other assets of the
source ("Materialize all") it publishes nothing: that is no decision about a date.

What belongs here: this asset. Whether a date may be published is `stages/publish/by_hand.py`.
"""

from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs import telling
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.resources import AwsResource, utc_now
from rds_lake.defs.translate import APPROVAL, OUTCOME, Tag, own_key, partitions_of
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.publish import by_hand
from rds_lake.stages.publish.publisher import Publisher
from rds_lake.stages.upkeep.own_exports import limited_to_source


def approval_asset(
    config: LakeConfig, source: SourceSettings, known: Sequence[TableTarget] | None
) -> dg.AssetsDefinition:
    """The asset; `known` are the tables whose assets it moves."""
    key = own_key(source, APPROVAL)

    @dg.multi_asset(
        name=f"{source.name}__approve",
        specs=[
            dg.AssetSpec(
                key,
                deps=[own_key(source, OUTCOME)],
                skippable=True,
                group_name=source.name,
                kinds={"athena", "view"},
                tags={Tag.SOURCE.value: source.name, "rds_lake/stage": "approval"},
                description="Materialize a date here, and nothing else with it, to publish it: all views of the source move. "
                "Dates that are missing here wait, or were never published.",
                partitions_def=partitions_of(config, source),
            )
        ],
        partitions_def=partitions_of(config, source),
        retry_policy=RETRIES,
    )
    def approve(
        context: dg.AssetExecutionContext, aws: AwsResource
    ) -> Iterator[dg.AssetObservation | dg.MaterializeResult]:
        if context.run.asset_selection != {key}:
            text = (
                f"nothing was published: materialize {source.name}/{APPROVAL} alone to publish {context.partition_key}"
            )
            context.log.warning(text)
            yield dg.AssetObservation(key, partition=context.partition_key, metadata={"rds_lake/status": text})
            return
        gateways = aws.gateways(config.lake)
        lake = limited_to_source(gateways.lake, config, source, gateways.rds)
        publisher = Publisher(lake=lake, source=source, now=utc_now(), log=context.log.info)
        with dagster_failures():
            outcome = by_hand.approve(publisher, date.fromisoformat(context.partition_key))
            for event in telling.published(publisher.lake, source, known, outcome, how=APPROVAL):
                context.log_event(event)
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={"rds_lake/views_moved": len(outcome.flipped), "rds_lake/views_dropped": list(outcome.dropped)},
        )

    return approve
