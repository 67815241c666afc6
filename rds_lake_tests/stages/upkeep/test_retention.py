"""Retention: what is kept stays readable, what goes is gone everywhere, and nothing else is lost.

A death before each of its writes: `stages/crashes/test_evolution.py`.
"""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from rds_lake.config.shared import Retention
from rds_lake.errors import ManifestError, UnavailableError
from rds_lake.stages.publish import by_hand
from rds_lake.stages.upkeep import retention
from rds_lake.stages.upkeep.own_exports import limited_to_source
from rds_lake.stages.upkeep.retention import Removed, RetentionPlan, apply_retention, busy_by_marks, plan_retention
from rds_lake_tests.support.world import World, execute

DATES = ("2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20")
TODAY = date(2026, 11, 21)


def publish(world: World, *dates: str) -> None:
    for day in dates:
        world.snapshot(day)
        world.publish(day)


def plan(world: World, *, daily: int = 2, busy: tuple[date, ...] = ()) -> RetentionPlan:
    world.with_source(retention=Retention(daily=daily, weekly=0, monthly=0))
    return plan_retention(world.gateways.lake, world.config.sources[0], today=TODAY, busy=busy)


def prune(world: World, *, daily: int = 2, busy: tuple[date, ...] = ()) -> Removed:
    made = plan(world, daily=daily)
    return apply_retention(world.gateways.lake, made, busy=lambda: busy, log=world.lines.append)


def partitions(world: World) -> set[tuple[str, str]]:
    glue = world.clients.client("glue")
    return {
        (table["Name"], partition["Values"][0])
        for table in glue.get_tables(DatabaseName="shop")["TableList"]
        if table.get("PartitionKeys")
        for partition in glue.get_partitions(DatabaseName="shop", TableName=table["Name"])["Partitions"]
    }


def test_dates_not_kept_disappear_from_s3_glue_and_the_list_of_snapshots(world: World) -> None:
    publish(world, *DATES)
    removed = prune(world)
    assert [str(day) for day in removed.dates] == ["2026-11-17", "2026-11-18"]
    assert removed.partitions == 6
    assert removed.bytes > 0
    assert [key for key in world.keys() if "2026-11-17" in key or "2026-11-18" in key] == []
    assert {day for _, day in partitions(world)} == {"2026-11-19", "2026-11-20"}
    assert world.query("SELECT snapshot_date FROM _snapshots ORDER BY 1") == [("2026-11-19",), ("2026-11-20",)]
    assert world.query("SELECT snapshot_date, count(*) FROM snapshots_orders GROUP BY 1 ORDER BY 1") == [
        ("2026-11-19", "10"),
        ("2026-11-20", "10"),
    ]
    assert world.query("SELECT count(*) FROM orders") == [("10",)]


@pytest.mark.exhaustive
def test_planning_removes_nothing_and_a_second_run_finds_nothing(world: World) -> None:
    publish(world, *DATES)
    before = world.keys()
    made = plan(world)
    assert [removal.snapshot_date.isoformat() for removal in made.removals] == ["2026-11-17", "2026-11-18"]
    assert world.keys() == before
    prune(world)
    assert prune(world).dates == ()


@pytest.mark.exhaustive
def test_the_published_date_stays_however_many_newer_dates_wait_for_their_checks(world: World) -> None:
    publish(world, "2026-11-17")
    for day in DATES[1:]:
        world.snapshot(day)
        world.run().accept(date.fromisoformat(day), poll_seconds=0.05)
        world.run().relocate(date.fromisoformat(day))
    made = plan(world, daily=1)
    assert made.kept[date(2026, 11, 17)] == "published"
    assert [removal.snapshot_date.isoformat() for removal in made.removals] == ["2026-11-18", "2026-11-19"]
    prune(world, daily=1)
    assert world.query("SELECT count(*) FROM orders") == [("10",)]


def test_a_date_that_a_run_takes_up_after_the_plan_was_made_stays(world: World) -> None:
    publish(world, *DATES)
    assert [str(day) for day in prune(world, busy=(date(2026, 11, 17),)).dates] == ["2026-11-18"]
    assert any("2026-11-17 is in use" in line for line in world.lines)
    assert any("2026-11-17" in key for key in world.keys())


@pytest.mark.exhaustive
def test_a_date_written_in_the_last_day_counts_as_worked_on(world: World) -> None:
    publish(world, "2026-11-17")
    s3, layout, now = world.gateways.s3, world.gateways.layout, datetime.now(UTC)
    assert busy_by_marks(s3, layout, "shop", now=now) == {date(2026, 11, 17)}
    assert busy_by_marks(s3, layout, "shop", now=now + timedelta(hours=25)) == frozenset()


@pytest.mark.exhaustive
def test_every_file_of_an_earlier_export_of_the_date_goes_too(world: World) -> None:
    publish(world, *DATES)
    folder = "lake/shop/shop/public.orders/snapshot_date=2026-11-17"
    world.root.s3.put_text("acme-lake", f"{folder}/earlier-export-1/1-part-0.parquet", "x", kms_key=None)
    prune(world)
    assert world.keys(folder) == []


