"""From a source's table to a published file: every asset of a warehouse is behind what it reads."""

from pathlib import Path

import dagster as dg

from rds_lake_tests.defs.shell import quick_instance
from rds_lake_tests.defs.warehouse.mart import SETTINGS, Mart
from rds_lake_tests.support.world import World


def test_a_result_is_behind_steps_loads_the_view_and_the_sources_export(world: World, tmp_path: Path) -> None:
    """Mutation that fails it: loads of the lake without their view."""
    loads = [*SETTINGS["loads"], {"table": "shop.orders"}]
    with quick_instance() as instance:
        mart = Mart.made(world, instance, tmp_path, loads=loads)
        (tmp_path / "steps" / "best.sql").write_text(
            "CREATE TABLE best AS SELECT * FROM totals, orders", encoding="utf-8"
        )
        mart.shell.reload()
        graph = mart.shell.repository.asset_graph

        def before(*path: str) -> set[str]:
            return {key.to_user_string() for key in graph.get(dg.AssetKey(list(path))).parent_keys}

        assert before("mart", "result") == {"mart/count"}
        assert before("mart", "count") == {"mart/usage"}
        assert before("mart", "best") == {"mart/count", "mart/orders"}
        assert before("mart", "orders") == {"shop/orders"} and before("mart", "usage") == set()
        above = graph.get_ancestor_asset_keys(dg.AssetKey(["mart", "best"]))
        assert {"shop/catalog", "shop/parquet", "shop/snapshot_export"} <= {key.to_user_string() for key in above}
