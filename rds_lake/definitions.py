"""What workspace.yaml loads: the only place where the environment is read for Dagster.

RDS_LAKE_CONFIG             path of lake.yaml; default: `lake.yaml` in the working directory
RDS_LAKE_SENSOR_SECONDS     seconds between looks at the events queue; default 30
RDS_LAKE_GRACE_SECONDS      seconds that reconciliation waits for an event before it does the event's work; default 600
RDS_LAKE_POLL_SECONDS       seconds between looks at a running export, where a run waits; default 30
RDS_LAKE_HISTORY_DAYS       days after which Dagster's old runs are removed; not set: they stay for ever

What belongs here: reading the environment and files. No AWS call: a code location must load without network, and without
importing pyarrow, uvloop or a database driver, which runs import when they need them (`rds_lake_tests/defs/test_load.py`).
"""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import dagster as dg

from rds_lake.config.lake_yaml import CONFIG_FILE, LakeConfig, load_config
from rds_lake.config.source import SourceSettings
from rds_lake.defs.build import build_definitions
from rds_lake.defs.keys import table_keys
from rds_lake.defs.resources import AwsResource
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.lake.known_tables import find_known_tables
from rds_lake.stages.runs.attempt import Failed, attempt


@dg.definitions
def defs() -> dg.Definitions:
    """Returns the definitions of the lake in RDS_LAKE_CONFIG."""
    config = load_config(Path(os.environ.get("RDS_LAKE_CONFIG", CONFIG_FILE)))
    history_days = os.environ.get("RDS_LAKE_HISTORY_DAYS")
    return build_definitions(
        config,
        known_tables=known_tables(config, report=logging.getLogger("rds_lake").error),
        resources={"aws": AwsResource(poll_seconds=float(os.environ.get("RDS_LAKE_POLL_SECONDS", "30")))},
        sensor_interval_seconds=int(os.environ.get("RDS_LAKE_SENSOR_SECONDS", "30")),
        reconcile_grace_seconds=float(os.environ.get("RDS_LAKE_GRACE_SECONDS", "600")),
        history_days=int(history_days) if history_days else None,
    )


def known_tables(config: LakeConfig, *, report: Callable[[str], None]) -> dict[str, Sequence[TableTarget]]:
    """Returns the known tables of each source that has some, by source name.

    If the tables of a source cannot be read or named, this is logged, and the source gets a single `views` asset, which publishes
    the same views. Other sources are not affected.
    """
    known: dict[str, Sequence[TableTarget]] = {}
    for source in config.sources:
        tables = attempt(lambda source=source: _named(config, source))
        if isinstance(tables, Failed):
            report(f"source {source.name} has one `views` asset instead of one per table: {tables.why}")
        elif tables is not None:
            known[source.name] = tables
    return known


def _named(config: LakeConfig, source: SourceSettings) -> Sequence[TableTarget] | None:
    tables = find_known_tables(config, source)
    table_keys(source, tables)  # raises if two tables would get the same name
    return tables
