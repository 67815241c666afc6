"""A snapshot of a MySQL source is a real copy of one moment, whatever the engine of its tables."""

import threading
import time

import pymysql
import pytest

from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.localcloud.databases.mysql import MySqlDatabase, freeze_together
from rds_lake_tests.support.world import execute_mysql


def rows(database: MySqlDatabase, name: str) -> list[dict[str, object]]:
    (table,) = [table for table in database.tables() if table.name == name]
    return [row for batch in database.batches(table) for row in batch.to_pylist()]


def test_a_snapshot_keeps_its_content_whatever_the_table_is_made_of(mysql_source: MySqlDatabase) -> None:
    execute_mysql(
        mysql_source.url,
        "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ANSI_QUOTES'",
        "CREATE TABLE customers (id int AUTO_INCREMENT PRIMARY KEY, born date NOT NULL)",
        'CREATE TABLE "Order Details" (id int PRIMARY KEY, customer int REFERENCES customers (id), price int, '
        "double_price int AS (price * 2) STORED, half int AS (price DIV 2) VIRTUAL, CHECK (price < 100)) ENGINE = InnoDB",
        "CREATE TABLE old (id int, at datetime) ENGINE = MyISAM",
        "INSERT INTO customers VALUES (0, '0000-00-00'), (7, '2026-02-00')",
        'INSERT INTO "Order Details" (id, customer, price) VALUES (1, 0, 10), (2, 7, 21)',
        "INSERT INTO old VALUES (1, '0000-00-00 00:00:00'), (2, '2026-01-02 03:04:05')",
    )
    before = {table.name: rows(mysql_source, table.name) for table in mysql_source.tables()}
    frozen = mysql_source.freeze("frozen_content")
    try:
        execute_mysql(mysql_source.url, "DELETE FROM `Order Details`", "DROP TABLE old", "DELETE FROM customers")
        assert {table.name: rows(frozen, table.name) for table in frozen.tables()} == before
        assert before["customers"] == [{"id": 0, "born": "0000-00-00"}, {"id": 7, "born": "2026-02-00"}]
        assert before["Order Details"][1]["half"] == 10
        assert (frozen.name, frozen.tables()[0].schema) == ("frozen_content", "frozen_content")
    finally:
        frozen.drop()


@pytest.mark.parametrize(
    "statements",
    [
        ("CREATE TABLE t (id int, hidden int INVISIBLE DEFAULT 5)", "INSERT INTO t (id, hidden) VALUES (1, 9)"),
        (
            "CREATE SEQUENCE s",
            "CREATE TABLE t (id int DEFAULT NEXT VALUE FOR s, b int)",
            "INSERT INTO t (b) VALUES (1)",
        ),
        ("SET check_constraint_checks = 0", "CREATE TABLE t (id int CHECK (id > 5))", "INSERT INTO t VALUES (1)"),
        (
            "CREATE TABLE t (id int)",
            "CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET NEW.id = 99",
            "INSERT INTO t VALUES (1)",
        ),
        ("CREATE TABLE t (id int) PARTITION BY HASH (id) PARTITIONS 3", "INSERT INTO t VALUES (1), (2)"),
        ("CREATE TABLE t (p point NOT NULL, SPATIAL INDEX (p))", "INSERT INTO t VALUES (POINT(1, 2))"),
        ("CREATE TABLE t (id int) ENGINE = MEMORY", "INSERT INTO t VALUES (1)"),
        ("CREATE TABLE t (at timestamp NOT NULL ON UPDATE current_timestamp)", "INSERT INTO t VALUES ('2020-01-01')"),
    ],
    ids=["invisible", "sequence", "check", "trigger", "partitions", "spatial", "memory", "on update"],
)
def test_a_snapshot_copies_what_an_insert_would_stumble_over(
    mysql_source: MySqlDatabase, statements: tuple[str, ...]
) -> None:
    execute_mysql(mysql_source.url, *statements)
    frozen = mysql_source.freeze("frozen_odd")
    try:
        assert rows(frozen, "t") == rows(mysql_source, "t") != []
    finally:
        frozen.drop()


