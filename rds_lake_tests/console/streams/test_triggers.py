"""`rds-lake streams triggers`: what is printed can be run, and what is run is said."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from rds_lake.cli import main
from rds_lake.config.streams import Streams
from rds_lake.console.streams.last_snapshot import tables_of_last_snapshot
from rds_lake.errors import ConfigError
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.model.aws.engine import Engine
from rds_lake.sql.triggers.generate import generate
from rds_lake.sql.triggers.plan import Wanted
from rds_lake.sql.triggers.script import script
from rds_lake_tests.database.capture.captured import events
from rds_lake_tests.support.world import World

Connection = psycopg.Connection[Any]
_LAKE = """
lake: {bucket: acme-lake, export_role: 'arn:aws:iam::111122223333:role/e', kms_key: alias/k, events_queue: q, start_date: 2026-01-01}
sources:
- {name: shop, kind: rds, identifier: shop-prod, streams: {tables: [TABLES]}}
- {name: quiet, kind: rds, identifier: quiet-prod}
"""


@pytest.fixture(scope="module")
def url(postgres: EmbeddedPostgres) -> str:
    return postgres.create_database("told")


@pytest.fixture
def shop(url: str) -> Iterator[Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS rds_lake CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.execute(
            'CREATE TABLE "Order Details" (id int PRIMARY KEY, "group" text); CREATE TABLE keyless (i int)'
        )
        yield connection


def called(tmp_path: Path, *arguments: str, tables: str = "told.public.Order Details") -> Result:
    config = tmp_path / "lake.yaml"
    config.write_text(_LAKE.replace("TABLES", tables), encoding="utf-8")
    return CliRunner().invoke(main, ["streams", "triggers", *arguments, "--config", str(config)])


def test_what_is_printed_captures_when_it_is_run_by_hand(url: str, shop: Connection, tmp_path: Path) -> None:
    done = called(tmp_path, "shop", "--dsn", url)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("-- This changes a production database")
    assert "is not captured" in done.stderr
    assert "add them with --reader USER" in done.stderr
    shop.execute(done.stdout.encode())
    shop.execute("""INSERT INTO "Order Details" VALUES (1, 'a')""")
    assert [change.new for change in events(shop)] == [{"id": "1", "group": "a"}]
    again = called(tmp_path, "shop", "--dsn", url)
    assert "captured" not in again.stderr


def test_install_and_the_way_back(url: str, shop: Connection, tmp_path: Path) -> None:
    done = called(tmp_path, "shop", "--dsn", url, "--install")
    assert "installed: triggers now capture the changes of told.public.Order Details" in done.stderr
    assert done.stdout == ""
    shop.execute("DROP ROLE IF EXISTS forwarder; CREATE ROLE forwarder")
    printed = called(tmp_path, "shop", "--dsn", url, "--drop")
    shop.execute(printed.stdout.encode())
    assert shop.execute("SELECT to_regnamespace('rds_lake')").fetchone() == (None,)
    called(tmp_path, "shop", "--dsn", url, "--install", "--reader", "forwarder")
    assert "removed" in called(tmp_path, "shop", "--dsn", url, "--install", "--drop").stderr
    assert shop.execute("SELECT to_regnamespace('rds_lake')").fetchone() == (None,)


def test_all_reasons_are_reported_and_nothing_is_printed(url: str, shop: Connection, tmp_path: Path) -> None:
    done = called(tmp_path, "shop", "--dsn", url, "--install", tables="told.public.keyless, told.public.gone")
    assert done.exit_code == 1
    assert done.stdout == ""
    for told in ("told.public.keyless: it has no primary key", "told.public.gone: there is no such table"):
        assert told in done.stderr
    assert shop.execute("SELECT to_regnamespace('rds_lake')").fetchone() == (None,)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["quiet"], "captures no changes: add `streams:` to it"),
        (["shop"], "columns and keys have to be read from the database"),
        (["shop", "--install", "--key", "a=b"], "--install needs the database"),
    ],
)
def test_what_cannot_be_is_reported_with_the_remedy(tmp_path: Path, arguments: list[str], told: str) -> None:
    done = called(tmp_path, *arguments)
    assert done.exit_code == 1
    assert told in done.stderr


def test_without_a_database_the_last_snapshots_columns_serve_and_keys_are_asked_for(world: World) -> None:
    day = "2026-11-20"
    world.snapshot(day)
    run = world.run()
    run.accept(date.fromisoformat(day), poll_seconds=0.02)
    run.relocate(date.fromisoformat(day))
    streams = Streams(tables=("shop.public.orders", "shop.public.Order Details"))
    source: Any = world.config.databases[0].model_copy(update={"streams": streams})
    wrong = ["shop.public.orders=idd", "x=y"]
    with pytest.raises(ConfigError) as caught:
        tables_of_last_snapshot(world.gateways.s3, world.config, source, wrong)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "--key x",
        "--key shop.public.orders",
        "shop.public.Order Details",
    ]
    with psycopg.connect(world.url, autocommit=True) as connection:
        keys = ["shop.public.orders=id", "shop.public.Order Details=OrderID"]
        tables = tables_of_last_snapshot(world.gateways.s3, world.config, source, keys)
        plan = generate(Engine.POSTGRES, tables, Wanted(source="shop"))
        # The very database whose snapshot it was takes the script.
        connection.execute(script(Engine.POSTGRES, plan.statements, notes=plan.notes).encode())
        connection.execute("UPDATE orders SET id = id + 1000")
        assert connection.execute("SELECT count(*) FROM rds_lake.outbox").fetchone() == (10,)
        connection.execute("DELETE FROM rds_lake.outbox")
        connection.execute(script(Engine.POSTGRES, plan.drop, notes=()).encode())
        assert connection.execute("SELECT to_regnamespace('rds_lake')").fetchone() == (None,)
