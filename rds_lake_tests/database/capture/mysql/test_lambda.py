"""Changes that a trigger hands to a function: one call for each row, its payload, and what becomes of the writer when it fails."""

import json
from typing import Any, Literal

import pymysql
import pytest

from rds_lake.database.capture.install import differences, install, uninstall
from rds_lake.model.streams.captured import Capture
from rds_lake.sql.triggers.plan import Wanted
from rds_lake_tests.database.capture.mysql.lab import Lab

ARN = "arn:aws:lambda:us-east-1:111122223333:function:changes"


def wanted(on_error: Literal["fail", "drop"]) -> Wanted:
    return Wanted(source="shop", capture=Capture.LAMBDA, function=ARN, on_error=on_error)


@pytest.fixture
def aurora(lab: Lab) -> Lab:
    """A stored function in the place of Aurora's own; it fails for rows that say so."""
    lab.run(
        "CREATE TABLE t (id int, part bit(3), v varchar(40), d datetime(6), big longtext, PRIMARY KEY (part, id)) CHARSET utf8mb4",
        "CREATE TABLE calls (id int PRIMARY KEY AUTO_INCREMENT, arn text, payload longtext) CHARSET utf8mb4",
        "CREATE FUNCTION lambda_async(arn text, payload longtext CHARACTER SET utf8mb4) RETURNS text BEGIN "
        "IF payload LIKE '%unreachable%' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Lambda cannot be reached'; END IF; "
        "INSERT INTO calls (arn, payload) VALUES (arn, payload); RETURN ''; END",
    )
    return lab


def calls(lab: Lab) -> list[dict[str, Any]]:
    rows = lab.run("SET NAMES utf8mb4", "SELECT arn, payload FROM calls ORDER BY id")
    assert all(arn == ARN for arn, _ in rows)
    return [json.loads(payload) for _, payload in rows]


def test_a_function_is_told_of_rows_that_change_and_of_no_others(aurora: Lab) -> None:
    plan = aurora.plan("t", wanted=wanted("fail"))
    install(aurora.dsn, plan)
    assert differences(aurora.dsn, plan) == ()
    with aurora.session("SET time_zone = '+05:30'", "SET @answer = 'mine'") as writer:
        writer.execute("INSERT INTO t VALUES (1, 5, %s, '2026-11-28', NULL)", ('q"\\ü\n',))
        writer.execute("UPDATE t SET v = v")
        writer.execute("UPDATE t SET id = 2, v = NULL")
        writer.execute("DELETE FROM t")
        writer.execute("SELECT @answer")
        assert writer.fetchall() == (("mine",),)
    inserted, updated, deleted = calls(aurora)
    row = {"id": "1", "part": "5", "v": 'q"\\ü\n', "d": "2026-11-28 00:00:00.000000", "big": None}
    moved = row | {"id": "2", "v": None}
    assert len({call.pop("id") for call in (inserted, updated, deleted)}) == 3
    for call in (inserted, updated, deleted):
        assert call.pop("at").endswith("+00:00")
    always = {"source": "shop", "table": str(aurora.target("t")), "xid": None, "omitted": []}
    assert inserted == always | {"op": "I", "key": {"id": "1", "part": "5"}, "old": None, "new": row}
    assert updated == always | {"op": "U", "key": {"id": "2", "part": "5"}, "old": row, "new": moved}
    assert deleted == always | {"op": "D", "key": {"id": "2", "part": "5"}, "old": moved, "new": None}


def test_a_payload_is_never_longer_than_a_call_may_be(aurora: Lab) -> None:
    install(aurora.dsn, aurora.plan("t", wanted=wanted("fail")))
    aurora.run(
        "INSERT INTO t VALUES (1, 1, 'x', NULL, REPEAT('a', 470000)), (2, 1, 'x', NULL, REPEAT('\\n', 470000))",
        "UPDATE t SET v = 'y'",
    )
    first, second, *updates = calls(aurora)
    assert [len(call["omitted"]) for call in (first, second, *updates)] == [0, 1, 0, 1]
    assert second["omitted"] == ["big"]
    ((longest,),) = aurora.run("SELECT MAX(LENGTH(payload)) FROM calls")
    assert 900_000 < longest < 1_000_000


def test_a_call_that_fails_ends_the_writers_statement(aurora: Lab) -> None:
    install(aurora.dsn, aurora.plan("t", wanted=wanted("fail")))
    with pytest.raises(pymysql.MySQLError, match="cannot be reached"):
        aurora.run("INSERT INTO t VALUES (1, 1, 'unreachable', NULL, NULL)")
    assert aurora.exported("t") == []


def test_a_call_that_fails_is_dropped_and_counted(aurora: Lab) -> None:
    plan = aurora.plan("t", wanted=wanted("drop"))
    install(aurora.dsn, plan)
    aurora.run(
        "INSERT INTO t VALUES (1, 1, 'unreachable', NULL, NULL), (2, 1, 'x', NULL, NULL)",
        "BEGIN",
        "DELETE FROM t WHERE id = 1",
        "ROLLBACK",
        "ALTER TABLE t DROP COLUMN d",
        "UPDATE t SET v = 'y' WHERE id = 2",
    )
    assert len(aurora.exported("t")) == 2
    dropped = aurora.run("SELECT table_schema, table_name, op, error FROM rds_lake.dropped")
    assert dropped == ((aurora.database, "t", "I", "Lambda cannot be reached"),)
    _, by_key = calls(aurora)
    assert (by_key["new"], by_key["omitted"]) == ({"id": "2", "part": "1"}, ["v", "d", "big"])
    uninstall(aurora.dsn, plan)
    aurora.run("INSERT INTO t (id, part, v) VALUES (4, 4, 'x')")
    assert len(calls(aurora)) == 2


def test_not_even_a_missing_table_of_dropped_changes_ends_a_writers_statement(aurora: Lab) -> None:
    install(aurora.dsn, aurora.plan("t", wanted=wanted("drop")))
    aurora.run("DROP TABLE rds_lake.dropped", "INSERT INTO t VALUES (1, 1, 'unreachable', NULL, NULL)")
    assert len(aurora.exported("t")) == 1


@pytest.mark.parametrize("on_error", ["fail", "drop"])
def test_where_there_is_no_such_function_the_writer_fails_or_the_change_is_dropped(
    aurora: Lab, on_error: Literal["fail", "drop"]
) -> None:
    install(aurora.dsn, aurora.plan("t", wanted=wanted(on_error)))
    aurora.run("DROP FUNCTION lambda_async")
    if on_error == "fail":
        with pytest.raises(pymysql.MySQLError, match="lambda_async does not exist"):
            aurora.run("INSERT INTO t (id, part) VALUES (1, 1)")
        return
    aurora.run("INSERT INTO t (id, part) VALUES (1, 1)")
    assert "does not exist" in aurora.run("SELECT error FROM rds_lake.dropped")[0][0]
