"""The example with `capture: outbox`: triggers write into a table, which is forwarded, compacted and shown as a live view."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

import boto3
import dagster as dg
from changes import SOURCE
from on_this_machine import CHANGES, HERE, Say, create_table, pointed_at, run, subscriber, ticks, told

from rds_lake.aws.session import open_clients
from rds_lake.config.lake_yaml import LakeConfig, load_config
from rds_lake.console.account.stack import StackAsked, setup
from rds_lake.console.streams.triggers import Asked, triggers
from rds_lake.defs.build import build_definitions
from rds_lake.defs.resources import AwsResource
from rds_lake.infra.stack.deploy import Pace
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.localcloud.lambdas.calls.mysql import connect
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake.stages.lake.lake import open_lake

_FIRST = "INSERT INTO routes VALUES ('LX', 1, 'ZRH', 'GVA', NULL, b'0', b'1111111', 99.00)"
_QUESTIONS = (
    "SELECT airline, flight, destination, fare, snapshot_date FROM routes ORDER BY 1, 2",
    "SELECT airline, flight, destination, fare, live_cut FROM routes_live ORDER BY 1, 2",
    "SELECT airline, flight, change, old_fare, new_fare FROM routes_history ORDER BY seq",
)


def story(say: Say) -> list[str]:
    """Set up, install the triggers, publish a snapshot, change the table, take a turn, and tick the sensor; the messages."""
    config = load_config(HERE / "outbox.yaml")
    quick = ExportSettings(starting_seconds=0.0, progress_seconds=0.0)
    with EmbeddedMariaDb() as server:
        url = server.create_database("flights")
        with (
            LocalCloud(
                {}, clusters={"flights-aurora": (url, server.create_database("rds_lake"))}, exports=quick
            ) as cloud,
            pointed_at(cloud.url, "outbox.yaml"),
            closing(connect(url)) as connection,
            dg.instance_for_test() as instance,
        ):
            pace = Pace(clock=time.monotonic, sleep=time.sleep, pause=0.1, longest=0.5)
            setup(config, StackAsked(), pace=pace, token=lambda: str(uuid4()), say=lambda _: None)
            boto3.client("secretsmanager").create_secret(Name="flights-forwarder", SecretString=url)
            messages = subscriber()
            run(connection, create_table(), _FIRST)
            say("the lake and the topic are there, and one route; the triggers:")
            triggers(config, Asked(source=SOURCE, install=True, dsn=url), show=say, say=say)
            dagster = _Dagster(config, instance)
            dagster.publish(cloud.url, say)
            for change in CHANGES:
                run(connection, change)
                say(change)
            dagster.take_turn(say)
            ticks(instance, (None, "kept", None), say)
            return told(messages(), say)


class _Dagster:
    """The lake's own definitions, whose assets are materialized in this process."""

    def __init__(self, config: LakeConfig, instance: dg.DagsterInstance) -> None:
        self._config, self._instance = config, instance
        self._job = build_definitions(
            config, known_tables={}, resources={"aws": AwsResource(poll_seconds=0.1)}
        ).resolve_implicit_global_asset_job_def()

    def publish(self, endpoint: str, say: Say) -> None:
        """A snapshot of today, exported, catalogued and published."""
        now = datetime.now(UTC)
        body = {"cluster": self._config.databases[0].identifier, "type": "automated", "at": now.isoformat()}
        order = Request(f"{endpoint}/_local/snapshots", json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310 - our own loopback endpoint
        with urlopen(order, timeout=120):  # noqa: S310
            pass
        assets = [[SOURCE, name] for name in ("snapshot_export", "parquet", "catalog", "views")]
        self._materialize(assets, partition_key=now.date().isoformat())
        say(f"the snapshot of {now.date()} is published")

    def take_turn(self, say: Say) -> None:
        """What Dagster does every five minutes: forward, compact, move the live view. And what readers see then."""
        result = self._materialize([[SOURCE, "changes"]])
        for check in result.get_asset_check_evaluations():
            say(f"check {check.check_name}: {'passed' if check.passed else 'FAILED'}; {check.description}")
        lake = open_lake(open_clients(region=self._config.lake.region), self._config.lake)
        for question in _QUESTIONS:
            say(question)
            for row in lake.athena.run(question, database=SOURCE).rows:
                say("    " + "  ".join("NULL" if value is None else value for value in row))

    def _materialize(self, assets: Sequence[Sequence[str]], **how: Any) -> dg.ExecuteInProcessResult:
        keys = [dg.AssetKey(list(asset)) for asset in assets]
        return self._job.execute_in_process(asset_selection=keys, instance=self._instance, **how)
