"""What a table of MySQL may be and PostgreSQL's cannot: said of that table, and all others are pulled. Early days, unions, names."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake_tests.pull.pulling import DAY, Pull, pull_as_pipeline, rows_in, said
from rds_lake_tests.stages.databases.test_calendars import LEAP_CENTURY, LEGACY, MODERN, YEAR_ONE, micros, spark_file
from rds_lake_tests.support.world import World, execute_mysql, mariadb_cloud

pytestmark = pytest.mark.exhaustive

_LONGEST, _TOO_LONG = "b" * 63, "a" * 64
_WIDE = ", ".join(f"c{number} tinyint NULL" for number in range(1_700))
_BROAD = ", ".join(f"c{number} bigint NOT NULL DEFAULT 7" for number in range(1_200))
_YEAR_ZERO = -62167219200000000  # 0000-01-01, which PostgreSQL calls 0001-01-01 BC
_TABLES = (
    f"CREATE TABLE wide ({_WIDE}) ENGINE=MyISAM",
    "INSERT INTO wide (c0, c1699) VALUES (1, 2)",
    f"CREATE TABLE broad ({_BROAD}) ENGINE=MyISAM",
    "INSERT INTO broad (c0) VALUES (1)",
    f"CREATE TABLE {_TOO_LONG} (id int)",
    f"CREATE TABLE {_LONGEST} (id int, {_LONGEST} int)",
    f"INSERT INTO {_LONGEST} VALUES (1, 2)",
    "CREATE TABLE hidden (id int, xmin int, CTID int)",
    "CREATE TABLE `Order Details` (`Order` int, `select` int, `Zoll-Nr.` int, rowid int)",
    "INSERT INTO `Order Details` VALUES (1, 2, 3, 4)",
    "CREATE TABLE `select` (`table` int, `null` int)",
    "INSERT INTO `select` VALUES (1, NULL)",
    "CREATE TABLE duckdb_tables (id int)",
    "CREATE TABLE nothing (id int, at datetime, amount decimal(65,30))",
    "CREATE TABLE log_01 (id int, v text)",
    "CREATE TABLE log_02 (id int, v text)",
    "INSERT INTO log_01 VALUES (1, 'a'), (2, NULL)",
    "INSERT INTO log_02 VALUES (3, 'c')",
    "CREATE TABLE people (id int, hired datetime, left_at datetime)",
    "CREATE TABLE mixed (id int, hired datetime, left_at datetime)",
    "CREATE TABLE oldest (id int, hired datetime, left_at datetime)",
    "INSERT INTO people VALUES (1, '2024-02-29', '2024-02-29')",
    "INSERT INTO mixed VALUES (1, '2024-02-29', '2024-02-29')",
    "INSERT INTO oldest VALUES (1, '2024-02-29', '2024-02-29')",
)
_EARLY = ("people", "mixed", "oldest")


@pytest.fixture(scope="module")
def lake(
    mariadb: EmbeddedMariaDb, tmp_path_factory: pytest.TempPathFactory, root: Path
) -> Iterator[tuple[World, dict[str, Any]]]:
    """A lake of such tables, and what its views show of early days."""
    url = mariadb.create_database("shop")
    execute_mysql(url, "SET sql_mode = ''", *_TABLES)
    with mariadb_cloud(url) as cloud:
        world = World.provisioned(cloud, url=url, directory=tmp_path_factory.mktemp("lake"), root=root)
        world.with_source(default_schema="shop.shop", union={"log": r"log_\d\d"})
        world.snapshot(DAY)
        _publish(world)
        shown = {
            table: world.query(
                f"SELECT CAST(id AS varchar), CAST(hired AS varchar), CAST(left_at AS varchar) FROM {table}"
            )
            for table in _EARLY[:2]
        }
        yield world, shown
    execute_mysql(url, "DROP DATABASE shop")


def _publish(world: World) -> None:
    """Publish the export, whose early days are as Spark may write them: by the Julian calendar, by both, in year 0."""
    run, day = world.run(), date.fromisoformat(DAY)
    export = run.accept(day, poll_seconds=0.05).record
    old, older = [YEAR_ONE, MODERN], [_YEAR_ZERO, MODERN]
    for table, files in {
        "people": [(LEGACY, old)],
        "mixed": [(LEGACY, old), ({}, old)],
        "oldest": [({}, older)],
    }.items():
        s3 = world.clients.client("s3")
        listed = s3.list_objects_v2(Bucket=export.bucket, Prefix=f"{export.folder}")["Contents"]
        (key,) = [one["Key"] for one in listed if f"shop.{table}/" in one["Key"] and one["Key"].endswith(".parquet")]
        for number, (marks, hired) in enumerate(files):
            ids = pa.array([2 * number + 1, 2 * number + 2], pa.int32())
            columns = {"id": ids, "hired": micros(*hired), "left_at": micros(LEAP_CENTURY, None)}
            part = key.replace("part-00000", f"part-{number:05}")
            s3.put_object(Bucket=export.bucket, Key=part, Body=spark_file(columns, marks))
    run.relocate(day)
    run.shared.catalogue(day)
    run.shared.publish(day, now=datetime.now(UTC))


@pytest.fixture
def pull(lake: tuple[World, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Pull:
    world, _ = lake
    return pull_as_pipeline(world, monkeypatch, default_schema="shop.shop", union={"log": r"log_\d\d"})


def _as_shown(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Texts of times as Athena shows them, to the millisecond."""
    return sorted(
        tuple(each if each is None or " " not in each else each[:19] + ".000" for each in row) for row in rows
    )


