"""The stages that are killed, and the server that runs each in a process of its own.

As a program (`python -m rds_lake_tests.stages.crashes.stages`) it forks a child per run, imports and all done: a line of JSON in,
the child's pid and then its exit status out. Nothing is imported here but what a run needs: the program is to start quickly.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.dynamodb import DynamoGateway
from rds_lake.aws.rds import RdsGateway
from rds_lake.config.lake_yaml import load_config
from rds_lake.config.shared import Retention
from rds_lake.config.source import KINDS
from rds_lake.stages.catalogue.naming import name_tables
from rds_lake.stages.catalogue.sync import sync_catalog
from rds_lake.stages.lake.handover import get_manifest
from rds_lake.stages.lake.lake import open_lake
from rds_lake.stages.publish import by_hand
from rds_lake.stages.upkeep.folders import Exports
from rds_lake.stages.upkeep.prune import apply_prune, plan_prune
from rds_lake.stages.watch.sources import run_of

_SESSION = boto3.Session(region_name="us-east-1")
_SERVICES = ("s3", "glue", "athena", "rds", "dynamodb")
_NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def whole(run: Any, day: date) -> None:
    """All stages of the date, as a manual run does them."""
    run.accept(day, poll_seconds=0.05)
    run.relocate(day)
    run.shared.catalogue(day)
    run.shared.publish(day, now=_NOON)


def publish(run: Any, day: date) -> None:
    """Catalogue and publish, without the queries in between that change nothing."""
    manifest = get_manifest(run.shared.lake.s3, run.shared.lake.layout, run.shared.source.name, day)
    sync_catalog(
        run.shared.lake.glue, manifest=manifest, tables=name_tables(manifest, run.shared.source), log=run.shared.log
    )
    run.shared.publish(day, now=_NOON)


def approve(run: Any, day: date) -> None:
    """What `rds-lake publish` does."""
    by_hand.approve(run.shared.publisher(_NOON), day)


def roll_back(run: Any, day: date) -> None:
    """What `rds-lake rollback` does."""
    by_hand.roll_back(run.shared.publisher(_NOON), day)


def prune(run: Any, _day: date) -> None:
    """Remove all dates but the newest, and leftovers, as on the day after."""
    source = run.shared.source.model_copy(update={"retention": Retention(daily=1, weekly=0, monthly=0)})
    exports = Exports.read(run.shared.config, run.rds, run.shared.lake.s3)
    tomorrow = datetime.now(UTC) + timedelta(hours=25)
    plan = plan_prune(run.shared.config, source, exports, rds=run.rds, lake=run.shared.lake, now=tomorrow)
    apply_prune(run.shared.lake, plan, busy=lambda: (), log=run.shared.log)


STAGES: dict[str, Callable[[Any, date], None]] = {
    stage.__name__: stage for stage in (whole, publish, approve, roll_back, prune)
}


def _serve() -> None:
    # Warm: the service models are read here, once, and not by every child.
    warm = AwsClients(_SESSION, endpoint_url="http://127.0.0.1:9")
    for service in _SERVICES:
        warm.client(service)
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _be_child(order)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def run_stage(order: dict[str, Any]) -> None:
    """The stage of the order, with clients of its own."""
    config = load_config(Path(order["config"]))
    clients = AwsClients(_SESSION, endpoint_url=order["endpoint"])
    run = run_of(
        config,
        KINDS[order["source"]["kind"]].model_validate(order["source"]),
        rds=RdsGateway(clients.rds),
        dynamodb=DynamoGateway(clients.client("dynamodb")),
        # The local Athena answers in milliseconds; polls without a pause would slow it down.
        lake=open_lake(clients, config.lake, sleep=lambda seconds: time.sleep(0.01), clock=lambda: 0.0),
        log=lambda line: None,
    )
    STAGES[order["stage"]](run, date.fromisoformat(order["day"]))


def _be_child(order: dict[str, Any]) -> None:
    status = 1
    try:
        run_stage(order)
        status = 0
    except BaseException:  # noqa: BLE001 - the end of a process: whatever it was is shown, and the exit status says that it failed
        traceback.print_exc()
    finally:
        # Without the clean-up of a process that is the server's copy.
        os._exit(status)


if __name__ == "__main__":
    _serve()
