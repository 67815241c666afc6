"""Where the rows of a raw table come from, as catalogues of data read it in Glue."""

from typing import Any

import pytest

from rds_lake_tests.stages.catalogue.evolving import day
from rds_lake_tests.support.faults import Faults
from rds_lake_tests.support.world import World

RAW = {
    "snapshots_orders": "shop.public.orders",
    "snapshots_order_details": "shop.public.Order Details",
    "snapshots_sales_nothing": "shop.sales.nothing",
}
OURS = ("rds_lake.source", "rds_lake.owners")


def _table(world: World, name: str) -> dict[str, Any]:
    client: Any = world.gateways.lake.glue._client
    return client.get_table(DatabaseName="shop", Name=name)["Table"]


def _as_an_earlier_release_left_it(world: World, name: str) -> None:
    """The raw table without what came later."""
    client: Any = world.gateways.lake.glue._client
    table = _table(world, name)
    kept = {key: table[key] for key in ("Name", "TableType", "PartitionKeys", "StorageDescriptor")}
    parameters = {key: value for key, value in table["Parameters"].items() if key not in OURS} | {"team": "kept"}
    client.update_table(DatabaseName="shop", TableInput=kept | {"Parameters": parameters})


@pytest.mark.exhaustive
def test_raw_tables_and_partitions_say_where_their_rows_come_from_at_no_call_of_their_own(world: World) -> None:
    day(world, "2026-11-18")
    assert _table(world, "snapshots_orders")["Parameters"]["rds_lake.owners"] == ""
    for name in RAW:
        _as_an_earlier_release_left_it(world, name)
    world.with_source(owners=("team:data", "ada@acme.com"))
    calls = Faults(world.gateways.lake.glue._client)
    day(world, "2026-11-19")
    assert calls.count("UpdateTable") == len(RAW), "one for each table, when release or owners change"
    day(world, "2026-11-20")
    assert calls.count("UpdateTable") == len(RAW), "and none for a date that changes nothing"
    assert calls.count("BatchCreatePartition") == 2 * len(RAW) and calls.count("BatchUpdatePartition") == 0
    for name, target in RAW.items():
        table = _table(world, name)
        said = {key: table["Parameters"][key] for key in (*OURS, "rds_lake.table", "team")}
        assert said == {
            "rds_lake.source": "shop",
            "rds_lake.owners": "team:data, ada@acme.com",
            "rds_lake.table": target,
            "team": "kept",
        }
        assert table["Owner"] == "ada@acme.com"
        assert target in table["Description"] and "team:data, ada@acme.com" in table["Description"]


def test_a_date_that_is_exported_again_says_the_later_export(world: World) -> None:
    world.with_source(replace=True)
    day(world, "2026-11-20")
    day(world, "2026-11-20", hour=22)
    (partition,) = world.gateways.lake.glue.find_partitions("shop", "snapshots_orders")
    assert partition.parameters["rds_lake.snapshot_time"] == "2026-11-20T22:00:00+00:00"
    assert f"/{partition.parameters['rds_lake.export_task']}/" in partition.location
    assert partition.parameters["rds_lake.table"] == "shop.public.orders"
