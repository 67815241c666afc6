"""The checks at each table's own asset, which warn and stop nobody."""

import dagster as dg
import pytest

from rds_lake.defs.build import build_definitions
from rds_lake.model.tables.table import TableTarget
from rds_lake_tests.defs.shell import Shell
from rds_lake_tests.infra.policy.lakes import lake, rds
from rds_lake_tests.support.world import execute

OWN = ("rows_compared", "values_kept")
TABLES = ("orders", "order_details", "sales_nothing")


def said(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """What each table's checks say, without the date; `!` in front where one did not pass."""
    return {
        f"{one.asset_key.path[-1]} {one.check_name}": ("" if one.passed else "! ")
        + (one.description or "").partition(": ")[2]
        for one in result.get_asset_check_evaluations()
        if one.asset_key.path[-1] in TABLES
    }


def lose_rows(shell: Shell) -> None:
    execute(shell.world.url, "DELETE FROM orders WHERE id = 1; ALTER TABLE orders ADD big numeric")
    execute(shell.world.url, "UPDATE orders SET big = 1e60 WHERE id IN (2, 3); DROP TABLE sales.nothing")
    execute(shell.world.url, 'DELETE FROM "Order Details" WHERE ctid NOT IN (SELECT ctid FROM "Order Details" LIMIT 2)')


def test_each_table_says_its_rows_against_the_day_before_and_the_values_it_loses_and_stops_nobody(shell: Shell) -> None:
    shell.world.snapshot("2026-11-19")
    first = said(shell.materialize("2026-11-19"))
    assert set(first) == {f"{table} {check}" for table in TABLES for check in OWN}
    assert first["orders rows_compared"] == "10 rows; the first date: nothing to compare with"
    assert first["orders values_kept"] == "every value keeps its type"

    lose_rows(shell)
    shell.world.snapshot("2026-11-20")
    result = shell.materialize("2026-11-20")
    assert result.success, "they warn"
    assert said(result) == {
        "orders rows_compared": "9 rows, 10 on 2026-11-19",
        "orders values_kept": "! shop.public.orders.big: 2 values become NULL or are rounded in the view; set "
        "`types: {shop.public.orders.big: varchar}` to keep their text",
        "order_details rows_compared": "! shop.public.Order Details: 2 rows, 20 before: 90.0% are gone, but `max_drop` of the "
        "view order_details allows 50.0%",
        "order_details values_kept": "every value keeps its type",
        "sales_nothing rows_compared": "! the date has no such table, which had 0 rows on 2026-11-19; if it is gone for good, "
        "run `rds-lake refresh shop`",
        "sales_nothing values_kept": "the date has no view of this table: no value is cast",
    }
    assert {one.severity for one in result.get_asset_check_evaluations() if not one.passed} == {
        dg.AssetCheckSeverity.WARN
    }


@pytest.mark.exhaustive
def test_each_table_of_a_held_date_and_of_an_older_one_says_its_rows_and_a_lost_record_is_said(shell: Shell) -> None:
    shell.world.snapshot("2026-11-19")
    shell.materialize("2026-11-19")
    lose_rows(shell)
    shell.world.snapshot("2026-11-20")
    result = shell.materialize("2026-11-20")

    shell.world.with_source(publish="manual")
    shell.reload()
    shell.world.snapshot("2026-11-21")
    held = shell.materialize("2026-11-21")
    assert shell.status("2026-11-21", "orders") == "MISSING"
    assert said(held)["orders rows_compared"] == "9 rows, 9 on 2026-11-20", "whoever decides about a held date sees it"
    assert said(held)["sales_nothing rows_compared"] == "the date has no such table, nor has 2026-11-20"

    again = shell.materialize("2026-11-20")
    assert said(again)["orders rows_compared"] == "9 rows, 10 on 2026-11-19", "an older date, with the one before it"

    for run in (result, again):
        shell.instance.delete_run(run.run_id)
    alone = said(shell.materialize("2026-11-20", *TABLES, "publish_outcome"))
    assert alone["orders values_kept"] == (
        "! Dagster has no record of what `catalog` counted for this date; materialize `catalog` of it"
    )


def checked(*sources: dict[str, object], tables: int, check: str = "rows_compared") -> set[str]:
    """The sources, each of so many tables, whose tables have the check."""
    config = lake(*sources)
    known = [TableTarget(database="shop", schema="public", table=f"t{number}") for number in range(tables)]
    made = build_definitions(config, known_tables={source.name: known for source in config.sources})
    keys = made.get_repository_def().asset_graph.asset_check_keys
    return {key.asset_key.path[0] for key in keys if key.name == check}


@pytest.mark.parametrize(("tables", "few"), [(100, True), (101, False)])
def test_where_all_sources_together_have_many_tables_a_source_says_whether_its_tables_are_checked(
    tables: int, few: bool
) -> None:
    two = (rds(), rds("ledger"))
    assert checked(*two, tables=tables) == ({"shop", "ledger"} if few else set())
    assert checked(rds(table_checks=not few), rds("ledger"), tables=tables) == {"ledger" if few else "shop"}


def test_a_source_whose_tables_are_not_known_has_checks_at_catalog_alone() -> None:
    assert checked(rds(table_checks=True), tables=0) == set()
    assert checked(rds(table_checks=True, table_assets=False), tables=3) == set()


def test_values_are_not_called_kept_where_nobody_counts_them() -> None:
    sources = (rds(check_casts=False), rds("ledger"))
    assert checked(*sources, tables=3) == {"shop", "ledger"}
    assert checked(*sources, tables=3, check="values_kept") == {"ledger"}
    assert checked(*sources, tables=3, check="values_keep_their_type") == {"ledger"}


def test_a_date_whose_values_nobody_counted_says_nothing_of_values_that_are_lost(shell: Shell) -> None:
    shell.world.with_source(check_casts=False)
    shell.reload()
    shell.world.snapshot("2026-11-20")
    result = shell.materialize("2026-11-20")
    assert result.success
    made = [event.materialization for event in result.get_asset_materialization_events()]
    assert [
        each for each in made if each.asset_key.path == ["shop", "catalog"] and "dagster/row_count" in each.metadata
    ]
    said = [
        *(one.check_name for one in result.get_asset_check_evaluations()),
        *(key for each in made for key in each.metadata),
    ]
    assert not [word for word in said if "lost" in word or "values" in word]
