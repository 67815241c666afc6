"""The database's own row counts: read-only, gentle, and with no word of the secret in any error."""

import json
import socket
import sys
from collections.abc import Mapping, Sequence

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.database import connecting, read_only
from rds_lake.database.asked import ask_database
from rds_lake.database.counts import RowCount
from rds_lake.database.dsn import Dsn, parse_dsn
from rds_lake.errors import ConfigError, RdsLakeError, UnavailableError
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.model.aws.engine import Engine
from rds_lake.model.tables.table import TableTarget
from rds_lake_tests.support.world import execute, execute_mysql, seed_tiny

SECRET = "hunter2-tiger"


def target(table: str, schema: str = "public", database: str = "shop") -> TableTarget:
    return TableTarget(database=database, schema=schema, table=table)


def count_rows(
    dsn: Dsn, targets: Sequence[TableTarget], *, exact_below: int, timeout_seconds: int
) -> Mapping[TableTarget, RowCount]:
    return ask_database(dsn, targets, exact_below=exact_below, timeout_seconds=timeout_seconds).counts


def dsn(url: str) -> Dsn:
    return parse_dsn(url, where="arn")


def test_tables_of_any_name_are_counted_and_big_ones_estimated(tiny_url: str) -> None:
    seed_tiny(tiny_url)
    execute(tiny_url, "CREATE TABLE big AS SELECT i FROM generate_series(1, 5000) i; ANALYZE big")
    targets = [target("orders"), target("Order Details"), target("nothing", "sales"), target("big"), target("gone")]
    found = count_rows(dsn(tiny_url), targets, exact_below=1000, timeout_seconds=5)
    assert [(count.rows, count.exact) for count in found.values()] == [
        (10, True),
        (20, True),
        (0, True),
        (5000, False),
        (None, True),
    ]
    assert found[target("gone")].why == "it is gone"


def test_a_slow_count_is_given_up_and_the_others_go_on(tiny_url: str) -> None:
    seed_tiny(tiny_url)
    execute(tiny_url, "CREATE VIEW slow AS SELECT 1 AS one FROM generate_series(1, 10000000000)")
    found = count_rows(dsn(tiny_url), [target("slow"), target("orders")], exact_below=1000, timeout_seconds=1)
    assert found[target("slow")].why == "counting took too long"
    assert found[target("orders")].rows == 10


def test_nothing_can_be_written_through_the_session(tiny_url: str) -> None:
    seed_tiny(tiny_url)
    writing = "CREATE FUNCTION wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM orders; SELECT 1'; CREATE VIEW evil AS SELECT wipe()"
    execute(tiny_url, writing)
    found = count_rows(dsn(tiny_url), [target("evil"), target("orders")], exact_below=1000, timeout_seconds=5)
    assert found[target("evil")].rows is None
    assert found[target("orders")].rows == 10


def test_statistics_that_take_too_long_are_an_error_of_ours_and_nothing_is_counted(
    tiny_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed_tiny(tiny_url)
    monkeypatch.setattr(read_only, "_POSTGRES_ESTIMATES", "SELECT pg_sleep(30)::text")
    with pytest.raises(UnavailableError, match="the database answered 57014"):
        count_rows(dsn(tiny_url), [target("orders")], exact_below=1000, timeout_seconds=1)


def test_mariadb_is_counted_in_all_its_databases(mariadb: EmbeddedMariaDb) -> None:
    url = mariadb.create_database("counted")
    execute_mysql(url, "CREATE TABLE `a``b` (id int)", "INSERT INTO `a``b` VALUES (1), (2)")
    mine = target("a`b", "counted", "counted")
    gone = target("gone", "counted", "counted")
    found = count_rows(dsn(url), [mine, gone], exact_below=1000, timeout_seconds=5)
    assert found[mine].rows == 2
    assert found[gone].why == "it is gone"


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_an_unreachable_database_is_reported_without_a_word_of_the_secret(scheme: str) -> None:
    url = f"{scheme}://reader:{SECRET}@127.0.0.1:9/shop_db_name"
    with pytest.raises(UnavailableError, match="cannot be reached") as caught:
        count_rows(dsn(url), [target("orders")], exact_below=1000, timeout_seconds=1)
    error: BaseException | None = caught.value
    assert error is not None
    assert error.__suppress_context__
    for word in (SECRET, "reader", "127.0.0.1", "shop_db_name"):
        assert word not in str(error)
    assert SECRET not in repr(dsn(url))


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_server_that_accepts_and_stays_silent_is_given_up(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_only, "CONNECT_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(UnavailableError, match="cannot be reached"):
        url = f"{scheme}://u:{SECRET}@127.0.0.1:{silent.getsockname()[1]}/shop"
        count_rows(dsn(url), [target("orders")], exact_below=1000, timeout_seconds=1)


def test_a_machine_that_vanished_is_not_waited_for_as_long_as_the_system_would(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(**connecting.for_psycopg(dsn(postgres.url()), "postgres")) as connection:
        asked = connection.info.get_parameters()
    assert int(asked["keepalives_idle"]) + int(asked["keepalives_interval"]) * int(asked["keepalives_count"]) == 60
    assert asked["tcp_user_timeout"] == "60000"


def test_a_missing_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"pip install 'rds-lake\[verify\]'"):
        count_rows(dsn("postgresql://a:b@c/d"), [target("orders")], exact_below=1, timeout_seconds=1)


def test_rdss_own_json_is_read(postgres: EmbeddedPostgres) -> None:
    body = {"engine": "aurora-postgresql", "host": "h", "username": "u", "password": SECRET, "dbname": "shop"}
    read = dsn(json.dumps(body))
    assert (read.engine, read.host, read.port, read.database) == (Engine.POSTGRES, "h", 5432, "shop")


@pytest.mark.parametrize(
    "text", ["", SECRET, "{", f'{{"password": "{SECRET}"}}', f"oracle://u:{SECRET}@h/d", f"mysql://:{SECRET}@h"]
)
def test_a_secret_that_says_no_database_is_named_and_not_quoted(text: str) -> None:
    with pytest.raises(ConfigError, match="arn:aws:secretsmanager:x does not name a database") as caught:
        parse_dsn(text, where="arn:aws:secretsmanager:x")
    assert SECRET not in str(caught.value)


@given(st.text())
def test_no_secret_whatever_raises_anything_but_our_own_error(text: str) -> None:
    try:
        dsn(text)
    except RdsLakeError as error:
        assert error.__context__ is None
