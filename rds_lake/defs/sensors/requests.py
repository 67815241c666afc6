"""From what the stages want to Dagster's run requests.

What belongs here: keys, selections and tags of the runs that sensors and schedules ask for.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs.checks.published import FRESH
from rds_lake.defs.checks.watch import WATCH_CHECK, incident_run_config
from rds_lake.defs.resources import utc_now
from rds_lake.defs.translate import Stage, Tag, stage_key
from rds_lake.stages.runs.wanted import Trigger, WantedIncident, WantedRun

# Submitting a run costs Dagster one to two seconds, within the tick that asks for it, and a tick ends after 60.
RUNS_PER_TICK = 5

PRIORITY = "dagster/priority"
# Which of the queued runs goes first: what takes seconds and lets AWS work or puts views right, then what brings a day to its
# readers, then what reads for hours. Every run that a person launches, and every one of a backfill, has 0 and comes behind.
_RANKS: Mapping[Trigger | Literal["incident"], int] = {
    "incident": 400,
    "repair": 350,
    "begin": 300,
    "settle": 200,
    "convert": 200,
    "scan": 100,
}
_MOST_PRIORITY = 49  # of a source, so that it orders the runs of one kind and never two kinds

Keys = Mapping[str, Sequence[dg.AssetKey]]  # every source's asset keys, in the order of the stages


def selection(keys: Keys) -> dg.AssetSelection:
    """All assets of all sources with their checks."""
    assets = dg.AssetSelection.assets(*[key for source in keys.values() for key in source])
    return assets | dg.AssetSelection.checks_for_assets(*[key for source in keys.values() for key in source])


def priority_tags(trigger: Trigger | Literal["incident"], priority: int) -> dict[str, str]:
    """The place in Dagster's queue of a run that a sensor or schedule asks for; `priority` is the source's."""
    own = max(-_MOST_PRIORITY, min(_MOST_PRIORITY, priority))
    return {PRIORITY: str(_RANKS[trigger] + own)}


def run_request(wanted: WantedRun | WantedIncident, config: LakeConfig, keys: Keys) -> dg.RunRequest:
    """The request for one wanted run."""
    if isinstance(wanted, WantedIncident):
        return _incident(wanted, config)
    source = config.source(wanted.source)
    tags = {
        Tag.SOURCE.value: wanted.source,
        Tag.TRIGGER.value: wanted.trigger,
        Tag.SUBJECT.value: wanted.subject,
    } | priority_tags(wanted.trigger, source.run_priority)
    if wanted.export_task:
        tags[Tag.EXPORT_TASK.value] = wanted.export_task
    return dg.RunRequest(
        run_key=wanted.key,
        partition_key=wanted.snapshot_date.isoformat(),
        asset_selection=_assets(wanted, keys[source.name]),
        tags=tags,
    )


def _assets(wanted: WantedRun, keys: Sequence[dg.AssetKey]) -> list[dg.AssetKey]:
    """`keys` in the order of the stages, `snapshot_export` first."""
    if wanted.trigger == "convert":
        return list(keys[1:])
    if wanted.trigger == "repair":
        return list(keys[2:])
    return list(keys) if wanted.whole_source else list(keys[:1])


def _incident(wanted: WantedIncident, config: LakeConfig) -> dg.RunRequest:
    """A run of the source's watch check alone, which fails with the incident's words and so is mailed, once per key."""
    source = config.source(wanted.source)
    today = utc_now().date().isoformat()
    return dg.RunRequest(
        run_key=wanted.key,
        # The date has no part in it: checks by date have no other way to run.
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
