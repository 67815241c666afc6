"""Concurrent transactions: who waits, who gets error 1023, and what a swap of tables looks like from outside."""

import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_lake.localcloud.redshift.engine.databases import Databases
from rds_lake.localcloud.redshift.engine.locking.transactions import Footprint, Transactions
from rds_lake.localcloud.redshift.engine.session import Session
from rds_lake.localcloud.redshift.errors import StatementFailedError

_SOON, _LATE = 0.15, 20.0
Made = Callable[[], Session]


@pytest.fixture
def made() -> Iterator[Made]:
    """Sessions of a database with two tables."""
    databases, sessions = Databases(), list[Session]()

    def session() -> Session:
        sessions.append(databases.session("arn:cluster", "dev"))
        return sessions[-1]

    for sql in ("create table tab1 (x int)", "create table tab2 (x int)", "insert into tab1 values (1)"):
        session().run(sql)
    yield session
    for each in sessions:
        each.close()
    databases.close()


def run(session: Session, *statements: str) -> None:
    for each in statements:
        session.run(each)


def later(session: Session, *statements: str) -> threading.Thread:
    """Begin statements that have to wait for another transaction."""
    thread = threading.Thread(target=run, args=(session, *statements))
    thread.start()
    thread.join(_SOON)
    assert thread.is_alive()
    return thread


def test_each_read_what_the_other_wrote(made: Made) -> None:
    """https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation-serializable-isolation-troubleshooting.html"""
    one, two = made(), made()
    run(one, "begin", "select * from tab1", "insert into tab2 values (1)")
    run(two, "begin", "insert into tab1 values (1)")
    with pytest.raises(
        StatementFailedError, match=r"1023\n  Detail: Serializable isolation violation on table - \d+, transactions"
    ):
        two.run("select * from tab2")
    run(one, "commit")
    assert two.run("select count(*) from tab2").values == [(1,)]


def test_a_second_writer_waits_and_sees_what_the_first_has_done(made: Made) -> None:
    one, two = made(), made()
    run(one, "begin", "update tab1 set x = 2")
    waiting = later(two, "update tab1 set x = x + 1")
    run(one, "commit")
    waiting.join(_LATE)
    assert one.run("select x from tab1").values == [(3,)]


def test_loads_into_one_table_wait_and_both_arrive(made: Made) -> None:
    one, two = made(), made()
    run(one, "begin", "insert into tab1 values (2)")
    run(two, "begin", "select * from tab2")
    waiting = later(two, "insert into tab1 values (3)", "commit")
    run(one, "commit")
    waiting.join(_LATE)
    assert one.run("select count(*) from tab1").values == [(3,)]


def test_a_change_of_rows_that_were_read_before_another_changed_them(made: Made) -> None:
    one, two = made(), made()
    run(two, "begin", "select x from tab1")
    run(one, "update tab1 set x = 5")
    with pytest.raises(StatementFailedError, match="1023"):
        two.run("update tab1 set x = 6")
    assert two.run("select x from tab1").values == [(5,)]


def test_readers_do_not_wait_for_writers(made: Made) -> None:
    one, two = made(), made()
    run(one, "begin", "delete from tab1")
    assert two.run("select count(*) from tab1").values == [(1,)]


def test_a_swap_waits_for_readers_and_readers_for_the_swap(made: Made) -> None:
    one, two, three = made(), made(), made()
    run(one, "create table fresh (x int)")
    run(two, "begin", "select * from tab1")
    swap = ("begin", "alter table tab1 rename to old", "alter table fresh rename to tab1", "drop table old", "commit")
    waiting = later(one, *swap)
    run(two, "commit")
    waiting.join(_LATE)
    run(one, "begin", "lock tab1")
    reader = later(three, "select * from tab1")
    run(one, "commit")
    reader.join(_LATE)
    assert three.run("select count(*) from tab1").values == [(0,)]


def test_two_that_wait_for_each_other_do_not_wait_for_ever(made: Made) -> None:
    one, two = made(), made()
    run(one, "begin", "insert into tab1 values (2)")
    run(two, "begin", "insert into tab2 values (2)")
    waiting = later(one, "insert into tab2 values (3)", "commit")
    with pytest.raises(StatementFailedError, match="deadlock detected"):
        two.run("insert into tab1 values (3)")
    waiting.join(_LATE)
    assert two.run("select count(*) from tab2").values == [(1,)]


def test_snapshot_isolation_refuses_only_changes_of_what_has_changed(made: Made) -> None:
    one, two = made(), made()
    run(one, "alter database dev isolation level snapshot")
    assert two.run("select isolation_level from stv_db_isolation_level").values == [("Snapshot Isolation",)]
    run(one, "begin", "select * from tab1", "insert into tab2 values (1)")
    run(two, "begin", "insert into tab1 values (1)", "select * from tab2", "commit")
    with pytest.raises(StatementFailedError, match="1023"):
        one.run("update tab1 set x = 9")


def test_temporary_tables_and_appends(made: Made) -> None:
    one, two = made(), made()
    run(one, "create temp table mine (a int)", "begin")
    with pytest.raises(StatementFailedError, match="does not exist"):
        two.run("select * from mine")
    with pytest.raises(StatementFailedError, match="APPEND cannot run inside a transaction block"):
        one.run("alter table tab1 append from tab2")
    with pytest.raises(StatementFailedError, match="does not exist"):
        one.run("lock nothing")


Step = tuple[int, str, str]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("rwc"), st.sampled_from("abc")), max_size=14))
def test_what_commits_has_an_order_that_explains_it(steps: list[Step]) -> None:
    """Three transactions read and write (reading first) three tables, no one waiting: those that commit are in some order."""
    book = Transactions()
    active, done = {n: book.begin() for n in range(3)}, []
    for number, act, table in steps:
        mine = active[number]
        if act == "c":
            book.end(mine, committed=True)
            done.append(mine)
            active[number] = book.begin()
            continue
        asked = Footprint(reads=frozenset({table}), writes=frozenset({table}) if act == "w" else frozenset())
        try:
            book.take(mine, asked, cancelled=lambda: True, table_id=lambda name: 1)
        except StatementFailedError:
            book.end(mine, committed=False)
            active[number] = book.begin()
    order = {each: [other for other in done if other is not each and other.before(each)] for each in done}
    while order:
        free = [each for each, first in order.items() if not any(other in order for other in first)]
        assert free, "a circle was committed"
        for each in free:
            del order[each]
