"""`rds-lake ddl`: a lake with unions, columns that are gone, types of lake.yaml and odd names, as other engines read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml
from click.testing import CliRunner, Result
from sqlglot import exp

from rds_lake.cli import main
from rds_lake.config.lake_yaml import load_config
from rds_lake.console.readers.arguments import ENGINES
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.sql.quoting import identifier
from rds_lake.sql.readers.render import BY_FILES, BY_GLUE
from rds_lake_tests.console.readers.reading import (
    agrees,
    copied_out,
    in_duckdb,
    in_spark,
    printed,
    spark,
    statements_of,
)
from rds_lake_tests.sql.readers.dialects import DIALECTS
from rds_lake_tests.support.in_process import short_cut
from rds_lake_tests.support.spark import leaves_sockets_open, needs_spark
from rds_lake_tests.support.world import World, execute, seed_tiny

__all__ = ["spark"]

_TYPES = {
    "as_int": "integer",
    "as_flag": "boolean",
    "as_double": "double",
    "as_amount": "decimal(6,2)",
    "as_day": "date",
    "as_time": "timestamp",
    "amount": "integer",
    "flag": "varchar",
    "big": "smallint",
}
_SEED = r"""
CREATE TABLE odd (
    id integer, as_int text, as_flag text, as_double text, as_amount text, as_day text, as_time text, amount double precision,
    flag boolean, big bigint, "MixedName" text, gone numeric, stays timestamptz);
