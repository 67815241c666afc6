"""`parquet: in_place`: AWS's own folders are tables, the whole way, and nothing that is read there is deleted."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from rds_lake.config.lake_yaml import load_config
from rds_lake.config.shared import Retention
from rds_lake.errors import ManifestError, RelocationError
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.model.lake.manifest_json import parse_manifest
from rds_lake.stages.lake.handover import get_manifest
from rds_lake.stages.upkeep.folders import Exports
from rds_lake.stages.upkeep.orphan import Orphan, remove_orphan
from rds_lake.stages.upkeep.orphans import find_orphans
from rds_lake.stages.upkeep.retention import apply_retention, date_folders, plan_retention
from rds_lake.stages.watch.records import read_records
from rds_lake.stages.watch.status import source_status
from rds_lake_tests.support.world import World, execute, seed_tiny

DAY, NEXT = "2026-11-20", "2026-11-21"


@pytest.fixture
def world(cloud: LocalCloud, tiny_url: str, tmp_path: Path, root: Path) -> World:
    """A lake that reads its one source in place, from another bucket than its own."""
    seed_tiny(tiny_url)
    body = yaml.safe_load((root / "lake.yaml").read_text(encoding="utf-8"))
    body["lake"] |= {"export_bucket": "acme-exports"}
    source = {key: value for key, value in body["sources"][0].items() if key != "keep_export"}
    text = yaml.safe_dump(body | {"sources": [source | {"parquet": "in_place"}]})
    (tmp_path / "lake.yaml").write_text(text, encoding="utf-8")
    return World.of(cloud, url=tiny_url, config=load_config(tmp_path / "lake.yaml"))


def day(world: World, when: str, *statements: str, hour: int = 3) -> None:
    """The statements, a snapshot, and everything published."""
    for statement in statements:
        execute(world.url, statement)
    world.snapshot(when, hour=hour)
    world.publish(when)


def exported(world: World, bucket: str = "acme-exports") -> dict[str, int]:
    """Objects per export in AWS's folder."""
    found: dict[str, int] = {}
    for item in world.root.s3.list_objects(bucket, "exports/"):
        task = item.key.split("/")[1]
        found[task] = found.get(task, 0) + 1
    return found


def data(world: World) -> list[str]:
    return [key for key in world.keys("lake/shop/") if key.endswith(".parquet")]


def locations(world: World, raw: str = "snapshots_orders") -> dict[str, str]:
    partitions = world.clients.client("glue").get_partitions(DatabaseName="shop", TableName=raw)["Partitions"]
    return {partition["Values"][0]: partition["StorageDescriptor"]["Location"] for partition in partitions}


def orphans(world: World) -> list[Orphan]:
    """The orphans as of a day later."""
    gateways = world.gateways
    found = find_orphans(
        world.config,
        world.config.sources[0],
        Exports.read(world.config, gateways.rds, gateways.s3),
        rds=gateways.rds,
        lake=gateways.lake,
        now=datetime.now(UTC) + timedelta(hours=25),
        busy=(),
    )
    return list(found)


def retain(world: World) -> list[str]:
    """Keep the newest date alone; the dates that went."""
    world.with_source(retention=Retention(daily=1, weekly=0, monthly=0))
    plan = plan_retention(world.gateways.lake, world.config.sources[0], today=date(2026, 11, 22), busy=())
    done = apply_retention(world.gateways.lake, plan, busy=lambda: (), log=world.lines.append)
    return [when.isoformat() for when in done.dates]


