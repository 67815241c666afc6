"""The step that makes the assets of a warehouse: from the record of an ended run, or from a run that it begins and waits for.

For an ended run of the warehouse, a sensor requests a run of Dagster with its id, which takes seconds. "Materialize" begins a
run of the warehouse, and the step takes its turns until it has ended.
"""

from collections.abc import Iterator, Sequence
from time import sleep

import dagster as dg
from pydantic import Field

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.keys import Keys
from rds_lake.defs.resources import AwsResource, Gateways, utc_now
from rds_lake.defs.warehouse.metadata import of_failure
from rds_lake.defs.warehouse.reported import Counted, lake_tables, reported
from rds_lake.defs.warehouse.specs import check_specs_of, specs_of
from rds_lake.errors import RdsLakeError
from rds_lake.model.warehouse.plan import LakeTable, Step
from rds_lake.model.warehouse.record import Phase, RunRecord

BY_HAND = "dagster-"  # prefix of the ids of runs begun by "Materialize"


class WarehouseOrders(dg.Config):
    """The orders of the step."""

    run: str | None = Field(
        default=None,
        description="The ended run of the warehouse to report. Without it, the step starts a run and waits for its end.",
    )
    parameters: dict[str, str] = Field(
        default={},
        description="Values that replace those of `parameters:` in lake.yaml, for a run that the step starts.",
    )


def op_name(settings: WarehouseSettings) -> str:
    """Returns the name of the warehouse's step, for run configuration."""
    return f"{settings.name}__warehouse"


def warehouse_assets(
    config: LakeConfig, settings: WarehouseSettings, keys: Keys, steps: Sequence[Step]
) -> dg.AssetsDefinition:
    """Returns all assets of the warehouse, made by one step, as a run has one plan."""

    @dg.multi_asset(
        name=op_name(settings),
        specs=list(specs_of(settings, keys, steps)),
        check_specs=check_specs_of(settings),
        can_subset=False,
        retry_policy=RETRIES,
    )
    def warehouse(
        context: dg.AssetExecutionContext,
        config: WarehouseOrders,
        aws: AwsResource,
        gateways: dg.ResourceParam[Gateways],
    ) -> Iterator[dg.MaterializeResult]:
        with dagster_failures():
            yield from _made(context, config, aws.poll_seconds, gateways, lake_config, settings)

    lake_config = config
    return warehouse


def _made(
    context: dg.AssetExecutionContext,
    orders: WarehouseOrders,
    poll_seconds: float,
    gateways: Gateways,
    config: LakeConfig,
    settings: WarehouseSettings,
) -> Iterator[dg.MaterializeResult]:
    from rds_lake.stages.warehouse.records import close_run, get_run

    if orders.run is None:
        record = _begun_and_waited_for(context, orders, poll_seconds, gateways, config, settings)
    else:
        record = get_run(gateways.lake, settings.name, orders.run).record
    if record.phase is not Phase.ENDED:
        raise dg.Failure(
            f"run {record.plan.run} of warehouse {settings.name} has not ended; the sensor reports it when it has ended",
            allow_retries=False,
        )
    now = utc_now()
    yield from reported(record, settings, _counted(gateways, config, record), now=now)
    if orders.run is None:
        close_run(gateways.lake, settings.name, record.plan.run)
    if record.error is not None:
        raise dg.Failure(record.error, metadata=of_failure(record, settings, now=now), allow_retries=False)


def _begun_and_waited_for(
    context: dg.AssetExecutionContext,
    orders: WarehouseOrders,
    poll_seconds: float,
    gateways: Gateways,
    config: LakeConfig,
    settings: WarehouseSettings,
) -> RunRecord:
    from rds_lake.defs.warehouse.begin import begin_by_hand
    from rds_lake.defs.warehouse.opened import open_works
    from rds_lake.defs.warehouse.waiting import wait_for

    works = open_works(config, settings, gateways.clients(), gateways.lake, clock=utc_now)
    run = f"{BY_HAND}{context.run.run_id}"
    begin_by_hand(works, config, run, parameters=orders.parameters, cause=f"Dagster's run {context.run.run_id}")
    return wait_for(works, run, poll_seconds=poll_seconds, sleep=sleep, log=context.log.info)


def _counted(gateways: Gateways, config: LakeConfig, record: RunRecord) -> Counted:
    from rds_lake.stages.warehouse.loading.tables import rows_of_lake

    find = rows_of_lake(gateways.lake, {source.name: source for source in config.sources})
    counted: dict[str, int | None] = {}
    for load in lake_tables(record):
        assert isinstance(load.origin, LakeTable)
        origin = load.origin
        try:
            rows = find(origin.source, origin.snapshot_date, [origin.table]).get(origin.table)
        except RdsLakeError:
            rows = None  # retention removed the date since
        counted[load.name] = rows.rows if rows is not None else None
    return counted