INSERT INTO odd VALUES
    (1, '1', 't', 'NaN', '1.005', '2026-01-02', '2026-01-02 03:04:05.6789', 2.5, true, 7, 'it''s "a\b"', 1, '2026-11-01 05:30Z'),
    (2, '+2', 'TRUE', '-Infinity', '-3', '2026-1-2', '2026-01-02', -2.5, false, 40000, E'two\nlines', 2, '2026-11-01 06:30Z'),
    (3, '1.5', 'yes', '1e3', 'x', '0000-00-00', '2026-01-02T03:04:05', 1e30, NULL, -1, '', NULL, '2026-03-08 07:30Z'),
    (4, 'x', '0', 'abc', '12345.6', 'infinity', 'now', 'NaN', true, NULL, NULL, NULL, 'infinity'),
    (5, E'7\n', 'off', 'inf', '1e2', '44-03-15', '2026-02-30 01:00', 0.4, true, 0, '😀', NULL, NULL),
    (6, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-01 05:30:00.123456+05:30');
CREATE TABLE log_01 (id integer, note text); INSERT INTO log_01 VALUES (1, 'a'), (2, NULL);
CREATE TABLE log_02 (id integer, note text); INSERT INTO log_02 VALUES (1, 'b');
CREATE TABLE log_03 (id integer, note text);
"""
_VIEWS = ["log", "odd", "order_details", "orders", "sales_nothing"]


@pytest.fixture(scope="module")
def world(
    session_cloud: LocalCloud, tiny_url: str, tmp_path_factory: pytest.TempPathFactory, root: Path
) -> Iterator[World]:
    """Two dates; the later one has a column less. Nothing here changes it."""
    session_cloud.reset()
    seed_tiny(tiny_url)
    with short_cut():
        directory = tmp_path_factory.mktemp("lake")
        body = yaml.safe_load((root / "lake.yaml").read_text(encoding="utf-8"))
        types = {f"shop.public.odd.{name}": kind for name, kind in _TYPES.items()}
        body["sources"] = [body["sources"][0] | {"union": {"log": r"log_\d\d"}, "types": types}]
        (directory / "lake.yaml").write_text(yaml.safe_dump(body), encoding="utf-8")
        made = World.of(session_cloud, url=tiny_url, config=load_config(directory / "lake.yaml"))
        execute(tiny_url, _SEED)
        for day, change in (("2026-11-19", "ALTER TABLE odd DROP COLUMN gone"), ("2026-11-20", "SELECT 1")):
            made.snapshot(day)
            made.publish(day)
            execute(tiny_url, change)
        yield made


def _columns(world: World, view: str) -> list[str]:
    rows = world.query(
        f"SELECT column_name FROM information_schema.columns WHERE table_name = '{view}' ORDER BY ordinal_position"
    )
    return [str(name) for (name,) in rows]


def _differences(world: World, rows_of: Any) -> list[str]:
    """Cells of all views that are not as Athena shows them; `rows_of` a query are what the other engine answers."""
    wrong: list[str] = []
    for view in _VIEWS:
        names = _columns(world, view)
        order = ", ".join(name for name in names if name in ("id", "orderid", "snapshot_table"))
        listed = ", ".join(identifier(name) for name in names)
        query = f"SELECT {listed} FROM shop.{view} ORDER BY {order}"
        shown, read = world.query(query), rows_of(query)
        assert len(shown) == len(read), view
        wrong += [
            f"{view}.{name}: {value!r} instead of {wanted!r}"
            for row, wanteds in zip(read, shown, strict=True)
            for name, value, wanted in zip(names, row, wanteds, strict=True)
            if not agrees(value, wanted, "")
        ]
    return wrong


def test_duckdb_reads_unions_gone_columns_and_types_of_lake_yaml_as_athena_does(world: World, tmp_path: Path) -> None:
    database = in_duckdb(printed(world, "duckdb"), copied_out(world, tmp_path))
    assert _differences(world, lambda query: database.execute(query).fetchall()) == []


@needs_spark
@pytest.mark.exhaustive
@leaves_sockets_open
def test_spark_reads_unions_gone_columns_and_types_of_lake_yaml_as_athena_does(
    world: World, tmp_path: Path, spark: Any
) -> None:
    in_spark(spark, printed(world, "spark"), copied_out(world, tmp_path))
    assert _differences(world, lambda query: spark.sql(query.replace('"', "`")).collect()) == []


@pytest.mark.exhaustive
def test_trinos_views_are_queries_that_athena_answers_as_it_answers_its_own(world: World) -> None:
    views = [each for each in statements_of(printed(world, "trino")) if each.startswith("CREATE OR REPLACE VIEW")]
    assert len(views) == len(_VIEWS)
    for statement in views:
        created, _, select = statement.partition(" AS\n")
        view = re.findall(r'"(\w+)"', created)[-1]
        assert sorted(world.query(select), key=str) == sorted(world.query(f"SELECT * FROM {view}"), key=str)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engines_ddl_can_be_parsed_and_has_the_views_of_athena(world: World, engine: str) -> None:
    dialect = DIALECTS[engine]
    made: dict[str, list[str]] = {}
    for statement in statements_of(printed(world, engine)):
        if statement.startswith(("CREATE EXTERNAL SCHEMA", "CREATE OR REPLACE SECRET")):
            continue  # which sqlglot does not know
        tree = sqlglot.parse_one(statement, read=dialect, error_level=sqlglot.ErrorLevel.RAISE)
        assert not isinstance(tree, exp.Command), statement
        query = tree.find(exp.Query)
        if isinstance(tree, exp.Create) and tree.kind == "VIEW" and query is not None:
            made[tree.find_all(exp.Table).__next__().name.lower()] = [name.lower() for name in query.named_selects]
    views = {view: columns for view, columns in made.items() if not view.startswith("snapshots_")}
    assert views == {view: _columns(world, view) for view in _VIEWS}


def test_the_engines_of_the_command_are_the_ones_that_there_are() -> None:
    assert sorted(ENGINES) == sorted([*BY_FILES, *BY_GLUE]) == sorted(DIALECTS)


@pytest.fixture(scope="module")
def ask(world: World) -> Iterator[Any]:
    def asked(*arguments: str) -> Result:
        config = str(world.config.directory / "lake.yaml")
        return CliRunner().invoke(main, ["ddl", "shop", *arguments, "--config", config])

    with pytest.MonkeyPatch.context() as process:
        world.be_the_process(process)
        yield asked


def test_an_older_date_and_some_tables_are_printed_on_request(ask: Any) -> None:
    result = ask("--for", "duckdb", "--date", "2026-11-19", "--tables", "order*", "--schema", "lake")
    assert result.exit_code == 0, result.output
    assert "snapshot_date=2026-11-19" in result.stdout
    assert "2026-11-20" not in result.stdout
    assert re.findall(r'VIEW "lake"\."(\w+)"', result.stdout) == [
        "snapshots_order_details", "order_details", "snapshots_orders", "orders",
    ]  # fmt: skip


@pytest.mark.exhaustive
def test_a_date_or_a_view_that_there_is_not_is_refused_and_nothing_is_written(ask: Any, tmp_path: Path) -> None:
    out = tmp_path / "shop.sql"
    no_date = ask("--for", "spark", "--date", "2026-11-01", "--out", str(out))
    assert (no_date.exit_code, no_date.stdout) == (1, "")
    assert "shop has no 2026-11-01 to read; it has 2026-11-20, 2026-11-19" in no_date.stderr
    no_view = ask("--for", "spark", "--tables", "ordres", "--tables", "orders", "--out", str(out))
    assert (no_view.exit_code, no_view.stdout) == (1, "")
    assert "ordres" in no_view.stderr
    assert not out.exists()


@pytest.mark.exhaustive
def test_the_place_that_an_engine_may_read_holds_the_files_of_every_table(ask: Any) -> None:
    duckdb_sql, snowflake = (ask("--for", engine).stdout for engine in ("duckdb", "snowflake"))
    (scope,) = re.findall(r"SCOPE '([^']+)'", duckdb_sql)
    files = re.findall(r"read_parquet\('([^']+)'", duckdb_sql)
    assert len(files) > 1 and [file for file in files if not file.startswith(scope)] == []
    (stage,) = re.findall(r"STAGE .* URL = '([^']+)'", snowflake)
    assert stage == scope
    folders = re.findall(r"LOCATION = '@[^/]+/([^']+)'", snowflake)
    assert sorted(f"{stage}{folder}**/*.parquet" for folder in folders) == sorted(files)


@pytest.mark.exhaustive
def test_where_an_engine_has_no_such_type_a_comment_says_so(world: World) -> None:
    redshift, snowflake = printed(world, "redshift-spectrum"), printed(world, "snowflake")
    assert "-- tags: PostgreSQL's own text of the array" in redshift
    assert "-- tags: its elements are VARIANT" in snowflake
    assert "-- placed_at: keeps microseconds" in redshift
