"""The check `diff_views_are_made`, for sources with `diff_views:`: a step of its own behind the views, which nothing waits for.

The views are examined by `stages/diff/seen_views.py`.
"""

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs.checks import results as checks
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.keys import Stage, StageKeys, stage_key
from rds_lake.defs.resources import Gateways
from rds_lake.defs.signature import signed
from rds_lake.defs.translate import check_spec
from rds_lake.errors import ManifestError
from rds_lake.stages.diff.seen_views import DiffViewsSeen, see_diff_views

DIFF_VIEWS = "diff_views_are_made"


def diff_views_check(config: LakeConfig, source: SourceSettings, keys: StageKeys) -> dg.AssetChecksDefinition:
    """Returns the check of one source. In the same run, its views are published first."""
    what = "Every table of `diff_views:` has a view of the rows that differ from the date before."
    spec = check_spec(
        config, DIFF_VIEWS, asset=stage_key(source, Stage.CATALOG), behind=keys.before_readers, description=what
    )

    @dg.multi_asset_check(name=f"{source.name}__{DIFF_VIEWS}", specs=[spec], retry_policy=RETRIES)
    @signed
    def diff_views(gateways: dg.ResourceParam[Gateways]) -> dg.AssetCheckResult:
        with dagster_failures():
            try:
                seen = see_diff_views(gateways.lake, source)
            except ManifestError as error:
                return _without_a_date(source, str(error))
        if seen.snapshot_date is None:
            return _without_a_date(source, "")
        return checks.result(
            source, Stage.CATALOG, DIFF_VIEWS, seen.problems, day=seen.snapshot_date, holds=_summary(seen)
        )

    return diff_views


def _without_a_date(source: SourceSettings, problem: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=stage_key(source, Stage.CATALOG),
        check_name=DIFF_VIEWS,
        passed=not problem,
        severity=dg.AssetCheckSeverity.WARN,
        description=problem or "nothing is published yet",
    )


def _summary(seen: DiffViewsSeen) -> str:
    if seen.before is None:
        return "this is the first date, so there is no earlier one to compare with"
    return f"{seen.before} to {seen.snapshot_date}: {', '.join(seen.views)}"
