"""`rds-lake query` asks Athena, now or as of a date, and refuses what it cannot ask faithfully."""

import json
import re

import pytest
from click.testing import CliRunner, Result

from rds_lake.cli import main
from rds_lake_tests.support.world import World, execute


@pytest.fixture
def asked(world: World, monkeypatch: pytest.MonkeyPatch):
    """The command, on a lake with ten orders on the 19th and four on the 20th."""
    world.snapshot("2026-11-19")
    world.publish("2026-11-19")
    execute(world.url, "DELETE FROM orders WHERE id > 4")
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    world.be_the_process(monkeypatch)
    monkeypatch.setenv("COLUMNS", "160")

    def ask(sql: str, *options: str) -> Result:
        config = str(world.config.directory / "lake.yaml")
        return CliRunner().invoke(main, ["query", sql, "--config", config, *options])

    return ask


def test_the_same_query_now_and_as_of_a_date(asked) -> None:
    sql = """
        WITH few AS (SELECT id FROM "shop"."orders")
        SELECT count(*) AS n, CAST(max(orders.total) AS decimal(12,2)) AS top, min(orders.snapshot_date) AS day
        FROM shop.orders JOIN few ON few.id = orders.id
        WHERE orders.id IN (SELECT "orderid" FROM order_details)
    """
    now, then = asked(sql), asked(sql, "--as-of", "2026-11-19", "--source", "shop")
    assert now.exit_code == then.exit_code == 0, now.output + then.output
    assert "│ 4 │ 4.25 │ 2026-11-20 │" in now.output
    assert "│ 10 │ 10.25 │ 2026-11-19 │" in then.output
    assert "as of 2026-11-19: 1 row," in then.output
    assert "scanned" in then.output


def test_a_date_before_a_column_changed_its_type_is_read_with_the_type_it_had(world: World, asked) -> None:
    execute(world.url, "ALTER TABLE orders ALTER id TYPE text USING 'order ' || id")
    world.snapshot("2026-11-21")
    world.publish("2026-11-21")
    sql = "SELECT max(id) AS id, typeof(max(id)) AS kind FROM orders"
    assert "│ order 4 │ varchar │" in asked(sql).output
    assert "│ 10 │ bigint │" in asked(sql, "--as-of", "2026-11-19").output


def test_null_and_markup_are_shown_as_they_are(asked) -> None:
    output = asked("SELECT tags, '[bold]x[/]' AS b FROM orders WHERE id = 1;").output
    assert "NULL" in output
    assert "[bold]x[/]" in output


def test_a_date_the_lake_does_not_have_is_refused_with_the_dates_it_has(asked) -> None:
    result = asked("SELECT 1 FROM orders", "--as-of", "2026-11-01")
    assert result.exit_code == 1
    assert "shop has no 2026-11-01 to read; it has 2026-11-20, 2026-11-19" in result.output


def test_a_query_that_cannot_be_read_as_of_a_date_says_why_and_asks_nothing(asked) -> None:
    result = asked("SELECT * FROM snapshots_orders", "--as-of", "2026-11-19")
    assert result.exit_code == 1
    assert "snapshots_orders is no view" in result.output


def test_athenas_own_refusal_reaches_the_person(asked) -> None:
    result = asked("SELECT nonsense FROM orders")
    assert result.exit_code == 1
    assert "nonsense" in result.output


def test_an_answer_of_thousands_of_rows_is_cut_and_says_where_the_rest_is(world: World, asked) -> None:
    result = asked("SELECT n FROM UNNEST(sequence(1, 5000)) AS t(n) ORDER BY 1", "--rows", "30")
    assert result.exit_code == 0, result.output
    assert "the first 30 rows" in result.output
    assert re.search(r"all of them are in\s+s3://acme-lake/\S+\.csv", result.output)
    assert result.output.count("\n") < 40


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
    assert "1 files of shop 2026-11-19" in result.output
    assert keys[0] in result.output.replace("\n", "")


def test_a_program_that_reads_csv_or_json_gets_every_row_and_nothing_else(asked) -> None:
    sql = "SELECT n, CAST(n AS varchar) AS t FROM UNNEST(sequence(1, 300)) AS t(n) ORDER BY 1"
    table, lines = asked(sql, "--format", "csv"), asked(sql, "--format", "json")
    assert table.stdout.splitlines()[:2] == ["n,t", "1,1"]
    assert len(table.stdout.splitlines()) == 301
    assert json.loads(lines.stdout)[-1] == {"n": 300, "t": "300"}
    assert "300 rows," in lines.stderr


def test_what_is_piped_is_as_wide_as_its_values(asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS")
    output = asked("SELECT rpad('', 300, 'x') AS long, 1 AS n").output
    assert f"│ {'x' * 300} │ 1 │" in output
