"""Dagster's definitions of a lake's warehouses."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.defs.keys import Keys
from rds_lake.defs.warehouse.assets import warehouse_assets
from rds_lake.defs.warehouse.reaper import reaper_sensor
from rds_lake.defs.warehouse.sensors import turns_sensor
from rds_lake.defs.warehouse.specs import steps_of
from rds_lake.errors import ConfigError
from rds_lake.model.warehouse.plan import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseDefinitions:
    """The assets and sensors; empty without `warehouses:` in lake.yaml."""

    assets: Sequence[dg.AssetsDefinition] = ()
    sensors: Sequence[dg.SensorDefinition] = ()


def warehouse_definitions(
    config: LakeConfig, keys: Keys, *, interval_seconds: int, reaper_seconds: int = 300
) -> WarehouseDefinitions:
    """Returns assets and sensor of each warehouse that has a load, step or result, and one reaper for all."""
    assets: list[dg.AssetsDefinition] = []
    sensors: list[dg.SensorDefinition] = []
    for settings in config.warehouses:
        steps = _steps(config, settings)
        if settings.loads or steps or settings.unload:
            made = warehouse_assets(config, settings, keys, steps)
            assets.append(made)
            sensors.append(turns_sensor(config, settings, made, interval_seconds=interval_seconds))
    if assets:
        sensors.append(reaper_sensor(config, interval_seconds=reaper_seconds))
    return WarehouseDefinitions(assets=assets, sensors=sensors)


def _steps(config: LakeConfig, settings: WarehouseSettings) -> Sequence[Step]:
    """Returns the steps, read when a code location loads. If they are wrong, everything else loads; a run reports the errors."""
    try:
        return steps_of(config, settings)
    except ConfigError as error:
        logging.getLogger("rds_lake").error("the steps of warehouse %s have no assets: %s", settings.name, error)
        return ()
