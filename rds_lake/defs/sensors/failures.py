"""The sensor that mails failed runs: one SNS message per incident.

Not mailed: what reconciliation takes up again by itself (`healing.py`) until it is given up, what Dagster runs again by
itself, and whatever failed of other assets in a project that this lake is merged into.

What belongs here: from a failed run to an incident. The text is `stages/runs/notify.py`.
"""

from collections.abc import Collection, Iterator, Sequence

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs.asked import is_repeated_by_person
from rds_lake.defs.assets.approval import APPROVAL
from rds_lake.defs.checks.published import FRESH, READABLE
from rds_lake.defs.checks.watch import NEXT_STEP, WHAT
from rds_lake.defs.resources import AwsResource
from rds_lake.defs.sensors.healing import Healer
from rds_lake.defs.sensors.requests import Keys
from rds_lake.defs.translate import Stage, Tag
from rds_lake.errors import RdsLakeError
from rds_lake.stages.runs.healing import Ended, told_of
from rds_lake.stages.runs.notify import Incident, render_incident


def failure_sensor(config: LakeConfig, keys: Keys) -> dg.SensorDefinition:
    """Mails every failed run of the lake's assets to its SNS topic, once per run and once per ended export."""
    healer = Healer(keys=keys)
    steps = own_steps(config)
    own = {key for source in keys.values() for key in source}
    own |= {dg.AssetKey([source.name, what]) for source in config.sources for what in ("retention", APPROVAL)}

    @dg.run_failure_sensor(
        name="rds_lake_failures",
        description="Sends one SNS message per incident: cause and next step.",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
    )
    def rds_lake_failures(context: dg.RunFailureSensorContext, aws: AwsResource) -> None:
        failures = [event for event in context.get_step_failure_events() if event.step_key in steps]
        if not (failures or _is_run_of(own, context)) or _is_told(context, healer):
            return
        ended = healer.end_of(context.instance, context.dagster_run)
        if not ended.is_a_persons:
            context.log.info(
                f"run {context.dagster_run.run_id} is taken up again by reconciliation; nobody is told yet"
            )
            return
        topic = aws.gateways(config.lake, hurried=True).topic
        if topic is None:
            return
        mail = render_incident(_incident(context, failures, ended))
        try:
            topic.publish(subject=mail.subject, message=mail.body)
        except RdsLakeError as error:
            # Raised again, so that the tick is red and Dagster tries the message once more.
            context.log.error(f"the failure of run {context.dagster_run.run_id} could not be mailed: {error}")
            raise

    return rds_lake_failures


def own_steps(config: LakeConfig) -> frozenset[str]:
    """The names of all operations that the lake's definitions have."""
    stages = (Stage.EXPORT, Stage.PARQUET, Stage.CATALOG)
    others = ("publish", "approve", "retention", "verify", "watch", READABLE, FRESH)
    return frozenset(f"{source.name}__{what}" for source in config.sources for what in (*stages, *others))


def _is_run_of(own: Collection[dg.AssetKey], context: dg.RunFailureSensorContext) -> bool:
    """Whether a run none of whose steps failed, as it never came to them, was to make something of the lake's."""
    run = context.dagster_run
    if context.get_step_failure_events():
        return False
    selected = [*(run.asset_selection or ()), *(check.asset_key for check in run.asset_check_selection or ())]
    return any(key in own for key in selected) if selected else run.job_name == "__ASSET_JOB"


def _is_told(context: dg.RunFailureSensorContext, healer: Healer) -> bool:
    """Whether Dagster runs it again by itself, or a mail told of the same ended export before.

    A lost event that comes after all, and reconciliation, may each have asked for the same export. Who executes a run again
    is told how that ended.
    """
    run = context.dagster_run
    if _will_retry(run):
        return True
    task = run.tags.get(Tag.EXPORT_TASK)
    if not task or is_repeated_by_person(run):
        return False
    same = dg.RunsFilter(tags={Tag.EXPORT_TASK.value: task}, statuses=[dg.DagsterRunStatus.FAILURE])
    for record in context.instance.get_run_records(same, limit=200, ascending=True):
        earlier = record.dagster_run
        if earlier.run_id == run.run_id:
            return False
        if not _will_retry(earlier) and healer.end_of(context.instance, earlier).is_a_persons:
            return True
    return False


def _will_retry(run: dg.DagsterRun) -> bool:
    return run.tags.get("dagster/will_retry", "").lower() == "true"


def _incident(context: dg.RunFailureSensorContext, failures: Sequence[dg.DagsterEvent], ended: Ended) -> Incident:
    run = context.dagster_run
    causes = [_cause(event) for event in failures] or [context.failure_event.message or "the run failed"]
    causes += [told_of(ended)] if told_of(ended) else []
    selection = sorted(key.path[0] for key in run.asset_selection or ())
    return Incident(
        source=run.tags.get(Tag.SOURCE) or (selection[0] if selection else run.job_name),
        # An incident is of no date: its run has one only because checks by date cannot run without.
        snapshot_date=None if run.tags.get(Tag.TRIGGER) == "incident" else run.tags.get("dagster/partition"),
        stage=failures[0].step_key if failures else None,
        causes=tuple(causes),
        what=_said(failures, WHAT),
        next_step=_said(failures, NEXT_STEP),
        run_id=run.run_id,
    )


def _cause(event: dg.DagsterEvent) -> str:
    """What the step failed for: our words, else those of whatever was raised, down to what it came from."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    return ", caused by ".join(_messages(event)) or event.message or "unknown"


def _messages(event: dg.DagsterEvent) -> Iterator[str]:
    """The errors' own messages, the outermost first. Dagster's own, around all of them, says no more than which step it was."""
    error = event.step_failure_data.error
    if error is not None and error.cause is not None:
        error = error.cause
    while error is not None:
        yield error.message.strip()
        error = error.cause


def _said(failures: Sequence[dg.DagsterEvent], label: str) -> str | None:
    """What an incident says of itself (`checks/watch.py`); other failures say nothing."""
    for event in failures:
        data = event.step_failure_data.user_failure_data
        value = data.metadata.get(label) if data else None
        if value is not None:
            return str(value.value)
    return None
