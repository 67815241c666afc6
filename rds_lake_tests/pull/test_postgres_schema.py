"""`rds-lake pull --to postgresql://…`: tables of a real lake in a schema of a real PostgreSQL, whole or not at all."""

from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.ports import free_port
from rds_lake.pull import postgres_session
from rds_lake_tests.pull.pulling import DAY, LATER, Pull, pull_as_pipeline, said, settings, two_dates
from rds_lake_tests.support.world import World, execute

_NUMBERS = count()
_LONG = "c" + "_" * 70
_TABLES = """
CREATE TABLE "group" (id integer, "user" text, at date);
INSERT INTO "group" VALUES
(1, E'tab\\there', '2026-01-01'), (2, E'\\\\N and a\\nline\\r\\\\', 'infinity'), (3, NULL, NULL), (4, '', NULL);
CREATE TABLE twice (id integer, v text);
INSERT INTO twice VALUES (1, 'x'), (1, 'y');
"""


@pytest.fixture(scope="module")
def lake(session_cloud: LocalCloud, tiny_url: str, tmp_path_factory: pytest.TempPathFactory, root: Path) -> World:
    """A lake of two dates, the later one published."""
    directory = tmp_path_factory.mktemp("lake")
    return two_dates(session_cloud, tiny_url, tables=_TABLES, directory=directory, root=root)


@pytest.fixture
def pull(lake: World, monkeypatch: pytest.MonkeyPatch) -> Pull:
    """The command, with keys of two tables."""
    return pull_as_pipeline(lake, monkeypatch, keys={"orders": ["id"], "shop.public.Order Details": ["OrderID"]})


@pytest.fixture
def target(postgres: EmbeddedPostgres) -> str:
    """An empty database; with a password in its URL, which no command may ever show."""
    url = postgres.create_database(f"analysis_{next(_NUMBERS)}")
    return url.replace("postgres@", "postgres:s3cret@", 1)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def test_a_date_is_in_the_schema_with_its_types_values_and_keys(pull: Pull, target: str) -> None:
    done = pull(target, "--schema", "From the lake", "--date", DAY)
    assert done.exit_code == 0, done.output
    assert "5 tables, 36 rows of shop 2026-11-20 pulled into schema From the lake of the database" in said(done)
    assert rows(target, 'SELECT id, "user", at::text FROM "From the lake"."group" ORDER BY id') == [
        (1, "tab\there", "2026-01-01"),
        (2, "\\N and a\nline\r\\", "infinity"),
        (3, None, None),
        (4, "", None),
    ]
    assert rows(target, 'SELECT total::text, placed_at::text, tags FROM "From the lake".orders WHERE id = 2') == [
        ("2.25", "2026-01-01 14:00:00+00", ["a", 'b,"c"', None])
    ]
    assert rows(
        target, "SELECT conname::text, conkey FROM pg_constraint WHERE contype = 'p' AND conname ~ '_pkey$' ORDER BY 1"
    ) == [
        ("_rds_lake_pull_pkey", [4]),
        ("order_details_pkey", [1]),
        ("orders_pkey", [1]),
    ]
    again = pull(target, "--schema", "From the lake", "--date", DAY)
    assert "0 tables, 0 rows of shop 2026-11-20" in said(again)
    assert "5 existed already" in said(again)


