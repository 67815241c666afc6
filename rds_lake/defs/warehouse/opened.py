"""Opens a warehouse for turns and plans from the lake's clients. It does not need Dagster, as the command line uses it too."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from rds_lake.aws.clients import AwsClients
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.infra.template.warehouse.template import warehouse_text
from rds_lake.model.warehouse.names import names_of
from rds_lake.model.warehouse.record import RunRecord
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.warehouse.loading.tables import rows_of_lake
from rds_lake.stages.warehouse.planning.plan import Planner
from rds_lake.stages.warehouse.planning.step_files import read_step_files
from rds_lake.stages.warehouse.turn import Works
from rds_lake.stages.warehouse.warehouse import Warehouse, warehouse_of
from rds_lake.stages.warehouse.work.run_context import RunContext

Clock = Callable[[], datetime]


def open_warehouse(
    config: LakeConfig, settings: WarehouseSettings, clients: AwsClients, lake: Lake, *, clock: Clock
) -> Warehouse:
    """Returns the warehouse for lease, stack and removal. No call to AWS."""
    return warehouse_of(
        clients,
        lake,
        settings,
        template=partial(warehouse_text, config, settings),
        clock=clock,
    )


def open_works(
    config: LakeConfig,
    settings: WarehouseSettings,
    clients: AwsClients,
    lake: Lake,
    *,
    clock: Clock,
    wait_seconds: int = 0,
) -> Works:
    """Returns the warehouse for turns; `wait_seconds`: how long a turn may wait for a statement, at most 30."""
    warehouse = open_warehouse(config, settings, clients, lake, clock=clock)
    sources = {source.name: source for source in config.sources}

    def context(record: RunRecord) -> RunContext:
        plan = record.plan
        # Statements and staging do not depend on the number of the lease.
        names = names_of(lake.layout, plan.warehouse, plan.run, plan.mode, 1)
        return RunContext(
            data=warehouse.statements,
            s3=warehouse.lake.s3,
            bucket=lake.layout.bucket,
            staging=names.staging,
            statements=names.statements,
            rows_of_lake=rows_of_lake(lake, sources),
            clock=clock,
            kms_key=lake.kms_key,
            keys=warehouse.keys,
            parallel=settings.parallel_loads,
            wait_seconds=wait_seconds,
        )

    return Works(lake=lake, warehouse=warehouse, context=context, clock=clock)


def open_planner(config: LakeConfig, settings: WarehouseSettings, lake: Lake, *, clock: Clock) -> Planner:
    """Returns the input of plans. Raises ConfigError if the files of `steps:` cannot be read."""
    files = read_step_files(config, settings)
    return Planner(config=config, settings=settings, lake=lake, step_files=files, clock=clock)
