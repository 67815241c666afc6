"""What workspace.yaml loads: the only place where the environment is read for Dagster.

RDS_LAKE_CONFIG             path of lake.yaml; default: `lake.yaml` in the working directory
RDS_LAKE_SENSOR_SECONDS     seconds between looks at the events queue; default 30
RDS_LAKE_GRACE_SECONDS      seconds that events are given before reconciliation does their work; default 600
RDS_LAKE_POLL_SECONDS       seconds between looks at a running export, where a run waits; default 30

What belongs here: environment and files to values. No AWS call: a code location must load without network.
"""

import os
from pathlib import Path

import dagster as dg

from rds_lake.config import CONFIG_FILE, load_config
from rds_lake.defs.build import build_definitions
from rds_lake.defs.resources import AwsResource
from rds_lake.stages.known_tables import find_known_tables


@dg.definitions
def defs() -> dg.Definitions:
    """The lake of this code location."""
    config = load_config(Path(os.environ.get("RDS_LAKE_CONFIG", CONFIG_FILE)))
    known = {source.name: find_known_tables(config, source) for source in config.sources}
    return build_definitions(
        config,
        known_tables={name: tables for name, tables in known.items() if tables is not None},
        resources={"aws": AwsResource(poll_seconds=float(os.environ.get("RDS_LAKE_POLL_SECONDS", "30")))},
        sensor_interval_seconds=int(os.environ.get("RDS_LAKE_SENSOR_SECONDS", "30")),
        reconcile_grace_seconds=float(os.environ.get("RDS_LAKE_GRACE_SECONDS", "600")),
    )
