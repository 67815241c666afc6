"""Two checks of what readers see of a source: it can be read, and it is not too old.

They are steps of their own behind the views, on the asset `catalog`, which every source with Athena has; "Execute" in the UI
asks them at any time. A stale source is told by the incident of `watch.py`; here it is only shown.

What belongs here: these checks. What they ask is `stages/checks/read_back.py`.
"""

from collections.abc import Sequence

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs.checks import results as checks
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.resources import AwsResource, utc_now
from rds_lake.defs.translate import Stage, check_spec, stage_key
from rds_lake.stages.checks import read_back

READABLE, FRESH = "published_is_readable", "published_is_fresh"


def published_checks(
    config: LakeConfig, source: SourceSettings, views: Sequence[dg.AssetKey]
) -> list[dg.AssetChecksDefinition]:
    """The checks of one source; `views` are published before them in the same run."""
    key = stage_key(source, Stage.CATALOG)

    @dg.multi_asset_check(
        name=f"{source.name}__{READABLE}",
        specs=[
            check_spec(
                config,
                source,
                READABLE,
                asset=key,
                behind=views,
                description="Athena answers every published view with the rows of its date, and not all are empty.",
            )
        ],
        retry_policy=RETRIES,
    )
    def readable(aws: AwsResource) -> dg.AssetCheckResult:
        with dagster_failures():
            found = read_back.read_published(aws.gateways(config.lake).lake, source)
        return _result(source, READABLE, found, severe=True)

    @dg.multi_asset_check(
        name=f"{source.name}__{FRESH}",
        specs=[
            check_spec(
                config,
                source,
                FRESH,
                asset=key,
                behind=views,
                description="What readers see is not older than `freshness_hours`, by the time of its snapshot.",
            )
        ],
        retry_policy=RETRIES,
    )
    def fresh(aws: AwsResource) -> dg.AssetCheckResult:
        with dagster_failures():
            found = read_back.find_age(aws.gateways(config.lake).lake, source, now=utc_now())
        return _result(source, FRESH, found, severe=False)

    return [readable, fresh]


def _result(source: SourceSettings, name: str, found: read_back.ReadBack, *, severe: bool) -> dg.AssetCheckResult:
    if found.snapshot_date is None:
        severity = dg.AssetCheckSeverity.WARN
        text = "; ".join(found.problems) or "nothing is published yet"
        return dg.AssetCheckResult(
            asset_key=stage_key(source, Stage.CATALOG),
            check_name=name,
            passed=not found.problems,
            severity=severity,
            description=text,
        )
    return checks.result(source, Stage.CATALOG, name, found.problems, day=found.snapshot_date, blocking=severe)
