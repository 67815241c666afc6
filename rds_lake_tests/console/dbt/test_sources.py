"""`rds-lake dbt sources` brings a file of dbt up to date with a real lake, and leaves what a person wrote."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from rds_lake.cli import main
from rds_lake.console.dbt.merge import DbtColumn, DbtSource, DbtTable, merge
from rds_lake_tests.support.world import World, execute

Write = Callable[..., Result]
_REMARKS = """\
# the lake, as the team of reports reads it
version: 2
sources:
- name: raw_shop   # dbt's own name of it
  schema: shop
  config:
    freshness: {warn_after: {count: 12, period: hour}}
  tables:
  # what was sold
  - name: orders
    description: All orders, also those that were given back.
    columns:
    - name: id
      description: Never reused.
      tests: [unique, not_null]
    # gross, in euros
    - {name: total, data_type: double}
    - name: discount
  - name: lines
    identifier: order_details
  - name: baskets
"""


@pytest.fixture
def write(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Write:
    """The command, on a lake with one published date; its file is `sources.yml` in `tmp_path`."""
    execute(world.url, 'CREATE TABLE "user" (id integer); CREATE TABLE odd ("2nd" inet)')
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    world.be_the_process(monkeypatch)
    monkeypatch.chdir(tmp_path)
    path = world.config.directory / "lake.yaml"
    body = yaml.safe_load(path.read_text(encoding="utf-8"))
    body["sources"][0] |= {"freshness_hours": 36}
    path.write_text(yaml.safe_dump(body), encoding="utf-8")
    return lambda *options: CliRunner().invoke(main, ["dbt", "sources", *options, "--config", str(path)])


def test_the_file_has_every_view_with_its_columns_and_a_second_run_changes_no_byte(
    write: Write, tmp_path: Path
) -> None:
    path = tmp_path / "sources.yml"
    assert write("--check").exit_code == 1 and not path.exists()
    made = write("shop", "--out", "sources.yml")
    assert made.exit_code == 0, made.output
    text = path.read_bytes()
    (shop,) = yaml.safe_load(text)["sources"]
    tables = {table["name"]: table for table in shop["tables"]}
    assert (shop["name"], shop["database"], shop["schema"]) == ("shop", "awsdatacatalog", "shop")
    assert shop["config"]["freshness"] == {"error_after": {"count": 36, "period": "hour"}}
    assert list(tables) == sorted(tables) and {"order_details", "orders", "user", "sales_nothing"} <= set(tables)
    columns = {column["name"]: column for column in tables["orders"]["columns"]}
    assert {name: column["data_type"] for name, column in columns.items()} == {
        "id": "bigint",
        "total": "decimal(24,12)",
        "placed_at": "timestamp",
        "tags": "array(varchar)",
        "snapshot_date": "date",
    }
    assert [column.get("quote") for column in tables["order_details"]["columns"]] == [None, True, None]
    assert "shop.public.Order Details" in tables["order_details"]["description"]
    assert tables["odd"]["columns"][0]["quote"] is True
    again = write()
    assert again.exit_code == 0 and "up to date" in again.output
    assert path.read_bytes() == text
    assert write("--check").exit_code == 0


def test_what_a_person_wrote_stays_line_by_line_and_the_lakes_facts_come_to_it(write: Write, tmp_path: Path) -> None:
    path = tmp_path / "sources.yml"
    path.write_text(_REMARKS, encoding="utf-8")
    shown = write("--dry-run")
    assert "+    - name: placed_at" in shown.stdout and path.read_text(encoding="utf-8") == _REMARKS
    made = write()
    assert made.exit_code == 0, made.output
    assert "shop.baskets is not in the lake; its entry in the file was kept" in made.output
    assert "shop.orders has no column discount in the lake; its entry in the file was kept" in made.output
    assert "shop.orders.total: double became decimal(24,12)" in made.output
    assert "lake.yaml says" in made.output
    text = path.read_text(encoding="utf-8")
    after = iter(text.splitlines())
    assert all(line in after for line in _REMARKS.splitlines() if "double" not in line)
    (shop,) = yaml.safe_load(text)["sources"]
    tables = {table["name"]: table for table in shop["tables"]}
    assert shop["name"] == "raw_shop" and "order_details" not in tables
    assert tables["orders"]["description"] == "All orders, also those that were given back."
    assert tables["lines"]["config"]["meta"]["dagster"]["asset_key"] == ["shop", "views"]
    assert tables["baskets"] == {"name": "baskets"}
    assert write("--check").exit_code == 0


@pytest.mark.exhaustive
def test_without_aws_tables_and_keys_come_from_the_file_that_dagster_loads(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    known = world.config.directory / "tables"
    known.mkdir()
    names = [{"database": "shop", "schema": "public", "table": name} for name in ("Order Details", "catalog")]
    body = {"version": 1, "source": "shop", "tables": names}
    (known / "shop.json").write_text(json.dumps(body), encoding="utf-8")
    path = tmp_path / "models" / "sources.yml"
    options = ["--offline", "--out", str(path), "--config", str(world.config.directory / "lake.yaml")]
    made = CliRunner().invoke(main, ["dbt", "sources", *options])
    assert made.exit_code == 0, made.output
    (shop,) = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
    keys = {table["name"]: table["config"]["meta"]["dagster"]["asset_key"] for table in shop["tables"]}
    assert keys == {"catalog": ["shop", "Table", "catalog"], "order_details": ["shop", "order_details"]}


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- a", "is not a file of dbt sources"),
        ("sources: [", "is not valid YAML"),
        ("sources: {a: 1}", "is not a file of dbt sources"),
    ],
)
def test_a_file_of_something_else_is_named_and_left(world: World, tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "sources.yml"
    path.write_text(text, encoding="utf-8")
    options = ["--offline", "--out", str(path), "--config", str(world.config.directory / "lake.yaml")]
    made = CliRunner().invoke(main, ["dbt", "sources", *options])
    assert made.exit_code == 1 and sentence in made.output
    assert path.read_text(encoding="utf-8") == text


def test_a_key_of_another_asset_and_descriptions_of_a_persons_own_are_kept_and_ours_follow_the_database() -> None:
    def lake(key: str, original: str) -> DbtSource:
        columns = (DbtColumn(name="a", type="bigint", description=f"In the database: {original}"),)
        table = DbtTable(name="t", original="d.s.{{ t }}", columns=columns, asset_key=("shop", key))
        return DbtSource(name="shop", description="The shop.", tables=(table,))

    first = merge(None, [lake("views", "integer")], where="x").document
    second = merge(first, [lake("t", "bigint")], where="x").document
    (table,) = second["sources"][0]["tables"]
    assert table["config"]["meta"]["dagster"]["asset_key"] == ["shop", "t"]
    assert table["columns"][0]["description"] == "In the database: bigint"
    assert "{{" not in table["description"]  # dbt would take it for code
    table["columns"][0]["description"] = ""
    table["config"]["meta"]["dagster"]["asset_key"] = ["reports", "t"]
    assert merge(second, [lake("t", "text")], where="x").document == second
