"""The example with `capture: lambda`: triggers call a function, and Firehose writes what it hands over to the lake."""

from __future__ import annotations

import time
from contextlib import closing

import boto3
import dagster as dg
from changes import SOURCE
from on_this_machine import CHANGES, HERE, Say, create_table, pointed_at, run, subscriber, ticks, told

from deploy import deploy
from rds_lake.config.lake_yaml import load_config
from rds_lake.console.streams.triggers import Asked, triggers
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.localcloud.lambdas.calls.mysql import connect


def story(say: Say) -> list[str]:
    """Deploy, install the triggers, change the table, and tick the sensor; the messages that a subscriber got."""
    config = load_config(HERE / "lambda.yaml")
    with EmbeddedMariaDb() as server:
        url = server.create_database("flights")
        with LocalCloud({}, clusters={"flights-aurora": url}) as cloud, pointed_at(cloud.url, "lambda.yaml"):
            session = boto3.Session()
            session.client("s3").create_bucket(Bucket=config.lake.bucket)
            messages = subscriber()
            deploy(session, config, SOURCE)
            cloud.calling_databases.install("flights-aurora")
            say("function, stream and topic are there; the triggers:")
            with closing(connect(url)) as connection:
                run(connection, create_table())
                triggers(config, Asked(source=SOURCE, install=True, dsn=url), show=say, say=say)
                for change in CHANGES:
                    run(connection, change)
                    say(change)
            while not (
                cloud.lambdas.queue.idle and not any(each["records"] for each in cloud.firehose.waiting().values())
            ):
                time.sleep(0.05)
            with dg.instance_for_test() as instance:
                ticks(instance, (None, "kept", None), say)
            return told(messages(), say)
