"""The sensor that sends one message per failed run (incident), by SNS and the webhook.

Not mailed: runs that reconciliation takes up again (`healing.py`) until they are given up, runs that Dagster retries, and
failures of other assets in a project that this lake is merged into.

What belongs here: from a failed run to an incident. The text is `stages/runs/notify.py`.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs import metadata
from rds_lake.defs.assets.changes import is_by_sensor
from rds_lake.defs.checks.published import FRESH, READABLE
from rds_lake.defs.checks.watch import reports_incident
from rds_lake.defs.keys import APPROVAL, CHANGES, RETENTION, Keys, Stage
from rds_lake.defs.orders import given_orders, is_repeated_by_person
from rds_lake.defs.resources import Gateways
from rds_lake.defs.sensors.changes import TRIGGER
from rds_lake.defs.sensors.healing import Healer, step_failures, will_retry
from rds_lake.defs.sensors.mailing import SLOW_SECONDS, Mailing
from rds_lake.defs.translate import DagsterTag, Tag
from rds_lake.stages.runs.healing import Ended, retries_sentence
from rds_lake.stages.runs.notify import Incident, render_incident, run_page

_TURNS = 20  # maximum of runs of changes to search for the one before a failed one


def failure_sensor(config: LakeConfig, keys: Keys) -> dg.SensorDefinition:
    """Returns the sensor. It mails every failed run of the lake's assets, once per run and once per ended export."""
    mailer = _Mailer(healer=Healer(keys=keys), steps=own_steps(config), assets=_own_assets(config, keys))

    @dg.run_failure_sensor(
        name="rds_lake_failures",
        description="Sends one message per incident, by SNS and the webhook: cause, next step, link to the run.",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
    )
    def rds_lake_failures(
        context: dg.RunFailureSensorContext, tick_gateways: dg.ResourceParam[Gateways]
    ) -> list[dg.RunRequest] | None:
        began = time.monotonic()
        mailer.mail(context, tick_gateways)
        # Any result ends the tick after this run and stores its cursor: the next tick handles the other runs.
        return [] if time.monotonic() - began > SLOW_SECONDS else None

    return rds_lake_failures


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mailer:
    """Sends mails of failed runs. `steps` and `assets`: those of the lake's definitions."""

    healer: Healer
    steps: Collection[str]
    assets: Collection[dg.AssetKey]
    mailing: Mailing = field(default_factory=Mailing)

    def mail(self, context: dg.RunFailureSensorContext, gateways: Gateways) -> None:
        """Mails the failed run, if it is the lake's and no earlier mail was about the same."""
        run = context.dagster_run
        if self.mailing.is_done(run.run_id):
            return  # the tick that sent it was not stored
        failures = [event for event in context.get_step_failure_events() if event.step_key in self.steps]
        if not (failures or self._is_of_the_lake(context)) or self._is_mailed(context):
            return
        ended = self.healer.end_of(context.instance, run)
        if not ended.is_a_persons:
            context.log.info(f"run {run.run_id} will be retried by reconciliation, so no message is sent yet")
        elif gateways.channels:
            incident = _incident(context, failures, ended, page=gateways.settings.notify.dagster_url)
            mail = render_incident(incident)
            self.mailing.send(gateways.channels, mail, run=run.run_id, error=context.log.error)

    def _is_of_the_lake(self, context: dg.RunFailureSensorContext) -> bool:
        """Whether a run that failed before its first step should have made an asset of the lake."""
        run = context.dagster_run
        if context.get_step_failure_events():
            return False
        selected = [*(run.asset_selection or ()), *(check.asset_key for check in run.asset_check_selection or ())]
        return any(key in self.assets for key in selected) if selected else run.job_name == "__ASSET_JOB"

    def _is_mailed(self, context: dg.RunFailureSensorContext) -> bool:
        """Whether Dagster retries the run, or a mail about the same ended export was sent.

        A late event and reconciliation may both have requested the same export. A person who executes a run again gets
        a mail of its result.
        """
        run = context.dagster_run
        if will_retry(run):
            return True
        if is_by_sensor(run) and not is_repeated_by_person(run):
            return _failed_alike_before(context)
        task = given_orders(run).export_task
        if not task or is_repeated_by_person(run):
            return False
        same = dg.RunsFilter(tags={Tag.EXPORT_TASK.value: task}, statuses=[dg.DagsterRunStatus.FAILURE])
        for record in context.instance.get_run_records(same, limit=200, ascending=True):
            earlier = record.dagster_run
            if given_orders(earlier).export_task != task:
                continue  # a tag that a person copied
            if earlier.run_id == run.run_id:
                return False
            if not will_retry(earlier) and self.healer.end_of(context.instance, earlier).is_a_persons:
                return True
        return False


