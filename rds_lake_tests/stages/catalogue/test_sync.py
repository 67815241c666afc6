"""Schema evolution, the whole way: every date stays readable, and the view has every column there ever was."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from rds_lake.aws.glue import GlueGateway
from rds_lake.errors import CatalogError
from rds_lake.model.tables.evolution import Kind
from rds_lake.model.tables.glue import PartitionSpec
from rds_lake_tests.stages.catalogue.evolving import changes, columns, day, per_date
from rds_lake_tests.support.faults import Faults
from rds_lake_tests.support.world import World, execute


def test_an_added_column_is_appended_and_older_dates_read_null(world: World) -> None:
    day(world, "2026-11-19")
    changed = day(world, "2026-11-20", "ALTER TABLE orders ADD COLUMN channel text DEFAULT 'web'")
    assert changed == {"orders": [Kind.ADDED]}
    assert world.query("SELECT DISTINCT channel FROM orders") == [("web",)]
    assert per_date(world, "count(channel)", "snapshots_orders") == [("2026-11-19", "0"), ("2026-11-20", "10")]


def test_a_removed_column_stays_in_the_view_as_null_with_its_type_and_older_dates_keep_it(world: World) -> None:
    day(world, "2026-11-18")
    before = columns(world, "orders")
    assert day(world, "2026-11-19", "ALTER TABLE orders DROP COLUMN total") == {"orders": [Kind.REMOVED]}
    assert columns(world, "orders") == before
    assert world.query("SELECT count(*), count(total) FROM orders") == [("10", "0")]
    assert per_date(world, "count(total)", "snapshots_orders") == [("2026-11-18", "10"), ("2026-11-19", "0")]
    assert day(world, "2026-11-20") == {}, "it is gone already"


@pytest.mark.exhaustive
def test_a_column_that_comes_back_is_filled_again(world: World) -> None:
    day(world, "2026-11-18")
    day(world, "2026-11-19", "ALTER TABLE orders DROP COLUMN total")
    back = "ALTER TABLE orders ADD COLUMN total numeric(12,2) DEFAULT 1.5"
    assert day(world, "2026-11-20", back) == {"orders": [Kind.RETURNED]}
    assert world.query("SELECT sum(total) = 15 FROM orders") == [("true",)]


def test_a_widened_integer_reads_in_both_dates_and_each_partition_keeps_its_own_type(world: World) -> None:
    day(world, "2026-11-19", "CREATE TABLE grows (n integer); INSERT INTO grows VALUES (1)")
    wider = "ALTER TABLE grows ALTER n TYPE bigint; INSERT INTO grows VALUES (5000000000)"
    assert day(world, "2026-11-20", wider) == {"grows": [Kind.WIDENED]}
    assert per_date(world, "sum(n)", "snapshots_grows") == [("2026-11-19", "1"), ("2026-11-20", "5000000001")]
    assert world.query("SELECT sum(n) FROM grows") == [("5000000001",)]
    types = {p.values[0]: p.columns[0][1] for p in world.gateways.lake.glue.find_partitions("shop", "snapshots_grows")}
    assert types == {"2026-11-19": "int", "2026-11-20": "bigint"}


@pytest.mark.exhaustive
def test_a_narrowed_integer_stays_wide_and_reads_in_both_dates(world: World) -> None:
    day(world, "2026-11-19", "CREATE TABLE shrinks (n bigint); INSERT INTO shrinks VALUES (5)")
    assert day(world, "2026-11-20", "ALTER TABLE shrinks ALTER n TYPE integer") == {"shrinks": [Kind.RELABELLED]}
    assert columns(world, "shrinks")[0] == "n bigint"
    assert per_date(world, "sum(n)", "snapshots_shrinks") == [("2026-11-19", "5"), ("2026-11-20", "5")]


@pytest.mark.exhaustive
def test_a_column_renamed_in_the_database_is_one_that_went_and_one_that_came(world: World) -> None:
    day(world, "2026-11-19")
    renamed = 'ALTER TABLE "Order Details" RENAME "OrderID" TO order_number'
    assert day(world, "2026-11-20", renamed) == {"order_details": [Kind.REMOVED, Kind.ADDED]}
    assert world.query("SELECT count(orderid), count(order_number) FROM order_details") == [("0", "20")]
    assert per_date(world, "count(orderid)", "snapshots_order_details") == [("2026-11-19", "20"), ("2026-11-20", "0")]


@pytest.mark.exhaustive
def test_a_renamed_column_that_wants_the_same_name_in_the_view_takes_it_over(world: World) -> None:
    day(world, "2026-11-19", 'CREATE TABLE t ("a-b" integer, c integer); INSERT INTO t VALUES (1, 2)')
    day(world, "2026-11-20", 'ALTER TABLE t RENAME "a-b" TO a_b')
    assert world.query("SELECT a_b, c FROM t") == [("1", "2")]
    assert [name.split()[0] for name in columns(world, "t")] == ["c", "a_b", "snapshot_date"]


@pytest.mark.exhaustive
def test_only_the_case_of_a_columns_name_changes_and_every_date_reads_as_before(world: World) -> None:
    day(world, "2026-11-19")
    changed = day(world, "2026-11-20", 'ALTER TABLE "Order Details" RENAME "OrderID" TO "orderId"')
    assert changed == {"order_details": [Kind.RECASED]}
    assert world.query("SELECT count(orderid) FROM order_details") == [("20",)]
    assert per_date(world, "count(orderid)", "snapshots_order_details") == [("2026-11-19", "20"), ("2026-11-20", "20")]


@pytest.mark.exhaustive
def test_another_order_of_columns_changes_no_view(world: World) -> None:
    day(world, "2026-11-19", "CREATE TABLE t (a integer, b text); INSERT INTO t VALUES (1, 'x')")
    before = columns(world, "t")
    changed = day(
        world, "2026-11-20", "DROP TABLE t; CREATE TABLE t (b text, a integer); INSERT INTO t VALUES ('y', 2)"
    )
    assert changed == {"t": [Kind.REORDERED]}
    assert columns(world, "t") == before
    assert world.query("SELECT a, b FROM snapshots_t ORDER BY 1") == [("1", "x"), ("2", "y")]


@pytest.mark.parametrize("operation", ["UpdateTable", "CreateTable"])
def test_a_writer_that_was_faster_is_let_through_and_the_fresh_table_is_used(world: World, operation: str) -> None:
    day(world, "2026-11-19")
    execute(world.url, "ALTER TABLE orders ADD COLUMN channel text; CREATE TABLE fresh (id integer)")
    faults = Faults(world.gateways.lake.glue._client)
    faults.answer(operation, "ConcurrentModificationException", times=2)
    day(world, "2026-11-20")
    assert world.query("SELECT count(*), count(channel) FROM orders") == [("10", "0")]


@pytest.mark.exhaustive
def test_a_partition_deleted_by_hand_is_made_again(world: World) -> None:
    day(world, "2026-11-20")
    world.gateways.lake.glue.delete_partitions("shop", "snapshots_orders", [("2026-11-20",)])
    assert world.query("SELECT count(*) FROM orders") == [("0",)]
    world.publish("2026-11-20")
    assert world.query("SELECT count(*) FROM orders") == [("10",)]


@pytest.mark.exhaustive
def test_the_same_date_catalogued_again_reports_the_same_changes_and_writes_nothing(world: World) -> None:
    day(world, "2026-11-19")
    first = day(world, "2026-11-20", "ALTER TABLE orders ADD COLUMN channel text")
    faults = Faults(world.gateways.lake.glue._client)
    again = world.run().shared.catalogue(date(2026, 11, 20))
    assert changes(again) == first
    assert faults.count("UpdateTable", "CreateTable", "BatchCreatePartition", "BatchUpdatePartition") == 0


@pytest.mark.exhaustive
def test_a_date_without_changes_costs_at_most_three_calls_of_glue_per_table(world: World) -> None:
    for number in range(12):
        execute(world.url, f"CREATE TABLE t{number} (id integer)")
    day(world, "2026-11-19")
    world.snapshot("2026-11-20")
    run, at = world.run(), date(2026, 11, 20)
    run.accept(at, poll_seconds=0.05)
    tables = len(run.relocate(at).tables)
    faults = Faults(world.gateways.lake.glue._client)
    run.shared.catalogue(at)
    once = faults.count("CreateDatabase", "GetTables")
    assert once == 2
    assert len(faults.calls) - once <= 3 * tables
    assert faults.count("UpdateTable") == 0


@pytest.mark.exhaustive
def test_two_dates_catalogued_at_once_keep_the_columns_of_both(world: World) -> None:
    day(world, "2026-11-18")
    execute(world.url, "ALTER TABLE orders ADD COLUMN one text DEFAULT 'x'")
    world.snapshot("2026-11-19")
    execute(world.url, "ALTER TABLE orders ADD COLUMN two text DEFAULT 'y'")
    world.snapshot("2026-11-20")
    days = [date(2026, 11, 19), date(2026, 11, 20)]
    for at in days:
        world.run().accept(at, poll_seconds=0.05)
        world.run().relocate(at)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda at: world.run().shared.catalogue(at), days))
    assert per_date(world, "count(one) + count(two)", "snapshots_orders") == [
        ("2026-11-18", "0"),
        ("2026-11-19", "10"),
        ("2026-11-20", "20"),
    ]


def test_a_date_that_was_not_catalogued_is_not_published(world: World) -> None:
    world.snapshot("2026-11-20")
    run, at = world.run(), date(2026, 11, 20)
    run.accept(at, poll_seconds=0.05)
    run.relocate(at)
    world.gateways.lake.glue.ensure_database("shop", description="")
    with pytest.raises(CatalogError, match=r"materialize `catalog` first"):
        run.shared.publish(at, now=datetime(2026, 11, 20, tzinfo=UTC))


@pytest.mark.exhaustive
def test_a_partition_that_another_run_makes_between_the_look_and_the_call_is_no_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.snapshot("2026-11-20")
    run, when = world.run(), date(2026, 11, 20)
    run.accept(when, poll_seconds=0.05)
    run.relocate(when)
    creating, raced = GlueGateway.create_partitions, set()

    def overtaken(self: GlueGateway, database: str, table: str, specs: Sequence[PartitionSpec]) -> None:
        if table not in raced:
            raced.add(table)
            wrong = [replace(spec, location="s3://acme-lake/lake/another/") for spec in specs]
            creating(self, database, table, wrong)
        creating(self, database, table, specs)

    monkeypatch.setattr(GlueGateway, "create_partitions", overtaken)
    assert all(table.rows_match for table in run.shared.catalogue(when).quality), "and it is put where it belongs"
    assert len(raced) == 3


@pytest.mark.exhaustive
def test_a_partition_that_glue_refuses_for_another_reason_is_reported(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.snapshot("2026-11-20")
    run, when = world.run(), date(2026, 11, 20)
    run.accept(when, poll_seconds=0.05)
    run.relocate(when)

    def refuses(*_: object) -> None:
        raise CatalogError("partitions were not created:", ["2026-11-20: InternalServiceException"])

    monkeypatch.setattr(GlueGateway, "create_partitions", refuses)
    with pytest.raises(CatalogError, match="InternalServiceException"):
        run.shared.catalogue(when)
