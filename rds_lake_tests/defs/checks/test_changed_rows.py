"""`changes:` in Dagster: what became of a table's rows since the date before, counted, kept, and said where it is too much."""

from datetime import date
from typing import Any

import dagster as dg
import pytest

from rds_lake.config.shared import Changes
from rds_lake.model.lake.date_diff import CountedTable, DateDiff
from rds_lake.stages.diff.record import find_date_diff
from rds_lake.stages.lake.handover import list_dates
from rds_lake_tests.defs.shell import Shell
from rds_lake_tests.support.world import execute

_BEFORE, _DAY = "2026-11-19", "2026-11-20"
_KEYS = {"orders": ("id",), "shop.public.Order Details": ("select",)}
_ORDERS = dg.AssetKey(["shop", "orders"])


def second_day(shell: Shell, **settings: Any) -> dg.ExecuteInProcessResult:
    """Two dates of a lake that compares them; the second one's run."""
    shell.world.with_source(keys=_KEYS, changes=Changes.model_validate(settings))
    shell.reload()
    for day, change in (
        (_BEFORE, "DELETE FROM orders WHERE id IN (1, 2); UPDATE orders SET total = 0 WHERE id = 3"),
        (_DAY, "SELECT 1"),
    ):
        shell.world.snapshot(day)
        result = shell.materialize(day)
        assert result.success
        execute(shell.world.url, change)
    return result


def check(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (found,) = [c for c in result.get_asset_check_evaluations() if c.check_name == "changed_rows_as_expected"]
    return found


def kept(shell: Shell, day: str) -> DateDiff | None:
    gateways = shell.world.gateways
    return find_date_diff(gateways.s3, gateways.layout, "shop", date.fromisoformat(day))


@pytest.mark.exhaustive
def test_a_table_that_changed_more_than_it_may_warns_and_is_published_and_its_counts_are_kept(shell: Shell) -> None:
    execute(shell.world.url, """UPDATE "Order Details" SET "select" = 'line' WHERE "OrderID" < 3""")
    result = second_day(
        shell, tables=["orders", "order_details", "ordrs"], most={"orders": {"removed": 1, "changed": "5%"}}
    )
    found = check(result)
    assert (found.passed, found.severity, found.blocking) == (False, dg.AssetCheckSeverity.WARN, False)
    problems = str(found.metadata["problems"].value).splitlines()
    assert problems[0] == "- orders: 2 rows were removed since 2026-11-19, of 10, and `most` allows 1"
    assert problems[1].startswith(
        "- order_details could not be compared: shop.order_details cannot be compared by select"
    )
    assert problems[-1] == "- changes: 'ordrs' is neither a view nor a table of shop 2026-11-20"
    assert not any("nothing" in line.split(":")[0] for line in problems), (
        "a table that is not among `tables` is not compared"
    )
    assert shell.world.query("SELECT DISTINCT snapshot_date FROM orders") == [(_DAY,)]
    record = kept(shell, _DAY)
    assert record is not None
    assert (record.before, record.not_compared.keys()) == (date.fromisoformat(_BEFORE), {"order_details"})
    assert record.tables == (
        CountedTable(
            table="shop.public.orders", view="orders", rows_before=10, rows_after=8, added=0, removed=2, changed=1,
            keys=("id",), by_column={"total": 1},
        ),
    )  # fmt: skip
    (record_of_orders,) = shell.instance.fetch_observations(_ORDERS, limit=1).records
    shown = record_of_orders.asset_observation
    assert shown is not None
    assert shown.partition == _DAY
    told = {key.removeprefix("rds_lake/rows_"): value.value for key, value in shown.metadata.items()}
    assert {key: told[key] for key in ("added", "removed", "changed", "same")} == {
        "added": 0, "removed": 2, "changed": 1, "same": 7,
    }  # fmt: skip
    assert kept(shell, _BEFORE) is None, "there was no date before"
    gateways = shell.world.gateways
    assert [str(day) for day in list_dates(gateways.s3, gateways.layout, "shop")] == [_BEFORE, _DAY]


@pytest.mark.exhaustive
def test_tables_beyond_the_gigabytes_are_left_and_named_and_an_unharmed_date_passes(shell: Shell) -> None:
    found = check(second_day(shell, most={"default": {"removed": "10%"}}, most_gb=0.02))
    assert found.passed, found.description
    record = kept(shell, _DAY)
    assert record is not None
    compared = {table.view for table in record.tables}
    assert len(compared) == 2, "each statement costs 10 MB at least"
    assert record.not_compared.keys() == {"orders", "order_details", "sales_nothing"} - compared
    assert "most_gb" in str(found.metadata["rds_lake/not_compared"].value)


@pytest.mark.exhaustive
def test_a_date_that_cannot_be_read_any_more_is_a_sentence_of_the_check_and_fails_no_run(shell: Shell) -> None:
    second_day(shell)
    for name in shell.world.keys("lake/shop/"):
        if f"snapshot_date={_BEFORE}" in name:
            shell.world.clients.client("s3").delete_object(Bucket="acme-lake", Key=name)
    key = dg.AssetCheckKey(dg.AssetKey(["shop", "catalog"]), "changed_rows_as_expected")
    job = shell.definitions.resolve_implicit_global_asset_job_def().get_subset(asset_check_selection={key})
    result = job.execute_in_process(instance=shell.instance, partition_key=_DAY, raise_on_error=False)
    assert result.success
    assert not check(result).passed
    assert "could not be compared" in (check(result).description or "")


@pytest.mark.parametrize("limit", [-1, "5 rows", True, 0.5, "-5%", "%"])
def test_a_limit_is_a_number_of_rows_or_a_percentage(limit: Any) -> None:
    with pytest.raises(ValueError, match="write a number of rows, such as 1000, or a share of them, such as 5%"):
        Changes.model_validate({"most": {"orders": {"removed": limit}}})
