"""What Dagster shows of a schema that changed: a report each time, a check as grave as the change."""

import dagster as dg
import pytest

from rds_lake.defs.keys import StageKeys
from rds_lake.model.tables.table import TableTarget
from rds_lake_tests.defs.shell import TABLES, Shell
from rds_lake_tests.support.world import execute


def evaluation(result: dg.ExecuteInProcessResult, check: str = "schema_changes") -> dg.AssetCheckEvaluation:
    (evaluation,) = [item for item in result.get_asset_check_evaluations() if item.check_name == check]
    return evaluation


def report(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [
        event
        for event in result.get_asset_materialization_events()
        if event.asset_key and event.asset_key.path[-1] == "catalog"
    ]
    return str(event.step_materialization_data.materialization.metadata["rds_lake/schema_changes"].value)


def second_day(shell: Shell, statement: str) -> dg.ExecuteInProcessResult:
    """Two dates, the statement in between; the second one's run."""
    execute(shell.world.url, 'CREATE TABLE "a|b" (n integer, "c`|" text); INSERT INTO "a|b" VALUES (1, NULL)')
    for day in ("2026-11-19", "2026-11-20"):
        shell.world.snapshot(day)
        result = shell.materialize(day)
        assert result.success
        execute(shell.world.url, statement)
    return result


@pytest.mark.parametrize(
    ("statement", "passed", "severity", "told"),
    [
        ("SELECT 1", True, dg.AssetCheckSeverity.WARN, "no table changed"),
        ("ALTER TABLE orders ADD COLUMN IF NOT EXISTS x text", True, dg.AssetCheckSeverity.WARN, "1 column added"),
        ("ALTER TABLE orders DROP COLUMN IF EXISTS total", True, dg.AssetCheckSeverity.WARN, "1 column removed"),
        ('ALTER TABLE "a|b" ALTER n TYPE bigint', False, dg.AssetCheckSeverity.WARN, "1 column widened"),
        ('ALTER TABLE "a|b" ALTER n TYPE text', False, dg.AssetCheckSeverity.ERROR, "'snapshots_a_b__v2'"),
    ],
)
def test_the_check_is_as_grave_as_what_it_means_for_readers_and_stops_nothing(
    shell: Shell, statement: str, passed: bool, severity: dg.AssetCheckSeverity, told: str
) -> None:
    result = second_day(shell, statement)
    check = evaluation(result)
    assert (check.passed, check.severity) == (passed, severity)
    assert told in (check.description or "")
    assert shell.world.query("SELECT DISTINCT snapshot_date FROM orders") == [("2026-11-20",)]


@pytest.mark.exhaustive
def test_the_report_is_a_table_that_no_name_breaks(shell: Shell) -> None:
    lines = report(second_day(shell, 'ALTER TABLE "a|b" ALTER n TYPE bigint, DROP COLUMN IF EXISTS "c`|"')).splitlines()
    cells = [line.replace("\\|", "").count("|") for line in lines]
    assert cells == [7, 7, 7, 7]
    assert any("widened | `integer as int` | `bigint` |" in line for line in lines)


@pytest.mark.exhaustive
def test_a_new_member_of_a_union_is_no_unknown_table(shell: Shell) -> None:
    shell.world.with_source(union={"orders": "orders|orders_old"})
    shell.reload()
    execute(shell.world.url, "CREATE TABLE orders_old (LIKE orders); INSERT INTO orders_old SELECT * FROM orders")
    shell.world.snapshot("2026-11-20")
    result = shell.materialize("2026-11-20")
    assert result.success
    assert evaluation(result, "tables_as_known").passed
    assert shell.world.query("SELECT count(*) FROM orders") == [("20",)]


@pytest.mark.exhaustive
def test_members_of_a_union_have_one_asset_together(shell: Shell) -> None:
    shell.world.with_source(union={"events": r"events_\d"})
    members = [TableTarget(database="shop", schema="public", table=f"events_{n}") for n in range(3)]
    keys = StageKeys.of(shell.world.config.sources[0], [*TABLES, *members])
    assert [key.path[-1] for key in keys.published] == ["events", "order_details", "orders", "sales_nothing"]
