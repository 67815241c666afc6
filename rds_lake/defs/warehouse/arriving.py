"""Starts the run of a JSON file that an event reports. Files without an event are found by listing (`sensors.py`)."""

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.defs.resources import Gateways, utc_now
from rds_lake.defs.warehouse.opened import open_planner
from rds_lake.errors import RdsLakeError, is_transient
from rds_lake.model.events.kinds import JsonArrived
from rds_lake.stages.warehouse.planning.inputs import Arrived, asks, take_input


def take_arrived(config: LakeConfig, gateways: Gateways, event: JsonArrived) -> str | None:
    """Returns the result for the JSON as a sentence; None if no warehouse uses JSON files in that place.

    Raises transient errors, so that the message is delivered again. Other errors are in the sentence, and listing tries
    again.
    """
    settings = next((each for each in config.warehouses if asks(each, event.bucket, event.key)), None)
    if settings is None:
        return None
    place = f"s3://{event.bucket}/{event.key}"
    try:
        return _said(place, _taken(config, settings, gateways, event))
    except RdsLakeError as error:
        if is_transient(error):
            raise
        return f"{place} could not be read; the sensor of the warehouse finds it again: {error}"


def _taken(config: LakeConfig, settings: WarehouseSettings, gateways: Gateways, event: JsonArrived) -> Arrived | None:
    planner = open_planner(config, settings, gateways.lake, clock=utc_now)
    return take_input(planner, event.bucket, event.key, event.etag)


def _said(place: str, arrived: Arrived | None) -> str:
    if arrived is None:
        return f"{place} already has a run, or no longer exists"
    if arrived.run:
        return f"{place}: run {arrived.run} was started"
    return f"{place} has {len(arrived.problems)} problems, which were written to a file beside it: {'; '.join(arrived.problems[:5])}"
