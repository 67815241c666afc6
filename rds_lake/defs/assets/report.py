"""`lake_report`: the report of the whole lake, written to S3 every day. Only a lake with `report:` has it.

Its content is read by `stages/report/`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs.failed.known import known_failures
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.metadata import reported
from rds_lake.defs.resources import Gateways, utc_now
from rds_lake.stages.report.gather import gather
from rds_lake.stages.report.write import write_report

# One part: assets of sources and warehouses have two or more.
REPORT = dg.AssetKey(["lake_report"])


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDefinitions:
    """The asset and its schedule; both None without `report:` in lake.yaml."""

    assets: Sequence[dg.AssetsDefinition] = ()
    schedules: Sequence[dg.ScheduleDefinition] = ()


def report_definitions(config: LakeConfig, *, now: Callable[[], datetime] = utc_now) -> ReportDefinitions:
    """Returns the asset and schedule of the lake's daily report; empty without `report:` in lake.yaml."""
    settings = config.lake.report
    if settings is None:
        return ReportDefinitions()

    @dg.asset(
        key=REPORT,
        group_name="lake",
        kinds={"html", "s3"},
        description="A page about the whole lake: what needs a person, freshness, rows and bytes over time, cost. One a day, in S3.",
        retry_policy=RETRIES,
    )
    def lake_report(context: dg.AssetExecutionContext, gateways: dg.ResourceParam[Gateways]) -> dg.MaterializeResult:
        moment = now()
        failures = known_failures(context.instance, config, now=moment)
        with dagster_failures():
            report = gather(config, config.sources, rds=gateways.rds, lake=gateways.lake, failures=failures, now=moment)
            uri = write_report(gateways.lake, report)
        return dg.MaterializeResult(metadata=reported(report, uri, gateways.console))

    schedule = dg.ScheduleDefinition(
        name="lake_report",
        description="Writes the report of the day to S3.",
        cron_schedule=settings.schedule,
        execution_timezone="UTC",
        target=dg.AssetSelection.assets(REPORT),
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    return ReportDefinitions(assets=[lake_report], schedules=[schedule])