def _failed_alike_before(context: dg.RunFailureSensorContext) -> bool:
    """Whether the turn of changes before this one failed for the same reason, as turns are repeated all the time."""
    run, instance = context.dagster_run, context.instance
    turns = dg.RunsFilter(tags={Tag.SOURCE.value: _source_of(run), Tag.TRIGGER.value: TRIGGER})
    recent = [record.dagster_run for record in instance.get_run_records(turns, limit=_TURNS)]
    runs = [candidate for candidate in recent if candidate.run_config == run.run_config]
    ids = [candidate.run_id for candidate in runs]
    earlier = runs[ids.index(run.run_id) + 1 :] if run.run_id in ids else []
    if not earlier or earlier[0].status is not dg.DagsterRunStatus.FAILURE:
        return False
    said = {_cause(event) for event in step_failures(instance, earlier[0].run_id)}
    return said == {_cause(event) for event in context.get_step_failure_events()}


def own_steps(config: LakeConfig) -> frozenset[str]:
    """Returns the names of all steps in the lake's definitions."""
    stages = (Stage.EXPORT, Stage.PARQUET, Stage.CATALOG)
    others = ("publish", "approve", "retention", "changes", "verify", "watch", READABLE, FRESH)
    warehouses = (f"{warehouse.name}__warehouse" for warehouse in config.warehouses)
    return frozenset(f"{source.name}__{what}" for source in config.sources for what in (*stages, *others)).union(
        warehouses
    )


def _own_assets(config: LakeConfig, keys: Keys) -> frozenset[dg.AssetKey]:
    others = {dg.AssetKey([source.name, name]) for source in config.sources for name in (RETENTION, APPROVAL, CHANGES)}
    return frozenset(others.union(*(source.whole for source in keys.values())))


def _incident(
    context: dg.RunFailureSensorContext, failures: Sequence[dg.DagsterEvent], ended: Ended, *, page: str | None
) -> Incident:
    run = context.dagster_run
    causes = [_cause(event) for event in failures] or [_cause_before_steps(context.failure_event)]
    causes += [retries_sentence(ended)] if retries_sentence(ended) else []
    return Incident(
        # Every step of the lake is called `<source>__<what>` (`own_steps`).
        source=failures[0].step_key.rpartition("__")[0] if failures and failures[0].step_key else _source_of(run),
        # An incident has no date: its run has one only because checks by date cannot run without.
        snapshot_date=None if reports_incident(run) else run.tags.get(DagsterTag.PARTITION),
        stage=failures[0].step_key if failures else None,
        causes=tuple(causes),
        what=_said(failures, metadata.WHAT),
        next_step=_said(failures, metadata.NEXT_STEP),
        run=run_page(page, run.run_id),
    )


def _source_of(run: dg.DagsterRun) -> str:
    """Returns the source of the run's assets or checks: the first of several, or the job's name."""
    keys = [*(run.asset_selection or ()), *(check.asset_key for check in run.asset_check_selection or ())]
    return min((key.path[0] for key in keys), default=run.job_name)


def _cause(event: dg.DagsterEvent) -> str:
    """Returns why the step failed: rds-lake's message, or that of the raised error and its causes."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    return ", caused by ".join(_messages(data.error)) or event.message or "unknown"


def _cause_before_steps(event: dg.DagsterEvent) -> str:
    """Returns why a run failed before its steps: a resource, or the end of its worker."""
    data: Any = event.event_specific_data  # none if the worker died, or the run could not be launched
    messages = ", caused by ".join(_messages(data.error if data else None))
    return messages or event.message or "the run failed"


def _messages(error: Any) -> Iterator[str]:
    """Yields the errors' messages (Dagster's `SerializableErrorInfo`), outermost first, without Dagster's own."""
    if error is not None and error.cause is not None:
        error = error.cause
    while error is not None:
        yield error.message.strip()
        error = error.cause


def _said(failures: Sequence[dg.DagsterEvent], key: str) -> str | None:
    """Returns an incident's metadata (`checks/watch.py`); None for any other failure."""
    said = (metadata.of_failure(event, key) for event in failures)
    return next((str(value) for value in said if value is not None), None)