@pytest.mark.exhaustive
def test_a_manifest_that_names_a_foreign_folder_deletes_nothing_there_and_stops_no_other_date(world: World) -> None:
    publish(world, *DATES)
    s3, layout = world.root.s3, world.gateways.layout
    s3.put_text("acme-lake", "payroll/snapshot_date=2026-11-17/x", "precious", kms_key=None)
    key = layout.manifest_key("shop", date(2026, 11, 17))
    body = json.loads(s3.get_text("acme-lake", key))
    body["tables"][0]["location"] = "s3://acme-lake/payroll/snapshot_date=2026-11-17/"
    s3.put_text("acme-lake", key, json.dumps(body), kms_key=None)
    with pytest.raises(ManifestError, match="payroll"):
        prune(world)
    assert s3.get_text("acme-lake", "payroll/snapshot_date=2026-11-17/x") == "precious"
    assert [key for key in world.keys("lake/") if "2026-11-18" in key] == []
    assert [key for key in world.keys("lake/shop/") if "2026-11-17" in key]


@pytest.mark.exhaustive
def test_a_union_and_a_table_that_moved_lose_the_date_in_all_their_raw_tables(world: World) -> None:
    execute(world.url, "CREATE TABLE log_01 AS SELECT 1 AS id; CREATE TABLE log_02 AS SELECT 2 AS id")
    world.with_source(union={"log": r"log_\d\d"})
    publish(world, DATES[0])
    execute(world.url, "ALTER TABLE orders ALTER id TYPE text USING id::text")
    publish(world, *DATES[1:])
    assert {table for table, _ in partitions(world)} > {"snapshots_orders", "snapshots_orders__v2", "snapshots_log"}
    prune(world)
    assert {day for _, day in partitions(world)} == {"2026-11-19", "2026-11-20"}
    assert world.query("SELECT count(*) FROM log") == [("2",)]


def test_a_source_without_athena_is_pruned_as_well(world: World) -> None:
    world.with_source(athena=False)
    for day in DATES[:2]:
        world.snapshot(day)
        world.run().accept(date.fromisoformat(day), poll_seconds=0.05)
        world.run().relocate(date.fromisoformat(day))
    assert [str(day) for day in prune(world, daily=1).dates] == ["2026-11-17"]


@pytest.mark.exhaustive
def test_a_date_that_was_gone_back_to_since_the_plan_was_made_stays(world: World) -> None:
    publish(world, *DATES)
    made = plan(world)
    by_hand.roll_back(world.run().shared.publisher(datetime.now(UTC)), date(2026, 11, 18))
    removed = apply_retention(world.gateways.lake, made, busy=lambda: (), log=world.lines.append)
    assert [str(day) for day in removed.dates] == ["2026-11-17"]
    assert world.query("SELECT DISTINCT snapshot_date, count(*) FROM orders GROUP BY 1") == [("2026-11-18", "10")]


@pytest.mark.exhaustive
def test_a_date_that_is_being_removed_is_neither_gone_back_to_nor_run_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(world, *DATES)
    removing, refused = retention._remove, []

    def meanwhile(lake: Any, manifest: Any, raw_tables: Any) -> Removed:
        run, day = world.run(), manifest.snapshot_date
        for attempt in (
            lambda: by_hand.roll_back(run.shared.publisher(datetime.now(UTC)), day),
            lambda: run.relocate(day),
            lambda: run.shared.catalogue(day),
            lambda: run.shared.publish(day, now=datetime.now(UTC)),
        ):
            with pytest.raises(UnavailableError, match="is being removed"):
                attempt()
            refused.append(day)
        return removing(lake, manifest, raw_tables)

    monkeypatch.setattr(retention, "_remove", meanwhile)
    assert len(prune(world).dates) == 2
    assert len(refused) == 8
    assert world.query("SELECT DISTINCT snapshot_date FROM orders") == [("2026-11-20",)]


def test_dates_read_in_place_below_a_former_export_prefix_go_once_a_person_deleted_their_exports(world: World) -> None:
    world.with_source(parquet="in_place", keep_export=True)
    publish(world, *DATES)
    lake = world.config.lake.model_copy(update={"export_prefix": "moved"})
    world.config = world.config.model_copy(update={"lake": lake})
    world.with_source(retention=Retention(daily=3, weekly=0, monthly=0))
    source = world.config.sources[0]
    limited = limited_to_source(world.root.lake, world.config, source, world.root.rds)

    def removed() -> Removed:
        made = plan_retention(limited, source, today=TODAY, busy=())
        return apply_retention(limited, made, busy=lambda: (), log=world.lines.append)

    with pytest.raises(ManifestError, match="another place for exports when it was made"):
        removed()
    world.root.s3.delete("acme-lake", [key for key in world.keys("exports/") if DATES[0] in key])
    assert [str(day) for day in removed().dates] == [DATES[0]]
    assert {day for _, day in partitions(world)} == set(DATES[1:])


def test_no_date_goes_while_it_is_unknown_which_one_the_views_read(world: World) -> None:
    publish(world, *DATES)
    by_hand.roll_back(world.run().shared.publisher(datetime(2026, 11, 21, tzinfo=UTC)), date(2026, 11, 18))
    pointer = "lake/_manifests/shop/_published.json"
    text = world.root.s3.get_text("acme-lake", pointer)
    world.root.s3.delete("acme-lake", [pointer])
    assert plan(world, daily=1).removals == ()
    assert "record of the published date was deleted" in plan(world, daily=1).kept[date(2026, 11, 18)]
    world.root.s3.put_text("acme-lake", pointer, text, kms_key=None)
    assert [str(removal.snapshot_date) for removal in plan(world, daily=1).removals] == ["2026-11-17", "2026-11-19"]
