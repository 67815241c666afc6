"""`rds-lake query` on a lake that changed since: what is not as it was recorded is an error, and no smaller answer."""

from collections.abc import Iterator

import pytest

from rds_lake_tests.console.queries.asking import Asked, asking
from rds_lake_tests.support.world import World, execute


@pytest.fixture
def asked(world: World) -> Iterator[Asked]:
    with asking(world) as ask:
        yield ask


@pytest.mark.exhaustive
def test_a_date_before_a_column_changed_its_type_is_read_with_the_type_it_had(world: World, asked) -> None:
    execute(world.url, "ALTER TABLE orders ALTER id TYPE text USING 'order ' || id")
    world.snapshot("2026-11-21")
    world.publish("2026-11-21")
    sql = "SELECT max(id) AS id, typeof(max(id)) AS kind FROM orders"
    assert "│ order 4 │ varchar │" in asked(sql).output
    assert "│ 10 │ bigint │" in asked(sql, "--as-of", "2026-11-19").output


def test_a_statement_that_changes_something_is_not_asked_unless_it_may(asked, world: World) -> None:
    before = world.keys("lake/athena")
    refused = asked("DROP VIEW order_details")
    assert refused.exit_code == 1
    assert "--write" in refused.output
    assert world.keys("lake/athena") == before, "no query was run"
    assert world.query("SELECT count(*) FROM order_details") == [("20",)]
    assert asked("DROP VIEW order_details", "--write").exit_code == 0
    assert "order_details" not in world.gateways.lake.glue.list_tables("shop")
    assert asked("SHOW TABLES").exit_code == 0


@pytest.mark.exhaustive
def test_a_partition_that_is_gone_is_an_error_and_no_empty_answer(asked, world: World) -> None:
    world.gateways.lake.glue.delete_partitions("shop", "snapshots_orders", [("2026-11-19",)])
    result = asked("SELECT count(*) AS n FROM orders", "--as-of", "2026-11-19")
    assert result.exit_code == 1
    assert "not catalogued for 2026-11-19" in result.output
    assert "shop.public.orders" in result.output
    other = asked('SELECT count(*) AS n FROM "order_details"', "--as-of", "2026-11-19")
    assert other.exit_code == 0, "a table that is whole can still be read"


def test_files_that_are_gone_are_an_error_and_no_smaller_answer(asked, world: World) -> None:
    keys = [
        key for key in world.keys("lake/shop/shop/public.orders/snapshot_date=2026-11-19/") if key.endswith(".parquet")
    ]
    world.clients.client("s3").delete_object(Bucket="acme-lake", Key=keys[0])
    result = asked("SELECT count(*) AS n FROM orders", "--as-of", "2026-11-19")
    assert result.exit_code == 1
    assert "1 file of shop 2026-11-19" in result.output
    assert keys[0] in result.output.replace("\n", "")
