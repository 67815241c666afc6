"""Schema evolution, the whole way: every date stays readable, and the view has every column there ever was."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest

from rds_lake.aws.glue import PartitionSpec, TableSpec
from rds_lake.errors import CatalogError
from rds_lake.model.evolution import Kind
from rds_lake.stages.source_run import Catalogued
from rds_lake_tests.faults import Faults
from rds_lake_tests.world import World, execute


def day(world: World, when: str, *statements: str, hour: int = 3) -> dict[str, list[Kind]]:
    """The statements, a snapshot, everything published; what changed in which table."""
    for statement in statements:
        execute(world.url, statement)
    world.snapshot(when, hour=hour)
    run, at = world.run(), date.fromisoformat(when)
    run.accept(at, poll_seconds=0.02)
    run.relocate(at)
    changed = changes(run.catalogue(at))
    world.publish(when)
    return changed


def changes(outcome: Catalogued) -> dict[str, list[Kind]]:
    return {sync.named.names.view: [change.kind for change in sync.changes] for sync in outcome.synced if sync.changes}


def per_date(world: World, expression: str, raw: str) -> list[tuple[str | None, ...]]:
    return world.query(f"SELECT snapshot_date, {expression} FROM {raw} GROUP BY 1 ORDER BY 1")


def columns(world: World, view: str) -> list[str]:
    """The view's columns with their types, in order."""
    return [
        f"{name} {kind}"
        for name, kind in world.query(
            f"SELECT column_name, data_type FROM information_schema.columns WHERE table_name = '{view}' "
            "ORDER BY ordinal_position"
        )
        if name and kind
    ]


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


def test_a_narrowed_integer_stays_wide_and_reads_in_both_dates(world: World) -> None:
    day(world, "2026-11-19", "CREATE TABLE shrinks (n bigint); INSERT INTO shrinks VALUES (5)")
    assert day(world, "2026-11-20", "ALTER TABLE shrinks ALTER n TYPE integer") == {"shrinks": [Kind.RELABELLED]}
    assert columns(world, "shrinks")[0] == "n bigint"
    assert per_date(world, "sum(n)", "snapshots_shrinks") == [("2026-11-19", "5"), ("2026-11-20", "5")]


def test_an_incompatible_type_moves_the_view_to_a_table_beside_and_older_dates_stay_in_the_old_one(
    world: World,
) -> None:
    day(world, "2026-11-17", "CREATE TABLE flips (v integer, w text); INSERT INTO flips VALUES (1, 'x')")
    moved = day(world, "2026-11-18", "ALTER TABLE flips ALTER v TYPE text USING 'v' || v")
    assert moved == {"flips": [Kind.INCOMPATIBLE]}
    assert world.query("SELECT v, w FROM flips") == [("v1", "x")]
    assert per_date(world, "max(v)", "snapshots_flips") == [("2026-11-17", "1")]
    assert per_date(world, "max(v)", "snapshots_flips__v2") == [("2026-11-18", "v1")]
    assert day(world, "2026-11-19") == {}, "it is told once"
    again = "ALTER TABLE flips ALTER v TYPE double precision USING 2.5"
    assert day(world, "2026-11-20", again) == {"flips": [Kind.INCOMPATIBLE]}
    assert world.query("SELECT v, w FROM flips") == [("2.5", "x")]
    assert per_date(world, "max(v)", "snapshots_flips__v2") == [("2026-11-18", "v1"), ("2026-11-19", "v1")]
    assert per_date(world, "max(v)", "snapshots_flips__v3") == [("2026-11-20", "2.5")]


def test_a_type_that_is_changed_back_goes_back_to_the_first_table(world: World) -> None:
    day(world, "2026-11-18", "CREATE TABLE flips (v integer); INSERT INTO flips VALUES (1)")
    day(world, "2026-11-19", "ALTER TABLE flips ALTER v TYPE text, ADD COLUMN extra text")
    day(world, "2026-11-20", "ALTER TABLE flips ALTER v TYPE integer USING v::integer, DROP COLUMN extra")
    assert world.query("SELECT v, extra FROM flips") == [("1", None)]
    assert per_date(world, "max(v)", "snapshots_flips") == [("2026-11-18", "1"), ("2026-11-20", "1")]
    assert per_date(world, "max(v)", "snapshots_flips__v2") == [("2026-11-19", "1")]


