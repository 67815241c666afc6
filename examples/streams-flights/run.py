"""The example on this machine: a MariaDB for Aurora MySQL, and AWS by the local cloud. `make demo-streams` runs it.

python examples/streams-flights/run.py
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pymysql

from rds_lake.config.lake_yaml import load_config
from rds_lake.console.streams.triggers import Asked, triggers
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.localcloud.environment import environment
from rds_lake.localcloud.lambdas.calls.mysql import connect

HERE = Path(__file__).parent
_CHANGES = (
    "INSERT INTO routes VALUES ('LX', 318, 'ZRH', 'LHR', 'Europe', b'1', b'1111100', 149.50)",
    "INSERT INTO routes VALUES ('LX', 14, 'ZRH', 'JFK', 'Übersee', b'1', b'1111111', 612.00)",
    "UPDATE routes SET fare = 139.00, newRoute = b'0' WHERE airline = 'LX' AND flight = 318",
    "UPDATE routes SET fare = fare",
    "DELETE FROM routes WHERE airline = 'LX' AND flight = 14",
)


def story(say: Callable[[str], None]) -> list[str]:
    """Deploy, install the triggers, change the table, and tick the sensor; the messages that a subscriber got."""
    sys.path.insert(0, str(HERE))
    try:
        from deploy import deploy  # type: ignore[import-not-found]
        from notify import SOURCE, new_routes  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(HERE))
    config = load_config(HERE / "lake.yaml")
    with EmbeddedMariaDb() as server:
        url = server.create_database("flights")
        with LocalCloud({}, clusters={"flights-aurora": url}) as cloud, _pointed_at(cloud.url):
            session = boto3.Session()
            session.client("s3").create_bucket(Bucket=config.lake.bucket)
            messages = _subscriber(session)
            deploy(session, config, SOURCE)
            cloud.calling_databases.install("flights-aurora")
            say("function, stream and topic are there; the triggers:")
            with closing(connect(url)) as connection:
                _run(connection, (HERE / "routes.sql").read_text(encoding="utf-8"))
                triggers(config, Asked(source=SOURCE, install=True, dsn=url), show=say, say=say)
                for change in _CHANGES:
                    _run(connection, change)
                    say(change)
            return _told(cloud, new_routes, messages, say)


def _told(cloud: LocalCloud, sensor: Any, messages: Callable[[], list[str]], say: Callable[[str], None]) -> list[str]:
    """Tick the sensor twice: the second time there is nothing new."""
    while not (cloud.lambdas.queue.idle and not any(each["records"] for each in cloud.firehose.waiting().values())):
        time.sleep(0.05)
    cursor = None
    for _ in range(2):
        context = dg.build_sensor_context(cursor=cursor)
        say(f"sensor: {sensor(context).skip_message}")
        cursor = context.cursor
    told = messages()
    for message in told:
        say(f"message: {message}")
    return told


def _run(connection: pymysql.Connection[Any], statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _subscriber(session: Any) -> Callable[[], list[str]]:
    """A topic with a queue behind it, and what came into the queue."""
    sns, sqs = session.client("sns"), session.client("sqs")
    topic = os.environ["ROUTES_TOPIC"] = sns.create_topic(Name="new-routes")["TopicArn"]
    queue = sqs.create_queue(QueueName="new-routes")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"{topic.replace(':sns:', ':sqs:')}")

    def received() -> list[str]:
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return sorted(json.loads(message["Body"])["Message"] for message in found)

    return received


@contextmanager
def _pointed_at(endpoint: str) -> Iterator[None]:
    """The local cloud for every boto3 client that is made meanwhile."""
    before = dict(os.environ)
    os.environ.update(environment(endpoint), RDS_LAKE_CONFIG=str(HERE / "lake.yaml"))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


if __name__ == "__main__":
    story(print)
