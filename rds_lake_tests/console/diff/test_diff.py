"""`rds-lake diff` says which rows changed between two dates of a real lake, and why it cannot where it cannot."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from rds_lake.cli import main
from rds_lake_tests.support.world import World, execute

_DAYS = ("2026-11-19", "2026-11-20")
_DAY_ONE = """
ALTER TABLE "Order Details" ADD line integer;
UPDATE "Order Details" SET line = "OrderID" % 3;
CREATE TABLE notes (id bigint PRIMARY KEY, body text, price numeric, at timestamptz, gone text, code integer, tags text[]);
INSERT INTO notes SELECT i, 'note ' || i, i + 0.10, timestamptz '2026-01-01 12:00:00.000001+00', 'x', i, ARRAY['a', NULL]
FROM generate_series(1, 8) i;
CREATE TABLE twice (a integer, b text);
INSERT INTO twice VALUES (1, 'x'), (1, 'x'), (1, 'y'), (2, NULL);
CREATE TABLE leaves (id integer);
"""
_DAY_TWO = """
DELETE FROM notes WHERE id = 1;
UPDATE notes SET price = 2.100 WHERE id = 2;
UPDATE notes SET at = timestamptz '2026-01-01 12:00:00.000002+00' WHERE id = 3;
UPDATE notes SET body = '<b>bold</b>', tags = ARRAY['a', 'b,"c"'] WHERE id = 4;
UPDATE notes SET price = 'NaN' WHERE id = 5;
INSERT INTO notes VALUES (9, NULL, 1, NULL, 'y', 9, NULL);
ALTER TABLE notes DROP gone;
ALTER TABLE notes ADD came text;
ALTER TABLE notes ALTER code TYPE bigint;
DELETE FROM twice WHERE ctid IN (SELECT min(ctid) FROM twice WHERE b = 'x');
INSERT INTO twice VALUES (2, NULL);
DROP TABLE leaves;
CREATE TABLE comes (id integer);
"""


Ask = Callable[..., Result]


@pytest.fixture
def ask(world: World, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The command, on a lake of two dates."""
    for day, change in zip(_DAYS, (_DAY_ONE, _DAY_TWO), strict=True):
        execute(world.url, change)
        world.snapshot(day)
        world.publish(day)
    world.be_the_process(monkeypatch)
    monkeypatch.setenv("COLUMNS", "200")
    path = world.config.directory / "lake.yaml"

    def run(table: str, *options: str, days: tuple[str, str] = _DAYS) -> Result:
        return CliRunner().invoke(main, ["diff", table, *days, *options, "--config", str(path)])

    return run


def give_keys(world: World, keys: dict[str, list[str]]) -> None:
    path = Path(world.config.directory / "lake.yaml")
    body = yaml.safe_load(path.read_text(encoding="utf-8"))
    body["sources"][0]["keys"] = keys
    path.write_text(yaml.safe_dump(body), encoding="utf-8")


def test_rows_and_columns_that_changed_are_reported_with_both_values(ask: Ask, world: World) -> None:
    give_keys(world, {"notes": ["id"]})
    shown = ask("shop.notes")
    assert shown.exit_code == 0, shown.output
    assert "1 row added, 1 removed, 3 changed, 4 the same (by id): 8 before, 8 after" in shown.output
    assert "new columns, not compared: came" in shown.output
    assert "columns that are gone, not compared: gone" in shown.output
    assert "code: integer(32) became bigint(64)" in shown.output
    answer = json.loads(ask("shop.notes", "--format", "json").stdout)
    assert answer["by_column"] == {"body": 1, "price": 1, "at": 1, "tags": 1}
    changed = {row["key"]["id"]: (row["before"], row["after"]) for row in answer["rows"] if row["kind"] == "changed"}
    assert changed == {
        "3": ({"at": "2026-01-01 12:00:00.000001+00"}, {"at": "2026-01-01 12:00:00.000002+00"}),
        "4": (
            {"body": "note 4", "tags": '["a",null]'},
            {"body": "<b>bold</b>", "tags": '["a","b,\\"c\\""]'},
        ),
        "5": ({"price": "5.100000000000000000"}, {"price": "NaN"}),
    }
    added = [row for row in answer["rows"] if row["kind"] == "added"]
    assert [(row["key"], row["before"], row["after"]["body"]) for row in added] == [({"id": "9"}, None, None)]
    lines = list(csv.DictReader(io.StringIO(ask("shop.notes", "--format", "csv").stdout)))
    assert {(line["kind"], line["id"], line["column"]) for line in lines} >= {
        ("changed", "4", "body"),
        ("removed", "1", "body"),
    }
    whole = ask("shop.notes", "--whole-rows").output
    assert "4 rows added, 4 removed, 4 the same (whole rows): 8 before, 8 after" in whole, "also where a type changed"
    page = ask("shop.notes", "--format", "html").stdout
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>bold" not in page