def test_an_older_date_of_another_type_is_kept_apart_and_the_view_stays_where_it_is(world: World) -> None:
    execute(world.url, "CREATE TABLE flips (v text); INSERT INTO flips VALUES ('v1')")
    day(world, "2026-11-20")
    older = "ALTER TABLE flips ALTER v TYPE integer USING 7"
    assert day(world, "2026-11-18", older) == {"flips": [Kind.KEPT_APART]}
    assert world.query("SELECT v FROM flips") == [("v1",)]
    assert per_date(world, "max(v)", "snapshots_flips__v2") == [("2026-11-18", "7")]
    world.publish("2026-11-18")
    world.publish("2026-11-20")
    assert per_date(world, "max(v)", "snapshots_flips") == [("2026-11-20", "v1")]


def test_a_date_exported_again_with_another_type_is_in_one_table_only(world: World) -> None:
    world.with_source(replace=True)
    day(world, "2026-11-20", "CREATE TABLE flips (v integer); INSERT INTO flips VALUES (1)")
    day(world, "2026-11-20", "ALTER TABLE flips ALTER v TYPE text USING 'v' || v", hour=22)
    assert world.query("SELECT v FROM flips") == [("v1",)]
    assert per_date(world, "max(v)", "snapshots_flips") == []
    assert per_date(world, "max(v)", "snapshots_flips__v2") == [("2026-11-20", "v1")]


def test_a_column_renamed_in_the_database_is_one_that_went_and_one_that_came(world: World) -> None:
    day(world, "2026-11-19")
    renamed = 'ALTER TABLE "Order Details" RENAME "OrderID" TO order_number'
    assert day(world, "2026-11-20", renamed) == {"order_details": [Kind.REMOVED, Kind.ADDED]}
    assert world.query("SELECT count(orderid), count(order_number) FROM order_details") == [("0", "20")]
    assert per_date(world, "count(orderid)", "snapshots_order_details") == [("2026-11-19", "20"), ("2026-11-20", "0")]


def test_a_renamed_column_that_wants_the_same_name_in_the_view_takes_it_over(world: World) -> None:
    day(world, "2026-11-19", 'CREATE TABLE t ("a-b" integer, c integer); INSERT INTO t VALUES (1, 2)')
    day(world, "2026-11-20", 'ALTER TABLE t RENAME "a-b" TO a_b')
    assert world.query("SELECT a_b, c FROM t") == [("1", "2")]
    assert [name.split()[0] for name in columns(world, "t")] == ["c", "a_b", "snapshot_date"]


def test_only_the_case_of_a_columns_name_changes_and_every_date_reads_as_before(world: World) -> None:
    day(world, "2026-11-19")
    changed = day(world, "2026-11-20", 'ALTER TABLE "Order Details" RENAME "OrderID" TO "orderId"')
    assert changed == {"order_details": [Kind.RECASED]}
    assert world.query("SELECT count(orderid) FROM order_details") == [("20",)]
    assert per_date(world, "count(orderid)", "snapshots_order_details") == [("2026-11-19", "20"), ("2026-11-20", "20")]


def test_another_order_of_columns_changes_no_view(world: World) -> None:
    day(world, "2026-11-19", "CREATE TABLE t (a integer, b text); INSERT INTO t VALUES (1, 'x')")
    before = columns(world, "t")
    changed = day(
        world, "2026-11-20", "DROP TABLE t; CREATE TABLE t (b text, a integer); INSERT INTO t VALUES ('y', 2)"
    )
    assert changed == {"t": [Kind.REORDERED]}
    assert columns(world, "t") == before
    assert world.query("SELECT a, b FROM snapshots_t ORDER BY 1") == [("1", "x"), ("2", "y")]


def test_a_table_that_disappears_and_reappears_keeps_its_history(world: World) -> None:
    day(world, "2026-11-18", "CREATE TABLE t (a integer, b text); INSERT INTO t VALUES (1, 'x')")
    assert day(world, "2026-11-19", "DROP TABLE t") == {}
    assert day(world, "2026-11-20", "CREATE TABLE t (a bigint); INSERT INTO t VALUES (2)") == {
        "t": [Kind.WIDENED, Kind.REMOVED]
    }
    assert world.query("SELECT a, b FROM t") == [("2", None)]
    assert per_date(world, "max(a)", "snapshots_t") == [("2026-11-18", "1"), ("2026-11-20", "2")]


