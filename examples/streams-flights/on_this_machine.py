"""What both runs of the example share: the local cloud for AWS, a subscriber of the topic, and Dagster's daemon in short."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pymysql

from rds_lake.localcloud.environment import environment

HERE = Path(__file__).parent
Say = Callable[[str], None]
CHANGES = (
    "INSERT INTO routes VALUES ('LX', 318, 'ZRH', 'LHR', 'Europe', b'1', b'1111100', 149.50)",
    "INSERT INTO routes VALUES ('LX', 14, 'ZRH', 'JFK', 'Übersee', b'1', b'1111111', 612.00)",
    "UPDATE routes SET fare = 139.00, newRoute = b'0' WHERE airline = 'LX' AND flight = 318",
    "UPDATE routes SET fare = fare",
    "DELETE FROM routes WHERE airline = 'LX' AND flight = 14",
)


def run(connection: pymysql.Connection[Any], *statements: str) -> None:
    """Statements, one after the other."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def create_table() -> str:
    """The statement that makes `routes`."""
    return (HERE / "routes.sql").read_text(encoding="utf-8")


def subscriber() -> Callable[[], list[str]]:
    """A topic with a queue behind it, and what came into the queue."""
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic = os.environ["ROUTES_TOPIC"] = sns.create_topic(Name="new-routes")["TopicArn"]
    queue = sqs.create_queue(QueueName="new-routes")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"{topic.replace(':sns:', ':sqs:')}")

    def received() -> list[str]:
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return sorted(json.loads(message["Body"])["Message"] for message in found)

    return received


@contextmanager
def pointed_at(endpoint: str, config: str) -> Iterator[None]:
    """The local cloud for every boto3 client that is made meanwhile."""
    before = dict(os.environ)
    os.environ.update(environment(endpoint), RDS_LAKE_CONFIG=str(HERE / config))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def ticks(instance: dg.DagsterInstance, cursors: tuple[str | None, ...], say: Say) -> None:
    """Ticks of the sensor as Dagster's daemon has them: one run for each run key, for ever.

    `cursors`: what the daemon remembers before each tick; "kept" stands for what the tick before left.
    """
    from notify import new_routes, tell_of_route

    cursor: str | None = None
    for wanted in cursors:
        context = dg.build_sensor_context(instance, cursor=cursor if wanted == "kept" else wanted)
        tick = new_routes.evaluate_tick(context)
        cursor, requests = tick.cursor, tick.run_requests or []
        started = 0
        for request in requests:
            tags = {"dagster/run_key": str(request.run_key)}
            if not instance.get_runs(dg.RunsFilter(tags=tags), limit=1):
                tell_of_route.execute_in_process(run_config=dict(request.run_config), instance=instance, tags=tags)
                started += 1
        say(f"sensor: {len(requests)} inserted rows found, {started} runs started")


def told(messages: list[str], say: Say) -> list[str]:
    """The messages, printed."""
    for message in messages:
        say(f"message: {message}")
    return messages
