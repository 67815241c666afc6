"""The events sensor of a queue: turns events of RDS, AWS Backup, S3 and Glue into runs.

Two-phase acknowledgement: a tick receives messages, returns run requests, and puts the receipt handles into its cursor; the
next tick deletes them. Dagster stores requests and cursor in one write, so a daemon killed anywhere loses nothing, and
`run_key` prevents a second run for a message that SQS delivers twice: a standard queue delivers at least once
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html).

What belongs here: adapting Dagster's tick to `stages/watch/events.py`. What does not: deciding what an event means.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial

import dagster as dg

from rds_lake.aws.sqs import QueueMessage, SqsGateway
from rds_lake.config.lake_yaml import LakeConfig, first_date
from rds_lake.defs.keys import Keys
from rds_lake.defs.resources import Gateways, conversions, dynamo_exports, utc_now
from rds_lake.defs.sensors.cursors import EventsCursor, read_cursor, render_cursor
from rds_lake.defs.sensors.requests import RUNS_PER_TICK, run_request, selection
from rds_lake.defs.sensors.run_log import DagsterRunLog, open_run_log
from rds_lake.errors import RdsLakeError
from rds_lake.model.events.kinds import JsonArrived
from rds_lake.model.words import counted
from rds_lake.stages.databases.plan import export_plans
from rds_lake.stages.runs.attempt import Failed, attempt
from rds_lake.stages.runs.run_log import is_taken_over
from rds_lake.stages.runs.wanted import WantedIncident, WantedRun
from rds_lake.stages.watch.events import EventPlanner

# Dagster ends a tick after 60 s. Receiving and deciding stop well before; the rest comes with the next tick. Deciding takes
# time only where AWS is slow or throttles, and then the last decision may take some seconds beyond this.
_RECEIVE_SECONDS = 5
_TICK_SECONDS = 20
_RECEIVE_MESSAGES = 500
# The number of keys of requested runs to keep: otherwise Dagster would search all runs for each copy of an event, within the tick.
_REMEMBERED = 500
TakeJson = Callable[[Gateways, JsonArrived], str | None]


def events_sensor(
    config: LakeConfig, keys: Keys, *, interval_seconds: int = 30, take_json: TakeJson = lambda *_: None
) -> dg.SensorDefinition:
    """Returns the sensor of the lake's events queue. `take_json`: see `EventPlanner`."""

    @dg.sensor(
        name="rds_lake_events",
        description=f"RDS events from the SQS queue {config.lake.events_queue}: starts exports, continues finished ones.",
        asset_selection=selection(keys),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=interval_seconds,
    )
    def rds_lake_events(
        context: dg.SensorEvaluationContext, tick_gateways: dg.ResourceParam[Gateways]
    ) -> dg.SensorResult:
        deadline = time.monotonic() + _TICK_SECONDS
        cursor = read_cursor(EventsCursor, context.cursor, context.log.warning)
        log = open_run_log(context.instance, tick_gateways, config, keys, now=utc_now())
        kept = _acknowledge(context, tick_gateways.queue, cursor.acknowledge)
        planner = _planner(context, config, tick_gateways, log, is_late=lambda: time.monotonic() > deadline)
        planner = replace(planner, take_json=partial(take_json, tick_gateways))
        wanted, handled = _decided(context, tick_gateways.queue, planner, asked=frozenset(cursor.asked))
        asked = (*cursor.asked, *wanted)[-_REMEMBERED:]
        return dg.SensorResult(
            run_requests=[run_request(item, config, keys) for item in wanted.values()],
            cursor=render_cursor(EventsCursor(acknowledge=(*kept, *handled), asked=asked)),
        )

    return rds_lake_events


def _planner(
    context: dg.SensorEvaluationContext,
    config: LakeConfig,
    gateways: Gateways,
    log: DagsterRunLog,
    *,
    is_late: Callable[[], bool],
) -> EventPlanner:
    return EventPlanner(
        rds=gateways.rds,
        plans=export_plans(config),
        first_dates={source.name: first_date(config, source) for source in config.sources},
        today=lambda: utc_now().date(),
        dynamodb=dynamo_exports(config, gateways, context.log.info, is_late=is_late),
        conversions=conversions(config, gateways),
        is_taken_over=lambda run: is_taken_over(log, run),
        is_late=is_late,
    )


def _decided(
    context: dg.SensorEvaluationContext, queue: SqsGateway, planner: EventPlanner, *, asked: Collection[str]
) -> tuple[dict[str, WantedRun | WantedIncident], list[str]]:
    """Returns the runs for the queue's messages, by key, and the receipt handles of handled messages.

    `asked`: keys of runs that were requested before.
    """
    wanted: dict[str, WantedRun | WantedIncident] = {}
    handled: list[str] = []
    for batch in _receive(context, queue, room=lambda: RUNS_PER_TICK - len(wanted)):
        plan = planner.plan(batch)
        wanted.update({key: item for key, item in plan.wanted.items() if key not in asked})
        handled += plan.handled
        for note in plan.notes:
            context.log.info(note)
        for problem in plan.problems:
            context.log.error(problem)
        if planner.is_late():
            break
    return wanted, handled


def _acknowledge(context: dg.SensorEvaluationContext, queue: SqsGateway, handles: Sequence[str]) -> list[str]:
    """Deletes the messages of the last tick, whose requests Dagster has stored. Returns those that the next tick has to delete."""
    if not handles:
        return []
    failed = attempt(lambda: queue.delete(handles))
    if isinstance(failed, Failed):
        # New messages are still received; messages that are not deleted are delivered again and change nothing.
        context.log.error(
            f"{counted(len(handles), 'message')} could not be deleted; the next tick tries again: {failed.why}"
        )
        return list(handles[-_RECEIVE_MESSAGES:])
    context.log.info(f"acknowledged {counted(len(handles) - len(failed), 'message')}")
    if failed:
        context.log.warning(
            f"{counted(len(failed), 'message')} could not be deleted; SQS delivers them again, which changes nothing"
        )
    return []


def _receive(
    context: dg.SensorEvaluationContext, queue: SqsGateway, *, room: Callable[[], int]
) -> Iterator[list[QueueMessage]]:
    """Yields batches until the queue is empty or there is no room for runs, without long polling, as other sensors wait.

    A received message must be decided within the tick, and most messages need one run, so none is received without
    room. If the queue stops answering, the batches end and received messages are kept; if it never answers, the tick
    fails.
    """
    deadline = time.monotonic() + _RECEIVE_SECONDS
    received = 0
    while received < _RECEIVE_MESSAGES and time.monotonic() < deadline and room() > 0:
        try:
            batch = queue.receive(max_messages=room(), wait_seconds=1)
        except RdsLakeError as error:
            if not received:
                raise
            context.log.error(f"the queue stopped answering; the next tick tries again: {error}")
            return
        if not batch:
            return
        received += len(batch)
        yield batch
