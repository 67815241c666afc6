"""Schema evolution where one raw table is not enough: types that do not fit, tables that come and go, and their records."""

import pytest

from rds_lake.errors import CatalogError
from rds_lake.model.tables.evolution import Kind
from rds_lake.model.tables.glue import PartitionSpec, TableSpec
from rds_lake_tests.stages.catalogue.evolving import columns, day, per_date
from rds_lake_tests.support.world import World, execute


@pytest.mark.exhaustive
def test_an_incompatible_type_moves_the_view_to_a_table_beside_and_older_dates_stay_in_the_old_one(
    world: World,
) -> None:
    day(world, "2026-11-17", "CREATE TABLE flips (v integer, w text); INSERT INTO flips VALUES (1, 'x')")
    moved = day(world, "2026-11-18", "ALTER TABLE flips ALTER v TYPE text USING 'v' || v")
    assert moved == {"flips": [Kind.INCOMPATIBLE]}
    assert world.query("SELECT v, w FROM flips") == [("v1", "x")]
    assert per_date(world, "max(v)", "snapshots_flips") == [("2026-11-17", "1")]
    assert per_date(world, "max(v)", "snapshots_flips__v2") == [("2026-11-18", "v1")]
    assert day(world, "2026-11-19") == {}, "it is reported once"
    again = "ALTER TABLE flips ALTER v TYPE double precision USING 2.5"
    assert day(world, "2026-11-20", again) == {"flips": [Kind.INCOMPATIBLE]}
    assert world.query("SELECT v, w FROM flips") == [("2.5", "x")]
    assert per_date(world, "max(v)", "snapshots_flips__v2") == [("2026-11-18", "v1"), ("2026-11-19", "v1")]
    assert per_date(world, "max(v)", "snapshots_flips__v3") == [("2026-11-20", "2.5")]


@pytest.mark.exhaustive
def test_a_type_that_is_changed_back_goes_back_to_the_first_table(world: World) -> None:
    day(world, "2026-11-18", "CREATE TABLE flips (v integer); INSERT INTO flips VALUES (1)")
    day(world, "2026-11-19", "ALTER TABLE flips ALTER v TYPE text, ADD COLUMN extra text")
    day(world, "2026-11-20", "ALTER TABLE flips ALTER v TYPE integer USING v::integer, DROP COLUMN extra")
    assert world.query("SELECT v, extra FROM flips") == [("1", None)]
    assert per_date(world, "max(v)", "snapshots_flips") == [("2026-11-18", "1"), ("2026-11-20", "1")]
    assert per_date(world, "max(v)", "snapshots_flips__v2") == [("2026-11-19", "1")]


@pytest.mark.exhaustive
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


@pytest.mark.exhaustive
def test_a_table_that_disappears_and_reappears_keeps_its_history(world: World) -> None:
    day(world, "2026-11-18", "CREATE TABLE t (a integer, b text); INSERT INTO t VALUES (1, 'x')")
    assert day(world, "2026-11-19", "DROP TABLE t") == {}
    assert day(world, "2026-11-20", "CREATE TABLE t (a bigint); INSERT INTO t VALUES (2)") == {
        "t": [Kind.WIDENED, Kind.REMOVED]
    }
    assert world.query("SELECT a, b FROM t") == [("2", None)]
    assert per_date(world, "max(a)", "snapshots_t") == [("2026-11-18", "1"), ("2026-11-20", "2")]


@pytest.mark.exhaustive
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


@pytest.mark.exhaustive
def test_a_column_named_as_the_partition_key_opens_a_table_with_another_key(world: World) -> None:
    day(world, "2026-11-19", "CREATE TABLE t (a integer); INSERT INTO t VALUES (1)")
    world.with_source(rename={"shop.public.t.snapshot_date": "row_date"})
    assert day(world, "2026-11-20", "ALTER TABLE t ADD COLUMN snapshot_date text DEFAULT 'mine'") == {
        "t": [Kind.ADDED, Kind.INCOMPATIBLE]
    }
    assert world.query("SELECT a, row_date FROM t") == [("1", "mine")]
    assert per_date(world, "max(a)", "snapshots_t") == [("2026-11-19", "1")]
    assert world.query("SELECT lake_snapshot_date, snapshot_date FROM snapshots_t__v2") == [("2026-11-20", "mine")]


@pytest.mark.exhaustive
def test_a_table_named_like_anothers_second_version_does_not_mix_with_it(world: World) -> None:
    day(world, "2026-11-18", "CREATE TABLE t (v integer); INSERT INTO t VALUES (1); CREATE TABLE t__v2 (v integer)")
    day(world, "2026-11-19", "ALTER TABLE t ALTER v TYPE text")
    assert per_date(world, "max(v)", "snapshots_t__v3") == [("2026-11-19", "1")]
    assert world.query("SELECT count(*) FROM t__v2") == [("0",)]


@pytest.mark.exhaustive
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


@pytest.mark.exhaustive
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
    empty = PartitionSpec(
        values=partition.values, location=partition.location, columns=wrong, parameters=partition.parameters
    )
    glue.update_partitions("shop", table.name, [empty])
    assert day(world, "2026-11-20", "INSERT INTO t VALUES (7)") == {"t": [Kind.KNOWN]}
    assert world.query("SELECT n FROM t") == [("7",)]
    assert {p.columns[0][1] for p in glue.find_partitions("shop", "snapshots_t")} == {"int"}
    times = {p.parameters["rds_lake.snapshot_time"][:10] for p in glue.find_partitions("shop", "snapshots_t")}
    assert times == {"2026-11-19", "2026-11-20"}, "a corrected partition still says where its rows come from"
