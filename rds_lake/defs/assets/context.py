"""Helpers for the assets of all stages: their source's stages, their date, and the results of steps."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs.resources import Gateways
from rds_lake.stages.runs.notify import render_held

if TYPE_CHECKING:
    from rds_lake.stages.source.run import SourceRun

Event = dg.AssetObservation | dg.AssetCheckResult | dg.MaterializeResult


def source_run(
    context: dg.AssetExecutionContext, gateways: Gateways, config: LakeConfig, source: SourceSettings
) -> "SourceRun":
    """Returns the stages of the source, which log to the run."""
    from rds_lake.stages.watch.sources import run_of  # with pyarrow: a code location loads without it

    return run_of(
        config,
        source,
        rds=gateways.rds,
        dynamodb=gateways.dynamodb,
        lake=gateways.lake,
        log=context.log.info,
        announce=lambda day: gateways.channels.send(render_held(source.name, day), warn=context.log.warning),
    )


def day_of(context: dg.AssetExecutionContext) -> date:
    """Returns the snapshot date of the run."""
    return date.fromisoformat(context.partition_key)


def observed(context: dg.AssetExecutionContext, key: dg.AssetKey, shown: Mapping[str, Any]) -> dg.AssetObservation:
    """Returns an observation of the date, for a step that materializes nothing."""
    return dg.AssetObservation(key, partition=context.partition_key, metadata=dict(shown))


def materialized(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    *,
    shown: Mapping[str, Any],
    results: Sequence[dg.AssetCheckResult],
    stop: Sequence[str],
    version: dg.DataVersion | None = None,
) -> Iterator[Event]:
    """Yields the result of a step: the date materialized with its checks, or failed if a blocking check did not pass.

    `version`: of the data; without it Dagster derives one from the code version and the inputs. `stop`: reasons why
    readers must not see the date, each with what to do; empty if there are none. Dagster counts a partition as
    materialized as soon as a step reports it, even if the step or a blocking check fails afterwards. So a date with
    `stop` is observed, not materialized: its partition is failed, and its metadata is still recorded.
    """
    if not stop:
        yield dg.MaterializeResult(asset_key=key, metadata=shown, check_results=results, data_version=version)
        return
    yield observed(context, key, shown)
    yield from results
    # Dagster's own error for a blocking check only names the check.
    raise dg.Failure(description="\n".join(stop), allow_retries=False)
