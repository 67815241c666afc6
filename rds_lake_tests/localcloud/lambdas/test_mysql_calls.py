"""`lambda_async` and `lambda_sync` in a MariaDB database, as in Aurora MySQL: in triggers, outside of the transaction."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pymysql
import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.localcloud.lambdas.calls.mysql import connect
from rds_lake_tests.localcloud.permissions.calling import allow
from rds_lake_tests.localcloud.streaming import Streaming

_ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
_TRIGGER = f"""
CREATE TRIGGER routes_insert AFTER INSERT ON routes FOR EACH ROW
BEGIN
  DECLARE ignored LONGTEXT;
  SELECT lambda_async('{_ARN}', JSON_OBJECT('id', NEW.id)) INTO ignored;
END
"""


@pytest.fixture(scope="module")
def calling_url(mariadb: EmbeddedMariaDb) -> str:
    return mariadb.create_database("calling")


@pytest.fixture(scope="module")
def calling_cloud(calling_url: str) -> Iterator[LocalCloud]:
    with LocalCloud({}, clusters={"shop-aurora": calling_url}) as cloud:
        cloud.calling_databases.install("shop-aurora")
        yield cloud


@pytest.fixture
def events(calling_cloud: LocalCloud) -> list[Any]:
    """What the function `f` got."""
    got: list[Any] = []
    streaming = Streaming(cloud=calling_cloud)
    streaming.prepare()
    streaming.stand_in(lambda event, context: got.append(event) or {"got": event})
    return got


@pytest.fixture
def streaming(calling_cloud: LocalCloud, events: list[Any]) -> Streaming:
    return Streaming(cloud=calling_cloud)


@pytest.fixture
def connection(calling_url: str) -> Iterator[pymysql.Connection[Any]]:
    with closing(connect(calling_url)) as connection:
        run(connection, "DROP TABLE IF EXISTS routes")
        run(connection, "CREATE TABLE routes (id BIGINT PRIMARY KEY)")
        run(connection, _TRIGGER)
        yield connection


def run(connection: pymysql.Connection[Any], statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()


def refused(connection: pymysql.Connection[Any], statement: str) -> tuple[Any, ...]:
    with pytest.raises(pymysql.err.Error) as caught:
        run(connection, statement)
    return caught.value.args


def test_a_trigger_invokes_the_function_and_a_rollback_does_not_take_it_back(
    streaming: Streaming, events: list[Any], connection: pymysql.Connection[Any]
) -> None:
    connection.begin()
    run(connection, "INSERT INTO routes VALUES (1), (2)")
    connection.rollback()
    run(connection, "INSERT INTO routes VALUES (3)")
    streaming.settled()
    assert sorted(event["id"] for event in events) == [1, 2, 3]
    assert run(connection, "SELECT COUNT(*) FROM routes") == (1,)


def test_lambda_sync_answers_what_the_function_returned(
    streaming: Streaming, connection: pymysql.Connection[Any], events: list[Any]
) -> None:
    payload = '{"größe": 1}'
    assert run(connection, f"SELECT lambda_sync('{_ARN}', '{payload}')") == ('{"got": {"gr\\u00f6\\u00dfe": 1}}',)
    assert events == [{"größe": 1}]
    assert run(connection, f"SELECT lambda_async('{_ARN}', '1')") == ("",)


def test_a_call_that_fails_is_an_error_of_the_writers_statement(
    streaming: Streaming, connection: pymysql.Connection[Any]
) -> None:
    streaming.faults(lambdas=[{"unreachable": "Network Connection. Unable to connect to endpoint", "times": 1}])
    code, message = refused(connection, "INSERT INTO routes VALUES (1)")
    assert (code, message) == (1873, "Lambda API returned error: Network Connection. Unable to connect to endpoint")
    assert run(connection, "SELECT COUNT(*) FROM routes") == (0,)
    run(connection, "INSERT INTO routes VALUES (1)")
    code, message = refused(
        connection, "SELECT lambda_async('arn:aws:lambda:us-east-1:123456789012:function:none', '1')"
    )
    assert code == 1873 and "Function not found" in message


def test_a_handler_in_the_trigger_keeps_the_writer_from_failing(
    streaming: Streaming, connection: pymysql.Connection[Any], events: list[Any]
) -> None:
    run(connection, "DROP TRIGGER routes_insert")
    run(connection, _TRIGGER.replace("  SELECT", "  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;\n  SELECT"))
    streaming.faults(lambdas=[{"unreachable": "no way", "times": 1}])
    run(connection, "INSERT INTO routes VALUES (1), (2)")
    streaming.settled()
    assert run(connection, "SELECT COUNT(*) FROM routes") == (2,)
    assert [event["id"] for event in events] == [2], "the first change is lost"


def test_writers_do_not_wait_for_each_others_calls(
    streaming: Streaming, connection: pymysql.Connection[Any], calling_url: str, events: list[Any]
) -> None:
    def write(first: int) -> None:
        with closing(connect(calling_url)) as own:
            own.begin()
            for number in range(first, first + 20):
                run(own, f"INSERT INTO routes VALUES ({number})")
            own.commit()

    writers = [threading.Thread(target=write, args=(first,)) for first in (0, 100, 200)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert streaming.settled()["counts"]["received"] == 60
    assert len({event["id"] for event in events}) == 60


def test_the_clusters_role_has_to_be_allowed_to_invoke(
    streaming: Streaming, connection: pymysql.Connection[Any], events: list[Any]
) -> None:
    role = streaming.make_role("database", allow("lambda:InvokeFunction", f"{_ARN}-other"))
    streaming.cloud.calling_databases.install("shop-aurora", role)
    try:
        code, message = refused(connection, "INSERT INTO routes VALUES (1)")
        assert code == 1873 and "not authorized to perform" in message
    finally:
        streaming.cloud.calling_databases.install("shop-aurora")
    assert events == []


def test_users_need_the_role_that_aws_names(
    streaming: Streaming, connection: pymysql.Connection[Any], mariadb: EmbeddedMariaDb, calling_url: str
) -> None:
    run(connection, "CREATE OR REPLACE USER writer@'127.0.0.1' IDENTIFIED BY 'x'")
    run(connection, "GRANT SELECT ON calling.* TO writer@'127.0.0.1'")
    scheme, _, rest = calling_url.partition("://")
    url = f"{scheme}://writer:x@{rest.partition('@')[2]}"
    call = f"SELECT lambda_async('{_ARN}', '1')"
    with closing(connect(url)) as writer:
        assert "execute command denied" in refused(writer, call)[1]
        run(connection, "GRANT AWS_LAMBDA_ACCESS TO writer@'127.0.0.1'")
    with closing(connect(url)) as writer:
        assert "execute command denied" in refused(writer, call)[1], "a role that is granted has to be active as well"
        run(writer, "SET ROLE AWS_LAMBDA_ACCESS")
        assert run(writer, call) == ("",)
    run(connection, "DROP USER writer@'127.0.0.1'")
