"""`<source>/retention`: removes the dates that `retention:` does not keep, and leftovers, by a schedule.

Only sources with `retention:` have it. What is removed is decided by `stages/upkeep/prune.py`.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import cast

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs import metadata
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.keys import RETENTION, own_key
from rds_lake.defs.resources import Gateways, utc_now
from rds_lake.defs.translate import DagsterTag, asset_tags
from rds_lake.stages.upkeep.folders import Exports
from rds_lake.stages.upkeep.prune import Pruned, apply_prune, plan_prune
from rds_lake.stages.upkeep.retention import busy_by_marks

_UNFINISHED = [
    status
    for status in dg.DagsterRunStatus
    if status not in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionDefinitions:
    """The asset of every source with `retention:`, and their schedules."""

    assets: Sequence[dg.AssetsDefinition]
    schedules: Sequence[dg.ScheduleDefinition]


def retention_definitions(config: LakeConfig, *, now: Callable[[], datetime] = utc_now) -> RetentionDefinitions:
    """Returns the assets and schedules; empty if no source has `retention:`."""
    kept = [source for source in config.sources if source.retention is not None]
    shared = _ExportsOfRun(config=config)
    assets = [_asset(config, source, shared, now) for source in kept]
    by_cron: dict[str, list[dg.AssetsDefinition]] = defaultdict(list)
    for source, asset in zip(kept, assets, strict=True):
        assert source.retention is not None
        by_cron[source.retention.schedule].append(asset)
    return RetentionDefinitions(
        assets=assets, schedules=[_schedule(cron, together) for cron, together in by_cron.items()]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _ExportsOfRun:
    """The account's export tasks and AWS's export folder, listed once for all sources of a run.

    AWS keeps ended tasks forever: two hundred sources give hundreds of pages in a year.
    """

    config: LakeConfig
    _last: dict[str, Exports] = field(default_factory=dict, init=False, repr=False)

    def of(self, run_id: str, gateways: Gateways) -> Exports:
        """Returns the exports as of the first call in the run."""
        if run_id not in self._last:
            exports = Exports.read(self.config, gateways.rds, gateways.lake.s3)
            self._last.clear()
            self._last[run_id] = exports
        return self._last[run_id]


def _asset(
    config: LakeConfig, source: SourceSettings, shared: _ExportsOfRun, now: Callable[[], datetime]
) -> dg.AssetsDefinition:
    @dg.asset(
        key=own_key(source, RETENTION),
        group_name=source.name,
        kinds={"aws", "s3"},
        tags=asset_tags(source, "retention"),
        owners=list(source.owners),
        description="Dates that `retention:` does not keep, and leftovers that nothing uses, removed from S3 and Glue.",
        retry_policy=RETRIES,
    )
    def retention(context: dg.AssetExecutionContext, gateways: dg.ResourceParam[Gateways]) -> dg.MaterializeResult:
        with dagster_failures():
            exports = shared.of(context.run.run_id, gateways)
            return dg.MaterializeResult(
                metadata=metadata.pruned(_prune(context, gateways, config, source, exports, now))
            )

    return cast(dg.AssetsDefinition, retention)


def _prune(
    context: dg.AssetExecutionContext,
    gateways: Gateways,
    config: LakeConfig,
    source: SourceSettings,
    exports: Exports,
    now: Callable[[], datetime],
) -> Pruned:
    lake = gateways.lake

    def busy() -> set[date]:
        marked = busy_by_marks(lake.s3, lake.layout, source.name, now=now())
        return busy_dates(context.instance, source.name) | marked

    plan = plan_prune(config, source, exports, rds=gateways.rds, lake=lake, now=now(), busy=busy())
    return apply_prune(lake, plan, busy=busy, log=context.log.info)


def _schedule(cron: str, assets: Sequence[dg.AssetsDefinition]) -> dg.ScheduleDefinition:
    """Returns one schedule for all sources of the same hour, named after the first; they share what AWS lists."""
    keys = [key for asset in assets for key in asset.keys]
    first, others = keys[0].path[0], len(keys) - 1
    return dg.ScheduleDefinition(
        name=f"{first}__retention",
        description=f"Removes the dates of {first}{f' and {others} other sources' if others else ''} that lake.yaml does not keep.",
        cron_schedule=cron,
        execution_timezone="UTC",
        target=dg.AssetSelection.assets(*keys),
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


def busy_dates(instance: dg.DagsterInstance, source: str) -> set[date]:
    """Returns dates of the source that unfinished runs work on, including queued ones."""
    busy: set[date] = set()
    for record in instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED)):
        run = record.dagster_run
        selection = run.asset_selection
        # Without a selection it is a whole job, which may work on the source, so its dates are kept.
        if not selection or any(key.path[0] == source for key in selection):
            busy |= dates_of_run(run.tags)
    return busy


def dates_of_run(tags: Mapping[str, str]) -> set[date]:
    """Returns the run's partition, or every date of its range."""
    if DagsterTag.PARTITION in tags:
        return _days(tags[DagsterTag.PARTITION], tags[DagsterTag.PARTITION])
    if DagsterTag.RANGE_START in tags:
        return _days(tags[DagsterTag.RANGE_START], tags[DagsterTag.RANGE_END])
    return set()


def _days(first: str, last: str) -> set[date]:
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        return set()  # another code location's partitions
    return {start + timedelta(days=n) for n in range((end - start).days + 1)}
