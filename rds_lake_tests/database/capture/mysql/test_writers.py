"""A writer of a captured table notices no trigger: not by an error, not by a right, not by what the session says afterwards."""

import pymysql
import pytest

from rds_lake.model.streams.event import Op
from rds_lake_tests.database.capture.mysql.lab import Lab
from rds_lake_tests.database.capture.mysql.strategies import quoted


def test_a_writer_needs_no_right_in_the_database_of_capture(lab: Lab) -> None:
    lab.run("CREATE TABLE t (id int PRIMARY KEY, v text)")
    lab.capture("t")
    lab.run(
        "CREATE OR REPLACE USER poor@'127.0.0.1' IDENTIFIED BY 'x'",
        f"GRANT INSERT, UPDATE (v), DELETE, SELECT ON {quoted(lab.database)}.t TO poor@'127.0.0.1'",
    )
    with lab.session(user=("poor", "x")) as poor:
        poor.execute("INSERT INTO t VALUES (1, 'a')")
        poor.execute("UPDATE t SET v = 'b'")
        poor.execute("DELETE FROM t")
        with pytest.raises(pymysql.OperationalError, match="denied"):
            poor.execute("SELECT * FROM rds_lake.outbox")
    assert [event.op for event in lab.events("t")] == [Op.INSERT, Op.UPDATE, Op.DELETE]


@pytest.mark.exhaustive
def test_the_numbers_that_a_writer_asks_for_afterwards_are_its_own(lab: Lab) -> None:
    lab.run("CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, v int, big mediumtext)")
    lab.capture("t")
    lab.run("INSERT INTO t (v) VALUES (1), (2), (3)")
    with lab.session() as writer:
        assert writer.execute("INSERT INTO t (v) VALUES (4), (5)") == 2
        assert writer.lastrowid == 4
        writer.execute("SELECT LAST_INSERT_ID(), ROW_COUNT(), @@warning_count, @answer")
        assert writer.fetchall() == ((4, 2, 0, None),)


def test_what_is_rolled_back_is_no_change(lab: Lab) -> None:
    lab.run("CREATE TABLE t (id int PRIMARY KEY)")
    lab.capture("t")
    with lab.session("BEGIN") as writer:
        for statement in (
            "INSERT INTO t VALUES (1)",
            "SAVEPOINT s",
            "INSERT INTO t VALUES (2)",
            "ROLLBACK TO s",
            "COMMIT",
        ):
            writer.execute(statement)
        with pytest.raises(pymysql.IntegrityError):
            writer.execute("INSERT INTO t VALUES (3), (1)")
    assert lab.images("t") == [{"id": "1"}]


@pytest.mark.parametrize(
    "mode", ["PAD_CHAR_TO_FULL_LENGTH", "NO_BACKSLASH_ESCAPES,ANSI_QUOTES", "TRADITIONAL", "ORACLE"]
)
def test_the_servers_sql_mode_at_installation_is_not_the_triggers(lab: Lab, mode: str) -> None:
    lab.run(f"SET GLOBAL sql_mode = '{mode}'")
    try:
        with lab.session("SET sql_mode = ''") as cursor:
            cursor.execute("CREATE TABLE `back\\slash's` (id int PRIMARY KEY, `c\\'\"` char(5), d datetime)")
        lab.capture("back\\slash's")
        lab.run("INSERT INTO `back\\slash's` VALUES (1, 'ab', 0)")
    finally:
        lab.run("SET GLOBAL sql_mode = DEFAULT")
    assert lab.images("back\\slash's") == [{"id": "1", "c\\'\"": "ab", "d": "0000-00-00 00:00:00"}]


@pytest.mark.exhaustive
def test_after_a_column_is_gone_writers_go_on_and_changes_have_the_key(lab: Lab) -> None:
    lab.run("CREATE TABLE t (id int, part varchar(5), v int, w int, PRIMARY KEY (part, id))")
    lab.capture("t")
    lab.run(
        "INSERT INTO t VALUES (1, 'a', 1, 1)",
        "ALTER TABLE t DROP COLUMN v, ADD COLUMN x int DEFAULT 7",
        "INSERT INTO t VALUES (2, 'b', 2, 2)",
        "UPDATE t SET w = 3, id = 9 WHERE id = 2",
        "UPDATE t SET w = 3 WHERE id = 77",
        "DELETE FROM t WHERE id = 9",
    )
    key, moved = {"id": "2", "part": "b"}, {"id": "9", "part": "b"}
    found = [(event.op, event.old, event.new, event.omitted) for event in lab.events("t")[1:]]
    assert found == [
        (Op.INSERT, None, key, ("v", "w")),
        (Op.UPDATE, key, moved, ("v", "w")),
        (Op.DELETE, moved, None, ("v", "w")),
    ]
    lab.capture("t")
    lab.run("INSERT INTO t VALUES (3, 'c', 3, 3)")
    assert lab.images("t")[-1] == {"id": "3", "part": "c", "w": "3", "x": "3"}


