"""`<source>/changes`: the changes since the published snapshot, and the live views that show them.

It has no partitions: a turn forwards the outbox's changes (with `streams.secret`), or collects Firehose's objects (with
`capture: lambda`), compacts the changes, and moves the live views of all tables to the newest cut. Turns of one source follow
each other (`defs/sensors/changes.py`); two at once do no harm.
"""

from collections.abc import Iterator
from typing import Any, cast
from uuid import uuid4

import dagster as dg
from pydantic import Field

from rds_lake.config.database import Database
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs import metadata
from rds_lake.defs.checks import changes as checks
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.keys import CHANGES, Stage, own_key, stage_key
from rds_lake.defs.resources import Gateways, utc_now
from rds_lake.defs.translate import asset_tags
from rds_lake.stages.upkeep.own_exports import limited_to_source


class TurnOrders(dg.Config):
    """Whether the sensor requested the turn."""

    by_sensor: bool = Field(
        default=False,
        description="Set by the sensor. A turn that fails for the same reason as the turn before sends no second mail.",
    )


def by_sensor(source: str) -> dict[str, Any]:
    """Returns the run configuration of a turn that the sensor requests."""
    return {"ops": {f"{source}__{CHANGES}": {"config": {"by_sensor": True}}}}


def is_by_sensor(run: dg.DagsterRun) -> bool:
    """Whether the run is a turn that the sensor requested."""
    keys = [key for key in run.asset_selection or () if key.path[-1] == CHANGES]
    return len(keys) == 1 and dict(run.run_config) == by_sensor(keys[0].path[0])


def changed_sources(config: LakeConfig) -> list[Database]:
    """Returns the sources with this asset: their changes are captured, and they have views."""
    return [source for source in config.databases if source.streams and source.athena]


def changes_asset(lake_config: LakeConfig, source: Database) -> dg.AssetsDefinition:
    """Returns the asset of one source."""

    @dg.asset(
        key=own_key(source, CHANGES),
        deps=[stage_key(source, Stage.CATALOG)],
        group_name=source.name,
        kinds={"athena", "view"},
        tags=asset_tags(source, "changes"),
        owners=list(source.owners),
        description="Changes since the published snapshot: `changes_<table>`, `<table>_history`, and `<table>_live`, "
        + (
            "all tables of a database as of one instant."
            if source.outbox_tables
            else "with the changes that have arrived so far."
        ),
        check_specs=checks.specs(source),
        retry_policy=RETRIES,
    )
    def changes(
        context: dg.AssetExecutionContext,
        config: TurnOrders,  # noqa: ARG001 - what becomes of its failure depends on it (`sensors/failures.py`)
        gateways: dg.ResourceParam[Gateways],
    ) -> Iterator[dg.MaterializeResult]:
        with dagster_failures():
            yield from _turn(context, gateways, lake_config, source)

    return cast(dg.AssetsDefinition, changes)


def _turn(
    context: dg.AssetExecutionContext, gateways: Gateways, config: LakeConfig, source: Database
) -> Iterator[dg.MaterializeResult]:
    from rds_lake.stages.streams.health import (
        watch_outboxes,
    )  # with pyarrow and psycopg: a code location loads without them
    from rds_lake.stages.streams.live.turn import take_turn
    from rds_lake.stages.streams.outboxes import dsn_of, forwardings

    log = context.log.info
    lake = limited_to_source(gateways.lake, config, source, gateways.rds)
    reached = source.streams is not None and source.streams.secret is not None and source.outbox_tables
    find_dsn = dsn_of(source, lambda: gateways.secrets) if reached else None
    outboxes = (
        forwardings(lake, source, find_dsn, clock=utc_now, new_attempt=lambda: uuid4().hex[:12], log=log)
        if find_dsn
        else []
    )
    turn = take_turn(lake, source, outboxes, log=log)
    watched = watch_outboxes(source, find_dsn) if find_dsn else []
    yield dg.MaterializeResult(metadata=metadata.changed(turn), check_results=checks.results(source, turn, watched))
    if turn.failure is not None:
        raise turn.failure