@pytest.mark.exhaustive
def test_a_table_without_a_known_key_is_compared_by_whole_rows_and_says_how_to_name_one(ask: Ask) -> None:
    shown = ask("shop.twice")
    assert shown.exit_code == 0, shown.output
    assert "1 row added, 1 removed, 3 the same (whole rows): 4 before, 4 after" in shown.output
    assert "name the key with --key, or under `keys:` of shop in lake.yaml" in shown.output
    assert "no key is known" not in ask("shop.twice", "--whole-rows").output


@pytest.mark.exhaustive
def test_a_key_that_repeats_is_refused_with_examples(ask: Ask) -> None:
    shown = ask("shop.twice", "--key", "a")
    assert shown.exit_code == 1
    assert "which is not a key of the table" in shown.output
    assert "2026-11-19: a=1 in 3 rows" in shown.output
    null = ask("shop.twice", "--key", "a", "--key", "b")
    assert "a=2, b=NULL in 1 row" in null.output


@pytest.mark.exhaustive
def test_a_condition_counts_only_the_rows_that_fulfil_it(ask: Ask) -> None:
    shown = ask("shop.notes", "--key", "id", "--where", "id BETWEEN 1 AND 3 -- few", "--ignore", "at")
    assert shown.exit_code == 0, shown.output
    assert "0 rows added, 1 removed, 0 changed, 2 the same (by id): 3 before, 2 after" in shown.output
    refused = ask("shop.notes", "--where", "1=1) OR (2=2")
    assert refused.exit_code == 1
    assert "not a single condition" in refused.output
    assert "query in it" in ask("shop.notes", "--where", "id IN (SELECT id FROM orders)").output


@pytest.mark.exhaustive
def test_all_tables_of_a_source_are_summed_up_and_those_of_one_date_named(ask: Ask, world: World) -> None:
    give_keys(world, {"shop.public.notes": ["id"], "orders": ["id"], "order_details": ["OrderID"], "twice": ["a"]})
    shown = ask("shop", "--summary")
    assert shown.exit_code == 1, "one table's key is none"
    assert "comes: only at 2026-11-20" in shown.output
    assert "leaves: only at 2026-11-19" in shown.output
    assert "shop.twice could not be compared" in shown.output.replace("\n", " ")
    answer = json.loads(ask("shop", "--summary", "--format", "json").stdout)
    assert {table["view"]: (table["added"], table["removed"], table["changed"]) for table in answer["tables"]} == {
        "notes": (1, 1, 3),
        "order_details": (0, 0, 0),
        "orders": (0, 0, 0),
        "sales_nothing": (0, 0, None),
    }
    assert answer["problems"].keys() == {"twice"}


def test_what_cannot_be_compared_is_a_sentence(ask: Ask) -> None:
    cases: list[tuple[str, tuple[str, ...], str]] = [
        ("shop.comes", (), "shop 2026-11-19 has no view comes"),
        ("shop.notes", ("--key", "nope"), "has no key column nope; its columns are id, body"),
        ("shop.notes", ("--columns", "gone", "--columns", "came"), "gone: only the earlier date has this column"),
        ("shop.notes", ("--key", "id", "--ignore", "id"), "id belongs to the key, so it cannot be ignored"),
        ("shop", (), "name a view"),
        ("shop.notes", ("--summary",), "name a view"),
        ("shop.notes", ("--key", "id", "--whole-rows"), "cannot be used together"),
        ("nowhere.notes", (), "nowhere"),
    ]
    for table, options, said in cases:
        shown = ask(table, *options)
        assert shown.exit_code != 0
        assert said in shown.output
        assert "Traceback" not in shown.output
    missing = ask("shop.notes", days=("2026-11-01", _DAYS[1])).output
    assert "shop has no 2026-11-01 to read; it has 2026-11-20, 2026-11-19" in missing
    assert "given twice" in ask("shop.notes", days=(_DAYS[1], _DAYS[1])).output


@pytest.mark.exhaustive
def test_a_table_of_400_columns_is_published_and_compared_with_a_key_and_without(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = ", ".join(f"c{at} {('integer', 'numeric', 'text', 'date')[at % 4]}" for at in range(399))
    execute(world.url, f"CREATE TABLE wide (id integer PRIMARY KEY, {columns}); INSERT INTO wide (id) VALUES (1), (2)")
    for day, change in zip(_DAYS, ("", "UPDATE wide SET c398 = 'x', c397 = 1.5 WHERE id = 2"), strict=True):
        execute(world.url, change or "SELECT 1")
        world.snapshot(day)
        world.publish(day)
    world.be_the_process(monkeypatch)
    options = ["--config", str(world.config.directory / "lake.yaml")]
    keyed = CliRunner().invoke(main, ["diff", "shop.wide", *_DAYS, "--key", "id", "--format", "json", *options])
    assert json.loads(keyed.stdout)["by_column"] == {"c397": 1, "c398": 1}
    whole = CliRunner().invoke(main, ["diff", "shop.wide", *_DAYS, "--whole-rows", *options]).output
    assert "1 row added, 1 removed, 1 the same (whole rows): 2 before, 2 after" in whole
