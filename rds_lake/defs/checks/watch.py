"""The watch check of a source: whether it still gets new snapshots. It also turns incidents into failed runs.

In a run of the source it warns if the newest snapshot is too old; published data is still correct. A sensor that finds an
incident which no run of an asset reports (stale, stuck, a failed backup) requests a run of only this check, with the incident
as its configuration; that run fails with the incident's message.

What belongs here: this check. Incidents are found by `stages/`.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import dagster as dg

from rds_lake.config.database import Aurora, Rds
from rds_lake.config.dynamodb import DynamoDb
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs import metadata
from rds_lake.defs.failures import RETRIES, dagster_failures
from rds_lake.defs.keys import Stage, stage_key
from rds_lake.defs.resources import Gateways, dynamo_exports, utc_now
from rds_lake.defs.signature import signed
from rds_lake.defs.translate import check_spec
from rds_lake.stages.databases import freshness
from rds_lake.stages.dynamodb.reconcile import watch_set
from rds_lake.stages.runs.notify import render_over
from rds_lake.stages.runs.wanted import WantedIncident

WATCH_CHECK = "source_is_watched"
_STEP = "__watch"


class IncidentConfig(dg.Config):
    """An incident to report, or its end (`is_over`); empty: check the source."""

    what: str = ""
    cause: str = ""
    next_step: str = ""
    is_over: bool = False


def watch_check(lake_config: LakeConfig, source: SourceSettings) -> dg.AssetChecksDefinition:
    """Returns the check definition of one source."""
    what = "The source has recent snapshots and no stuck export; the message of a failed run names the problem."
    spec = check_spec(lake_config, WATCH_CHECK, asset=stage_key(source, Stage.EXPORT), description=what)

    @dg.multi_asset_check(name=_op_name(source), specs=[spec], config_schema=_incident_schema(), retry_policy=RETRIES)
    @signed
    def watch(
        context: dg.AssetCheckExecutionContext, gateways: dg.ResourceParam[Gateways]
    ) -> Iterator[dg.AssetCheckResult]:
        config = IncidentConfig.model_validate(context.op_execution_context.op_config)
        if config.is_over:
            # Mails that the incident is over, as no failed run reports it.
            over = render_over(source.name, config.what, config.cause)
            with dagster_failures():
                gateways.channels.send(over, warn=context.log.warning)
            yield _result(source, None, severity=dg.AssetCheckSeverity.WARN)
            return
        if config.what:
            yield _result(source, f"{config.what}: {config.cause}", severity=dg.AssetCheckSeverity.ERROR)
            shown = metadata.incident(config.what, config.next_step)
            raise dg.Failure(description=config.cause, metadata=shown, allow_retries=False)
        with dagster_failures():
            reason = _staleness(lake_config, source, gateways)
        yield _result(source, reason, severity=dg.AssetCheckSeverity.WARN)

    return watch


@lru_cache(maxsize=1)
def _incident_schema() -> dict[str, Any]:
    """Returns the schema, created once: for a parameter `config: IncidentConfig` Dagster creates it for each source."""
    return IncidentConfig.to_fields_dict()


def _staleness(config: LakeConfig, source: SourceSettings, gateways: Gateways) -> str | None:
    if isinstance(source, DynamoDb):
        watched = watch_set(config, source, dynamo_exports(config, gateways, _unheard)[source.name])
        return watched.stale_reason(watched.relocated(), now=utc_now())
    if isinstance(source, Rds | Aurora):
        stale = freshness.find_staleness(gateways.rds, freshness.watch(config, source), now=utc_now())
        misdated = freshness.find_misdated(gateways.rds, gateways.lake, source)
        return "; ".join(reason for reason in (stale, misdated) if reason) or None
    return None


def _unheard(line: str) -> None:
    """Ignores the line, as the check's result has everything."""


def _result(source: SourceSettings, problem: str | None, *, severity: dg.AssetCheckSeverity) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=stage_key(source, Stage.EXPORT),
        check_name=WATCH_CHECK,
        passed=problem is None,
        severity=severity,
        description=problem or _well(source),
    )


def _well(source: SourceSettings) -> str:
    """Returns the sentence of a check without problems."""
    if source.freshness is None:
        return "no problem; the age of its snapshots is not checked, as `freshness_hours` is 0"
    hours = source.freshness.total_seconds() / 3600
    return f"its newest snapshot is not older than {hours:g} h (`freshness_hours`)"


def _op_name(source: SourceSettings) -> str:
    return source.name + _STEP


def reports_incident(run: dg.DagsterRun) -> bool:
    """Whether the run was requested to report an incident; such a run has no date."""
    config: Mapping[str, Any] = run.run_config
    ops: Mapping[str, Any] = config.get("ops", {})
    return any(name.endswith(_STEP) and body.get("config", {}).get("what") for name, body in ops.items())


def incident_run_config(source: SourceSettings, incident: WantedIncident) -> dict[str, Any]:
    """Returns the run configuration with which the check reports this incident."""
    values: dict[str, Any] = {"what": incident.what, "cause": incident.cause, "next_step": incident.next_step}
    values |= {"is_over": True} if incident.is_over else {}
    return {"ops": {_op_name(source): {"config": values}}}