@pytest.mark.exhaustive
def test_a_snapshot_under_a_taken_name_leaves_what_is_there(
    mysql_source: MySqlDatabase, mariadb: EmbeddedMariaDb
) -> None:
    other = MySqlDatabase(mariadb.create_database("taken"))
    execute_mysql(other.url, "CREATE TABLE precious (id int)")
    try:
        with pytest.raises(pymysql.err.ProgrammingError, match="database exists"):
            mysql_source.freeze("taken")
        assert [table.name for table in other.tables()] == ["precious"]
    finally:
        other.drop()


@pytest.mark.exhaustive
def test_a_snapshot_that_fails_while_it_holds_locks_is_cleaned_up_at_once(
    mysql_source: MySqlDatabase, mariadb: EmbeddedMariaDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute_mysql(mysql_source.url, "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    # A statement that fails when the locks are taken, as a full disk would.
    monkeypatch.setattr(
        "rds_lake.localcloud.databases.mysql._WRITABLE", "SELECT 't', 'nowhere' FROM DUAL WHERE %s <> ''"
    )
    begun = time.monotonic()
    with pytest.raises(pymysql.err.OperationalError, match="nowhere"):
        mysql_source.freeze("frozen_failed")
    assert time.monotonic() - begun < 60
    execute_mysql(mysql_source.url, "INSERT INTO t VALUES (2)")
    with pytest.raises(pymysql.err.OperationalError, match="Unknown database"):
        MySqlDatabase(mariadb.url("frozen_failed")).tables()


def test_a_snapshot_is_of_one_moment_although_others_go_on_writing(mysql_source: MySqlDatabase) -> None:
    execute_mysql(
        mysql_source.url,
        "CREATE TABLE a (id int)",
        "CREATE TABLE b AS SELECT seq AS id FROM seq_1_to_300000",  # takes a while to copy
        "CREATE TABLE c (id int)",
    )
    stop, begun = threading.Event(), threading.Event()
    # Always a before c, each by itself: at any one moment, a has as many rows as c, or one more.
    statements = ("INSERT INTO a VALUES (1)", "INSERT INTO c VALUES (1)")

    def write() -> None:
        while not stop.is_set():
            execute_mysql(mysql_source.url, *statements * 20)
            begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert begun.wait(30)
        frozen = mysql_source.freeze("frozen_moment")
    finally:
        stop.set()
        writer.join()
    counts = len(rows(frozen, "a")), len(rows(frozen, "c"))
    frozen.drop()
    assert counts[0] - counts[1] in (0, 1), counts


@pytest.mark.exhaustive
def test_a_snapshot_that_fails_leaves_no_database_behind(mysql_source: MySqlDatabase, mariadb: EmbeddedMariaDb) -> None:
    execute_mysql(mysql_source.url, "CREATE TABLE broken (id int) ENGINE = MRG_MyISAM UNION = (nowhere)")
    with pytest.raises(pymysql.err.Error):
        mysql_source.freeze("frozen_failed")
    with pytest.raises(pymysql.err.OperationalError, match="Unknown database"):
        MySqlDatabase(mariadb.url("frozen_failed")).tables()


@pytest.mark.exhaustive
def test_an_empty_database_can_be_frozen(mysql_source: MySqlDatabase) -> None:
    frozen = mysql_source.freeze("frozen_nothing")
    assert frozen.tables() == []
    frozen.drop()


@pytest.mark.exhaustive
def test_several_databases_of_a_server_are_copied_as_of_one_moment(
    mysql_source: MySqlDatabase, mariadb: EmbeddedMariaDb
) -> None:
    other = MySqlDatabase(mariadb.create_database("beside"))
    execute_mysql(other.url, "CREATE TABLE c (id int)")
    execute_mysql(
        mysql_source.url, "CREATE TABLE a (id int)", "CREATE TABLE b AS SELECT seq AS id FROM seq_1_to_100000"
    )
    stop, begun = threading.Event(), threading.Event()

    def write() -> None:
        while not stop.is_set():
            statements = ("INSERT INTO a VALUES (1)", f"INSERT INTO {other.name}.c VALUES (1)")
            execute_mysql(mysql_source.url, *statements * 20)
            begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert begun.wait(30)
        first, second = freeze_together([mysql_source, other], ["frozen_one", "frozen_two"])
    finally:
        stop.set()
        writer.join()
    counts = len(rows(first, "a")), len(rows(second, "c"))
    for each in (first, second, other):
        each.drop()
    assert counts[0] - counts[1] in (0, 1)
