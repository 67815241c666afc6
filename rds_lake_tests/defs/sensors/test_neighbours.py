"""Others beside a lake: a second lake in the same bucket, a second consumer on its queue."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from rich.console import Console

from rds_lake.config.lake_yaml import load_config
from rds_lake.console.connect import Connected
from rds_lake.console.prune import prune
from rds_lake.errors import CatalogError
from rds_lake_tests.defs.shell import QUIET, Shell
from rds_lake_tests.support.world import World, until

DAY = datetime.now(UTC).date() - timedelta(days=1)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(overrides=QUIET) as made:
        yield made


def second_lake(world: World, folder: Path, root: Path, *, name: str = "ledger") -> World:
    """A lake of the cluster in the same bucket and account, under another prefix, with a queue of its own."""
    body: dict[str, Any] = yaml.safe_load((root / "lake.yaml").read_text(encoding="utf-8"))
    body["lake"] |= {
        "prefix": "second",
        "export_prefix": "second-exports",
        "events_queue": "second-events",
        "workgroup": "second",
        "export_role": "arn:aws:iam::123456789012:role/second-export",
        "reconcile_days": 1,
    }
    cluster = {"name": name, "kind": "aurora", "identifier": "shop-aurora", "keep_export": False}
    retention = {"daily": 1, "weekly": 0, "monthly": 0}
    body["sources"] = [body["sources"][0] | cluster | {"retention": retention}]
    (folder / "second.yaml").write_text(yaml.safe_dump(body), encoding="utf-8")
    return World.of(world.cloud, url=world.url, config=load_config(folder / "second.yaml"))


def asked(shell: Shell) -> set[str]:
    """The sources that ticks ask runs for, until they ask for nothing more."""
    sources, quiet = set[str](), 0
    while quiet < 3:
        requests = shell.tick()
        quiet = 0 if requests else quiet + 1
        sources |= {key.path[0] for request in requests for key in request.asset_selection or []}
    return sources


def take_away(lake: World) -> None:
    """Prune a lake two days from now: all its dates but the last."""
    gateways = lake.gateways
    connected = Connected(config=lake.config, rds=gateways.rds, dynamodb=gateways.dynamodb, lake=gateways.lake)
    later = datetime.now(UTC) + timedelta(days=2)
    prune(connected, (), apply=True, now=later, console=Console(file=io.StringIO(), width=200))


def test_a_second_lake_with_a_source_of_the_same_name_is_refused_before_it_moves_the_firsts_views(
    world: World, tmp_path: Path, root: Path
) -> None:
    """A source's name is the name of its Glue database, of which an account has one."""
    world.snapshot(str(DAY))
    world.publish(str(DAY))
    before = world.query("SELECT count(*), max(snapshot_date) FROM orders")
    second = second_lake(world, tmp_path, root, name="shop")
    second.snapshot(str(DAY), hour=23)
    with pytest.raises(
        CatalogError,
        match=r"Glue database shop has 3 tables of another lake \(s3://acme-lake/lake/shop/.*another `name:`",
    ):
        second.publish(str(DAY))
    assert world.query("SELECT count(*), max(snapshot_date) FROM orders") == before


@pytest.mark.exhaustive
def test_two_lakes_in_one_bucket_neither_read_nor_delete_what_is_the_others(
    world: World, tmp_path: Path, root: Path, instance: dg.DagsterInstance
) -> None:
    """EventBridge gives both queues every event of RDS; each lake acknowledges the other's and does nothing else."""
    second = second_lake(world, tmp_path, root)
    earlier = DAY - timedelta(days=1)
    for lake, days in ((world, (DAY,)), (second, (earlier, DAY))):
        for day in days:
            lake.snapshot(str(day), hour=22)
            lake.publish(str(day))
    for lake in (world, second):
        lake.provision()
        shell = Shell(lake, instance)
        assert asked(shell) <= {lake.config.sources[0].name}
        assert lake.messages() == [], "all are acknowledged"
    mine, theirs = world.keys("lake/"), world.keys("second/")
    assert sorted([*mine, *theirs]) == [key for key in world.keys() if "exports/" not in key]
    assert all("/shop" in key for key in mine if "/_athena/" not in key)
    assert all("/ledger" in key for key in theirs if "/_athena/" not in key)
    take_away(second)
    assert world.keys("lake/") == mine
    assert not [key for key in world.keys("second/ledger/") if f"snapshot_date={earlier}" in key]
    for lake in (world, second):
        assert lake.query("SELECT DISTINCT snapshot_date FROM orders") == [(str(DAY),)]


def taken_until(world: World, last: str) -> None:
    """Another consumer takes messages out of the queue, up to the event of this id, and deletes them."""

    def take() -> bool:
        messages = world.gateways.queue.receive()
        world.gateways.queue.delete([message.receipt_handle for message in messages])
        return any(last in message.body for message in messages)

    until(take)


@pytest.mark.exhaustive
def test_what_a_second_consumer_takes_out_of_the_queue_reconciliation_does(
    world: World, instance: dg.DagsterInstance
) -> None:
    """Whoever deletes messages that he does not understand takes them from the lake. No date is lost by it."""
    world.snapshot(str(DAY), hour=22)
    taken_until(world, "RDS-EVENT-0091")
    shell = Shell(world, instance)
    assert shell.tick() == []
    (begin,) = shell.reconcile()
    assert begin.partition_key == str(DAY)
    assert shell.run(begin).success
    taken_until(world, "RDS-EVENT-0161")
    assert shell.tick() == []
    (whole,) = until(shell.reconcile)
    assert shell.run(whole).success
    assert world.query("SELECT DISTINCT snapshot_date FROM orders") == [(str(DAY),)]


def test_a_second_lake_of_the_same_database_never_reads_or_deletes_the_firsts_export(
    world: World, tmp_path: Path, root: Path
) -> None:
    """Both write exports below the same prefix, as two lakes do in whose lake.yaml only `prefix` differs."""
    world.with_source(parquet="in_place", keep_export=True)
    world.snapshot(str(DAY))
    world.publish(str(DAY))
    second = second_lake(world, tmp_path, root)
    lake = second.config.lake.model_copy(update={"export_prefix": world.config.lake.export_prefix})
    source = world.config.sources[0].model_copy(
        update={"name": "shop_dev", "parquet": "relocated", "keep_export": False}
    )
    second.config = second.config.model_copy(update={"lake": lake, "sources": (source,)})
    second.publish(str(DAY))
    assert len(world.gateways.rds.list_export_tasks()) == 2
    for reader in (world, second):
        assert reader.query("SELECT count(*) FROM orders") == [("10",)]
    take_away(second)
    assert world.query("SELECT count(*) FROM orders") == [("10",)]
