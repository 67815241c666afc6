"""The reaper: every few minutes it removes everything that expired leases of warehouses name."""

import time
from collections.abc import Iterator, Sequence

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.defs.resources import Gateways, utc_now
from rds_lake.defs.warehouse.opened import open_warehouse
from rds_lake.stages.warehouse.reap import Reaped, forgotten, reap
from rds_lake.stages.warehouse.warehouse import Warehouse

_TICK_SECONDS = 35.0
INTERVAL_SECONDS = 300


def reaper_sensor(config: LakeConfig, *, interval_seconds: int = INTERVAL_SECONDS) -> dg.SensorDefinition:
    """Returns one sensor for all warehouses of the lake, including those no longer in lake.yaml. It requests no run."""
    # The warehouse at which the last tick was. Dagster stores no cursor of a tick that it ends, as one warehouse takes too long.
    begun: list[str] = []

    @dg.sensor(
        name="rds_lake_reaper",
        description="Removes the AWS objects of warehouses whose runs died, and verifies that they are gone.",
        # A sensor must have a target; this one requests no run.
        target=dg.AssetSelection.groups(*(settings.name for settings in config.warehouses)),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=interval_seconds,
    )
    def rds_lake_reaper(
        context: dg.SensorEvaluationContext, tick_gateways: dg.ResourceParam[Gateways]
    ) -> dg.SensorResult:
        deadline = time.monotonic() + _TICK_SECONDS
        last = begun[-1] if begun else context.cursor
        lake = tick_gateways.lake
        known = [settings.name for settings in config.warehouses]
        order = _following([*config.warehouses, *forgotten(lake, known)], last)
        for reaped in reap(_opened(config, tick_gateways, order, begun), apply=True):
            last = reaped.warehouse
            if reaped.error:
                context.log.error(f"warehouse {reaped.warehouse} could not be checked completely: {reaped.error}")
            if reaped.due or reaped.left:
                context.log.warning(sentence(reaped))
            if time.monotonic() > deadline:
                break
        return dg.SensorResult(cursor=last, skip_reason=dg.SkipReason("warehouses were checked"))

    return rds_lake_reaper


def _opened(
    config: LakeConfig, gateways: Gateways, order: Sequence[WarehouseSettings], begun: list[str]
) -> Iterator[Warehouse]:
    """Yields the warehouses; `begun` then has the name of the last one."""
    for each in order:
        begun[:] = [each.name]
        yield open_warehouse(config, each, gateways.clients(), gateways.lake, clock=utc_now)


def sentence(reaped: Reaped) -> str:
    """Returns what was removed of a warehouse with an expired lease, and what is left, as a sentence."""
    run = reaped.lease.run if reaped.lease else "nobody"
    if not reaped.left:
        return f"warehouse {reaped.warehouse}: the lease of run {run} had expired; all its objects are removed"
    left = ", ".join(f"{thing.kind} {thing.name} ({thing.state})" for thing in reaped.left)
    if not reaped.due:
        return f"warehouse {reaped.warehouse}: being removed: {left}"
    return f"warehouse {reaped.warehouse}: the lease of run {run} had expired; being removed: {left}"


def _following(warehouses: list[WarehouseSettings], last: str | None) -> list[WarehouseSettings]:
    """Returns the warehouses, beginning after the one with which the last tick ended."""
    names = [settings.name for settings in warehouses]
    at = names.index(last) + 1 if last in names else 0
    return warehouses[at:] + warehouses[:at]
