"""The schedule of a source that exports its live cluster, as no AWS event does."""

from datetime import UTC

import dagster as dg

from rds_lake.config.database import Database
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs.keys import StageKeys
from rds_lake.defs.sensors.requests import run_request
from rds_lake.stages.databases.plan import export_plan
from rds_lake.stages.runs.wanted import WantedRun


def live_schedule(config: LakeConfig, source: Database) -> dg.ScheduleDefinition:
    """Returns the schedule. It starts the export of its day; the export's completion event requests the rest."""
    plan, keys = export_plan(config, source), StageKeys.of(source)

    @dg.schedule(
        name=f"{source.name}__live",
        description=f"Exports the live cluster {source.identifier}, without a snapshot.",
        cron_schedule=source.live_schedule,
        execution_timezone="UTC",
        target=dg.AssetSelection.assets(keys.snapshot_export),
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def begin_live(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        day = context.scheduled_execution_time.astimezone(UTC).date()
        label = plan.live_label(day)
        wanted = WantedRun(
            key=label, source=source.name, snapshot_date=day, trigger="begin", whole_source=False, subject=label
        )
        return run_request(wanted, config, {source.name: keys})

    return begin_live
