"""An event storm with Dagster's real daemon, killed (SIGKILL) again and again: are the exports exactly the right ones?

    python -m bench.storm --messages 10000 --sources 40 --kills 10

A local cloud, `--sources` databases with one snapshot each, and messages about them: every real event several times, wrapped,
out of order, foreign and poisoned ones among them (rds_lake_tests/defs/storm.py). Prints what happened; exit code 1 when
an export was paid twice or missed, a poisoned message did not end in the dead-letter queue, a tick failed or took over
20 seconds.

The small version is `rds_lake_tests/defs/processes/test_storm.py`.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

import click

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.environment import environment
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake.model.exports.task import ExportTask
from rds_lake_tests.defs.processes.daemon import Dagster, Tick, running_dagster
from rds_lake_tests.defs.storm import Queue, Storm, let_loose, make_storm, paid_twice
from rds_lake_tests.support.crowd import write_crowd
from rds_lake_tests.support.world import World, execute, until

ROOT = Path(__file__).parents[2]
DAY = datetime.now(UTC).date() - timedelta(days=1)
# moto's SQS slows down with its depth: the storm is fed as fast as it is eaten.
_AT_MOST = 400
_PATIENCE = 1800.0


@click.command()
@click.option("--messages", default=10_000, show_default=True)
@click.option("--sources", default=40, show_default=True)
@click.option("--kills", default=10, show_default=True)
@click.option("--pause", default=12.0, show_default=True, help="Seconds a daemon lives at least.")
@click.option("--export-seconds", default=1.0, show_default=True, help="How long AWS works at an export.")
@click.option("--seed", default=1, show_default=True)
def main(messages: int, sources: int, kills: int, pause: float, export_seconds: float, seed: int) -> None:
    """Let the storm loose and judge what it left."""
    names = tuple(f"db-{number:03}" for number in range(sources))
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rds-lake-storm-")))
        postgres = stack.enter_context(EmbeddedPostgres())
        url = postgres.create_database("shop")
        execute(url, "CREATE TABLE t AS SELECT i AS id FROM generate_series(1, 100) i")
        config = write_crowd(ROOT, work, names)
        settings = ExportSettings(starting_seconds=export_seconds / 2, progress_seconds=export_seconds / 2)
        cloud = stack.enter_context(LocalCloud(dict.fromkeys(names, url), exports=settings))
        # This process only: keys no real account takes, and the cloud's own address.
        os.environ |= environment(cloud.url)
        world = World.of(cloud, url=url, config=config)
        running = running_dagster(endpoint=cloud.url, config=work / "lake.yaml", work=work, root=ROOT)
        dagster = stack.enter_context(running)
        arns = [world.snapshot(str(DAY), database=name, event=False) for name in names]
        storm = make_storm(arns, size=messages, seed=seed)
        sys.exit(run(world, dagster, storm, arns, kills=kills, pause=pause))


def run(world: World, dagster: Dagster, storm: Storm, arns: list[str], *, kills: int, pause: float) -> int:
    """The storm and its judgement; the exit code."""
    sqs = world.clients.client("sqs")
    name = world.config.lake.events_queue
    queue = Queue(
        sqs=sqs, url=world.gateways.queue.url, dead_url=sqs.get_queue_url(QueueName=f"{name}-dead")["QueueUrl"]
    )
    queue.be_impatient(visibility_seconds=30, receives=3)
    started, killed = time.monotonic(), 0

    def kill() -> None:
        nonlocal killed
        time.sleep(pause)  # long enough for the daemon to be up and at work
        dagster.restart_daemon()
        killed += 1
        exports = len(world.gateways.rds.list_export_tasks())
        click.echo(f"{time.monotonic() - started:6.0f} s  daemon killed {killed} times, {exports} exports so far")

    let_loose(storm, queue, kills=kills, kill=kill, at_most=_AT_MOST, seconds=_PATIENCE)
    click.echo(f"{time.monotonic() - started:6.0f} s  every message is acknowledged or dead")
    keys = {f"lake/_manifests/{source.name}/{DAY}.json" for source in world.config.sources}
    until(lambda: keys <= set(world.keys("lake/_manifests/")), seconds=_PATIENCE, what="the Parquet of every source")
    click.echo(f"{time.monotonic() - started:6.0f} s  the Parquet of every source is in the lake")
    return judge(world, dagster, storm, queue, arns)


def judge(world: World, dagster: Dagster, storm: Storm, queue: Queue, arns: list[str]) -> int:
    """What is wrong, in words; 1 if anything is."""
    tasks = world.gateways.rds.list_export_tasks()
    dead = queue.dead()
    ticks: list[Tick] = dagster.ticks("rds_lake_events") + dagster.ticks("rds_lake_reconciliation")
    slowest = max(tick.seconds or 0 for tick in ticks)
    failed = [tick.error for tick in ticks if tick.status == "FAILURE"]
    click.echo(f"messages {len(storm.messages)}, poisoned {storm.poison}, in the dead-letter queue {len(dead)}")
    click.echo(f"snapshots {len(arns)}, export tasks {len(tasks)}, paid twice {len(paid_twice(tasks))}")
    most = most_at_once(tasks)
    click.echo(f"exports in progress at once: {most} at most")
    click.echo(f"ticks {len(ticks)}, failed {len(failed)}, slowest {slowest:.1f} s")
    wrong = [
        ("exports are missing or too many", sorted(task.source_arn for task in tasks) != sorted(arns)),
        ("dead letters are not exactly the poisoned ones", len(dead) != storm.poison),
        ("more exports in progress than AWS allows", most > world.config.lake.export_quota),
        ("a tick took over 20 s", slowest > 20),
        (f"ticks failed: {failed[:3]}", bool(failed)),
    ]
    for text, happened in wrong:
        if happened:
            click.echo(f"WRONG: {text}")
    return int(any(happened for _, happened in wrong))


def most_at_once(tasks: Sequence[ExportTask]) -> int:
    """The largest number of tasks in progress at one time, by AWS's own start and end times."""
    steps = [(task.started_at, 1) for task in tasks if task.started_at]
    steps += [(task.ended_at, -1) for task in tasks if task.ended_at]
    return max(accumulate(step for _, step in sorted(steps)), default=0)


if __name__ == "__main__":
    main(prog_name="python -m bench.storm")