@pytest.mark.exhaustive
def test_after_a_column_of_the_key_is_renamed_a_change_says_at_least_that_there_was_one(lab: Lab) -> None:
    lab.run("CREATE TABLE t (id int PRIMARY KEY, v int)")
    lab.capture("t")
    lab.run(
        "ALTER TABLE t RENAME COLUMN id TO number", "INSERT INTO t VALUES (1, 1)", "UPDATE t SET v = 2", "DELETE FROM t"
    )
    every = ("id", "v")
    found = [(event.op, event.old, event.new, event.omitted) for event in lab.events("t")]
    assert found == [(Op.INSERT, None, {}, every), (Op.UPDATE, {}, {}, every), (Op.DELETE, {}, None, every)]


def test_a_column_of_another_type_makes_no_writer_fail(lab: Lab) -> None:
    lab.run("CREATE TABLE t (id int PRIMARY KEY, v int, w varchar(20), ts timestamp(6) NULL)")
    lab.capture("t")
    lab.run(
        "ALTER TABLE t MODIFY v varchar(20) CHARACTER SET sjis, MODIFY w blob, MODIFY ts int",
        "SET sql_mode = 'TRADITIONAL'",
        "INSERT INTO t VALUES (1, 'x', x'ff00fe', 5)",
        "UPDATE t SET v = 'y', w = x'fe', ts = -7",
        "DELETE FROM t",
        "ALTER TABLE t MODIFY v bit(64), MODIFY w point",
        "INSERT INTO t VALUES (2, ~0, POINT(1, 2), 7)",
    )
    assert [event.op for event in lab.events("t")] == [Op.INSERT, Op.UPDATE, Op.DELETE, Op.INSERT]


@pytest.mark.exhaustive
def test_locking_a_captured_table_stops_no_writer_of_another(lab: Lab) -> None:
    lab.run("CREATE TABLE one (id int PRIMARY KEY)", "CREATE TABLE two (id int PRIMARY KEY)")
    lab.capture("one", "two")
    with lab.session("LOCK TABLES one WRITE") as locking, lab.session("SET innodb_lock_wait_timeout = 1") as other:
        locking.execute("INSERT INTO one VALUES (1)")
        other.execute("INSERT INTO two VALUES (1)")
    assert lab.images("two") == [{"id": "1"}]


@pytest.mark.exhaustive
def test_a_table_of_a_thousand_columns_is_captured(lab: Lab) -> None:
    columns = ", ".join(f"column_{at} smallint" for at in range(1000))
    lab.run(f"CREATE TABLE t (id int PRIMARY KEY, {columns})")
    lab.capture("t")
    lab.run("INSERT INTO t (id) VALUES (1)", "UPDATE t SET column_999 = 7", "DELETE FROM t")
    assert [event.op for event in lab.events("t")] == [Op.INSERT, Op.UPDATE, Op.DELETE]
    image = lab.images("t")[1]
    assert image is not None
    assert (len(image), image["column_999"]) == (1001, "7")


def times(letter: str, count: int) -> str:
    return f"REPEAT('{letter}', {count})"


@pytest.mark.parametrize(
    ("values", "omitted"),
    [
        (("'a'", "'b'", "'{}'"), ()),
        ((times("a", 500_000), times("b", 200_000), "NULL"), ()),
        ((times("a", 500_000), times("b", 300_000), "NULL"), ("b",)),
        ((times("\\n", 600_000), times("b", 200_000), "NULL"), ("a",)),
        ((times("\\\\", 200_000), "NULL", "NULL"), ()),
        ((times("a", 3_000_000), times("b", 1_000_000), "CONCAT('[\"', REPEAT('c', 1100000), '\"]')"), ("a", "b", "j")),
        ((times("a", 15_000_000), "NULL", "'{}'"), ("a",)),
    ],
    ids=["short", "fits", "the longer", "escapes", "escapes that fit", "all", "a packet"],
)
def test_the_longest_columns_of_a_row_that_is_too_long_are_left_out(
    lab: Lab, values: tuple[str, ...], omitted: tuple[str, ...]
) -> None:
    lab.run("CREATE TABLE t (id int PRIMARY KEY, a longtext, b longblob, j json, n varchar(99))")
    lab.capture("t")
    lab.run(f"INSERT INTO t VALUES (1, {', '.join(values)}, 'x')", "UPDATE t SET n = 'y'", "DELETE FROM t")
    inserted, updated, deleted = lab.events("t")
    (rows,) = lab.run("SELECT GREATEST(MAX(LENGTH(old_image)), MAX(LENGTH(new_image))) FROM rds_lake.outbox")
    assert rows[0] <= 1 << 20
    for event, images in ((inserted, [inserted.new]), (updated, [updated.old, updated.new]), (deleted, [deleted.old])):
        assert event.omitted == omitted
        for image in images:
            assert image is not None
            assert set(image) == {"id", "a", "b", "j", "n"} - set(omitted)
    assert updated.old == inserted.new
    assert deleted.old == updated.new


