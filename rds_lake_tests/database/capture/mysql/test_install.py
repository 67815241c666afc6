"""Installing triggers step by step: whatever ends it, writers go on, nothing captured is lost, and the next time completes it."""

import re
from dataclasses import replace

import pymysql
import pytest

from rds_lake.database.capture.install import differences, install, installed, uninstall
from rds_lake.errors import ConfigError, TerminalError, UnavailableError
from rds_lake.model.streams.captured import CapturedTable
from rds_lake.sql.quoting import backticked
from rds_lake.sql.triggers.generate import generate
from rds_lake.sql.triggers.plan import TriggerPlan, Wanted
from rds_lake_tests.database.capture.mysql.lab import Lab

WRITES = ("INSERT INTO t (id) VALUES (1)", "UPDATE t SET id = 2", "DELETE FROM t")


@pytest.fixture
def table(lab: Lab) -> Lab:
    lab.run("CREATE TABLE t (id int PRIMARY KEY, v varchar(9))", "CREATE TABLE other (id int PRIMARY KEY)")
    return lab


def crash_after(lab: Lab, plan: TriggerPlan, count: int) -> None:
    """The plan's first statements, and the end of the session."""
    with lab.session() as cursor:
        for statement in plan.statements[:count]:
            cursor.execute(statement)


def written(writer: pymysql.cursors.Cursor) -> str:
    """What the outbox has of the three writes, in their order."""
    for statement in WRITES:
        writer.execute(statement)
    writer.execute("SELECT op FROM rds_lake.outbox ORDER BY seq")
    ops = "".join(op for (op,) in writer.fetchall())
    writer.execute("DELETE FROM rds_lake.outbox")
    return ops


def steps(plan: TriggerPlan) -> range:
    """How many statements there may have been; those that only set the session's variables change nothing."""
    return range(sum(statement.startswith("SET ") for statement in plan.statements), len(plan.statements) + 1)


@pytest.mark.exhaustive
def test_an_installation_that_ends_after_any_statement_stops_no_writer_and_can_be_repeated(table: Lab) -> None:
    plan = table.plan("t")
    with table.session() as writer:
        for count in steps(plan):
            crash_after(table, plan, count)
            for statement in WRITES:
                writer.execute(statement)
            install(table.dsn, plan)
            assert differences(table.dsn, plan) == (), count
            writer.execute("DELETE FROM rds_lake.outbox")
            assert written(writer) == "IUD", count
            uninstall(table.dsn, plan)


@pytest.mark.exhaustive
def test_triggers_that_are_replaced_lose_no_change_after_whichever_statement_it_ends(table: Lab) -> None:
    old = table.capture("t")
    table.run("ALTER TABLE t ADD COLUMN w int")
    new = table.plan("t")
    assert new.tables[0].digest != old.tables[0].digest
    with table.session() as writer:
        for count in steps(new)[5:]:
            crash_after(table, new, count)
            assert re.fullmatch("I{1,2}U{1,2}D{1,2}", written(writer)), count
            install(table.dsn, new)
            assert differences(table.dsn, new) == (), count
            install(table.dsn, old)


def test_a_second_installation_touches_nothing(table: Lab) -> None:
    plan = table.capture("t", "other")
    made = "SELECT TRIGGER_NAME, CREATED FROM information_schema.TRIGGERS ORDER BY 1"
    before = table.run(made)
    ((epoch,),) = table.run("SELECT CONCAT(cut, epoch) FROM rds_lake.position")
    install(table.dsn, plan)
    assert table.run(made) == before
    assert table.run("SELECT CONCAT(cut, epoch) FROM rds_lake.position") == ((epoch,),)


@pytest.mark.exhaustive
def test_writers_that_write_while_triggers_are_replaced_lose_no_change(table: Lab) -> None:
    table.capture("t")
    with table.session() as writer:
        for number in range(20):
            writer.execute("INSERT INTO t (id) VALUES (%s)", (number,))
            if number % 5 == 0:
                table.run(f"ALTER TABLE t ADD COLUMN c{number} int")
                table.capture("t")
    assert [event.new and event.new["id"] for event in table.events("t")] == [str(number) for number in range(20)]


