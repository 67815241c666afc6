"""Databases as other people have them: several on an instance, empty ones, dots in names, `include` in MySQL's words."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake_tests.support.world import World, execute, execute_mysql, mariadb_cloud

_FAST = ExportSettings(starting_seconds=0.0, progress_seconds=0.0)


@pytest.fixture(scope="module")
def foreign_urls(postgres: EmbeddedPostgres) -> list[str]:
    return [postgres.create_database(name) for name in ("foreign", "acme.crm")]


@pytest.fixture(scope="module")
def foreign_cloud(foreign_urls: list[str]) -> Iterator[LocalCloud]:
    with LocalCloud({"shop-prod": foreign_urls}, exports=_FAST) as cloud:
        yield cloud


@pytest.fixture
def lake(foreign_cloud: LocalCloud, foreign_urls: list[str], tmp_path: Path, root: Path) -> World:
    """An instance with the database `foreign`, two tables, and an empty `acme.crm`."""
    foreign_cloud.reset()
    for url in foreign_urls:
        execute(
            url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS sales, cron, "a.b" CASCADE'
        )
    execute(foreign_urls[0], "CREATE TABLE orders (id int); CREATE SCHEMA sales; CREATE TABLE sales.leads (id int)")
    execute(foreign_urls[0], "INSERT INTO sales.leads VALUES (5); INSERT INTO orders VALUES (1)")
    world = World.provisioned(foreign_cloud, url=foreign_urls[0], directory=tmp_path, root=root)
    world.with_source(default_schema="foreign.public")
    return world


def published(world: World, day: str) -> list[str]:
    world.snapshot(day)
    return sorted(table.names.view for table in world.publish(day).tables)


@pytest.mark.exhaustive
def test_a_table_in_a_second_database_changes_no_name_and_no_history_of_the_first(
    lake: World, foreign_urls: list[str]
) -> None:
    assert published(lake, "2026-11-20") == ["orders", "sales_leads"]
    execute(
        foreign_urls[1], "CREATE SCHEMA cron; CREATE TABLE cron.job (jobid bigint); INSERT INTO cron.job VALUES (7)"
    )
    assert published(lake, "2026-11-21") == ["acme_crm_cron_job", "orders", "sales_leads"]
    assert lake.query("SELECT count(DISTINCT snapshot_date) FROM snapshots_sales_leads") == [("2",)]
    assert lake.query("SELECT jobid FROM acme_crm_cron_job") == [("7",)]
    execute(foreign_urls[1], "DROP SCHEMA cron CASCADE")
    assert published(lake, "2026-11-22") == ["orders", "sales_leads"]


@pytest.mark.exhaustive
def test_a_lake_that_published_another_name_keeps_it(lake: World) -> None:
    lake.with_source(rename={"foreign.sales.leads": "foreign_sales_leads"})
    published(lake, "2026-11-20")
    lake.with_source(rename={})
    assert published(lake, "2026-11-21") == ["foreign_sales_leads", "orders"]
    assert lake.query("SELECT count(DISTINCT snapshot_date) FROM snapshots_foreign_sales_leads") == [("2",)]
    lake.with_source(rename={"foreign.sales.leads": "sales_leads"})
    assert published(lake, "2026-11-22") == ["orders", "sales_leads"]


@pytest.mark.exhaustive
@pytest.mark.parametrize(("default_schema", "view"), [("foreign.a.b", "t"), ("foreign.public", "a_b_t")])
def test_dots_in_names_of_schemas_and_databases_are_read_to_the_right_table(
    lake: World, foreign_urls: list[str], default_schema: str, view: str
) -> None:
    for url in foreign_urls:
        execute(url, 'CREATE SCHEMA "a.b"; CREATE TABLE "a.b".t (id int); INSERT INTO "a.b".t VALUES (9)')
    lake.with_source(default_schema=default_schema)
    found = published(lake, "2026-11-20")
    assert {view, "acme_crm_a_b_t"} <= set(found)
    assert lake.query(f"SELECT id FROM {view}") == [("9",)]
    assert lake.query("SELECT id FROM acme_crm_a_b_t") == [("9",)]


@pytest.mark.exhaustive
def test_an_empty_database_beside_the_tables_is_no_finding(lake: World) -> None:
    lake.snapshot("2026-11-20")
    assert lake.run().accept(date(2026, 11, 20), poll_seconds=0.05).findings == ()


@pytest.fixture(scope="module")
def mysql(mariadb: EmbeddedMariaDb, tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[World]:
    url = mariadb.create_database("MyDb_1.0.0")
    execute_mysql(
        url, "CREATE TABLE orders (id int)", "INSERT INTO orders VALUES (1), (2)", "CREATE TABLE `a.b` (id int)"
    )
    with mariadb_cloud(url) as cloud:
        world = World.provisioned(cloud, url=url, directory=tmp_path_factory.mktemp("lake"), root=root)
        world.with_source(default_schema=None)
        yield world
    execute_mysql(url, "DROP DATABASE `MyDb_1.0.0`")


def test_a_database_of_mysql_with_dots_is_published(mysql: World) -> None:
    mysql.snapshot("2026-11-20")
    outcome = mysql.publish("2026-11-20")
    assert sorted(table.names.view for table in outcome.tables) == ["mydb_1_0_0_a_b", "mydb_1_0_0_orders"]
    assert mysql.query("SELECT count(*) FROM mydb_1_0_0_orders") == [("2",)]
    targets: Any = {str(table.names.target.database) for table in outcome.tables}
    assert targets == {"MyDb_1.0.0"}


@pytest.mark.exhaustive
@pytest.mark.parametrize("engine", ["mariadb", None])
@pytest.mark.parametrize("include", [("Inc.orders",), ("Inc",)])
def test_include_of_mysql_completes_in_its_own_words(
    mariadb: EmbeddedMariaDb, tmp_path: Path, root: Path, engine: str | None, include: tuple[str, ...]
) -> None:
    url = mariadb.create_database("Inc")
    try:
        execute_mysql(url, "CREATE TABLE orders (id int)", "INSERT INTO orders VALUES (1), (2)")
        with mariadb_cloud(url) as cloud:
            world = World.provisioned(cloud, url=url, directory=tmp_path, root=root)
            world.with_source(default_schema=None, include=include, engine=engine)
            world.snapshot("2026-11-20")
            world.publish("2026-11-20")
            assert world.query("SELECT count(*) FROM inc_orders") == [("2",)]
    finally:
        execute_mysql(url, "DROP DATABASE `Inc`")


@pytest.mark.exhaustive
def test_the_database_really_has_a_dot(foreign_urls: list[str]) -> None:
    with psycopg.connect(foreign_urls[1]) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("acme.crm",)