def test_a_table_that_is_emptied_and_filled_keeps_its_types_and_stays_readable(world: World) -> None:
    create = "CREATE TABLE t (n integer, price numeric(8,2), raw bytea, at timestamp)"
    fill = r"INSERT INTO t VALUES (1, 2.5, '\x01', '2026-01-01')"
    day(world, "2026-11-17", create)
    types = columns(world, "t")
    day(world, "2026-11-18", fill)
    assert columns(world, "t") == types
    assert day(world, "2026-11-19", "DELETE FROM t") == {}
    assert day(world, "2026-11-20", fill) == {}
    assert columns(world, "t") == types
    assert per_date(world, "count(raw)", "snapshots_t") == [("2026-11-18", "1"), ("2026-11-20", "1")]


def test_a_column_named_as_the_partition_key_opens_a_table_with_another_key(world: World) -> None:
    day(world, "2026-11-19", "CREATE TABLE t (a integer); INSERT INTO t VALUES (1)")
    world.with_source(rename={"shop.public.t.snapshot_date": "row_date"})
    assert day(world, "2026-11-20", "ALTER TABLE t ADD COLUMN snapshot_date text DEFAULT 'mine'") == {
        "t": [Kind.ADDED, Kind.INCOMPATIBLE]
    }
    assert world.query("SELECT a, row_date FROM t") == [("1", "mine")]
    assert per_date(world, "max(a)", "snapshots_t") == [("2026-11-19", "1")]
    assert world.query("SELECT lake_snapshot_date, snapshot_date FROM snapshots_t__v2") == [("2026-11-20", "mine")]


def test_a_table_named_like_anothers_second_version_does_not_mix_with_it(world: World) -> None:
    day(world, "2026-11-18", "CREATE TABLE t (v integer); INSERT INTO t VALUES (1); CREATE TABLE t__v2 (v integer)")
    day(world, "2026-11-19", "ALTER TABLE t ALTER v TYPE text")
    assert per_date(world, "max(v)", "snapshots_t__v3") == [("2026-11-19", "1")]
    assert world.query("SELECT count(*) FROM t__v2") == [("0",)]


@pytest.mark.parametrize("operation", ["UpdateTable", "CreateTable"])
def test_a_writer_that_was_faster_is_let_through_and_the_fresh_table_is_used(world: World, operation: str) -> None:
    day(world, "2026-11-19")
    execute(world.url, "ALTER TABLE orders ADD COLUMN channel text; CREATE TABLE fresh (id integer)")
    faults = Faults(world.gateways.lake.glue._client)
    faults.answer(operation, "ConcurrentModificationException", times=2)
    day(world, "2026-11-20")
    assert world.query("SELECT count(*), count(channel) FROM orders") == [("10", "0")]


def test_a_partition_deleted_by_hand_is_made_again(world: World) -> None:
    day(world, "2026-11-20")
    world.gateways.lake.glue.delete_partitions("shop", "snapshots_orders", [("2026-11-20",)])
    assert world.query("SELECT count(*) FROM orders") == [("0",)]
    world.publish("2026-11-20")
    assert world.query("SELECT count(*) FROM orders") == [("10",)]


def test_the_same_date_catalogued_again_tells_the_same_changes_and_writes_nothing(world: World) -> None:
    day(world, "2026-11-19")
    first = day(world, "2026-11-20", "ALTER TABLE orders ADD COLUMN channel text")
    faults = Faults(world.gateways.lake.glue._client)
    again = world.run().catalogue(date(2026, 11, 20))
    assert changes(again) == first
    assert faults.count("UpdateTable", "CreateTable", "BatchCreatePartition", "BatchUpdatePartition") == 0


def test_a_date_without_changes_costs_at_most_three_calls_of_glue_per_table(world: World) -> None:
    for number in range(12):
        execute(world.url, f"CREATE TABLE t{number} (id integer)")
    day(world, "2026-11-19")
    world.snapshot("2026-11-20")
    run, at = world.run(), date(2026, 11, 20)
    run.accept(at, poll_seconds=0.02)
    tables = len(run.relocate(at).tables)
    faults = Faults(world.gateways.lake.glue._client)
    run.catalogue(at)
    once = faults.count("CreateDatabase", "GetTables")
    assert once == 2
    assert len(faults.calls) - once <= 3 * tables
    assert faults.count("UpdateTable") == 0


