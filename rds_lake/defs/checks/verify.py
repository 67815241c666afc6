"""The check `rows_as_in_the_database`, for sources with `verify:`; a step of its own that nothing waits for.

What belongs here: this check. What it compares is `stages/checks/verify.py`.
"""

from datetime import date, timedelta
from typing import Any

import dagster as dg

from rds_lake.config.database import Database, Verify
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.database.counts import count_rows
from rds_lake.database.dsn import parse_dsn
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.resources import AwsResource, utc_now
from rds_lake.defs.translate import Stage, check_spec, stage_key
from rds_lake.model.lake.manifest import Manifest
from rds_lake.stages.checks.verify import Verified, is_comparable, verify_rows
from rds_lake.stages.lake import handover

VERIFIED = "rows_as_in_the_database"


def verify_check(config: LakeConfig, source: Database, settings: Verify) -> dg.AssetChecksDefinition:
    """The check of one source."""
    key = stage_key(source, Stage.PARQUET)

    @dg.multi_asset_check(
        name=f"{source.name}__verify",
        specs=[
            check_spec(
                config,
                source,
                VERIFIED,
                asset=key,
                description="The snapshot has about as many rows as the database has now, which went on since then.",
            )
        ],
        retry_policy=RETRIES,
    )
    def verify(context: dg.AssetCheckExecutionContext, aws: AwsResource) -> dg.AssetCheckResult:
        lake, now = aws.gateways(config.lake).lake, utc_now()
        with dagster_failures():
            partition = context.run.tags.get("dagster/partition")
            dates = handover.list_dates(lake.s3, lake.layout, source.name)
            day = date.fromisoformat(partition) if partition else max(dates, default=config.lake.start_date)
            manifest = handover.get_manifest(lake.s3, lake.layout, source.name, day)
            if not is_comparable(manifest, now=now):
                text = f"{day}: not compared, its snapshot is {_hours(now - manifest.export.snapshot_time)} old"
                return dg.AssetCheckResult(asset_key=key, check_name=VERIFIED, passed=True, description=text)
            found = _ask(aws, config, settings, manifest)
        return _result(key, found)

    def _ask(aws: AwsResource, config: LakeConfig, settings: Verify, manifest: Manifest) -> Verified:
        dsn = parse_dsn(aws.secrets(config.lake).get_text(settings.secret), where=settings.secret)
        counts = count_rows(
            dsn,
            [table.target for table in manifest.tables],
            exact_below=settings.exact_below,
            timeout_seconds=settings.timeout_seconds,
        )
        return verify_rows(manifest, counts, settings, now=utc_now())

    return verify


def _result(key: dg.AssetKey, found: Verified) -> dg.AssetCheckResult:
    lines = [*found.problems, *(f"not compared: {table}" for table in found.unknown)][:100]
    metadata: dict[str, Any] = {
        "rds_lake/snapshot_date": found.snapshot_date.isoformat(),
        "rds_lake/tables_counted": found.exact,
        "rds_lake/tables_estimated": found.estimated,
    }
    if lines:
        metadata["problems"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in lines))
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=VERIFIED,
        passed=not found.problems,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{found.snapshot_date}: {len(found.problems)} tables differ; {found.exact} counted, "
        f"{found.estimated} estimated, {len(found.unknown)} not compared, {_hours(found.age)} after the snapshot",
        metadata=metadata,
    )


def _hours(time: timedelta) -> str:
    return f"{time.total_seconds() / 3600:.0f} h"
