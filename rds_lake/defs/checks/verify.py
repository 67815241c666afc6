"""The check `rows_as_in_the_database`, for sources with `verify:`; a step of its own that nothing waits for.

How rows are compared is `stages/checks/verify.py`, how they are counted `database/asked.py`. As nothing else connects to the
database, the step also asks it for its comments and names of enums, which no export has, and keeps them in the lake.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import dagster as dg

from rds_lake.config.database import Database, Verify
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.database.asked import ask_database
from rds_lake.database.dsn import parse_dsn
from rds_lake.defs import metadata
from rds_lake.defs.checks.results import sentence
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.keys import Stage, stage_key
from rds_lake.defs.resources import Gateways, utc_now
from rds_lake.defs.translate import DagsterTag, check_spec
from rds_lake.model.lake.manifest import Manifest
from rds_lake.stages.checks.described import keep_described
from rds_lake.stages.checks.verify import Verified, is_comparable, verify_rows
from rds_lake.stages.lake import handover

VERIFIED = "rows_as_in_the_database"


def verify_check(config: LakeConfig, source: Database, settings: Verify) -> dg.AssetChecksDefinition:
    """Returns the check of one source."""
    what = "The snapshot has about as many rows as the database has now; the database has changed since the snapshot."

    @dg.multi_asset_check(
        name=f"{source.name}__verify",
        specs=[check_spec(config, VERIFIED, asset=stage_key(source, Stage.PARQUET), description=what)],
        retry_policy=RETRIES,
    )
    def verify(context: dg.AssetCheckExecutionContext, gateways: dg.ResourceParam[Gateways]) -> dg.AssetCheckResult:
        with dagster_failures():
            manifest = _manifest(context, gateways, source, otherwise=config.lake.start_date)
            if not is_comparable(manifest, now=utc_now()):
                return _not_compared(source, manifest)
            dsn = parse_dsn(gateways.secrets.get_text(settings.secret), where=settings.secret)
            targets = [table.target for table in manifest.tables]
            answers = ask_database(
                dsn, targets, exact_below=settings.exact_below, timeout_seconds=settings.timeout_seconds
            )
            keep_described(gateways.lake, source.name, answers.described, not_described=answers.not_described)
            return _result(source, verify_rows(manifest, answers.counts, settings, now=utc_now()), answers.why)

    return verify


def _manifest(
    context: dg.AssetCheckExecutionContext, gateways: Gateways, source: SourceSettings, *, otherwise: date
) -> Manifest:
    """Returns the manifest of the run's date, or of the newest date if the check is executed without a date."""
    partition = context.run.tags.get(DagsterTag.PARTITION)
    dates = handover.list_dates(gateways.s3, gateways.layout, source.name)
    day = date.fromisoformat(partition) if partition else max(dates, default=otherwise)
    return handover.get_manifest(gateways.s3, gateways.layout, source.name, day)


def _not_compared(source: SourceSettings, manifest: Manifest) -> dg.AssetCheckResult:
    age = _hours(utc_now() - manifest.export.snapshot_time)
    return dg.AssetCheckResult(
        asset_key=stage_key(source, Stage.PARQUET),
        check_name=VERIFIED,
        passed=True,
        description=f"{manifest.snapshot_date}: not compared, its snapshot is {age} old",
    )


def _result(source: SourceSettings, verified: Verified, not_described: Sequence[str]) -> dg.AssetCheckResult:
    lines = [*verified.problems, *(f"not compared: {table}" for table in verified.unknown), *not_described]
    shown = metadata.verified(verified) | metadata.problems(lines)
    result = sentence(verified.problems) or "every compared table has the database's rows"
    return dg.AssetCheckResult(
        asset_key=stage_key(source, Stage.PARQUET),
        check_name=VERIFIED,
        passed=not verified.problems,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{verified.snapshot_date}: {result}; {verified.exact} counted, "
        f"{verified.estimated} estimated, {len(verified.unknown)} not compared, {_hours(verified.age)} after the snapshot",
        metadata=shown,
    )


def _hours(time: timedelta) -> str:
    return f"{time.total_seconds() / 3600:.0f} h"
