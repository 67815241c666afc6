"""The triggers that `rds-lake streams triggers` makes for `capture: lambda`: the function understands all that they send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.model.streams.captured import Capture
from rds_lake.sql.triggers.plan import Wanted
from rds_lake.streams.changes import read_changes
from rds_lake_tests.database.capture.captured import capture
from rds_lake_tests.database.capture.mysql.lab import Lab
from rds_lake_tests.localcloud.streaming import Streaming

_ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
_TABLES = """
DROP SCHEMA IF EXISTS rds_lake CASCADE;
DROP TABLE IF EXISTS routes;
CREATE TABLE routes ("from" char(3), "to" char(3), "group" numeric(12,2), open bit(1), at timestamptz, doc json, big text,
    PRIMARY KEY ("from", "to"));
"""


@pytest.fixture(scope="module")
def generated_url(postgres: EmbeddedPostgres) -> str:
    return postgres.create_database("generated")


@pytest.fixture(scope="module")
def lab(mariadb: EmbeddedMariaDb) -> Lab:
    return Lab(mariadb.create_database("generated"))


@pytest.fixture(scope="module")
def generated_cloud(generated_url: str, lab: Lab) -> Iterator[LocalCloud]:
    with LocalCloud({"shop-prod": generated_url}, clusters={"shop-aurora": lab.url}) as cloud:
        for database in ("shop-prod", "shop-aurora"):
            cloud.calling_databases.install(database)
        yield cloud


@pytest.fixture
def taken(generated_cloud: LocalCloud, generated_url: str) -> list[dict[str, Any]]:
    """What the function got, as its own reader reads it; a change that it refuses fails the invocation."""
    changes: list[dict[str, Any]] = []
    streaming = Streaming(cloud=generated_cloud)
    streaming.prepare()
    streaming.stand_in(lambda event, context: changes.extend(read_changes(event)))
    with psycopg.connect(generated_url) as connection:
        connection.execute(_TABLES)
    return changes


@pytest.fixture
def streaming(generated_cloud: LocalCloud, taken: list[dict[str, Any]]) -> Streaming:
    return Streaming(cloud=generated_cloud)


def calls(url: str, **more: Any) -> None:
    """The table's changes call the function from now on."""
    capture(url, "routes", capture=Capture.LAMBDA, function=_ARN, **more)


def execute(url: str, *statements: str) -> None:
    with psycopg.connect(url) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_the_function_understands_everything_that_generated_triggers_send(
    streaming: Streaming, generated_url: str, taken: list[dict[str, Any]]
) -> None:
    calls(generated_url)
    execute(
        generated_url,
        "INSERT INTO routes VALUES ('ZRH', 'LHR', 1.50, B'1', '2026-03-29 01:30:00+00', '{\"a\": 1 }', 'größe')",
        "INSERT INTO routes VALUES ('ZRH', 'JFK', NULL, B'0', NULL, NULL, repeat('x', 600000))",
        'UPDATE routes SET "group" = 1.5 WHERE "to" = \'LHR\'',
        "UPDATE routes SET open = open",
        "UPDATE routes SET \"to\" = 'LGW' WHERE \"to\" = 'LHR'",
        "DELETE FROM routes WHERE \"to\" = 'JFK'",
        "TRUNCATE routes",
    )
    counts = streaming.settled()["counts"]
    assert "RetriesExhausted" not in counts and counts["Success"] == counts["received"]
    assert {change["source"] for change in taken} == {"shop"}
    by_op: dict[str, list[dict[str, Any]]] = {}
    for change in taken:
        by_op.setdefault(change["op"], []).append(change)
    assert len(by_op["T"]) == 1 and by_op["T"][0]["new"] is None
    inserted = {change["key"]["to"]: change for change in by_op["I"]}
    assert inserted["LHR"]["new"] == {
        "from": "ZRH", "to": "LHR", "group": "1.50", "open": "1", "at": "2026-03-29 01:30:00+00", "doc": '{"a": 1 }',
        "big": "größe",
    }  # fmt: skip
    assert (inserted["JFK"]["omitted"], "big" in inserted["JFK"]["new"]) == (["big"], False)
    assert len({change["id"] for change in taken}) == len(taken)


def test_a_change_that_cannot_be_handed_over_fails_the_writer_or_is_counted_as_dropped(
    streaming: Streaming, generated_url: str, taken: list[dict[str, Any]]
) -> None:
    insert = "INSERT INTO routes VALUES ('ZRH', '{}', 1, B'1', NULL, NULL, NULL)"
    unreachable = {"unreachable": "Unable to connect to endpoint", "times": 1}
    calls(generated_url, on_error="fail")
    streaming.faults(lambdas=[unreachable])
    with pytest.raises(psycopg.Error, match="invoke API failed"):
        execute(generated_url, insert.format("LHR"))
    calls(generated_url, on_error="drop")
    streaming.faults(lambdas=[unreachable])
    execute(generated_url, insert.format("LHR"), insert.format("JFK"))
    streaming.settled()
    assert [change["key"]["to"] for change in taken] == ["JFK"]
    with psycopg.connect(generated_url) as connection:
        dropped = connection.execute("SELECT table_name, op, error FROM rds_lake.dropped").fetchall()
    assert dropped == [("routes", "I", "invoke API failed")]


def test_those_of_mariadb_are_understood_as_well_and_drop_what_cannot_be_handed_over(
    streaming: Streaming, lab: Lab, taken: list[dict[str, Any]]
) -> None:
    lab.run(
        "DROP DATABASE IF EXISTS rds_lake",
        "DROP TABLE IF EXISTS routes",
        "CREATE TABLE routes (`from` CHAR(3), `to` CHAR(3), `group` DECIMAL(12,2), open BIT(1), note VARCHAR(50), big LONGTEXT, "
        "PRIMARY KEY (`from`, `to`)) CHARACTER SET latin1",
    )
    wanted = Wanted(source="shop", capture=Capture.LAMBDA, function=_ARN, on_error="drop")
    lab.capture("routes", wanted=wanted)
    lab.run(
        "INSERT INTO routes VALUES ('ZRH', 'LHR', 1.50, b'1', 'größe \"x\" \\\\', NULL)",
        "INSERT INTO routes VALUES ('ZRH', 'JFK', NULL, b'0', NULL, REPEAT('x', 600000))",
        "UPDATE routes SET open = open",
        "UPDATE routes SET `to` = 'LGW' WHERE `to` = 'LHR'",
        "DELETE FROM routes WHERE `to` = 'JFK'",
    )
    counts = streaming.settled()["counts"]
    assert "RetriesExhausted" not in counts and counts["Success"] == counts["received"] >= 4
    inserted = {change["key"]["to"]: change for change in taken if change["op"] == "I"}
    assert inserted["LHR"]["new"]["note"] == 'größe "x" \\'
    assert inserted["LHR"]["new"]["group"] == "1.50"
    assert inserted["JFK"]["omitted"] == ["big"]
    taken.clear()
    streaming.faults(lambdas=[{"unreachable": "Network Connection. Unable to connect to endpoint", "times": 1}])
    lab.run("INSERT INTO routes (`from`, `to`) VALUES ('a', 'b'), ('c', 'd')")
    streaming.settled()
    assert [change["key"]["to"] for change in taken] == ["d"]
    dropped = lab.run("SELECT table_name, op, error FROM rds_lake.dropped")
    assert dropped == (("routes", "I", "Lambda API returned error: Network Connection. Unable to connect to endpoint"),)
