"""`aws_lambda.invoke` in a PostgreSQL database: RDS's parameters and errors, outside of the transaction."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake_tests.localcloud.permissions.calling import allow
from rds_lake_tests.localcloud.streaming import Streaming
from rds_lake_tests.support.world import post

_ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


@pytest.fixture(scope="module")
def calling_url(postgres: EmbeddedPostgres) -> str:
    return postgres.create_database("calling")


@pytest.fixture(scope="module")
def calling_cloud(calling_url: str) -> Iterator[LocalCloud]:
    with LocalCloud({"shop-prod": calling_url}) as cloud:
        cloud.calling_databases.install("shop-prod")
        yield cloud


@pytest.fixture
def calling(calling_cloud: LocalCloud, streaming_clients: dict[str, Any]) -> Streaming:
    streaming = Streaming(cloud=calling_cloud)
    streaming.prepare()
    return streaming


@pytest.fixture
def connection(calling_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(calling_url, autocommit=True) as connection:
        yield connection


def failure(connection: psycopg.Connection[Any], call: str) -> tuple[str | None, str | None]:
    """Message and detail of the error that a call ends with."""
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(f"SELECT * FROM {call}".encode())
    return caught.value.diag.message_primary, caught.value.diag.message_detail


def one(connection: psycopg.Connection[Any], call: str) -> tuple[Any, ...]:
    row = connection.execute(f"SELECT * FROM {call}".encode()).fetchone()
    assert row is not None
    return row


def test_a_call_answers_what_the_function_returned(calling: Streaming, connection: psycopg.Connection[Any]) -> None:
    """The examples of https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL-Lambda.html"""
    calling.stand_in(lambda event, context: {"got": event})
    assert one(connection, f"""aws_lambda.invoke('{_ARN}', '{{"body": "größe"}}'::json)""") == (
        200, {"got": {"body": "größe"}}, "$LATEST", None,
    )  # fmt: skip
    made = "aws_commons.create_lambda_function_arn('f', 'us-east-1')"
    assert one(connection, f"aws_lambda.invoke({made}, '[1]'::jsonb, 'us-east-1', 'RequestResponse')")[:2] == (
        200,
        {"got": [1]},
    )
    assert one(connection, f"aws_lambda.invoke({made}, '[1]'::json, NULL, 'DryRun')") == (204, None, "$LATEST", None)
    assert one(connection, "aws_lambda.invoke('f', '1'::json, 'us-east-1', 'Event')") == (202, None, "$LATEST", None)
    assert calling.settled()["counts"]["Success"] == 1


def test_a_rolled_back_transaction_has_invoked_the_function_all_the_same(
    calling: Streaming, connection: psycopg.Connection[Any]
) -> None:
    events: list[Any] = []
    calling.stand_in(lambda event, context: events.append(event))
    with connection.transaction(force_rollback=True):
        for number in range(3):
            connection.execute(f"SELECT aws_lambda.invoke('f', '{number}'::json, invocation_type => 'Event')".encode())
    calling.settled()
    assert sorted(events) == [0, 1, 2]


def test_a_function_that_fails_is_an_error_of_the_statement(
    calling: Streaming, connection: psycopg.Connection[Any]
) -> None:
    def fails(event: Any, context: Any) -> None:
        raise KeyError("x")

    calling.stand_in(fails)
    message, detail = failure(connection, f"aws_lambda.invoke('{_ARN}', '1'::json)")
    assert message == "lambda invocation failed"
    assert detail is not None and detail.startswith(f'"{_ARN}" returned error "Unhandled", details: "{{')
    assert "KeyError" in detail


@pytest.mark.parametrize(
    ("call", "detail"),
    [
        (
            "aws_lambda.invoke('none', '1'::json)",
            "Function not found: arn:aws:lambda:us-east-1:123456789012:function:none",
        ),
        (
            "aws_lambda.invoke('f', to_json(repeat('x', 1048575)), invocation_type => 'Event')",
            "1048577 byte payload is too",
        ),
        ("aws_lambda.invoke('f', '1'::json, invocation_type => 'event')", "'event' at 'invocationType'"),
    ],
)
def test_what_lambda_refuses_is_an_error_of_the_statement(
    calling: Streaming, connection: psycopg.Connection[Any], call: str, detail: str
) -> None:
    calling.stand_in(lambda event, context: event)
    message, shown = failure(connection, call)
    assert message == "invoke API failed"
    assert shown is not None and shown.startswith("AWS Lambda client returned '") and detail in shown


def test_lambda_cannot_be_reached_on_request(calling: Streaming, connection: psycopg.Connection[Any]) -> None:
    calling.stand_in(lambda event, context: event)
    calling.faults(lambdas=[{"unreachable": "Unable to connect to endpoint", "times": 1}])
    assert failure(connection, "aws_lambda.invoke('f', '1'::json, invocation_type => 'Event')") == (
        "invoke API failed",
        "AWS Lambda client returned 'Unable to connect to endpoint'.",
    )
    assert one(connection, "aws_lambda.invoke('f', '7'::json)")[1] == 7


def test_a_local_cloud_that_has_stopped_is_a_lambda_that_cannot_be_reached(
    postgres: EmbeddedPostgres, connection: psycopg.Connection[Any]
) -> None:
    url = postgres.create_database("stopped")
    with LocalCloud({"shop-prod": url}) as cloud:
        cloud.calling_databases.install("shop-prod")
    with psycopg.connect(url) as other:
        expected = "AWS Lambda client returned 'Unable to connect to endpoint'."
        assert failure(other, "aws_lambda.invoke('f', '1'::json)") == ("invoke API failed", expected)


def test_the_databases_role_has_to_be_allowed_to_invoke(
    calling: Streaming, connection: psycopg.Connection[Any]
) -> None:
    calling.stand_in(lambda event, context: event)
    calling.stand_in(lambda event, context: event, name="g")
    role = calling.make_role("database", allow("lambda:InvokeFunction", _ARN))
    asked = {"database": "shop-prod", "role": role}
    assert post(f"{calling.cloud.url}/_local/lambda", asked) == (200, asked)
    try:
        assert one(connection, "aws_lambda.invoke('f', '1'::json)")[0] == 200
        _, detail = failure(connection, "aws_lambda.invoke('g', '1'::json)")
        assert detail is not None and "is not authorized to perform: lambda:InvokeFunction on resource" in detail
    finally:
        calling.cloud.calling_databases.install("shop-prod")


def test_users_need_the_grants_that_aws_names(calling: Streaming, calling_url: str) -> None:
    calling.stand_in(lambda event, context: event)
    with psycopg.connect(calling_url, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS writer")
        owner.execute("CREATE ROLE writer LOGIN")
        call = "aws_lambda.invoke('f', '1'::json)"
        with psycopg.connect(calling_url.replace("postgres@", "writer@"), autocommit=True) as writer:
            assert failure(writer, call)[0] == "permission denied for schema aws_lambda"
            owner.execute("GRANT USAGE ON SCHEMA aws_lambda TO writer")
            assert failure(writer, call)[0] == "permission denied for function invoke"
            owner.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA aws_lambda TO writer")
            assert one(writer, call)[1] == 1
        owner.execute("DROP OWNED BY writer")
        owner.execute("DROP ROLE writer")


def test_a_schema_that_the_local_cloud_did_not_make_is_left_as_it_is(postgres: EmbeddedPostgres) -> None:
    url = postgres.create_database("foreign")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA aws_lambda CREATE TABLE kept (id int)")
    with LocalCloud({"shop-prod": url}) as cloud:
        status, answer = post(f"{cloud.url}/_local/lambda", {"database": "shop-prod"})
    assert (status, "schema aws_lambda that the local cloud did not create" in answer["error"]) == (400, True)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM aws_lambda.kept").fetchone() == (0,)


@pytest.mark.parametrize(
    ("body", "status"), [({}, 400), ({"database": "none"}, 404), ({"database": "shop-prod", "x": 1}, 400)]
)
def test_a_bad_request_to_let_a_database_call_is_refused(calling: Streaming, body: dict[str, Any], status: int) -> None:
    assert post(f"{calling.cloud.url}/_local/lambda", body)[0] == status
