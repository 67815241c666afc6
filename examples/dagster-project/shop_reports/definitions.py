"""What Dagster loads: the lake of `lake.yaml`, and this project's own definitions."""

import logging
from pathlib import Path

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig, load_config
from rds_lake.definitions import known_tables
from rds_lake.defs.build import build_definitions
from rds_lake.defs.resources import AwsResource
from rds_lake.defs.translate import partitions_of
from shop_reports.reports import Notebook, report_assets

HERE = Path(__file__).parent.parent


def project(config: LakeConfig, aws: AwsResource, notebook: Notebook) -> dg.Definitions:
    """The lake and the reports. `executor=None`: this project's own runs the steps of both."""
    known = known_tables(config, report=logging.getLogger("shop_reports").error)
    lake = build_definitions(config, known_tables=known, resources={"aws": aws}, executor=None)
    ours = dg.Definitions(
        assets=report_assets(partitions_of(config)),
        resources={"notebook": notebook},
        sensors=[
            dg.AutomationConditionSensorDefinition(
                "reports", target=dg.AssetSelection.groups("reports"), default_status=dg.DefaultSensorStatus.RUNNING
            )
        ],
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(lake, ours)


@dg.definitions
def defs() -> dg.Definitions:
    """This project."""
    return project(load_config(HERE / "lake.yaml"), AwsResource(), Notebook(folder=str(HERE / "reports")))