def test_a_busy_table_is_named_and_the_others_are_installed(table: Lab) -> None:
    plan = table.plan("t", "other")
    quick = replace(plan, statements=tuple(s.replace("timeout = 5", "timeout = 1") for s in plan.statements))
    with table.session("BEGIN") as writer:
        writer.execute("INSERT INTO t (id) VALUES (1)")
        with pytest.raises(UnavailableError, match=r"busy.*\.t\. Open transactions"):
            install(table.dsn, quick)
        writer.execute("UPDATE t SET v = 'x'")
        writer.execute("COMMIT")
    assert {problem.split(": ")[0] for problem in differences(table.dsn, plan)} == {str(table.target("t"))}
    install(table.dsn, plan)
    assert differences(table.dsn, plan) == ()


def test_two_installations_at_once_are_one(table: Lab) -> None:
    with table.session("SELECT GET_LOCK('rds_lake.install', 0)"), pytest.raises(UnavailableError, match="another run"):
        table.capture("t")


@pytest.mark.exhaustive
def test_a_refusal_says_what_the_server_said_and_names_the_table(table: Lab) -> None:
    plan = table.plan("t", "other")
    table.run("DROP TABLE t")
    with pytest.raises(TerminalError, match=r"\.t: .*doesn't exist \(1146\)") as caught:
        install(table.dsn, plan)
    assert table.dsn.password not in str(caught.value)
    table.run("INSERT INTO other VALUES (1)")
    assert table.images("other") == [{"id": "1"}]


@pytest.mark.exhaustive
def test_no_trigger_ever_writes_into_somebody_elses_tables(table: Lab) -> None:
    table.run("CREATE DATABASE rds_lake", "CREATE TABLE rds_lake.outbox (seq int PRIMARY KEY)")
    with pytest.raises(ConfigError, match=r"`rds_lake`\.`outbox`: rds-lake did not create these tables"):
        table.capture("t")
    table.run("INSERT INTO t (id) VALUES (1)", "DROP DATABASE rds_lake")
    table.capture("other")
    table.run("ALTER TABLE rds_lake.outbox ENGINE=MyISAM")
    with pytest.raises(ConfigError, match=r"`rds_lake`\.`outbox`: rds-lake did not create these tables"):
        table.capture("t")
    table.run("INSERT INTO t (id) VALUES (2)")


@pytest.mark.exhaustive
def test_every_difference_is_named(table: Lab) -> None:
    plan = table.capture("t", "other")
    ((update, *_),) = table.run("SHOW TRIGGERS WHERE `Table` = 't' AND `Event` = 'UPDATE'")
    table.run(
        f"DROP TRIGGER {update}",
        "ALTER TABLE other ADD COLUMN v int",
        "DELETE FROM rds_lake.capture WHERE table_name = 'other'",
    )
    t, other = table.target("t"), table.target("other")
    assert differences(table.dsn, plan) == (
        f"{t}: its trigger for UPDATE is missing: writes since then were not captured",
        f"{other}: its definition in `rds_lake`.`capture` is missing or differs",
        f"{other}: its columns differ from those that the triggers use",
    )
    changed = table.plan("other")
    assert f"{other}: its trigger for INSERT differs from the one that rds-lake would install" in differences(
        table.dsn, changed
    )


def test_uninstalling_leaves_changes_that_nobody_has_taken(table: Lab) -> None:
    plan = table.capture("t")
    table.run("INSERT INTO t (id) VALUES (1)")
    uninstall(table.dsn, plan)
    table.run("INSERT INTO t (id) VALUES (2)")
    assert table.images("t") == [{"id": "1", "v": None}]
    table.run("DELETE FROM rds_lake.outbox")
    uninstall(table.dsn, plan)
    assert table.run("SHOW DATABASES LIKE 'rds_lake'") == ()
    uninstall(table.dsn, plan)