def test_readers_see_the_old_date_until_the_new_one_is_whole(
    pull: Pull, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pull(target, "--date", DAY, "--tables", "orders,twice").exit_code == 0
    seen: list[int] = []
    copying = postgres_session.Session.copy

    def looking(self: postgres_session.Session, statement: str) -> Any:
        ((count,),) = rows(target, "SELECT count(*) FROM orders")
        seen.append(count)
        return copying(self, statement)

    monkeypatch.setattr(postgres_session.Session, "copy", looking)
    assert pull(target, "--tables", "orders", "--parallel", "1").exit_code == 0, "the published date is a later one"
    assert seen == [10]
    assert rows(target, "SELECT count(*) FROM orders") == [(4,)]
    assert rows(target, "SELECT view_name, snapshot_date::text FROM _rds_lake_pull ORDER BY 1") == [
        ("orders", LATER),
        ("twice", DAY),
    ]


def test_a_table_of_somebody_else_is_replaced_only_when_asked(pull: Pull, target: str) -> None:
    execute(
        target, "CREATE TABLE orders (mine integer); CREATE VIEW twice AS SELECT 1 AS n; INSERT INTO orders VALUES (7)"
    )
    refused = pull(target)
    assert refused.exit_code == 1
    assert "orders exists already and no pull made it; replace it with --replace, or use another --schema" in said(
        refused
    )
    assert "twice is a view in this schema" in said(refused)
    assert rows(target, "SELECT mine FROM orders") == [(7,)]
    assert rows(target, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(1,)], "nothing was changed"
    done = pull(target, "--replace", "--except", "twice", "--date", DAY)
    assert done.exit_code == 0, done.output
    assert rows(target, "SELECT count(*) FROM orders") == [(10,)]
    execute(target, "DROP TABLE orders; CREATE TABLE orders (mine integer)")
    assert "orders exists already and no pull made it" in said(pull(target, "--tables", "orders", "--date", DAY))


@pytest.mark.exhaustive
def test_a_key_that_rows_do_not_have_is_said_and_the_other_tables_stay(pull: Pull, target: str, lake: World) -> None:
    settings(lake, keys={"twice": ["id"]})
    done = pull(target, "--date", DAY, "--tables", "twice,orders")
    assert done.exit_code == 1
    assert "1 of 2 tables of shop 2026-11-20 are complete and kept; these failed:" in said(done)
    assert "twice: (id) cannot be the primary key" in said(done)
    assert "Key (id)=(1) is duplicated" in said(done)
    assert rows(target, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1") == [
        ("_rds_lake_pull",),
        ("orders",),
    ]


def test_a_connection_that_breaks_leaves_nothing_half_and_the_next_run_goes_on(
    pull: Pull, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copying = postgres_session.Session.copy
    begun: list[str] = []

    def breaking(self: postgres_session.Session, statement: str) -> Any:
        begun.append(statement)
        if len(begun) == 3:
            execute(target, f"SELECT pg_terminate_backend({self.connection.info.backend_pid})")
        return copying(self, statement)

    with monkeypatch.context() as patch:
        patch.setattr(postgres_session.Session, "copy", breaking)
        done = pull(target, "--date", DAY, "--parallel", "1")
    assert done.exit_code == 1
    assert "the connection to the database broke; repeat the command" in said(done)
    tables = rows(
        target, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_rds_lake_pull'"
    )
    assert tables == [(2,)]
    assert rows(target, "SELECT count(*) FROM _rds_lake_pull") == [(2,)]
    again = pull(target, "--date", DAY)
    assert "3 tables" in said(again)
    assert "2 existed already" in said(again)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "url, why",
    [
        ("postgresql://someone:s3cret@127.0.0.1:{free}/shop", "nothing listens there"),
        ("postgresql://someone:s3/cret@127.0.0.1/shop", "host is not known here"),
        ("postgresql://someone:s3@cret@nowhere.invalid/shop", "host is not known here"),
        ("postgresql://someone:s3cret@127.0.0.1:port/shop", "the port or an option of the URL is not valid"),
    ],
)
def test_no_part_of_a_url_that_does_not_work_is_shown(pull: Pull, url: str, why: str) -> None:
    done = pull(url.replace("{free}", str(free_port())), "--date", DAY)
    assert done.exit_code == 1
    assert why in said(done)
    assert "s3" not in said(done)
    assert "cret" not in said(done)
    assert "Traceback" not in said(done)


@pytest.mark.exhaustive
def test_a_pull_beside_another_of_the_same_schema_is_refused(pull: Pull, target: str) -> None:
    with psycopg.connect(target) as other:
        other.execute("SELECT pg_advisory_lock(hashtext('_rds_lake_pull'), hashtext('public'))")
        assert "another rds-lake pull is writing to the schema public" in said(pull(target, "--date", DAY))


@pytest.mark.exhaustive
def test_a_name_that_postgresql_would_cut_is_said_with_what_to_do_and_the_other_tables_are_pulled(
    pull: Pull, target: str, lake: World
) -> None:
    settings(lake, rename={"shop.public.orders.total": _LONG})
    done = pull(target, "--date", DAY)
    settings(lake, rename={})
    assert done.exit_code == 1
    assert f"orders: the name {_LONG} of shop.public.orders has 71 bytes, and PostgreSQL allows 63" in said(done)
    assert rows(target, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1") == [
        ("_rds_lake_pull",),
        ("group",),
        ("order_details",),
        ("sales_nothing",),
        ("twice",),
    ]
