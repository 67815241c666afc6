"""The check `changed_rows_as_expected`, for sources with `changes:`: a step of its own behind the views, which nothing waits for.

Each compared table's asset gets an observation with its counts, which Dagster plots over the dates.

The comparison, and its record in the lake, is `stages/diff/of_date.py`.
"""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.shared import Changes
from rds_lake.config.source import SourceSettings
from rds_lake.defs import metadata
from rds_lake.defs.checks import results as checks
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.keys import Stage, StageKeys, stage_key
from rds_lake.defs.resources import Gateways, utc_now
from rds_lake.defs.translate import DagsterTag, check_spec
from rds_lake.errors import AsOfError, CatalogError, LostFilesError, ManifestError
from rds_lake.model.lake.date_diff import CountedTable, DateDiff
from rds_lake.stages.diff.keys import keys_of_dynamodb
from rds_lake.stages.diff.of_date import ComparedDate, compare_date

CHANGED_ROWS = "changed_rows_as_expected"
_SHOWN = 3  # maximum of tables named by the check, those with the most different rows
_UNREADABLE = (AsOfError, CatalogError, LostFilesError, ManifestError)


def changed_rows_check(
    config: LakeConfig, source: SourceSettings, settings: Changes, keys: StageKeys
) -> dg.AssetChecksDefinition:
    """Returns the check of one source. In the same run, its views are published first."""
    what = "No table has more added, removed or changed rows since the date before than `changes: most` allows."
    spec = check_spec(
        config, CHANGED_ROWS, asset=stage_key(source, Stage.CATALOG), behind=keys.before_readers, description=what
    )

    @dg.multi_asset_check(name=f"{source.name}__changed_rows", specs=[spec], retry_policy=RETRIES)
    def changed_rows(
        context: dg.AssetCheckExecutionContext, gateways: dg.ResourceParam[Gateways]
    ) -> dg.AssetCheckResult:
        with dagster_failures():
            compared = _compared(context, gateways, source, settings)
        for observation in _observations(keys, compared):
            context.op_execution_context.log_event(observation)
        return _result(source, compared)

    return changed_rows


def _compared(
    context: dg.AssetCheckExecutionContext, gateways: Gateways, source: SourceSettings, settings: Changes
) -> ComparedDate:
    """Returns the comparison of the run's date; if a date cannot be read, the reason is its only problem."""
    day = date.fromisoformat(context.run.tags[DagsterTag.PARTITION])
    try:
        return compare_date(
            gateways.lake,
            source,
            settings,
            day,
            known_key=keys_of_dynamodb(gateways.dynamodb),
            now=utc_now,
            log=context.log.info,
        )
    except _UNREADABLE as error:
        return ComparedDate(snapshot_date=day, problems=(f"the dates could not be compared: {error}",))


def _observations(keys: StageKeys, compared: ComparedDate) -> Iterator[dg.AssetObservation]:
    """Yields the counts of each table at its asset, or of all tables at the asset of all views."""
    if compared.kept is None:
        return
    by_name = {str(target): key for target, key in keys.tables.items() if target is not None}
    partition = compared.snapshot_date.isoformat()
    for table in compared.kept.tables:
        if table.table in by_name:
            shown = metadata.changed_rows(compared.kept, [table])
            yield dg.AssetObservation(by_name[table.table], partition=partition, metadata=shown)
    if None in keys.tables:
        shown = metadata.changed_rows(compared.kept, compared.kept.tables)
        yield dg.AssetObservation(keys.tables[None], partition=partition, metadata=shown)


def _result(source: SourceSettings, compared: ComparedDate) -> dg.AssetCheckResult:
    day, kept = compared.snapshot_date, compared.kept
    holds = "this is the first date, so there is no earlier one to compare with" if kept is None else _summary(kept)
    result = checks.result(source, Stage.CATALOG, CHANGED_ROWS, compared.problems, day=day, holds=holds)
    if kept is None:
        return result
    return result._replace(metadata={**(result.metadata or {}), **metadata.compared_date(kept)})


def _summary(kept: DateDiff) -> str:
    """Returns `orders 12 added, 3 removed, 40 changed since 2026-11-19; 2 more tables differ; 5 are the same`."""
    differing = sorted((t for t in kept.tables if _differing(t)), key=lambda t: (-_differing(t), t.view))
    shown = [
        f"{table.view} {table.added:,} added, {table.removed:,} removed"
        + (f", {table.changed:,} changed" if table.changed is not None else " (no key)")
        for table in differing[:_SHOWN]
    ]
    rest, same = len(differing) - len(shown), len(kept.tables) - len(differing)
    shown += [f"{rest} more differ"] if rest else []
    shown += [f"{same} the same"] if same else []
    shown += [f"{len(kept.not_compared)} not compared"] if kept.not_compared else []
    return f"since {kept.before}: {'; '.join(shown) or 'there was no table to compare'}"


def _differing(table: CountedTable) -> int:
    return table.added + table.removed + (table.changed or 0)