@pytest.mark.exhaustive
def test_the_server_says_itself_what_is_captured_and_that_is_enough_to_undo_it(table: Lab) -> None:
    assert installed(table.dsn, table.database) == ()
    plan = table.capture("t", "other")
    assert sorted(installed(table.dsn, table.database), key=str) == sorted(plan.tables, key=str)
    bare = [CapturedTable(target=each.target, columns=(), key=()) for each in plan.tables]
    uninstall(table.dsn, generate(table.dsn.engine, bare, Wanted(source="shop")))
    assert table.run("SHOW TRIGGERS") == ()


@pytest.mark.exhaustive
def test_uninstalling_some_tables_leaves_the_others_captured(table: Lab) -> None:
    table.capture("t", "other")
    uninstall(table.dsn, table.plan("t"))
    table.run("INSERT INTO t (id) VALUES (1)", "INSERT INTO other VALUES (1)")
    assert (table.images("t"), table.images("other")) == ([], [{"id": "1"}])


def test_the_reader_may_read_and_empty_the_outbox_and_no_more(table: Lab) -> None:
    table.run("CREATE OR REPLACE USER forwarder@'%' IDENTIFIED BY 'x'")
    install(table.dsn, table.plan("t", wanted=Wanted(source="shop", reader="forwarder")))
    table.run("INSERT INTO t (id) VALUES (1)")
    # In no database: it may see no other.
    connection = pymysql.connect(host=table.dsn.host, port=table.dsn.port, user="forwarder", password="x")
    with connection, connection.cursor() as reader:
        reader.execute("SELECT seq FROM rds_lake.outbox")
        reader.execute("SELECT definition FROM rds_lake.capture")
        reader.execute("DELETE FROM rds_lake.outbox WHERE seq = 1")
        reader.execute("UPDATE rds_lake.position SET cut = cut + 1")
        with pytest.raises(pymysql.OperationalError, match="denied"):
            reader.execute("INSERT INTO rds_lake.outbox (seq) VALUES (7)")


@pytest.mark.exhaustive
def test_a_trigger_whose_user_is_gone_is_named_and_belongs_to_somebody_else_after_the_next_installation(
    table: Lab,
) -> None:
    plan = table.plan("t")
    install(table.dsn, plan)
    assert differences(table.dsn, plan) == ()
    table.run(WRITES[0])
    table.run("CREATE USER leaving@localhost IDENTIFIED BY 'x'", "GRANT ALL ON *.* TO leaving@localhost")
    gone = plan.statements[-5]
    assert gone.startswith("CREATE TRIGGER")
    words = "DROP TRIGGER IF EXISTS "
    drop = next(each for each in plan.drop if each.startswith(words) and each.removeprefix(words) in gone)
    with table.session("SET sql_mode = ''", user=("leaving", "x")) as cursor:
        cursor.execute(drop)
        cursor.execute(gone)
    assert differences(table.dsn, plan) == ()
    table.run("DROP USER leaving@localhost")
    with pytest.raises(pymysql.Error, match="leaving"):
        table.run("DELETE FROM t")
    (problem,) = differences(table.dsn, plan)
    assert "its trigger for DELETE belongs to leaving@localhost, a user that no longer exists" in problem
    install(table.dsn, plan)
    assert differences(table.dsn, plan) == ()
    table.run("DELETE FROM t")


@pytest.mark.exhaustive
def test_who_may_not_see_users_is_told_nothing_of_them(table: Lab) -> None:
    plan = table.plan("t")
    install(table.dsn, plan)
    table.run(
        "CREATE USER looker@localhost IDENTIFIED BY 'x'",
        f"GRANT SELECT, TRIGGER ON {backticked(table.database)}.* TO looker@localhost",
        "GRANT SELECT, TRIGGER ON rds_lake.* TO looker@localhost",
    )
    looking = replace(table.dsn, user="looker", password="x")
    assert differences(looking, plan) == ()
    table.run("DROP USER looker@localhost")
