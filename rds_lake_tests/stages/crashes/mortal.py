"""Stages that are killed before any of their writes: all deaths of a stage, and one by one in a process that is really killed.

    for number, killed in deaths(world, "publish", "2026-11-20", most=40): ...    # the lake after each death
    with mortal_runs() as runs:
        killed = runs.attempt(world, "publish", "2026-11-20", before=3)           # SIGKILL before the third write

The server of `mortal_runs` forks a child per run, imports and all done. As a program
(`python -m rds_lake_tests.stages.crashes.mortal`) this file is that server: a line of JSON in, the child's pid and then its exit
status out.
"""

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
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
from rds_lake_tests.stages.crashes.moments import moments_of
from rds_lake_tests.support.door import death, open_door
from rds_lake_tests.support.world import World

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


_STAGES: dict[str, Callable[[Any, date], None]] = {
    stage.__name__: stage for stage in (whole, publish, approve, roll_back, prune)
}


def deaths(world: World, stage: str, day: str, *, most: int) -> Iterator[tuple[int, bool]]:
    """The lake after a death of the stage before its first write, its second, …: which, and whether there was one.

    Of the last one the stage has come to its end; AssertionError if it makes `most` writes.
    """
    moments = moments_of(world, lambda url: run_stage(_order(world, stage, day, url)))
    assert len(moments) < most, f"{stage} never came to its end"
    for number, moment in enumerate(moments, start=1):
        ending = moment.restore(world)
        yield number, number < len(moments)
        ending.join()


def _order(world: World, stage: str, day: str, endpoint: str) -> dict[str, Any]:
    source = world.config.sources[0]
    return {
        "stage": stage,
        "day": day,
        "endpoint": endpoint,
        "config": str(world.config.directory / "lake.yaml"),
        "source": source.model_dump(mode="json", exclude_unset=True),
    }


@dataclass(slots=True)
class MortalRuns:
    """The server's other end."""

    server: subprocess.Popen[str]

    def attempt(self, world: World, stage: str, day: str, *, before: int) -> bool:
        """Run the stage of the world's source, killed before its n-th write; whether it had that many."""
        pid: Future[int] = Future()
        with open_door(world.cloud) as door:
            door.rules.append(death(pid.result, before=before))
            assert self.server.stdin is not None
            print(json.dumps(_order(world, stage, day, door.url)), file=self.server.stdin, flush=True)
            pid.set_result(self._number())
            status = self._number()
        assert status in (0, -signal.SIGKILL), f"{stage} of {day} before write {before} ended with {status}"
        return status != 0

    def _number(self) -> int:
        assert self.server.stdout is not None
        line = self.server.stdout.readline()
        assert line, "the server of mortal runs has ended"
        return int(line)


@contextmanager
def mortal_runs() -> Iterator[MortalRuns]:
    """A server for as many runs as one likes."""
    command = [sys.executable, "-m", "rds_lake_tests.stages.crashes.mortal"]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield MortalRuns(server)
        finally:
            server.kill()


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
    _STAGES[order["stage"]](run, date.fromisoformat(order["day"]))


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
