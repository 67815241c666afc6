"""Builds `Definitions` from the configuration, for production and tests.

No AWS call and no environment; it reads only `steps:` files.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs.assets.approval import approval_asset
from rds_lake.defs.assets.changes import changed_sources, changes_asset
from rds_lake.defs.assets.report import report_definitions
from rds_lake.defs.assets.retention import retention_definitions
from rds_lake.defs.assets.source import source_assets
from rds_lake.defs.checks.changed_rows import changed_rows_check
from rds_lake.defs.checks.diff_views import diff_views_check
from rds_lake.defs.checks.published import published_checks
from rds_lake.defs.checks.tables import checked_sources
from rds_lake.defs.checks.verify import verify_check
from rds_lake.defs.checks.watch import watch_check
from rds_lake.defs.history import history_schedule
from rds_lake.defs.keys import Keys, StageKeys
from rds_lake.defs.resources import AwsResource, lake_resources
from rds_lake.defs.sensors.changes import changes_sensor
from rds_lake.defs.sensors.events import events_sensor
from rds_lake.defs.sensors.failures import failure_sensor
from rds_lake.defs.sensors.live import live_schedule
from rds_lake.defs.sensors.reconcile import reconcile_sensor
from rds_lake.defs.warehouse.arriving import take_arrived
from rds_lake.defs.warehouse.build import warehouse_definitions
from rds_lake.model.tables.table import TableTarget


def build_definitions(
    config: LakeConfig,
    *,
    known_tables: Mapping[str, Sequence[TableTarget]] | None = None,
    resources: Mapping[str, Any] | None = None,
    sensor_interval_seconds: int = 30,
    reconcile_grace_seconds: float = 600,
    executor: dg.ExecutorDefinition | None = dg.in_process_executor,
    history_days: int | None = None,
) -> dg.Definitions:
    """Returns all assets, checks, sensors and schedules of the lake.

    `known_tables`: each source's tables, by name (from `stages/lake/known_tables.py`); other sources get one `views` asset.
    `resources` replaces resources by key: tests give `aws` another endpoint. `executor`: None if the definitions are merged
    into a project with its own. `history_days`: a daily job removes runs that ended so long ago (`history.py`); None: Dagster
    keeps them forever.

    Raises ConfigError if two tables of a source want one view name.
    """
    known = known_tables or {}
    keys = {source.name: StageKeys.of(source, known.get(source.name)) for source in config.sources}
    retention, report = retention_definitions(config), report_definitions(config)
    warehouses = warehouse_definitions(config, keys, interval_seconds=sensor_interval_seconds)
    live = [live_schedule(config, source) for source in config.databases if "live" in source.snapshots]
    history = [history_schedule(config, history_days)] if history_days is not None else []
    return dg.Definitions(
        assets=[*_assets(config, keys, known), *retention.assets, *report.assets, *warehouses.assets],
        asset_checks=_checks(config, keys),
        # Lists, as Dagster iterates over them more than once.
        sensors=[
            *_sensors(config, keys, interval_seconds=sensor_interval_seconds, grace_seconds=reconcile_grace_seconds),
            *warehouses.sensors,
        ],
        schedules=[*live, *retention.schedules, *report.schedules, *history],
        resources={"aws": AwsResource()} | lake_resources(config.lake) | dict(resources or {}),
        # Steps are seconds of API calls; a process per step would cost more than the step.
        executor=executor,
    )


def _assets(
    config: LakeConfig, keys: Keys, known: Mapping[str, Sequence[TableTarget]]
) -> Iterator[dg.AssetsDefinition]:
    checked = checked_sources(config, keys)
    for source in config.sources:
        own, tables = keys[source.name], known.get(source.name)
        yield from source_assets(config, source, own, tables, tables_checked=source.name in checked)
        if keys[source.name].outcome:
            yield approval_asset(config, source, keys[source.name])
    for source in changed_sources(config):
        yield changes_asset(config, source)


def _checks(config: LakeConfig, keys: Keys) -> list[dg.AssetChecksDefinition]:
    """Returns the checks that are separate steps; a stage's checks belong to its asset."""
    checks: list[dg.AssetChecksDefinition] = []
    for source in config.sources:
        checks.append(watch_check(config, source))
        if source.athena:
            checks += published_checks(config, source, keys[source.name])
        if source.athena and source.changes:
            checks.append(changed_rows_check(config, source, source.changes, keys[source.name]))
        if source.athena and source.diff_views:
            checks.append(diff_views_check(config, source, keys[source.name]))
    checks += [verify_check(config, source, source.verify) for source in config.databases if source.verify]
    return checks


def _sensors(
    config: LakeConfig, keys: Keys, *, interval_seconds: int, grace_seconds: float
) -> Iterator[dg.SensorDefinition]:
    take_json = partial(take_arrived, config)
    yield events_sensor(config, keys, interval_seconds=interval_seconds, take_json=take_json)
    yield reconcile_sensor(config, keys, interval_seconds=interval_seconds, grace_seconds=grace_seconds)
    for source in changed_sources(config):
        yield changes_sensor(source)
    if config.lake.notifications or config.lake.notify.webhook:
        yield failure_sensor(config, keys)
