"""What commands print with `--json` is of the form that `rds-lake schema --of …` prints, and nothing else is on standard output."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator
from rich.console import Console

from rds_lake.cli import main
from rds_lake.config.lake_yaml import load_config
from rds_lake.console.connect import Connected
from rds_lake.console.project.arguments import JSON_COMMANDS
from rds_lake.console.prune import prune
from rds_lake.console.schemas.all import SCHEMAS
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.support.in_process import short_cut
from rds_lake_tests.support.world import World, execute, seed_tiny

Ran = Callable[..., Result]
_ORPHAN = "lake/shop/shop/public.orders/snapshot_date=2026-11-02/given-up-1/1-part-0.parquet"


@pytest.fixture(scope="module")
def empty(
    session_cloud: LocalCloud, tiny_url: str, tmp_path_factory: pytest.TempPathFactory, root: Path
) -> Iterator[World]:
    """A lake without a date."""
    session_cloud.reset()
    seed_tiny(tiny_url)
    directory = tmp_path_factory.mktemp("lake")
    body = yaml.safe_load((root / "lake.yaml").read_text(encoding="utf-8"))
    body["sources"] = [body["sources"][0] | {"retention": {"daily": 1, "weekly": 0, "monthly": 0}}]
    body["lake"]["reconcile_days"] = 1
    (directory / "lake.yaml").write_text(yaml.safe_dump(body, allow_unicode=True), encoding="utf-8")
    with short_cut():
        yield World.of(session_cloud, url=tiny_url, config=load_config(directory / "lake.yaml"))


@pytest.fixture(scope="module")
def run(empty: World) -> Iterator[Ran]:
    def asked(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--config", str(empty.config.directory / "lake.yaml")])

    with pytest.MonkeyPatch.context() as process:
        empty.be_the_process(process)
        yield asked


@pytest.fixture(scope="module")
def of_nothing(run: Ran) -> dict[str, Result]:
    """What is said before there is a date."""
    return {name: run(name, "--json") for name in ("status", "prune")}


@pytest.fixture(scope="module")
def world(empty: World, of_nothing: dict[str, Result]) -> World:
    """Two dates: rows changed and gone, NULLs, a column more, a table that is gone; an object that nothing names."""
    empty.snapshot("2026-11-19")
    empty.publish("2026-11-19")
    execute(
        empty.url,
        "DELETE FROM orders WHERE id > 8; UPDATE orders SET total = NULL WHERE id = 1; INSERT INTO orders (id) VALUES (11); "
        'ALTER TABLE orders ADD COLUMN note text; DROP TABLE sales.nothing; DELETE FROM "Order Details" WHERE "OrderID" < 3',
    )
    empty.snapshot("2026-11-20")
    empty.publish("2026-11-20")
    empty.root.s3.put_text("acme-lake", _ORPHAN, "12345", kms_key=None)
    return empty


def valid(name: str, text: str) -> Any:
    """The body, which is all of the text, and of the command's schema."""
    assert text, "nothing was printed"
    body = json.loads(text)
    assert [error.message for error in Draft202012Validator(SCHEMAS[name]).iter_errors(body)] == []
    return body


def test_before_the_first_date_everything_has_its_form(of_nothing: dict[str, Result]) -> None:
    bodies = {name: valid(name, result.stdout) for name, result in of_nothing.items()}
    assert bodies["status"][0]["published"] is None
    assert bodies["prune"]["sources"][0]["items"] == []


def test_status_says_what_readers_see_and_which_views_are_gone(world: World, run: Ran) -> None:
    (source,) = valid("status", run("status", "--json").stdout)
    assert (source["version"], source["published"], source["dropped"]) == (1, "2026-11-20", ["shop.sales.nothing"])


def test_a_query_keeps_nulls_types_and_columns_of_one_name(world: World, run: Ran) -> None:
    sql = (
        "SELECT id, id, total, tags, CAST('NaN' AS double) AS x, id = 1 AS first, 'größe \"q\"' AS t FROM orders "
        "WHERE id IN (1, 11) ORDER BY id"
    )
    result = run("query", sql, "--json", "--rows", "1")
    body = valid("query", result.stdout)
    assert [column["name"] for column in body["columns"]] == ["id", "id", "total", "tags", "x", "first", "t"]
    assert body["rows"] == [[1, 1, None, None, "NaN", True, 'größe "q"']]
    assert body["more"]
    assert "there are more rows" in result.stderr