def test_what_postgresql_cannot_hold_is_said_of_that_table_and_all_others_are_pulled(
    pull: Pull, postgres: EmbeddedPostgres, lake: tuple[World, dict[str, Any]]
) -> None:
    target = postgres.create_database("limits")
    done = pull(target)
    assert done.exit_code == 1
    text = said(done)
    assert "9 of 13 tables of shop 2026-11-20 are complete and kept; these failed:" in text
    assert "wide: it has 1,700 columns, and PostgreSQL allows 1,600" in text
    assert f"the name {_TOO_LONG} of shop.shop.{_TOO_LONG} has 64 bytes, and PostgreSQL allows 63" in text
    assert "hidden: PostgreSQL reserves the column name xmin: rename the column of shop.shop.hidden" in text
    assert "PostgreSQL reserves the column name ctid" in text
    assert "broad: PostgreSQL refused it: row is too big" in text
    assert "mixed.hired: days before 1582-10-15 are NULL" in text
    with psycopg.connect(target) as connection:
        asked = {
            "order_details": [(1, 2, 3, 4)],
            '"select"': [(1, None)],
            _LONGEST: [(1, 2)],
            "nothing": [],
            "duckdb_tables": [],
            "log ORDER BY id": [(1, "a", "log_01"), (2, None, "log_01"), (3, "c", "log_02")],
        }
        for table, rows in asked.items():
            assert connection.execute(f"SELECT * FROM {table}".encode()).fetchall() == rows
        for table in _EARLY[:2]:
            found = connection.execute(f"SELECT id::text, hired::text, left_at::text FROM {table}".encode()).fetchall()
            assert _as_shown(found) == sorted(lake[1][table], key=lambda row: row[0])
        found = connection.execute("SELECT hired::text FROM oldest ORDER BY id").fetchall()
        assert found == [("0001-01-01 00:00:00 BC",), ("2024-02-29 10:00:00",)]
    again = pull(target, "--except", f"wide,broad,hidden,{_TOO_LONG}")
    assert again.exit_code == 0, again.output
    assert "9 existed already" in said(again)


def test_a_duckdb_file_holds_all_of_them(pull: Pull, tmp_path: Path, lake: tuple[World, dict[str, Any]]) -> None:
    path = tmp_path / "shop.duckdb"
    done = pull(path)
    assert done.exit_code == 0, done.output
    assert rows_in(path, "SELECT c0, c1698, c1699 FROM wide") == [(1, None, 2)]
    assert rows_in(path, "SELECT c0, c1199 FROM broad") == [(1, 7)]
    assert rows_in(path, f"SELECT * FROM {_LONGEST}") == [(1, 2)]
    assert rows_in(path, f"SELECT * FROM {_TOO_LONG}") == []
    assert rows_in(path, "SELECT * FROM order_details") == [(1, 2, 3, 4)]
    assert rows_in(path, 'SELECT * FROM "select"') == [(1, None)]
    assert rows_in(path, "SELECT * FROM main.duckdb_tables UNION ALL SELECT id FROM nothing") == []
    assert rows_in(path, "SELECT * FROM log ORDER BY id") == [
        (1, "a", "log_01"),
        (2, None, "log_01"),
        (3, "c", "log_02"),
    ]
    for table in _EARLY[:2]:
        found = rows_in(path, f"SELECT id::VARCHAR, hired::VARCHAR, left_at::VARCHAR FROM {table}")
        assert _as_shown(found) == sorted(lake[1][table], key=lambda row: row[0])
    assert rows_in(path, "SELECT hired::VARCHAR FROM oldest ORDER BY id")[0] == ("0001-01-01 (BC) 00:00:00",)
    assert "13 existed already" in said(pull(path))
