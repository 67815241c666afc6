"""The sensors: one per queue that turns RDS events into runs, and one that mails failed runs.

Two-phase acknowledgement: a tick receives messages, returns run requests, and puts the receipt handles into its
cursor; the next tick deletes them. Dagster stores requests and cursor in one write, so a daemon killed anywhere
loses nothing, and `run_key` absorbs what is delivered twice (traps 43).

What belongs here: adapting Dagster's tick to `stages/events.py`. What does not: deciding what an event means.
"""

import json
import time
from collections.abc import Sequence

import dagster as dg

from rds_lake.aws.sqs import QueueMessage, SqsGateway
from rds_lake.config import LakeConfig, first_date
from rds_lake.defs.resources import AwsResource, utc_now
from rds_lake.defs.translate import Stage, Tag, stage_key
from rds_lake.errors import RdsLakeError
from rds_lake.stages.events import EventPlanner, WantedRun
from rds_lake.stages.notify import Incident, render_incident
from rds_lake.stages.source_run import export_plans

# Dagster ends a tick after 60 s; receiving stops well before, the rest comes with the next tick.
_RECEIVE_SECONDS = 15
_RECEIVE_MESSAGES = 200


def events_sensor(
    config: LakeConfig, keys: dict[str, list[dg.AssetKey]], *, interval_seconds: int = 30
) -> dg.SensorDefinition:
    """The sensor of the lake's events queue. `keys`: every source's asset keys."""

    @dg.sensor(
        name="rds_lake_events",
        description=f"RDS events from the SQS queue {config.lake.events_queue}: starts exports, continues finished ones.",
        target=dg.AssetSelection.assets(*[key for source in keys.values() for key in source]),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=interval_seconds,
    )
    def rds_lake_events(context: dg.SensorEvaluationContext, aws: AwsResource) -> dg.SensorResult:
        gateways = aws.gateways(config.lake)
        _acknowledge(context, gateways.queue)
        planner = EventPlanner(
            rds=gateways.rds,
            plans=export_plans(config),
            first_dates={source.name: first_date(config, source) for source in config.sources},
            today=lambda: utc_now().date(),
        )
        plan = planner.plan(_receive(gateways.queue))
        for note in plan.notes:
            context.log.info(note)
        return dg.SensorResult(
            run_requests=[_request(run, config, keys[run.source]) for run in plan.runs],
            cursor=json.dumps({"acknowledge": list(plan.settled)}),
        )

    return rds_lake_events


def _acknowledge(context: dg.SensorEvaluationContext, queue: SqsGateway) -> None:
    """Delete what the last tick settled: its requests and cursor are stored by now."""
    handles: list[str] = json.loads(context.cursor)["acknowledge"] if context.cursor else []
    if not handles:
        return
    failed = queue.delete(handles)
    context.log.info(f"acknowledged {len(handles) - len(failed)} messages")
    if failed:
        context.log.warning(f"{len(failed)} messages could not be deleted; they come again and change nothing")


def _receive(queue: SqsGateway) -> list[QueueMessage]:
    """Messages until the queue is empty or the tick's budget is used; no long poll, other sensors wait behind."""
    deadline = time.monotonic() + _RECEIVE_SECONDS
    messages: list[QueueMessage] = []
    while len(messages) < _RECEIVE_MESSAGES and time.monotonic() < deadline:
        batch = queue.receive(max_messages=10, wait_seconds=1)
        if not batch:
            break
        messages += batch
    return messages


def _request(run: WantedRun, config: LakeConfig, keys: Sequence[dg.AssetKey]) -> dg.RunRequest:
    source = config.source(run.source)
    tags = {
        Tag.SOURCE.value: run.source,
        Tag.TRIGGER.value: run.trigger,
        Tag.SNAPSHOT.value: run.snapshot_arn,
    }
    if run.export_task:
        tags[Tag.EXPORT_TASK.value] = run.export_task
    return dg.RunRequest(
        run_key=run.key,
        partition_key=run.snapshot_date.isoformat(),
        asset_selection=list(keys) if run.whole_source else [stage_key(source, Stage.EXPORT)],
        tags=tags,
    )


def failure_sensor(config: LakeConfig) -> dg.SensorDefinition:
    """Mails every failed run to the lake's SNS topic, once per run."""

    @dg.run_failure_sensor(
        name="rds_lake_failures",
        description="Sends one SNS message per failed run: cause and next step.",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
    )
    def rds_lake_failures(context: dg.RunFailureSensorContext, aws: AwsResource) -> None:
        topic = aws.gateways(config.lake).topic
        if topic is None:
            return
        mail = render_incident(_incident(context))
        try:
            topic.publish(subject=mail.subject, message=mail.body)
        except RdsLakeError as error:
            # Raised again, so that the tick is red and Dagster tries the message once more.
            context.log.error(f"the failure of run {context.dagster_run.run_id} could not be mailed: {error}")
            raise

    return rds_lake_failures


def _incident(context: dg.RunFailureSensorContext) -> Incident:
    run = context.dagster_run
    failures = context.get_step_failure_events()
    causes = [_cause(event) for event in failures] or [context.failure_event.message or "the run failed"]
    selection = sorted(key.path[0] for key in run.asset_selection or ())
    return Incident(
        source=run.tags.get(Tag.SOURCE) or (selection[0] if selection else run.job_name),
        snapshot_date=run.tags.get("dagster/partition"),
        stage=failures[0].step_key if failures else None,
        causes=tuple(causes),
        run_id=run.run_id,
    )


def _cause(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    return data.error.message if data.error else event.message or "unknown"