def test_tables_are_read_where_aws_wrote_them_and_nothing_is_copied(world: World) -> None:
    day(world, DAY)
    assert world.query("SELECT count(*), max(total) FROM orders") == [("10", "10.250000000000")]
    assert world.query("SELECT count(*) FROM order_details") == [("20",)]
    assert world.query("SELECT count(*) FROM sales_nothing") == [("0",)]
    assert data(world) == []
    (task,) = exported(world)
    assert locations(world) == {DAY: f"s3://acme-exports/exports/{task}/shop/public.orders/"}
    table = world.clients.client("glue").get_table(DatabaseName="shop", Name="snapshots_orders")["Table"]
    assert table["StorageDescriptor"]["Location"] == "s3://acme-lake/lake/shop/shop/public.orders/"
    assert world.query("SELECT rows FROM _snapshots") == [("30",)]
    manifest = get_manifest(world.gateways.s3, world.gateways.layout, "shop", date.fromisoformat(DAY))
    text = world.root.s3.get_text("acme-lake", "lake/_manifests/shop/2026-11-20.json")
    assert json.loads(text)["version"] != 1, "a release that knows nothing of it would delete the files"
    keys = {file.key for table in manifest.tables for file in table.files}
    assert keys <= {item.key for item in world.root.s3.list_objects(manifest.data_bucket, "exports/")}
    status = source_status(
        world.config, read_records(world.gateways.lake, world.config.sources[0]), (), rds=world.gateways.rds
    )
    assert {(table.view, table.rows, table.bytes > 0) for table in status.tables} == {
        ("orders", 10, True),
        ("order_details", 20, True),
        ("sales_nothing", 0, False),
    }


@pytest.mark.exhaustive
def test_publishing_again_deletes_nothing_even_after_the_source_was_set_back(world: World) -> None:
    day(world, DAY)
    before = exported(world)
    world.publish(DAY)
    world.with_source(parquet="relocated", keep_export=False)
    world.publish(DAY)
    assert exported(world) == before
    assert world.query("SELECT count(*) FROM orders") == [("10",)]


@pytest.mark.exhaustive
def test_a_second_snapshot_of_a_date_takes_its_place_and_the_first_export_goes(world: World) -> None:
    world.with_source(replace=True)
    day(world, DAY)
    (first,) = exported(world)
    day(world, DAY, "INSERT INTO orders VALUES (11, 1)", hour=9)
    (second,) = exported(world)
    assert second != first
    assert world.query("SELECT count(*) FROM orders") == [("11",)]
    assert list(locations(world).values()) == [f"s3://acme-exports/exports/{second}/shop/public.orders/"]
    assert orphans(world) == []


@pytest.mark.exhaustive
def test_a_first_export_that_no_publishing_removed_is_removed_by_the_next(world: World) -> None:
    """Two snapshots came before anybody published: the manifest remembers both exports before its own."""
    world.with_source(replace=True)
    for hour in (3, 9):
        world.snapshot(DAY, hour=hour)
        world.run().accept(date.fromisoformat(DAY), poll_seconds=0.05)
        world.run().relocate(date.fromisoformat(DAY))
    assert len(exported(world)) == 2
    day(world, DAY, hour=12)
    assert len(exported(world)) == 1
    assert world.query("SELECT count(*) FROM orders") == [("10",)]


@pytest.mark.exhaustive
def test_a_source_may_change_from_copies_to_in_place_and_back_and_every_date_stays_readable(world: World) -> None:
    for when, parquet in (("2026-11-18", "relocated"), ("2026-11-19", "in_place"), (DAY, "relocated")):
        world.with_source(parquet=parquet)
        day(world, when)
    dates = world.query("SELECT snapshot_date, count(*) FROM snapshots_orders GROUP BY 1 ORDER BY 1")
    assert dates == [("2026-11-18", "10"), ("2026-11-19", "10"), (DAY, "10")]
    assert len(exported(world)) == 1
    assert retain(world) == ["2026-11-18", "2026-11-19"]
    assert exported(world) == {}
    assert world.query("SELECT count(*) FROM orders") == [("10",)]


@pytest.mark.exhaustive
@pytest.mark.parametrize("first", ["relocated", "in_place"])
def test_a_date_exported_again_may_change_between_copies_and_in_place(world: World, first: str) -> None:
    second = {"relocated": "in_place", "in_place": "relocated"}[first]
    world.with_source(replace=True, parquet=first)
    day(world, DAY)
    world.with_source(parquet=second)
    day(world, DAY, "INSERT INTO orders VALUES (11, 1)", hour=9)
    assert world.query("SELECT count(*) FROM orders") == [("11",)]
    assert (len(data(world)), len(exported(world))) == ((0, 1) if second == "in_place" else (2, 0))


