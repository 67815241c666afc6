"""What happens to a lake in the field: storms, a wrong clock, other writers, and hands that delete things."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import botocore.endpoint
import pytest

from rds_lake.config.shared import Retention
from rds_lake.errors import AwsError, CatalogError, LostFilesError, RdsLakeError
from rds_lake.stages.databases.run import DatabaseRun
from rds_lake.stages.upkeep.folders import Exports
from rds_lake.stages.upkeep.prune import plan_prune
from rds_lake_tests.support.door import Door, open_door, storm
from rds_lake_tests.support.pipeline_keys import aws_of
from rds_lake_tests.support.world import World, execute

DAY = date(2026, 11, 20)


@contextmanager
def through_door(world: World, **arguments: Any) -> Iterator[tuple[Door, DatabaseRun]]:
    """The source's stages, all of whose calls go through a door."""
    with open_door(world.cloud, **arguments) as door:
        gateways = aws_of(door.url, "pipeline").gateways(world.config.lake)
        yield door, world.run(rds=gateways.rds, lake=gateways.lake)


def everything(run: DatabaseRun, day: date = DAY) -> None:
    run.accept(day, poll_seconds=0.05)
    run.relocate(day)
    run.shared.catalogue(day)
    run.shared.publish(day, now=datetime(2026, 11, 20, 12, tzinfo=UTC))


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore repeats without its pauses."""

    class Time:
        sleep = staticmethod(lambda seconds: None)

    monkeypatch.setattr(botocore.endpoint, "time", Time)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("services", [("glue", "athena"), ("s3", "glue", "athena", "rds")])
def test_a_storm_that_throttles_three_calls_of_ten_loses_nothing_and_doubles_nothing(
    world: World, services: tuple[str, ...]
) -> None:
    world.snapshot("2026-11-20")
    with through_door(world) as (door, run):
        door.rules.append(storm(0.3, *services))
        everything(run)
        assert sum(door.calls.values()) > 60
    assert world.query("SELECT count(*), count(DISTINCT id) FROM orders") == [("10", "10")]
    assert world.query("SELECT count(*) FROM order_details") == [("20",)]
    assert world.query("SELECT snapshot_date, rows FROM _snapshots") == [("2026-11-20", "30")]
    assert len(world.gateways.rds.list_export_tasks()) == 1


@pytest.mark.exhaustive
@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("service", ["glue", "athena", "s3"])
def test_a_storm_without_end_says_what_was_throttled_and_moves_no_view(world: World, service: str) -> None:
    world.snapshot("2026-11-19")
    world.publish("2026-11-19")
    world.snapshot("2026-11-20")
    world.run().accept(DAY, poll_seconds=0.05)
    world.run().relocate(DAY)
    ticks = iter(range(0, 10**9, 600))
    with through_door(world) as (door, run):
        run.shared.lake.athena._clock = lambda: float(next(ticks))
        run.shared.lake.athena._sleep = lambda seconds: None
        door.rules.append(storm(1, service))
        with pytest.raises(RdsLakeError, match=f"(?s){service} .* was throttled: .*it can be repeated"):
            run.shared.catalogue(DAY)
    assert world.query("SELECT DISTINCT snapshot_date FROM orders") == [("2026-11-19",)]
    world.publish("2026-11-20")
    assert world.query("SELECT DISTINCT snapshot_date FROM orders") == [("2026-11-20",)]


@pytest.mark.parametrize("days", [-3, 3])
def test_with_a_clock_days_off_nothing_is_removed_and_the_message_says_to_set_the_clock(
    world: World, days: int
) -> None:
    for day in ("2026-11-19", "2026-11-20"):
        world.snapshot(day)
        world.publish(day)
    world.with_source(retention=Retention(daily=1, weekly=0, monthly=0))
    before = world.keys()

    def elsewhere() -> datetime:
        return datetime.now(UTC) + timedelta(days=days)

    with through_door(world, now=elsewhere) as (_, run):
        for attempt in (
            lambda: Exports.read(world.config, run.rds, run.shared.lake.s3),
            lambda: plan_prune(
                world.config,
                run.shared.source,
                Exports(folders={}, tasks=()),
                rds=run.rds,
                lake=run.shared.lake,
                now=datetime.now(UTC),
            ),
            lambda: run.rds.list_export_tasks(),
            lambda: run.shared.lake.glue.list_tables("shop"),
            lambda: run.shared.lake.athena.run("SELECT 1", database="shop"),
            lambda: everything(run),
        ):
            with pytest.raises(AwsError, match=r"clock differs from AWS's by minutes: set it \(NTP\), then repeat"):
                attempt()
    assert world.keys() == before


@pytest.mark.exhaustive
def test_a_partition_deleted_by_hand_before_publishing_keeps_the_views_where_they_are(world: World) -> None:
    world.snapshot("2026-11-19")
    world.publish("2026-11-19")
    world.snapshot("2026-11-20")
    run = world.run()
    run.accept(DAY, poll_seconds=0.05)
    run.relocate(DAY)
    run.shared.catalogue(DAY)
    world.gateways.lake.glue.delete_partitions("shop", "snapshots_orders", [("2026-11-20",)])
    with pytest.raises(CatalogError, match=r"not catalogued for 2026-11-20; materialize `catalog` first") as caught:
        run.shared.publish(DAY, now=datetime.now(UTC))
    assert caught.value.problems == ("shop.public.orders",)
    assert world.query("SELECT DISTINCT snapshot_date FROM orders") == [("2026-11-19",)]
    run.shared.catalogue(DAY)
    run.shared.publish(DAY, now=datetime.now(UTC))
    assert world.query("SELECT DISTINCT snapshot_date FROM orders") == [("2026-11-20",)]


@pytest.mark.exhaustive
def test_a_concurrent_writers_change_of_a_table_is_kept_and_ours_is_made(world: World) -> None:
    world.snapshot("2026-11-19")
    world.publish("2026-11-19")
    execute(world.url, "ALTER TABLE orders ADD COLUMN channel text DEFAULT 'web'")
    world.snapshot("2026-11-20")
    world.run().accept(DAY, poll_seconds=0.05)
    world.run().relocate(DAY)
    glue = world.clients.client("glue")

    def other_writer(call: Any) -> None:
        """Changes the table after it was read and before our update arrives: the VersionId we state is stale."""
        if call.operation == "UpdateTable" and not marked:
            marked.append(True)
            table = glue.get_table(DatabaseName="shop", Name="snapshots_orders")["Table"]
            body = {
                key: table[key] for key in ("Name", "TableType", "PartitionKeys", "StorageDescriptor", "Parameters")
            }
            body["Parameters"] = body["Parameters"] | {"lakeformation.mark": "theirs"}
            glue.update_table(DatabaseName="shop", TableInput=body)

    marked: list[bool] = []
    with through_door(world) as (door, run):
        door.rules.append(other_writer)
        run.shared.catalogue(DAY)
        assert door.count("glue", "UpdateTable") == 2
        run.shared.publish(DAY, now=datetime.now(UTC))
    assert glue.get_table(DatabaseName="shop", Name="snapshots_orders")["Table"]["Parameters"]["lakeformation.mark"]
    assert world.query("SELECT count(channel) FROM orders") == [("10",)]


def delete_by_hand(world: World, part: str) -> str:
    (key,) = [key for key in world.keys("lake/shop/") if part in key and key.endswith(".parquet")]
    world.clients.client("s3").delete_object(Bucket="acme-lake", Key=key)
    return key


def test_an_object_deleted_by_hand_before_publishing_is_found_and_copied_again(world: World) -> None:
    world.snapshot("2026-11-20")
    run = world.run()
    run.accept(DAY, poll_seconds=0.05)
    run.relocate(DAY)
    delete_by_hand(world, "public.orders/")
    (orders,) = [table for table in run.shared.catalogue(DAY).quality if table.table == "shop.public.orders"]
    assert not orders.rows_match, "what stops the run in Dagster"
    run.relocate(DAY)
    assert any(line.startswith("1 of 2 files of 2026-11-20 are missing from the lake") for line in world.lines)
    assert all(table.rows_match for table in run.shared.catalogue(DAY).quality)
    run.shared.publish(DAY, now=datetime.now(UTC))
    assert world.query("SELECT count(*) FROM orders") == [("10",)]


@pytest.mark.exhaustive
def test_an_object_deleted_by_hand_after_publishing_is_named_and_the_advice_brings_it_back(world: World) -> None:
    world.snapshot("2026-11-19")
    world.publish("2026-11-19")
    key = delete_by_hand(world, "public.orders/")
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    assert world.query("SELECT count(*) FROM orders") == [("10",)], "the next date does not mind"
    day = date(2026, 11, 19)
    with pytest.raises(
        LostFilesError, match=r"1 of 2 files of shop 2026-11-19 are missing from the lake.*delete s3://"
    ) as caught:
        world.run().relocate(day)
    assert caught.value.problems == (f"s3://acme-lake/{key}",)
    world.clients.client("s3").delete_object(Bucket="acme-lake", Key="lake/_manifests/shop/2026-11-19.json")
    world.publish("2026-11-19")
    assert world.query("SELECT snapshot_date, count(*) FROM snapshots_orders GROUP BY 1 ORDER BY 1") == [
        ("2026-11-19", "10"),
        ("2026-11-20", "10"),
    ]
    assert world.query("SELECT DISTINCT snapshot_date FROM orders") == [("2026-11-20",)]


@pytest.mark.exhaustive
@pytest.mark.parametrize("parquet", ["relocated", "in_place"])
def test_a_date_is_not_made_again_with_fewer_rows_from_half_of_awss_copy(world: World, parquet: str) -> None:
    world.with_source(parquet=parquet)
    execute(world.url, "CREATE TABLE extra AS SELECT 1 AS id")
    world.snapshot("2026-11-20")
    run = world.run()
    run.accept(DAY, poll_seconds=0.05)
    manifest = run.relocate(DAY)
    theirs = [key for key in world.keys("exports/") if "public.extra/" in key and key.endswith(".parquet")]
    ours = [key for key in world.keys("lake/shop/") if "public.extra/" in key and key.endswith(".parquet")]
    for key in theirs + ours:
        world.clients.client("s3").delete_object(Bucket="acme-lake", Key=key)
    with pytest.raises(LostFilesError, match=f"1 of {manifest.files} files"):
        run.relocate(DAY)
