"""`rds-lake query` asks Athena, now or as of a date, and refuses what it cannot ask faithfully."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.console.queries.asking import Asked, asking
from rds_lake_tests.support.in_process import short_cut
from rds_lake_tests.support.world import World, seed_tiny


@pytest.fixture(scope="module")
def asked(
    session_cloud: LocalCloud, tiny_url: str, tmp_path_factory: pytest.TempPathFactory, root: Path
) -> Iterator[Asked]:
    """One lake for all of them: nothing here changes it."""
    session_cloud.reset()
    seed_tiny(tiny_url)
    with short_cut():
        world = World.provisioned(session_cloud, url=tiny_url, directory=tmp_path_factory.mktemp("lake"), root=root)
        with asking(world) as ask:
            yield ask


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


@pytest.mark.exhaustive
def test_null_and_markup_are_shown_as_they_are(asked) -> None:
    output = asked("SELECT tags, '[bold]x[/]' AS b FROM orders WHERE id = 1;").output
    assert "NULL" in output
    assert "[bold]x[/]" in output


def test_a_mistyped_statement_is_not_said_to_change_something(asked) -> None:
    result = asked("SELEC 1")
    assert result.exit_code == 1
    assert "no statement that begins with SELEC (did you mean SELECT?)" in result.output
    assert "change" not in result.output
    assert "may change or remove something" in asked("DROP VIEW orders").output


def test_what_is_no_whole_statement_gets_no_advice_to_run_it_all_the_same(asked) -> None:
    for sql in ("", " ; ", "/* only a remark */"):
        assert "there is no statement to run" in asked(sql).output
    for sql in ("SELECT 'a", 'SELECT "a', "/* SELECT 1"):
        output = asked(sql).output
        assert "has no end" in output and "--write" not in output, sql


def test_a_date_the_lake_does_not_have_is_refused_with_the_dates_it_has(asked) -> None:
    result = asked("SELECT 1 FROM orders", "--as-of", "2026-11-01")
    assert result.exit_code == 1
    assert "shop has no 2026-11-01 to read; it has 2026-11-20, 2026-11-19" in result.output


@pytest.mark.exhaustive
def test_a_query_that_cannot_be_read_as_of_a_date_says_why_and_asks_nothing(asked) -> None:
    result = asked("SELECT * FROM snapshots_orders", "--as-of", "2026-11-19")
    assert result.exit_code == 1
    assert "snapshots_orders is not a view" in result.output


def test_athenas_own_refusal_reaches_the_person(asked) -> None:
    result = asked("SELECT nonsense FROM orders")
    assert result.exit_code == 1
    assert "nonsense" in result.output


@pytest.mark.exhaustive
def test_an_answer_of_thousands_of_rows_is_cut_and_says_where_the_rest_is(asked) -> None:
    result = asked("SELECT n FROM UNNEST(sequence(1, 5000)) AS t(n) ORDER BY 1", "--rows", "30")
    assert result.exit_code == 0, result.output
    assert "the first 30 rows" in result.output
    assert re.search(r"all of them are in\s+s3://acme-lake/\S+\.csv", result.output)
    assert result.output.count("\n") < 40


def test_a_program_that_reads_csv_or_json_gets_every_row_and_nothing_else(asked) -> None:
    sql = "SELECT n, CAST(n AS varchar) AS t FROM UNNEST(sequence(1, 300)) AS t(n) ORDER BY 1"
    table, lines = asked(sql, "--format", "csv"), asked(sql, "--format", "json")
    assert table.stdout.splitlines()[:2] == ["n,t", "1,1"]
    assert len(table.stdout.splitlines()) == 301
    assert json.loads(lines.stdout)[-1] == {"n": 300, "t": "300"}
    assert "300 rows," in lines.stderr


@pytest.mark.exhaustive
def test_what_is_piped_is_as_wide_as_its_values(asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS")
    output = asked("SELECT rpad('', 300, 'x') AS long, 1 AS n").output
    assert f"│ {'x' * 300} │ 1 │" in output