@pytest.mark.exhaustive
def test_a_long_value_that_goes_or_comes_is_left_out_of_both_images(lab: Lab) -> None:
    lab.run("CREATE TABLE t (id int PRIMARY KEY, a longtext, b text)")
    lab.capture("t")
    lab.run("INSERT INTO t VALUES (1, 'x', 'y')", f"UPDATE t SET a = {times('a', 2_000_000)}", "UPDATE t SET a = 'z'")
    changes = [(event.old, event.new, event.omitted) for event in lab.events("t")[1:]]
    assert changes == [({"id": "1", "b": "y"}, {"id": "1", "b": "y"}, ("a",))] * 2


@pytest.mark.exhaustive
def test_a_short_row_beside_long_ones_has_all_its_columns(lab: Lab) -> None:
    names = [f"c{at}'\"\\" for at in range(40)]
    columns = ", ".join(f"{quoted(name)} longtext" for name in names)
    lab.run(f"CREATE TABLE t (id int PRIMARY KEY, {columns})")
    lab.capture("t")
    lab.run("INSERT INTO t (id) VALUES (1)", f"INSERT INTO t VALUES (2{', REPEAT(CHAR(39), 27000)' * 40})")
    short, long = lab.events("t")
    assert short.new == {"id": "1"} | dict.fromkeys(names)
    assert long.omitted
    assert long.new is not None
    assert {*long.new, *long.omitted} == {"id", *names}


@pytest.mark.exhaustive
def test_a_replace_counts_as_with_any_trigger(lab: Lab) -> None:
    lab.run(*(f"CREATE TABLE {name} (id int PRIMARY KEY, v int)" for name in ("t", "twin", "bare")))
    lab.run("CREATE TRIGGER nothing AFTER DELETE ON twin FOR EACH ROW SET @nothing = 1")
    lab.capture("t")
    counts: dict[str, list[int]] = {}
    with lab.session() as writer:
        for name in ("t", "twin", "bare"):
            values = ("(1, 1)", "(1, 1)", "(1, 2)", "(1, 2), (1, 2), (2, 2)")
            counts[name] = [writer.execute(f"REPLACE INTO {name} VALUES {rows}") for rows in values]
    assert counts["t"] == counts["twin"]
    assert counts["t"] != counts["bare"], "docs/streams-mysql.md says that the count differs"


@pytest.mark.exhaustive
@pytest.mark.parametrize("given", [1, 900])
def test_a_number_that_a_writer_sets_is_no_changes_number(lab: Lab, given: int) -> None:
    lab.run(
        "CREATE TABLE t (id INT PRIMARY KEY, v INT)",
        "CREATE TABLE own (id INT PRIMARY KEY AUTO_INCREMENT, v INT)",
    )
    lab.capture("t", "own")
    with lab.session() as cursor:
        cursor.execute("INSERT INTO t VALUES (1, 1)")
        for statement in ("INSERT INTO t VALUES (2, 1), (3, 1)", "UPDATE t SET v = 2", "DELETE FROM t WHERE id = 1"):
            cursor.execute(f"SET INSERT_ID = {given}")
            cursor.execute(statement)
        cursor.execute(f"SET INSERT_ID = {given}")
        cursor.execute("INSERT INTO own (v) VALUES (1), (2)")
        cursor.execute("SELECT LAST_INSERT_ID()")
        assert cursor.fetchall() == ((given,),)
    assert lab.run("SELECT id FROM own ORDER BY id") == ((given,), (given + 1,))
    numbers = lab.run("SELECT seq FROM rds_lake.outbox ORDER BY seq")
    assert [number for (number,) in numbers] == list(range(1, 10))