@pytest.mark.exhaustive
def test_a_statement_without_an_answer_is_an_object_too(world: World, run: Ran) -> None:
    body = valid("query", run("query", "CREATE OR REPLACE VIEW v AS SELECT 1 AS x", "--write", "--json").stdout)
    assert body["rows"] == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("how", [["--key", "id"], ["--whole-rows"]], ids=["by key", "whole rows"])
def test_a_diff_of_one_table_has_its_form(world: World, run: Ran, how: list[str]) -> None:
    body = valid("diff", run("diff", "shop.orders", "2026-11-19", "2026-11-20", *how, "--json").stdout)
    assert body["schema"]["added"] == ["note"]
    assert (body["changed"] is None) == (how == ["--whole-rows"])
    assert body["rows"]


@pytest.mark.exhaustive
def test_a_diff_of_a_source_has_its_form(world: World, run: Ran) -> None:
    result = run("diff", "shop", "2026-11-19", "2026-11-20", "--summary", "--json")
    body = valid("diff", result.stdout)
    assert body["only_before"] == ["sales_nothing"]


@pytest.mark.exhaustive
def test_without_the_option_people_get_a_table(world: World, run: Ran) -> None:
    assert "│" in run("query", "SELECT 1 AS x", "--format", "table").stdout
    assert not run("diff", "shop.orders", "2026-11-19", "2026-11-20", "--key", "id").stdout.startswith("{")


@pytest.mark.exhaustive
def test_prune_says_what_it_would_remove_then_what_it_removed(
    world: World, run: Ran, capfd: pytest.CaptureFixture[str]
) -> None:
    valid("prune", run("prune", "--json").stdout)
    connected = Connected(
        config=world.config, rds=world.gateways.rds, dynamodb=world.gateways.dynamodb, lake=world.gateways.lake
    )
    notes, later = Console(stderr=True, width=200), datetime.now(UTC) + timedelta(hours=25)
    capfd.readouterr()
    prune(connected, ("shop",), apply=False, now=later, console=Console(), notes=notes)
    look = valid("prune", capfd.readouterr().out)
    assert not look["applied"]
    assert {item["fate"] for item in look["sources"][0]["items"]} == {"removable"}
    prune(connected, ("shop",), apply=True, now=later, console=Console(), notes=notes)
    printed = capfd.readouterr()
    done = valid("prune", printed.out)
    items = {item["what"]: item for item in done["sources"][0]["items"]}
    assert {item["fate"] for item in items.values()} == {"removed"}
    assert len(items) >= 2
    assert done["removed_bytes"] == done["removable_bytes"] > 0
    assert "is removed" in printed.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "shoop"],
        ["prune", "shoop"],
        ["query", "SELECT nonsense FROM orders"],
        ["query", "DROP TABLE orders"],
        ["diff", "shop.ordres", "2026-11-19", "2026-11-20"],
        ["diff", "shop.orders", "2026-11-01", "2026-11-20"],
        ["doctor", "--only", "nonsense"],
    ],
    ids=" ".join,
)
def test_an_error_prints_nothing_but_a_sentence_on_standard_error(world: World, run: Ran, arguments: list[str]) -> None:
    result = run(*arguments, "--json")
    assert result.exit_code != 0
    assert result.stdout == ""
    assert result.stderr.strip()


@pytest.mark.parametrize("name", JSON_COMMANDS)
def test_the_schema_of_a_command_is_printed_and_written(name: str, tmp_path: Path) -> None:
    printed = CliRunner().invoke(main, ["schema", "--of", name])
    schema = json.loads(printed.stdout)
    Draft202012Validator.check_schema(schema)
    assert schema == SCHEMAS[name]
    out = tmp_path / "form.json"
    CliRunner().invoke(main, ["schema", "--of", name, "--out", str(out)])
    assert json.loads(out.read_text(encoding="utf-8")) == schema


def test_every_schema_is_listed_by_the_command() -> None:
    assert sorted(JSON_COMMANDS) == sorted(SCHEMAS)