def test_retention_removes_awss_folder_of_a_date_and_no_other(world: World) -> None:
    day(world, DAY)
    (first,) = exported(world)
    day(world, NEXT)
    world.root.s3.put_text("acme-exports", f"exports/{first}0/x", "another task's", kms_key=None)
    assert retain(world) == [DAY]
    assert first not in exported(world)
    assert f"{first}0" in exported(world)
    assert list(locations(world)) == [NEXT]
    assert world.query("SELECT count(*) FROM orders") == [("10",)]
    assert world.query("SELECT snapshot_date FROM _snapshots") == [(NEXT,)]


@pytest.mark.exhaustive
def test_a_damaged_manifest_of_a_date_in_place_empties_no_bucket(world: World) -> None:
    day(world, DAY)
    lake, s3, layout = world.gateways.lake, world.gateways.s3, world.gateways.layout
    key = layout.manifest_key("shop", date.fromisoformat(DAY))
    whole = s3.get_text("acme-lake", key)
    manifest = parse_manifest(whole, where=key)
    assert ("acme-exports", manifest.export.folder) in date_folders(lake, manifest)
    anywhere = {"location": "s3://acme-exports/"}
    for change, table, words in (
        ({"folder": "exports/"}, {}, "'exports/' as the folder of export"),
        ({"folder": "payroll/x/", "export_task": "x"}, {}, "not a folder of"),
        ({"bucket": "acme-payroll"}, {}, "not a folder of"),
        ({"folder": "", "export_task": ""}, anywhere, "as the folder of export"),
        ({}, {"home": "s3://acme-lake/payroll/"}, "not a folder of"),
    ):
        body = json.loads(whole)
        body["export"] |= change
        body["tables"] = [one | table for one in body["tables"]]
        with pytest.raises(ManifestError, match=words):
            date_folders(lake, parse_manifest(json.dumps(body), where=key))


@pytest.mark.exhaustive
def test_what_is_read_in_place_is_no_orphan_and_what_was_deleted_there_is_reported(world: World) -> None:
    day(world, DAY)
    assert orphans(world) == []
    world.with_source(parquet="relocated")  # a changed setting makes no data superfluous
    assert orphans(world) == []
    s3 = world.root.s3
    keys = [item.key for item in s3.list_objects("acme-exports", "exports/") if "/public.orders/" in item.key]
    s3.delete("acme-exports", keys)
    (orphan,) = orphans(world)
    assert orphan.key == f"snapshots_orders/{DAY}"
    assert "names 1 file there, and there is none" in orphan.why
    assert not orphan.removable


@pytest.mark.exhaustive
def test_an_export_whose_manifest_was_deleted_stays_while_a_partition_points_there(world: World) -> None:
    day(world, "2026-01-05")
    day(world, DAY)
    world.root.s3.delete("acme-lake", [world.gateways.layout.manifest_key("shop", date(2026, 1, 5))])
    world.with_source(retention=Retention(daily=1, weekly=0, monthly=0))
    for orphan in orphans(world):
        remove_orphan(world.gateways.lake, orphan)
    assert len(exported(world)) == 2
    assert world.query("SELECT count(*) FROM snapshots_orders WHERE snapshot_date = '2026-01-05'") == [("10",)]


def test_a_file_that_is_no_parquet_is_named_and_nothing_is_registered(world: World) -> None:
    world.snapshot(DAY)
    when = date.fromisoformat(DAY)
    world.run().accept(when, poll_seconds=0.05)
    (key,) = [
        item.key
        for item in world.root.s3.list_objects("acme-exports", "exports/")
        if "/public.orders/" in item.key and item.key.endswith(".parquet")
    ]
    world.root.s3.put_text("acme-exports", key, "not Parquet at all", kms_key=None)
    with pytest.raises(RelocationError, match="1 of 2 files of export") as caught:
        world.run().relocate(when)
    assert caught.value.problems[0].startswith(f"s3://acme-exports/{key}: ")
    with pytest.raises(ManifestError):
        get_manifest(world.gateways.s3, world.gateways.layout, "shop", when)


@pytest.mark.exhaustive
def test_partitions_of_a_union_are_read_in_place_as_well(world: World) -> None:
    world.with_source(union={"log": r"log_\d\d"})
    day(world, DAY, "CREATE TABLE log_01 AS SELECT 1 AS id", "CREATE TABLE log_02 AS SELECT 2 AS id")
    assert world.query("SELECT count(*) FROM log") == [("2",)]
