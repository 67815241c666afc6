"""A daily job that removes old runs with their events from Dagster's history, which Dagster never does itself.

A run of a snapshot date is kept as long as its date is in the lake, so that Dagster and the lake agree. So is the run with the
last materialization of an asset without dates. Every other run is removed when it ended `days` ago.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs.assets.retention import dates_of_run
from rds_lake.defs.failures import dagster_failures
from rds_lake.defs.resources import Gateways, utc_now
from rds_lake.errors import ConfigError
from rds_lake.model.words import counted
from rds_lake.stages.lake.handover import list_dates

# A message of SQS lives for 14 days, and a run key prevents a second run only as long as its run exists.
_LEAST_DAYS = 30
_PAGE = 200
# A first run of this job may find years of history: it is spread over some days, so that no run takes an hour.
_RUNS_PER_DAY = 20_000
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def history_schedule(config: LakeConfig, days: int, *, now: Callable[[], datetime] = utc_now) -> dg.ScheduleDefinition:
    """Returns the job `rds_lake_history` and its schedule, 04:40 UTC. Raises ConfigError if `days` is unsafe."""
    least = max(_LEAST_DAYS, config.lake.reconcile_days + 1)
    if days < least:
        raise ConfigError(
            f"RDS_LAKE_HISTORY_DAYS is {days}, which is too few: reconciliation (lake.reconcile_days) and late messages need "
            f"the history of the last {least} days; set it to {least} or more"
        )

    @dg.op(
        name="remove_old_runs", description=f"Removes runs that ended {counted(days, 'day')} ago, with their events."
    )
    def remove_old_runs(context: dg.OpExecutionContext, gateways: dg.ResourceParam[Gateways]) -> None:
        with dagster_failures():
            lake = gateways.lake
            kept = {day for source in config.sources for day in list_dates(lake.s3, lake.layout, source.name)}
            history = History(instance=context.instance, ended_before=now() - timedelta(days=days), dates=kept)
            removed = history.remove(limit=_RUNS_PER_DAY)
            context.log.info(
                f"{counted(removed, 'run')} removed that ended before {history.ended_before:%Y-%m-%d %H:%M} UTC"
            )

    @dg.job(
        name="rds_lake_history",
        executor_def=dg.in_process_executor,
        description="Removes old runs from Dagster's history.",
    )
    def rds_lake_history() -> None:
        remove_old_runs()

    return dg.ScheduleDefinition(
        job=rds_lake_history,
        cron_schedule="40 4 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The runs of an instance. `dates`: the snapshot dates that are in the lake, of any source."""

    instance: dg.DagsterInstance
    ended_before: datetime
    dates: set[date]

    def remove(self, *, limit: int) -> int:
        """Removes at most `limit` runs, the oldest first, and returns their number."""
        filters = dg.RunsFilter(statuses=_ENDED, created_before=self.ended_before)
        removed, kept = 0, None  # a page begins after the last run that was kept
        while page := self.instance.get_run_records(filters, limit=_PAGE, cursor=kept, ascending=True):
            for record in page:
                run = record.dagster_run
                if removed == limit:
                    return removed
                if self._is_young(record) or self._is_needed(run):
                    kept = run.run_id
                else:
                    self.instance.delete_run(run.run_id)
                    removed += 1
        return removed

    def _is_young(self, record: dg.RunRecord) -> bool:
        return record.end_time is not None and record.end_time >= self.ended_before.timestamp()

    def _is_needed(self, run: dg.DagsterRun) -> bool:
        dates = dates_of_run(run.tags)
        return bool(dates & self.dates) if dates else self._has_the_last_of_something(run)

    def _has_the_last_of_something(self, run: dg.DagsterRun) -> bool:
        made = self.instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
        keys = {record.asset_key for record in made if record.asset_key is not None}
        last = (self.instance.get_latest_materialization_event(key) for key in keys)
        return any(event is not None and event.run_id == run.run_id for event in last)
