"""Converts the stages' wanted runs to Dagster's run requests: keys, selections, configuration and tags."""

from collections.abc import Mapping
from typing import Literal

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs.checks.published import FRESH
from rds_lake.defs.checks.watch import WATCH_CHECK, incident_run_config
from rds_lake.defs.keys import Keys, Stage, StageKeys, stage_key
from rds_lake.defs.orders import configured
from rds_lake.defs.resources import utc_now
from rds_lake.defs.translate import DagsterTag, Tag
from rds_lake.stages.runs.wanted import Trigger, WantedIncident, WantedRun

# Submitting a run costs Dagster one to two seconds, within the tick that asks for it, and a tick ends after 60.
RUNS_PER_TICK = 5

# Priorities of queued runs: first those that take seconds and let AWS work or repair views, then those that bring a day to its
# readers, then those that read for hours. Every run that a person launches, and every run of a backfill, has 0 and comes last.
_RANKS: Mapping[Trigger | Literal["incident"], int] = {
    "incident": 400,
    "repair": 350,
    "begin": 300,
    "settle": 200,
    "convert": 200,
    "scan": 100,
}
_MOST_PRIORITY = 49  # of a source, so that it orders the runs of one kind and never two kinds


def selection(keys: Keys) -> dg.AssetSelection:
    """Returns what sensors may request: the assets of all sources, with their checks.

    Sensors use it as `asset_selection=`, with the job that all assets have. `target=` would create a job of as many
    assets for each sensor, which every run and tick would load.
    """
    return dg.AssetSelection.key_prefixes(*([name] for name in keys))


def priority_tags(trigger: Trigger | Literal["incident"], priority: int) -> dict[str, str]:
    """Returns the tag for the place in Dagster's queue of a run from a sensor or schedule; `priority`: the source's."""
    own = max(-_MOST_PRIORITY, min(_MOST_PRIORITY, priority))
    return {DagsterTag.PRIORITY.value: str(_RANKS[trigger] + own)}


def run_request(wanted: WantedRun | WantedIncident, config: LakeConfig, keys: Keys) -> dg.RunRequest:
    """Returns the request for one wanted run."""
    if isinstance(wanted, WantedIncident):
        return _incident(wanted, config)
    source = config.source(wanted.source)
    assets = _assets(wanted, keys[source.name])
    return dg.RunRequest(
        run_key=wanted.key,
        partition_key=wanted.snapshot_date.isoformat(),
        asset_selection=assets,
        run_config=configured(source, wanted, assets),
        tags=_tags(wanted) | priority_tags(wanted.trigger, source.run_priority),
    )


def _tags(wanted: WantedRun) -> dict[str, str]:
    """Returns the tags by which later ticks, and people in the UI, find the run."""
    tags = {Tag.SOURCE: wanted.source, Tag.TRIGGER: wanted.trigger, Tag.SUBJECT: wanted.subject}
    task = {Tag.EXPORT_TASK: wanted.export_task} if wanted.export_task else {}
    return {name.value: value for name, value in (tags | task).items()}


def _assets(wanted: WantedRun, keys: StageKeys) -> list[dg.AssetKey]:
    if wanted.trigger == "convert":
        return list(keys.from_parquet)
    if wanted.trigger == "repair":
        return list(keys.from_catalog)
    return list(keys.whole) if wanted.whole_source else [keys.snapshot_export]


def _incident(wanted: WantedIncident, config: LakeConfig) -> dg.RunRequest:
    """Returns a run of only the source's watch check, which fails with the incident's message and so is mailed, once per key."""
    source = config.source(wanted.source)
    today = utc_now().date().isoformat()
    return dg.RunRequest(
        run_key=wanted.key,
        # The date has no meaning here, but checks by date cannot run without one.
        partition_key=today,
        asset_selection=[],
        asset_check_keys=[
            dg.AssetCheckKey(stage_key(source, Stage.EXPORT), WATCH_CHECK),
            *([dg.AssetCheckKey(stage_key(source, Stage.CATALOG), FRESH)] if source.athena else []),
        ],
        run_config=incident_run_config(source, wanted),
        tags={Tag.SOURCE.value: wanted.source, Tag.TRIGGER.value: "incident"}
        | priority_tags("incident", source.run_priority),
    )
