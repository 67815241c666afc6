"""Labels of a source's assets, checks and runs in Dagster: groups, kinds, descriptions, tags, partitions.

What belongs here: labels. Keys are `keys.py`, metadata of events is `metadata.py`.
"""

import warnings
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TypedDict

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs.keys import Stage
from rds_lake.defs.versions import CODE_VERSIONS


class Tag(StrEnum):
    """Tags of runs, by which runs are searched and counted. What a run does is its configuration (`orders.py`)."""

    SOURCE = "rds_lake/source"
    TRIGGER = "rds_lake/trigger"
    EXPORT_TASK = "rds_lake/export_task"
    SUBJECT = "rds_lake/subject"
    TRIES = "rds_lake/tries"  # how often the work of a run was taken up again (`stages/runs/healing.py`)


class DagsterTag(StrEnum):
    """Dagster's own tags of runs that are read or set here; it has no public names for most of them."""

    PARTITION = "dagster/partition"
    RANGE_START = "dagster/asset_partition_range_start"
    RANGE_END = "dagster/asset_partition_range_end"
    PRIORITY = "dagster/priority"
    PARENT = "dagster/parent_run_id"
    RETRY = "dagster/retry_number"
    WILL_RETRY = "dagster/will_retry"
    DATA_VERSION = "dagster/data_version"  # of materializations


_STAGE_TAG = "rds_lake/stage"  # of assets

_KINDS: Mapping[Stage, set[str]] = {
    Stage.PARQUET: {"s3", "parquet"},
    Stage.CATALOG: {"aws", "table"},
    Stage.VIEWS: {"athena", "view"},
}

_DESCRIPTIONS: Mapping[Stage, str] = {
    Stage.CATALOG: "Raw Glue tables and the date's partitions, made from the manifest and read back through Athena.",
    Stage.VIEWS: "Typed Athena views of the source, moved together to one snapshot date.",
}

_IN_PLACE = (
    "AWS's own Parquet files, read in place: every footer is read and the manifest is written; nothing is copied."
)


class AssetAttributes(TypedDict):
    """Keyword arguments of Dagster's decorators and specs, by Dagster's names."""

    group_name: str
    kinds: set[str]
    tags: Mapping[str, str]
    owners: Sequence[str]
    code_version: str
    description: str


def asset_attributes(source: SourceSettings, stage: Stage) -> AssetAttributes:
    """Returns what the assets of a stage have in common."""
    parquet = _IN_PLACE if source.in_place else source.parquet_asset
    descriptions = {Stage.EXPORT: source.export_asset, Stage.PARQUET: parquet, **_DESCRIPTIONS}
    return AssetAttributes(
        group_name=source.name,
        kinds={source.asset_kind, "s3"} if stage is Stage.EXPORT else _KINDS[stage],
        tags=asset_tags(source, stage.value),
        owners=list(source.owners),
        code_version=CODE_VERSIONS[stage],
        description=descriptions[stage],
    )


def asset_tags(source: SourceSettings, stage: str) -> dict[str, str]:
    """Returns tags by which the UI finds the assets of a source, and those of one stage of all sources."""
    return {Tag.SOURCE.value: source.name, _STAGE_TAG: stage}


def freshness_of(source: SourceSettings) -> dg.FreshnessPolicy | None:
    """Returns Dagster's freshness policy for the views: stale if none was published within `freshness_hours`.

    It uses the time of publication, so a backfill of old dates counts. The check `published_is_fresh` uses the time of
    the published snapshot. Dagster allows no window below a minute.
    """
    window = source.freshness
    return dg.FreshnessPolicy.time_window(fail_window=max(window, timedelta(minutes=1))) if window else None


def partitions_of(config: LakeConfig) -> dg.DailyPartitionsDefinition:
    """Returns one partition per UTC date; with `end_offset=1`, today's snapshot has a partition today.

    All sources have the same partitions, even with a later `start_date`, as a sensor can only request runs of assets
    with the same partitions. Sensors request no date before a source's first one; a person may.
    """
    return _days_since(config.lake.start_date)


@lru_cache(maxsize=8)
def _days_since(first: date) -> dg.DailyPartitionsDefinition:
    return dg.DailyPartitionsDefinition(start_date=first.isoformat(), end_offset=1, timezone="UTC")


def check_spec(
    config: LakeConfig,
    name: str,
    *,
    asset: dg.AssetKey,
    description: str,
    blocking: bool = False,
    behind: Sequence[dg.AssetKey] = (),
) -> dg.AssetCheckSpec:
    """Returns a check with a date, like its asset: a failure on an old date does not affect other dates.

    Every run of it has a partition. `behind`: assets that are made before it in the same run.
    """
    with warnings.catch_warnings():
        # Dagster says of it that it may change; constraints.txt pins a release it works with.
        warnings.filterwarnings("ignore", message="Specifying a partitions_def on an AssetCheckSpec")
        return dg.AssetCheckSpec(
            name,
            asset=asset,
            description=description,
            blocking=blocking,
            additional_deps=list(behind) or None,
            partitions_def=partitions_of(config),
        )
