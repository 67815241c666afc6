"""The sensor that mails failed runs: one SNS message per incident.

What belongs here: from a failed run to an incident. The text is `stages/notify.py`.
"""

from collections.abc import Sequence

import dagster as dg

from rds_lake.config import LakeConfig
from rds_lake.defs.resources import AwsResource
from rds_lake.defs.translate import Tag
from rds_lake.defs.watch import NEXT_STEP, WHAT
from rds_lake.errors import RdsLakeError
from rds_lake.stages.notify import Incident, render_incident


def failure_sensor(config: LakeConfig) -> dg.SensorDefinition:
    """Mails every failed run to the lake's SNS topic, once per run and once per ended export."""

    @dg.run_failure_sensor(
        name="rds_lake_failures",
        description="Sends one SNS message per incident: cause and next step.",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
    )
    def rds_lake_failures(context: dg.RunFailureSensorContext, aws: AwsResource) -> None:
        topic = aws.gateways(config.lake).topic
        if topic is None or _is_told(context):
            return
        mail = render_incident(_incident(context))
        try:
            topic.publish(subject=mail.subject, message=mail.body)
        except RdsLakeError as error:
            # Raised again, so that the tick is red and Dagster tries the message once more.
            context.log.error(f"the failure of run {context.dagster_run.run_id} could not be mailed: {error}")
            raise

    return rds_lake_failures


def _is_told(context: dg.RunFailureSensorContext) -> bool:
    """Whether Dagster runs it again by itself, or another run failed for the same ended export before.

    A lost event that comes after all, and reconciliation, may each have asked for the same export.
    """
    run = context.dagster_run
    if run.tags.get("dagster/will_retry", "").lower() == "true":
        return True
    task = run.tags.get(Tag.EXPORT_TASK)
    if not task:
        return False
    same = dg.RunsFilter(tags={Tag.EXPORT_TASK.value: task}, statuses=[dg.DagsterRunStatus.FAILURE])
    records = context.instance.get_run_records(same, limit=20, ascending=True)
    return bool(records) and records[0].dagster_run.run_id != run.run_id


def _incident(context: dg.RunFailureSensorContext) -> Incident:
    run = context.dagster_run
    failures = context.get_step_failure_events()
    causes = [_cause(event) for event in failures] or [context.failure_event.message or "the run failed"]
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
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    return data.error.message if data.error else event.message or "unknown"


def _said(failures: Sequence[dg.DagsterEvent], label: str) -> str | None:
    """What an incident says of itself (`watch.py`); other failures say nothing."""
    for event in failures:
        data = event.step_failure_data.user_failure_data
        value = data.metadata.get(label) if data else None
        if value is not None:
            return str(value.value)
    return None
