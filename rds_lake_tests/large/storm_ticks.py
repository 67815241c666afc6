"""The event storm at full size through the sensors themselves, without the daemon's processes: `bench/storm.py` has those.

    python -m bench.storm_ticks --messages 10000 --sources 40 --losses 10

Every tick is the sensor's own code on a real queue of the local cloud; `--losses` times a tick is lost before Dagster stored
it, as when the daemon is killed: its requests, its cursor and its acknowledgement are gone. Runs are executed in this
process. Judges as `bench/storm.py` does.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import dagster as dg

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.environment import environment
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake_tests.defs.shell import QUIET, Shell
from rds_lake_tests.defs.storm import Queue, make_storm, paid_twice
from rds_lake_tests.support.crowd import write_crowd
from rds_lake_tests.support.world import World, execute

DAY = datetime.now(UTC).date() - timedelta(days=1)
ROOT = Path(__file__).parents[2]
_PORTION = 300  # messages in the queue at once: moto's SQS slows down with its depth


@click.command()
@click.option("--messages", default=10_000, show_default=True)
@click.option("--sources", default=40, show_default=True)
@click.option("--losses", default=10, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(messages: int, sources: int, losses: int, seed: int) -> None:
    """Let the storm loose and judge what it left."""
    names = tuple(f"db-{number:03}" for number in range(sources))
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rds-lake-ticks-")))
        url = stack.enter_context(EmbeddedPostgres()).create_database("shop")
        execute(url, "CREATE TABLE t AS SELECT i AS id FROM generate_series(1, 100) i")
        config = write_crowd(ROOT, work, names)
        settings = ExportSettings(starting_seconds=2, progress_seconds=1)
        cloud = stack.enter_context(LocalCloud(dict.fromkeys(names, url), exports=settings))
        os.environ |= environment(cloud.url)
        world = World.of(cloud, url=url, config=config)
        instance = stack.enter_context(dg.instance_for_test(overrides=QUIET, temp_dir=str(work)))
        sys.exit(Storming(world, Shell(world, instance), messages, names, losses, seed).run())


class Storming:
    """The storm, tick by tick."""

    def __init__(
        self, world: World, shell: Shell, messages: int, names: tuple[str, ...], losses: int, seed: int
    ) -> None:
        self.world, self.shell, self.names = world, shell, names
        self.arns = [world.snapshot(str(DAY), database=name, event=False) for name in names]
        self.storm = make_storm(self.arns, size=messages, seed=seed)
        sqs, queue = world.clients.client("sqs"), world.config.lake.events_queue
        dead = sqs.get_queue_url(QueueName=f"{queue}-dead")["QueueUrl"]
        self.queue = Queue(sqs=sqs, url=world.gateways.queue.url, dead_url=dead)
        self.queue.be_impatient(visibility_seconds=10, receives=3)
        self.ticks: list[float] = []
        self.most = 0
        portions = (len(self.storm.messages) - 1) // _PORTION + 1
        self.lost = set(random.Random(seed).sample(range(portions), k=min(losses, portions)))

    def run(self) -> int:
        """Everything sent, decided and executed; the exit code."""
        started = time.monotonic()
        for number, start in enumerate(range(0, len(self.storm.messages), _PORTION)):
            self.queue.send(self.storm.messages[start : start + _PORTION])
            if number in self.lost:
                self.tick("rds_lake_events", lose=True)
            self.tick("rds_lake_events")
            self.tick("rds_lake_reconciliation")
        keys = {f"lake/_manifests/{source.name}/{DAY}.json" for source in self.world.config.sources}
        while self.queue.depth() or not keys <= set(self.world.keys("lake/_manifests/")):
            self.tick("rds_lake_events")
            self.tick("rds_lake_reconciliation")
        return self.judge(time.monotonic() - started)

    def tick(self, sensor: str, *, lose: bool = False) -> None:
        before = dict(self.shell.cursors), set(self.shell.run_keys)
        began = time.monotonic()
        requests = self.shell.tick(sensor)
        self.ticks.append(time.monotonic() - began)
        if lose:
            self.shell.cursors, self.shell.run_keys = before
            return
        for request in requests:
            self.shell.run(request)
            self.most = max(self.most, len(self.world.gateways.rds.list_running_exports()))

    def judge(self, seconds: float) -> int:
        tasks, dead = self.world.gateways.rds.list_export_tasks(), self.queue.dead()
        right = sorted(task.source_arn for task in tasks) == sorted(self.arns) and len(dead) == self.storm.poison
        click.echo(
            f"{seconds:.0f} s, {len(self.ticks)} ticks, {len(self.lost)} of them lost, slowest {max(self.ticks):.1f} s"
        )
        click.echo(f"messages {len(self.storm.messages)}, poisoned {self.storm.poison}, dead letters {len(dead)}")
        click.echo(f"snapshots {len(self.arns)}, export tasks {len(tasks)}, paid twice {len(paid_twice(tasks))}")
        click.echo(f"exports in progress at most {self.most}")
        good = right and self.most <= 5 and max(self.ticks) <= 20
        click.echo("RIGHT" if good else "WRONG")
        return int(not good)


if __name__ == "__main__":
    main(prog_name="python -m bench.storm_ticks")
