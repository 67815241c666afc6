"""Catalogue and publish: all views at one date, never backwards, repeatable, whatever the tables are called."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest

from rds_lake.aws.athena import AthenaGateway
from rds_lake.errors import CatalogError, NameCollisionError, QueryError
from rds_lake.localcloud.athena.service import AthenaSettings
from rds_lake.stages.lake.pointer import find_pointer
from rds_lake_tests.support import strategies
from rds_lake_tests.support.world import World, execute

NOW = datetime(2026, 11, 21, 7, tzinfo=UTC)


def published(world: World) -> str:
    pointer = find_pointer(world.gateways.s3, world.gateways.layout, "shop")
    assert pointer is not None
    return pointer.snapshot_date.isoformat()


def latest(world: World) -> set[tuple[str | None, ...]]:
    """The dates the views show."""
    return {
        row for view in ("orders", "order_details") for row in world.query(f"SELECT DISTINCT snapshot_date FROM {view}")
    }


def test_two_dates_never_add_up_in_latest_and_both_remain_readable(world: World) -> None:
    world.snapshot("2026-11-19")
    world.publish("2026-11-19")
    execute(world.url, "DELETE FROM orders WHERE id > 4")
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    assert world.query("SELECT count(*) FROM orders") == [("4",)]
    assert latest(world) == {("2026-11-20",)}
    per_day = "SELECT snapshot_date, count(*) FROM snapshots_orders GROUP BY 1 ORDER BY 1"
    assert world.query(per_day) == [("2026-11-19", "10"), ("2026-11-20", "4")]


@pytest.mark.exhaustive
def test_an_older_date_published_later_never_moves_the_views_back(world: World) -> None:
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    world.snapshot("2026-11-18")
    outcome = world.publish("2026-11-18")
    assert not outcome.publication.became_latest
    assert latest(world) == {("2026-11-20",)}
    assert published(world) == "2026-11-20"
    assert world.query("SELECT snapshot_date, became_latest FROM _snapshots ORDER BY 1") == [
        ("2026-11-18", "false"),
        ("2026-11-20", "true"),
    ]
    assert world.query("SELECT count(*) FROM snapshots_orders WHERE snapshot_date = '2026-11-18'") == [("10",)]


@pytest.mark.exhaustive
def test_publishing_twice_changes_nothing_and_makes_no_new_table_version(world: World) -> None:
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    keys, glue = world.keys("lake/shop/"), world.clients.client("glue")
    versions = len(glue.get_table_versions(DatabaseName="shop", TableName="snapshots_orders")["TableVersions"])
    again = world.publish("2026-11-20")
    assert again.publication.flipped == ()
    assert world.keys("lake/shop/") == keys
    assert len(glue.get_table_versions(DatabaseName="shop", TableName="snapshots_orders")["TableVersions"]) == versions


@pytest.mark.exhaustive
def test_a_later_snapshot_of_the_same_date_replaces_the_earlier_without_doubling_rows(world: World) -> None:
    world.with_source(replace=True)
    world.snapshot("2026-11-20", hour=3)
    world.publish("2026-11-20")
    execute(world.url, "DELETE FROM orders WHERE id > 7")
    world.snapshot("2026-11-20", hour=22)
    world.publish("2026-11-20")
    assert world.query("SELECT count(*) FROM orders") == [("7",)]
    assert len([key for key in world.keys("lake/shop/") if "public.orders/" in key]) == 1, "the old folder is gone"


@pytest.mark.exhaustive
def test_awss_copy_is_deleted_only_when_it_is_not_to_be_kept(world: World) -> None:
    world.snapshot("2026-11-20")
    world.with_source(keep_export=True)
    world.publish("2026-11-20")
    assert world.keys("exports/")
    world.with_source(keep_export=False)
    world.publish("2026-11-20")
    assert world.keys("exports/") == []
    assert world.query("SELECT count(*) FROM orders") == [("10",)]


def test_a_table_dropped_in_the_database_loses_its_view_instead_of_showing_an_old_date(world: World) -> None:
    world.snapshot("2026-11-19")
    world.publish("2026-11-19")
    execute(world.url, 'DROP TABLE "Order Details"')
    world.snapshot("2026-11-20")
    assert world.publish("2026-11-20").publication.dropped == ("order_details",)
    with pytest.raises(QueryError, match="TABLE_NOT_FOUND"):
        world.query("SELECT * FROM order_details")
    old = "SELECT count(*) FROM snapshots_order_details WHERE snapshot_date = '2026-11-19'"
    assert world.query(old) == [("20",)]


@pytest.mark.exhaustive
def test_colliding_names_stop_before_any_view_moves_and_show_the_line_to_add(world: World) -> None:
    world.snapshot("2026-11-19")
    world.publish("2026-11-19")
    execute(world.url, 'CREATE TABLE "Orders" (id integer)')
    world.snapshot("2026-11-20")
    with pytest.raises(NameCollisionError, match=r"rename: \{'shop.public.orders': orders_2\}"):
        world.publish("2026-11-20")
    assert latest(world) == {("2026-11-19",)}
    world.with_source(rename={"shop.public.Orders": "orders_upper"})
    world.publish("2026-11-20")
    assert world.query("SELECT count(*) FROM orders_upper") == [("0",)]


@pytest.mark.exhaustive
def test_tables_and_columns_of_any_name_arrive_and_no_name_is_executed(world: World) -> None:
    # A slash in its name, or a column with one of ,;{}()= and space, makes AWS skip a table:
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html
    for number, name in enumerate(strategies.NASTY):
        quoted = name.replace('"', '""')
        column = "".join(c for c in quoted if c not in ",;{}() =") or "c"
        execute(world.url, f'CREATE TABLE "{quoted} {number}" (id integer, "{column}" numeric)')
        execute(world.url, f'INSERT INTO "{quoted} {number}" VALUES (1, 2.5)')
    world.snapshot("2026-11-20")
    outcome = world.publish("2026-11-20")
    for table in outcome.tables:
        expected = {"shop.sales.nothing": "0", "shop.public.orders": "10", "shop.public.Order Details": "20"}
        count = world.query(f'SELECT count(*) FROM "{table.names.view}"')
        assert count == [(expected.get(str(table.names.target), "1"),)], table.names.target
    assert len(outcome.tables) == 3 + len(strategies.NASTY)


def test_skipped_tables_stop_before_any_view_moves(world: World) -> None:
    world.snapshot("2026-11-19")
    world.publish("2026-11-19")
    world.snapshot("2026-11-20")
    world.break_next_export(skip_tables=["shop.public.orders"])
    assert [f for f in world.run().accept(date(2026, 11, 20), poll_seconds=0.05).findings if f.severity == "error"]
    assert latest(world) == {("2026-11-19",)}


@pytest.mark.exhaustive
def test_a_view_is_stored_as_athena_stores_one_with_its_literal_date(world: World) -> None:
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    table = world.clients.client("glue").get_table(DatabaseName="shop", Name="orders")["Table"]
    assert table["TableType"] == "VIRTUAL_VIEW"
    encoded = table["ViewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")
    assert "2026-11-20" in json.loads(base64.b64decode(encoded))["originalSql"]


@pytest.mark.exhaustive
def test_a_query_through_a_view_reads_one_partition_only(world: World) -> None:
    for day in ("2026-11-18", "2026-11-19", "2026-11-20"):
        world.snapshot(day)
        world.publish(day)
    athena = world.gateways.athena
    one = athena.run("SELECT sum(total) FROM orders", database="shop").bytes_scanned
    every = athena.run("SELECT id, total, placed_at, tags FROM snapshots_orders", database="shop").bytes_scanned
    assert 0 < one < every / 2


@pytest.mark.exhaustive
def test_a_view_that_stands_as_published_is_left_alone_and_one_touched_by_hand_is_made_again(world: World) -> None:
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    world.gateways.athena.run("CREATE OR REPLACE VIEW orders AS SELECT 1 AS id", database="shop")
    again = world.run().shared.publish(date(2026, 11, 20), now=NOW)
    assert again.publication.flipped == ("orders",)
    assert world.query("SELECT count(*), max(snapshot_date) FROM orders") == [("10", "2026-11-20")]


@pytest.mark.exhaustive
def test_a_view_changed_by_hand_is_not_made_again_where_its_partition_is_gone(world: World) -> None:
    """Glue is not asked about tables whose views are as published; about this one it is."""
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    world.gateways.athena.run("CREATE OR REPLACE VIEW orders AS SELECT 1 AS id", database="shop")
    world.gateways.lake.glue.delete_partitions("shop", "snapshots_orders", [("2026-11-20",)])
    with pytest.raises(CatalogError, match=r"not catalogued for 2026-11-20; materialize `catalog` first") as caught:
        world.run().shared.publish(date(2026, 11, 20), now=NOW)
    assert caught.value.problems == ("shop.public.orders",)


@pytest.mark.exhaustive
def test_a_view_that_is_not_what_was_asked_for_keeps_the_pointer_where_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.snapshot("2026-11-19")
    world.publish("2026-11-19")
    world.snapshot("2026-11-20")
    run_many = AthenaGateway.run_many

    def another_program(self: AthenaGateway, statements: Sequence[str], **arguments: Any) -> Any:
        done = run_many(self, statements, **arguments)
        if any("CREATE OR REPLACE" in sql for sql in statements):
            self.run("CREATE OR REPLACE VIEW orders AS SELECT 1 AS id", database="shop")
        return done

    monkeypatch.setattr(AthenaGateway, "run_many", another_program)
    with pytest.raises(CatalogError, match="orders does not read snapshots_orders"):
        world.publish("2026-11-20")
    assert published(world) == "2026-11-19"
    monkeypatch.undo()
    world.publish("2026-11-20")
    assert latest(world) == {("2026-11-20",)}


def test_when_one_view_cannot_be_made_all_go_back_to_the_date_they_had(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.snapshot("2026-11-19")
    world.publish("2026-11-19")
    execute(world.url, "CREATE TABLE brand_new (id integer)")
    world.snapshot("2026-11-20")
    run_many = AthenaGateway.run_many

    def refusing(self: AthenaGateway, statements: Sequence[str], **arguments: Any) -> Any:
        bad = [
            sql.replace("FROM", "FROM nothing_here,") if "2026-11-20'" in sql and "order_details" in sql else sql
            for sql in statements
        ]
        return run_many(self, bad if any("CREATE" in sql for sql in statements) else statements, **arguments)

    monkeypatch.setattr(AthenaGateway, "run_many", refusing)
    with pytest.raises(QueryError):
        world.publish("2026-11-20")
    assert latest(world) == {("2026-11-19",)}
    assert "brand_new" not in world.gateways.glue.list_tables("shop")
    monkeypatch.undo()
    world.publish("2026-11-20")
    assert latest(world) == {("2026-11-20",)}
    assert world.query("SELECT count(*) FROM brand_new") == [("0",)]


def test_of_two_publications_at_once_the_newer_date_wins_also_when_it_ends_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.snapshot("2026-11-18")
    world.publish("2026-11-18")
    for day in ("2026-11-19", "2026-11-20"):
        world.snapshot(day)
        when = date.fromisoformat(day)
        world.run().accept(when, poll_seconds=0.05)
        world.run().relocate(when)
        world.run().shared.catalogue(when)
    run_many, raced = AthenaGateway.run_many, []

    def overtaken(self: AthenaGateway, statements: Sequence[str], **arguments: Any) -> Any:
        if not raced:
            raced.append(True)
            world.run().shared.publish(date(2026, 11, 20), now=NOW)
        return run_many(self, statements, **arguments)

    monkeypatch.setattr(AthenaGateway, "run_many", overtaken)
    outcome = world.run().shared.publish(date(2026, 11, 19), now=NOW)
    assert raced
    assert not outcome.publication.became_latest
    assert published(world) == "2026-11-20"
    assert latest(world) == {("2026-11-20",)}


@pytest.mark.exhaustive
def test_views_are_moved_within_athenas_quota_of_ddl_shared_with_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = AthenaSettings(active_ddl=2, workers=2, queue_seconds=0.05)
    monkeypatch.setattr(world.cloud.athena, "_settings", settings)
    execute(world.url, "".join(f"CREATE TABLE t{number} (id integer); " for number in range(6)))
    world.snapshot("2026-11-20")
    assert len(world.publish("2026-11-20").publication.flipped) == 9
    assert latest(world) == {("2026-11-20",)}
