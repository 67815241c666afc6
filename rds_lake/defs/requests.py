"""From what the stages want to Dagster's run requests.

What belongs here: keys, selections and tags of the runs that sensors and schedules ask for.
"""

from collections.abc import Mapping, Sequence

import dagster as dg

from rds_lake.config import LakeConfig
from rds_lake.defs.published import FRESH
from rds_lake.defs.translate import Stage, Tag, stage_key
from rds_lake.defs.watch import WATCH_CHECK, incident_run_config
from rds_lake.stages.wanted import WantedIncident, WantedRun

# Submitting a run costs Dagster one to two seconds, within the tick that asks for it, and a tick ends after 60.
RUNS_PER_TICK = 5

Keys = Mapping[str, Sequence[dg.AssetKey]]  # every source's asset keys, in the order of the stages


def selection(keys: Keys) -> dg.AssetSelection:
    """All assets of all sources with their checks."""
    assets = dg.AssetSelection.assets(*[key for source in keys.values() for key in source])
    return assets | dg.AssetSelection.checks_for_assets(*[key for source in keys.values() for key in source])


def run_request(wanted: WantedRun | WantedIncident, config: LakeConfig, keys: Keys) -> dg.RunRequest:
    """The request for one wanted run."""
    if isinstance(wanted, WantedIncident):
        return _incident(wanted, config)
    source = config.source(wanted.source)
    tags = {
        Tag.SOURCE.value: wanted.source,
        Tag.TRIGGER.value: wanted.trigger,
        Tag.SUBJECT.value: wanted.subject,
    }
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
    return dg.RunRequest(
        run_key=wanted.key,
        asset_selection=[],
        asset_check_keys=[
            dg.AssetCheckKey(stage_key(source, Stage.EXPORT), WATCH_CHECK),
            *([dg.AssetCheckKey(stage_key(source, Stage.CATALOG), FRESH)] if source.athena else []),
        ],
        run_config=incident_run_config(source, wanted),
        tags={Tag.SOURCE.value: wanted.source, Tag.TRIGGER.value: "incident"},
    )
