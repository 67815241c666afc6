"""What refuses capture is said of all tables at once, with every reason, before anything is changed."""

import pytest

from rds_lake.database.capture.describe import describe
from rds_lake.database.dsn import parse_dsn
from rds_lake.errors import ConfigError, UnavailableError
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.localcloud.databases.mysql import MySqlDatabase
from rds_lake.model.streams.captured import Capture, CapturedColumn, Level
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.triggers.plan import require_capturable
from rds_lake_tests.database.capture.mysql.lab import Lab


def reasons(lab: Lab, *tables: str) -> dict[str, str]:
    """The reasons of the tables that cannot be captured, in one text each."""
    return {each.table.target.table: "; ".join(each.reasons) for each in lab.described(*tables) if each.reasons}


def test_a_table_is_described_in_the_servers_own_words(lab: Lab) -> None:
    lab.run(
        "CREATE TABLE `Order Details` (b bit(3), `größe` decimal(10,2) NOT NULL, id int, PRIMARY KEY (id, `größe`))"
    )
    (described,) = lab.described("Order Details")
    assert described.reasons == ()
    assert described.table.columns == (
        CapturedColumn(name="b", type="bit(3)"),
        CapturedColumn(name="größe", type="decimal(10,2)", nullable=False),
        CapturedColumn(name="id", type="int(11)", nullable=False),
    )
    assert described.table.key == ("id", "größe")


def test_every_reason_of_every_table_is_in_one_error(lab: Lab) -> None:
    lab.run(
        "CREATE TABLE keyless (id int, `a b` int)",
        "CREATE TABLE prefix (t text, PRIMARY KEY (t(10)))",
        "CREATE TABLE old (id int PRIMARY KEY) ENGINE=MyISAM",
        "CREATE TABLE memory (id int) ENGINE=MEMORY",
        "CREATE TABLE history (id int PRIMARY KEY) WITH SYSTEM VERSIONING",
        "CREATE VIEW seen AS SELECT 1 AS one",
        "CREATE TABLE `a/b` (id int PRIMARY KEY)",
        "CREATE TABLE Good (id int PRIMARY KEY)",
    )
    tables = ("keyless", "prefix", "old", "memory", "history", "seen", "a/b", "Good", "good", "gone")
    found = reasons(lab, *tables)
    assert set(found) == set(tables) - {"Good"}
    assert "no primary key" in found["keyless"]
    assert "'a b'" in found["keyless"]
    assert "first 10" in found["prefix"]
    assert "MyISAM" in found["old"]
    assert "MEMORY" in found["memory"]
    assert "no primary key" in found["memory"]
    assert "system versioning" in found["history"]
    assert "a view" in found["seen"]
    assert "slash" in found["a/b"]
    assert f"there is {lab.database}.Good" in found["good"]
    assert found["gone"].startswith("there is no such table")
    with pytest.raises(ConfigError) as caught:
        require_capturable(lab.described(*tables))
    assert len(caught.value.problems) == sum(len(each.reasons) for each in lab.described(*tables))


def test_a_foreign_key_that_changes_rows_by_itself_refuses_its_table_and_not_its_parent(lab: Lab) -> None:
    lab.run("CREATE TABLE parent (id int PRIMARY KEY, up int, KEY (up))")
    rules = {
        "cascades": "ON DELETE CASCADE",
        "follows": "ON UPDATE CASCADE",
        "empties": "ON DELETE SET NULL ON UPDATE SET NULL",
        "keeps": "ON DELETE RESTRICT ON UPDATE NO ACTION",
        "plain": "",
    }
    for table, rule in rules.items():
        lab.run(
            f"CREATE TABLE {table} (id int PRIMARY KEY, p int, CONSTRAINT fk_{table} FOREIGN KEY (p) REFERENCES parent (id) {rule})"
        )
    found = reasons(lab, "parent", *rules)
    assert set(found) == {"cascades", "follows", "empties"}
    assert "'fk_cascades' to 'parent' is ON DELETE CASCADE" in found["cascades"]
    assert "ON UPDATE SET NULL ON DELETE SET NULL" in found["empties"]


def test_what_such_a_key_does_really_fires_no_trigger(lab: Lab) -> None:
    lab.run("CREATE TABLE parent (id int PRIMARY KEY)", "CREATE TABLE child (id int PRIMARY KEY, p int)")
    lab.capture("parent", "child")
    lab.run(
        "ALTER TABLE child ADD FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE",
        "INSERT INTO parent VALUES (1)",
        "INSERT INTO child VALUES (1, 1)",
        "DELETE FROM parent",
    )
    assert [event.op for event in lab.events("child")] == ["I"]
    assert lab.exported("child") == []


def test_tables_of_the_server_and_of_capture_are_refused(lab: Lab) -> None:
    targets = [TableTarget(database=name, schema=name, table="t") for name in ("mysql", "sys", "rds_lake")]
    found = describe(lab.dsn, targets, capture=Capture.OUTBOX, level=Level.ROW)
    assert [each.reasons[0] for each in found] == [
        "mysql is a system database of the server; remove it from `streams.tables`",
        "sys is a system database of the server; remove it from `streams.tables`",
        "rds_lake has the tables of capture itself; remove it from `streams.tables`",
    ]


def test_statement_level_is_refused(lab: Lab) -> None:
    lab.run("CREATE TABLE t (id int PRIMARY KEY)")
    (found,) = describe(lab.dsn, [lab.target("t")], capture=Capture.OUTBOX, level=Level.STATEMENT)
    assert "rows only" in found.reasons[0]


def test_what_the_servers_settings_would_spoil_is_a_note(lab: Lab) -> None:
    lab.run("CREATE TABLE t (id int PRIMARY KEY)", "SET GLOBAL max_allowed_packet = 1048576")
    try:
        first, second = lab.described("t", "t")
    finally:
        lab.run("SET GLOBAL max_allowed_packet = DEFAULT")
    assert "max_allowed_packet is 1,048,576 bytes" in first.notes[0]
    assert second.notes == ()


def test_describing_changes_nothing_and_says_no_word_of_the_dsn(lab: Lab, mariadb: EmbeddedMariaDb) -> None:
    lab.run("CREATE TABLE t (id int PRIMARY KEY)")
    lab.described("t")
    assert MySqlDatabase(mariadb.url("mysql")).tables()
    assert lab.run("SHOW DATABASES LIKE 'rds_lake'") == ()
    wrong = parse_dsn(lab.url.replace(lab.dsn.password, "hunter2-tiger"), where="the test")
    with pytest.raises(UnavailableError, match="1045") as caught:
        describe(wrong, [lab.target("t")], capture=Capture.OUTBOX, level=Level.ROW)
    assert caught.value.__context__ is None
    for word in ("hunter2-tiger", wrong.user, wrong.host, wrong.database):
        assert word not in str(caught.value)
