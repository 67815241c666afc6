"""One assembly for production and tests: configuration in, `Definitions` out.

What belongs here: policy over all sources. No AWS call, no environment, no file.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs.assets.approval import approval_asset
from rds_lake.defs.assets.retention import retention_definitions
from rds_lake.defs.assets.source import source_assets
from rds_lake.defs.checks.published import published_checks
from rds_lake.defs.checks.verify import verify_check
from rds_lake.defs.checks.watch import watch_check
from rds_lake.defs.resources import AwsResource
from rds_lake.defs.sensors.events import events_sensor
from rds_lake.defs.sensors.failures import failure_sensor
from rds_lake.defs.sensors.live import live_schedule
from rds_lake.defs.sensors.reconcile import reconcile_sensor
from rds_lake.defs.translate import OUTCOME, ending_keys, own_key
from rds_lake.model.tables.table import TableTarget


def build_definitions(
    config: LakeConfig,
    *,
    known_tables: Mapping[str, Sequence[TableTarget]] | None = None,
    resources: Mapping[str, Any] | None = None,
    sensor_interval_seconds: int = 30,
    reconcile_grace_seconds: float = 600,
) -> dg.Definitions:
    """All assets, checks, sensors and schedules of the lake.

    `known_tables` maps a source's name to its tables (`stages/lake/known_tables.py` reads them); a source that is not
    in it gets one `views` asset. `resources` replaces resources by key: tests give `aws` another endpoint.
    """
    assets = {
        source.name: source_assets(config, source, (known_tables or {}).get(source.name)) for source in config.sources
    }
    keys = {
        source.name: [key for asset in assets[source.name] for key in ending_keys(source, list(asset.keys))]
        for source in config.sources
    }
    sensors = [
        events_sensor(config, keys, interval_seconds=sensor_interval_seconds),
        reconcile_sensor(config, keys, interval_seconds=sensor_interval_seconds, grace_seconds=reconcile_grace_seconds),
    ]
    retention = retention_definitions(config)
    approvals = [
        approval_asset(config, source, (known_tables or {}).get(source.name))
        for source in config.sources
        if source.publish == "manual" and source.athena
    ]
    published = [
        check
        for source in config.sources
        if source.athena
        for check in published_checks(config, source, _published_by(source, keys[source.name], assets[source.name][-1]))
    ]
    if config.lake.notifications:
        sensors.append(failure_sensor(config, keys))
    return dg.Definitions(
        assets=[*(asset for group in assets.values() for asset in group), *retention.assets, *approvals],
        asset_checks=[
            *(watch_check(config, source) for source in config.sources),
            *(verify_check(config, source, source.verify) for source in config.databases if source.verify),
            *published,
        ],
        sensors=sensors,
        schedules=[
            *(live_schedule(config, source) for source in config.databases if "live" in source.snapshots),
            *retention.schedules,
        ],
        resources={"aws": AwsResource()} | dict(resources or {}),
        # Steps are seconds of API calls; a process per step would cost more than the step.
        executor=dg.in_process_executor,
    )


def _published_by(source: SourceSettings, keys: Sequence[dg.AssetKey], views: dg.AssetsDefinition) -> list[dg.AssetKey]:
    """What the checks of readers' views come after: of a held date the views' own assets are left out."""
    return [own_key(source, OUTCOME)] if source.publish == "manual" else [key for key in keys if key in views.keys]
