"""Hundreds of messages, most of them wrong, late or twice, while the daemon is killed."""

from typing import Any

import pytest

from rds_lake_tests.defs.processes.crowd import OTHERS, YESTERDAY, until
from rds_lake_tests.defs.processes.daemon import Dagster
from rds_lake_tests.defs.storm import Queue, let_loose, make_storm
from rds_lake_tests.support.world import World


def queue_of(world: World) -> Queue:
    sqs = world.clients.client("sqs")
    name = world.config.lake.events_queue
    dead = sqs.get_queue_url(QueueName=f"{name}-dead")["QueueUrl"]
    return Queue(sqs=sqs, url=world.gateways.queue.url, dead_url=dead)


@pytest.mark.exhaustive
def test_a_storm_of_messages_and_a_daemon_killed_twice_leave_exactly_the_right_exports(
    dagster: Dagster, crowd: World
) -> None:
    """bench/storm.py does the same with 10,000 messages, 40 sources and ten kills."""
    arns = [crowd.snapshot(str(YESTERDAY), database=name, event=False) for name in OTHERS]
    before = {task.identifier for task in crowd.gateways.rds.list_export_tasks()}
    queue = queue_of(crowd)
    queue.be_impatient(visibility_seconds=5, receives=3)
    storm = make_storm(arns, size=200, seed=3)
    let_loose(storm, queue, kills=2, kill=dagster.restart_daemon_between_starts, at_most=200, seconds=200)

    def published() -> bool:
        day = YESTERDAY.isoformat()
        keys = [f"lake/_manifests/{name.replace('-', '_')}/{day}.json" for name in OTHERS]
        return set(keys) <= set(crowd.keys("lake/_manifests/"))

    until(published, what="the Parquet of every source")
    tasks = [t for t in crowd.gateways.rds.list_export_tasks() if t.identifier not in before]
    assert sorted(task.source_arn for task in tasks) == sorted(arns), "no paid export twice, none missed"
    assert sorted(queue.dead()) == sorted(body for body in storm.messages if body.startswith("poison"))
    ticks: list[Any] = dagster.ticks("rds_lake_events") + dagster.ticks("rds_lake_reconciliation")
    assert not [tick.error for tick in ticks if tick.status == "FAILURE"]
