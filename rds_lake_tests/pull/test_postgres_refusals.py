"""A PostgreSQL that takes no table, or goes away: clear sentences, all at once, without a password in them."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake_tests.pull.pulling import DAY, Pull, pull_as_pipeline, said
from rds_lake_tests.support.interrupts import falling_silent, interrupted
from rds_lake_tests.support.world import World, execute, seed_tiny

_NUMBERS = count()
_BIG = "CREATE TABLE big AS SELECT i AS id, md5(i::text) || md5((i + 1)::text) AS v FROM generate_series(1, 60000) i"


@pytest.fixture(scope="module")
def lake(session_cloud: LocalCloud, tiny_url: str, tmp_path_factory: pytest.TempPathFactory, root: Path) -> World:
    session_cloud.reset()
    seed_tiny(tiny_url)
    world = World.provisioned(session_cloud, url=tiny_url, directory=tmp_path_factory.mktemp("lake"), root=root)
    execute(world.url, _BIG)
    world.snapshot(DAY)
    world.publish(DAY)
    return world


@pytest.fixture
def pull(lake: World, monkeypatch: pytest.MonkeyPatch) -> Pull:
    return pull_as_pipeline(lake, monkeypatch)


@pytest.fixture
def owner(postgres: EmbeddedPostgres) -> str:
    """An empty database, for its owner."""
    return postgres.create_database(f"refusing_{next(_NUMBERS)}")


@pytest.fixture
def guest(owner: str) -> Iterator[str]:
    """The same database, for a user who may do nothing there; with a password, which no command may ever show."""
    name = f"guest_{next(_NUMBERS)}"
    execute(owner, f"CREATE ROLE {name} LOGIN; REVOKE ALL ON SCHEMA public FROM PUBLIC")
    yield owner.replace("postgres@", f"{name}:s3cret@", 1)
    execute(owner, f"DROP OWNED BY {name}; DROP ROLE {name}")


def tables(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return [name for (name,) in found]


def test_a_user_without_rights_is_told_all_that_is_missing_and_nothing_is_changed(
    pull: Pull, owner: str, guest: str
) -> None:
    name = urlsplit(guest).username
    execute(owner, f"ALTER ROLE {name} SET default_transaction_read_only = on")
    done = pull(guest)
    assert done.exit_code == 1
    text = said(done)
    assert f"the database is read-only for {name} (default_transaction_read_only)" in text
    assert (
        f'{name} may not create tables in the schema public: GRANT USAGE, CREATE ON SCHEMA "public" TO "{name}"' in text
    )
    assert f"{name} may not create the schema own: GRANT CREATE ON DATABASE" in said(pull(guest, "--schema", "own"))
    assert "s3cret" not in text
    execute(owner, f"ALTER ROLE {name} RESET ALL; GRANT USAGE, CREATE ON SCHEMA public TO {name}")
    execute(owner, "CREATE TABLE orders (mine integer)")
    assert pull(owner, "--tables", "big").exit_code == 0
    text = said(pull(guest))
    assert (
        f'{name} may not use the table that records earlier pulls: GRANT SELECT, INSERT, DELETE ON "public"."_rds'
        in text
    )
    assert "orders belongs to another user, so this user cannot replace it" in text
    assert "big belongs to another user" in text
    assert tables(owner) == ["_rds_lake_pull", "big", "orders"]
    execute(owner, f"DROP TABLE orders, big; GRANT ALL ON _rds_lake_pull TO {name}")
    done = pull(guest)
    assert done.exit_code == 0, done.output


@pytest.mark.exhaustive
def test_a_table_of_another_source_is_not_taken_for_ones_own(pull: Pull, owner: str, lake: World) -> None:
    assert pull(owner, "--tables", "orders").exit_code == 0
    execute(owner, "UPDATE _rds_lake_pull SET source = 'crm'")
    refused = said(pull(owner, "--tables", "orders,order_details"))
    assert "orders exists already, pulled from crm; use another --schema, or replace it with --replace" in refused
    assert tables(owner) == ["_rds_lake_pull", "orders"]


@pytest.mark.exhaustive
def test_a_schema_whose_name_would_be_cut_is_refused(pull: Pull, owner: str) -> None:
    assert "has a name of more than 63 bytes, which PostgreSQL does not allow" in said(
        pull(owner, "--schema", "s" * 64)
    )
    with psycopg.connect(owner) as connection:
        assert connection.execute("SELECT 1 FROM pg_namespace WHERE nspname LIKE 'sss%'").fetchall() == []


def test_what_the_server_says_of_one_table_does_not_stop_the_others(pull: Pull, owner: str) -> None:
    execute(owner, "CREATE TABLE orders (id integer)")
    name = urlsplit(owner).path[1:]
    execute(
        owner,
        f"ALTER DATABASE {name} SET lock_timeout = '200ms'; ALTER DATABASE {name} SET idle_session_timeout = '1s'",
    )
    with psycopg.connect(owner) as reader:
        reader.execute("SET idle_session_timeout = 0")
        reader.execute("SELECT * FROM orders")
        done = pull(owner, "--replace")
    assert done.exit_code == 1
    assert "orders: PostgreSQL refused it: canceling statement due to lock timeout" in said(done)
    assert "3 of 4 tables of shop 2026-11-20 are complete" in said(done)
    assert tables(owner) == ["_rds_lake_pull", "big", "order_details", "orders", "sales_nothing"]


def half_a_megabyte(sent: bytes) -> bool:
    """Sometime while rows are copied."""
    return len(sent) > 500_000


def setting_up_a_tables_session() -> Callable[[bytes], bool]:
    """Before the first row: the session with the pull's lock is there, and the next one is being set up for a table."""
    is_locked = False

    def now(sent: bytes) -> bool:
        nonlocal is_locked
        holds_lock = b"pg_try_advisory_lock" in sent
        is_locked |= holds_lock
        return is_locked and not holds_lock and b"SET search_path" in sent

    return now


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "when", [half_a_megabyte, setting_up_a_tables_session()], ids=["while rows are copied", "before the first of them"]
)
def test_ctrl_c_ends_a_pull_whose_server_does_not_answer_any_more(
    pull: Pull, owner: str, when: Callable[[bytes], bool]
) -> None:
    with falling_silent(owner, when) as line:
        began = 0.0

        def is_silent() -> bool:
            nonlocal began
            began = time.monotonic()
            return line.silent.is_set()

        with interrupted(is_silent, seconds=120):
            done = pull(line.url, "--parallel", "2")
        assert line.silent.is_set() and not line.cut.is_set()
        assert time.monotonic() - began < 60, "the system would take a quarter of an hour"
    assert done.exit_code == 1
    assert "Aborted!" in said(done)
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith(("pull", "fetch", "copy"))] == []
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rds-lake pull' "
            "AND datname = current_database()"
        )
    done = pull(owner)
    assert done.exit_code == 0, done.output


@pytest.mark.exhaustive
def test_a_database_that_takes_no_connections_any_more_is_said_without_the_password(pull: Pull, owner: str) -> None:
    secret = owner.replace("postgres@", "postgres:s3cret@", 1)
    name = urlsplit(owner).path[1:]
    assert pull(secret, "--tables", "orders").exit_code == 0
    execute(owner.removesuffix(name) + "postgres", f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
    gone = said(pull(secret))
    assert "the database given with --to cannot be reached: that database takes no connections" in gone
    assert "s3cret" not in gone
