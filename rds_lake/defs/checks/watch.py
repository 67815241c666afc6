"""The watch check of a source: does it still make snapshots, and where incidents become failed runs.

In a run of the source it says whether the newest snapshot is too old (a warning: nothing published is wrong). A sensor that
finds an incident no asset's run tells (stale, stuck, a failed backup) asks for a run of this check alone, with the
incident as its configuration; that run fails with the incident's words.

What belongs here: this check. What does not: finding incidents (`stages/`).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from rds_lake.config.database import Aurora, Rds
from rds_lake.config.dynamodb import DynamoDb
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.resources import AwsResource, dynamo_exports, utc_now
from rds_lake.defs.translate import Stage, check_spec, stage_key
from rds_lake.stages.databases import freshness
from rds_lake.stages.dynamodb.reconcile import watch_set
from rds_lake.stages.runs.wanted import WantedIncident

WATCH_CHECK = "source_is_watched"
WHAT, NEXT_STEP = "rds_lake/what", "rds_lake/next_step"


class IncidentConfig(dg.Config):
    """An incident to report; empty: look at the source."""

    what: str = ""
    cause: str = ""
    next_step: str = ""


def watch_check(config: LakeConfig, source: SourceSettings) -> dg.AssetChecksDefinition:
    """The check definition of one source."""
    whole, key = config, stage_key(source, Stage.EXPORT)

    @dg.multi_asset_check(
        name=_op_name(source),
        specs=[
            check_spec(
                config,
                source,
                WATCH_CHECK,
                asset=key,
                description="The source makes snapshots, and no export of it is stuck; a failed run says what is wrong.",
            )
        ],
        retry_policy=RETRIES,
    )
    def watch(config: IncidentConfig, aws: AwsResource) -> Iterator[dg.AssetCheckResult]:
        if config.what:
            yield _result(key, f"{config.what}: {config.cause}", severity=dg.AssetCheckSeverity.ERROR)
            raise dg.Failure(
                description=config.cause, metadata={WHAT: config.what, NEXT_STEP: config.next_step}, allow_retries=False
            )
        with dagster_failures():
            reason = _staleness(whole, source, aws)
        yield _result(key, reason, severity=dg.AssetCheckSeverity.WARN)

    return watch


def _staleness(config: LakeConfig, source: SourceSettings, aws: AwsResource) -> str | None:
    gateways = aws.gateways(config.lake)
    if isinstance(source, DynamoDb):
        watched = watch_set(config, source, dynamo_exports(config, gateways, _unheard)[source.name])
        return watched.stale_reason(watched.relocated(), now=utc_now())
    if isinstance(source, Rds | Aurora):
        stale = freshness.find_staleness(gateways.rds, freshness.watch(config, source), now=utc_now())
        misdated = freshness.find_misdated(gateways.rds, gateways.lake, source)
        return "; ".join(reason for reason in (stale, misdated) if reason) or None
    return None


def _unheard(line: str) -> None:
    """What the check finds is its result."""


def _result(key: dg.AssetKey, problem: str | None, *, severity: dg.AssetCheckSeverity) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=WATCH_CHECK,
        passed=problem is None,
        severity=severity,
        description=problem or "fresh",
    )


def _op_name(source: SourceSettings) -> str:
    return f"{source.name}__watch"


def incident_run_config(source: SourceSettings, incident: WantedIncident) -> dict[str, Any]:
    """Run configuration that makes the check report this incident."""
    values = {"what": incident.what, "cause": incident.cause, "next_step": incident.next_step}
    return {"ops": {_op_name(source): {"config": values}}}