def test_two_dates_catalogued_at_once_keep_the_columns_of_both(world: World) -> None:
    day(world, "2026-11-18")
    execute(world.url, "ALTER TABLE orders ADD COLUMN one text DEFAULT 'x'")
    world.snapshot("2026-11-19")
    execute(world.url, "ALTER TABLE orders ADD COLUMN two text DEFAULT 'y'")
    world.snapshot("2026-11-20")
    days = [date(2026, 11, 19), date(2026, 11, 20)]
    for at in days:
        world.run().accept(at, poll_seconds=0.02)
        world.run().relocate(at)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda at: world.run().catalogue(at), days))
    assert per_date(world, "count(one) + count(two)", "snapshots_orders") == [
        ("2026-11-18", "0"),
        ("2026-11-19", "10"),
        ("2026-11-20", "20"),
    ]


def test_a_table_of_an_earlier_release_is_taken_over_without_a_word(world: World) -> None:
    """Those have no record of their columns, only comments."""
    day(world, "2026-11-19")
    glue, client = world.gateways.lake.glue, world.clients.client("glue")
    for name, table in glue.list_tables("shop", beginning="snapshots_").items():
        body = client.get_table(DatabaseName="shop", Name=name)["Table"]
        kept = {key: body[key] for key in ("Name", "TableType", "PartitionKeys", "StorageDescriptor")}
        old = {key: value for key, value in table.parameters.items() if not key.startswith("rds_lake.")}
        client.update_table(DatabaseName="shop", TableInput=kept | {"Parameters": old})
    assert day(world, "2026-11-20", "ALTER TABLE orders ADD COLUMN channel text") == {"orders": [Kind.ADDED]}
    assert world.query("SELECT count(*), count(channel) FROM orders") == [("10", "0")]
    assert day(world, "2026-11-21") == {}


def test_a_damaged_record_says_which_table_and_what_to_do(world: World) -> None:
    day(world, "2026-11-19")
    client = world.clients.client("glue")
    body = client.get_table(DatabaseName="shop", Name="snapshots_orders")["Table"]
    kept = {key: body[key] for key in ("Name", "TableType", "PartitionKeys", "StorageDescriptor")}
    client.update_table(
        DatabaseName="shop", TableInput=kept | {"Parameters": body["Parameters"] | {"rds_lake.schema": "{"}}
    )
    with pytest.raises(CatalogError, match=r"'snapshots_orders' is damaged.*remove it"):
        day(world, "2026-11-20")


def test_a_date_that_was_not_catalogued_is_not_published(world: World) -> None:
    world.snapshot("2026-11-20")
    run, at = world.run(), date(2026, 11, 20)
    run.accept(at, poll_seconds=0.02)
    run.relocate(at)
    world.gateways.lake.glue.ensure_database("shop", description="")
    with pytest.raises(CatalogError, match=r"materialize `catalog` first"):
        run.publish(at, now=datetime(2026, 11, 20, tzinfo=UTC))


def test_an_announced_type_that_files_contradict_is_corrected_in_the_empty_dates_too(world: World) -> None:
    day(world, "2026-11-19", "CREATE TABLE t (n integer)")
    glue = world.gateways.lake.glue
    table = glue.list_tables("shop")["snapshots_t"]
    (partition,) = glue.find_partitions("shop", "snapshots_t")
    wrong = (("n", "timestamp", "n: integer"),)
    spec = TableSpec(
        name=table.name,
        columns=wrong,
        partition_keys=table.partition_keys,
        location=table.location,
        description="",
        parameters=table.parameters,
    )
    glue.update_table("shop", spec, existing=table)
    glue.update_partitions(
        "shop", table.name, [PartitionSpec(values=partition.values, location=partition.location, columns=wrong)]
    )
    assert day(world, "2026-11-20", "INSERT INTO t VALUES (7)") == {"t": [Kind.SETTLED]}
    assert world.query("SELECT n FROM t") == [("7",)]
    assert {p.columns[0][1] for p in glue.find_partitions("shop", "snapshots_t")} == {"int"}
