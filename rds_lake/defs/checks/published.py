"""Two checks of a source's published views: they are readable, and not too old.

They are steps of their own behind the views, on the asset `catalog`, which every source with Athena has; "Execute" in the UI
runs them at any time. A stale source is mailed as an incident by the check of `watch.py`; here its age is only shown.

What belongs here: these checks. Querying the views is `stages/checks/read_back.py`.
"""

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs.checks import results as checks
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.keys import Stage, StageKeys, stage_key
from rds_lake.defs.resources import Gateways, utc_now
from rds_lake.defs.signature import signed
from rds_lake.defs.translate import check_spec
from rds_lake.stages.checks import read_back

READABLE, FRESH = "published_is_readable", "published_is_fresh"


def published_checks(config: LakeConfig, source: SourceSettings, keys: StageKeys) -> list[dg.AssetChecksDefinition]:
    """Returns the checks of one source. In the same run, its views are published first."""
    return [_readable_check(config, source, keys), _fresh_check(config, source, keys)]


def _readable_check(config: LakeConfig, source: SourceSettings, keys: StageKeys) -> dg.AssetChecksDefinition:
    what = "Every published view returns as many rows as its date has, and at least one view has rows."

    @dg.multi_asset_check(
        name=f"{source.name}__{READABLE}", specs=[_spec(config, source, keys, READABLE, what)], retry_policy=RETRIES
    )
    @signed
    def readable(gateways: dg.ResourceParam[Gateways]) -> dg.AssetCheckResult:
        with dagster_failures():
            seen = read_back.read_published(gateways.lake, source)
        return _result(source, READABLE, seen, severe=True)

    return readable


def _fresh_check(config: LakeConfig, source: SourceSettings, keys: StageKeys) -> dg.AssetChecksDefinition:
    what = "The snapshot that readers see is not older than `freshness_hours`."

    @dg.multi_asset_check(
        name=f"{source.name}__{FRESH}", specs=[_spec(config, source, keys, FRESH, what)], retry_policy=RETRIES
    )
    @signed
    def fresh(gateways: dg.ResourceParam[Gateways]) -> dg.AssetCheckResult:
        with dagster_failures():
            seen = read_back.find_age(gateways.lake, source, now=utc_now())
        return _result(source, FRESH, seen, severe=False)

    return fresh


def _spec(
    config: LakeConfig, source: SourceSettings, keys: StageKeys, name: str, description: str
) -> dg.AssetCheckSpec:
    key = stage_key(source, Stage.CATALOG)
    return check_spec(config, name, asset=key, behind=keys.before_readers, description=description)


def _result(source: SourceSettings, name: str, seen: read_back.ReadBack, *, severe: bool) -> dg.AssetCheckResult:
    if seen.snapshot_date is not None:
        day, holds = seen.snapshot_date, seen.holds
        return checks.result(source, Stage.CATALOG, name, seen.problems, day=day, holds=holds, blocking=severe)
    return dg.AssetCheckResult(
        asset_key=stage_key(source, Stage.CATALOG),
        check_name=name,
        passed=not seen.problems,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(seen.problems) or "nothing is published yet",
    )
