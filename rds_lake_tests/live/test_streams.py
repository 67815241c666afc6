"""`capture: lambda` in a real database: what a writer sees of the function that its triggers call.

    pytest -m aws rds_lake_tests/live/test_streams.py

    RDS_LAKE_LIVE_POSTGRES   postgresql://owner:…@host/db    with aws_lambda, and a role that may invoke the function
    RDS_LAKE_LIVE_MYSQL      mysql://owner:…@host/db         Aurora MySQL 3 or 8.4, the owner with AWS_LAMBDA_ACCESS
    RDS_LAKE_LIVE_FUNCTION   ARN of a function made for this; its reserved concurrency is changed, and taken back

Cost: some 60 asynchronous invocations and their Lambda time, less than a cent; nothing is created that stays. Each test makes a
table and a user of its own and removes both, and the triggers, also when it fails. Without a variable its tests are skipped.

Not here: a network without a way to Lambda (it takes the VPC apart), and that a snapshot is one instant of all tables, which
`python -m bench.streams` shows on local databases only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import psycopg
import pymysql
import pytest

from rds_lake.database.capture.describe import describe
from rds_lake.database.capture.install import install, uninstall
from rds_lake.database.connecting import for_psycopg, for_pymysql
from rds_lake.database.dsn import Dsn, parse_dsn
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.model.aws.engine import Engine
from rds_lake.model.streams.captured import Capture, Level
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.triggers.generate import generate
from rds_lake.sql.triggers.plan import Wanted, require_capturable
from rds_lake_tests.localcloud.streaming import Streaming

TABLE = "rds_lake_live"
ENGINES = {"postgres": "RDS_LAKE_LIVE_POSTGRES", "mysql": "RDS_LAKE_LIVE_MYSQL"}
_FAILURES = (psycopg.Error, pymysql.Error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A database whose triggers may call the function. `client`: Lambda's."""

    dsn: Dsn
    function: str
    client: Any

    @property
    def is_postgres(self) -> bool:
        return self.dsn.engine is Engine.POSTGRES

    def run(self, *statements: str, user: tuple[str, str] | None = None) -> None:
        """In one transaction, as the owner or as another user with its password."""
        name, password = user or (self.dsn.user, self.dsn.password)
        if self.is_postgres:
            given: dict[str, Any] = for_psycopg(self.dsn, self.dsn.database) | {"user": name, "password": password}
            with psycopg.connect(**given) as connection:
                for statement in statements:
                    connection.execute(statement.encode())
            return
        own: dict[str, Any] = for_pymysql(self.dsn) | {"user": name, "password": password}
        with pymysql.connect(**own, database=self.dsn.database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            connection.commit()

    @contextmanager
    def captured(self) -> Iterator[None]:
        """A table whose changes call the function."""
        self.run(f"DROP TABLE IF EXISTS {TABLE}", f"CREATE TABLE {TABLE} (id bigint PRIMARY KEY, v varchar(100))")
        target = TableTarget(
            database=self.dsn.database, schema="public" if self.is_postgres else self.dsn.database, table=TABLE
        )
        wanted = Wanted(source="live", capture=Capture.LAMBDA, function=self.function)
        described = describe(self.dsn, [target], capture=Capture.LAMBDA, level=Level.ROW)
        plan = generate(self.dsn.engine, require_capturable(described), wanted)
        try:
            install(self.dsn, plan)
            yield
        finally:
            uninstall(self.dsn, plan)
            self.run(f"DROP TABLE {TABLE}")


@pytest.fixture(scope="module")
def local(postgres: EmbeddedPostgres, mariadb: EmbeddedMariaDb) -> Iterator[tuple[Streaming, dict[str, str]]]:
    urls = {"postgres": postgres.create_database("live"), "mysql": mariadb.create_database("live")}
    with LocalCloud({"postgres": urls["postgres"]}, clusters={"mysql": urls["mysql"]}) as cloud:
        for database in urls:
            cloud.calling_databases.install(database)
        streaming = Streaming(cloud=cloud)
        streaming.prepare()
        yield streaming, urls


@pytest.fixture(
    params=[
        *(pytest.param(("local", engine), id=f"local-{engine}") for engine in ENGINES),
        *(pytest.param(("aws", engine), id=f"aws-{engine}", marks=pytest.mark.aws) for engine in ENGINES),
    ]
)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    where, engine = request.param
    if where == "local":
        streaming, urls = request.getfixturevalue("local")
        streaming.prepare()
        arn = streaming.function("def handler(event, context): return 1", "live")
        yield Place(dsn=parse_dsn(urls[engine], where="the test"), function=arn, client=streaming.client("lambda"))
        return
    needed = (ENGINES[engine], "RDS_LAKE_LIVE_FUNCTION")
    if missing := [name for name in needed if not os.environ.get(name)]:
        pytest.skip(f"needs {', '.join(missing)}")
    url, arn = (os.environ[name] for name in needed)
    yield Place(
        dsn=parse_dsn(url, where=needed[0]),
        function=arn,
        client=boto3.client("lambda", region_name=arn.split(":")[3]),
    )


def test_a_writer_who_may_nothing_but_write_calls_the_function_by_the_triggers_owner(place: Place) -> None:
    quoted = "rds_lake_live_writer"
    host = "" if place.is_postgres else "@'%'"
    made = f"CREATE USER {quoted}{host} {'PASSWORD' if place.is_postgres else 'IDENTIFIED BY'} 'Live-1-only'"
    with place.captured():
        place.run(f"DROP USER IF EXISTS {quoted}{host}", made, f"GRANT INSERT ON {TABLE} TO {quoted}{host}")
        try:
            place.run(f"INSERT INTO {TABLE} VALUES (1, 'x')", user=(quoted, "Live-1-only"))
        finally:
            place.run(
                *([f"REVOKE ALL ON {TABLE} FROM {quoted}"] if place.is_postgres else []), f"DROP USER {quoted}{host}"
            )


def test_a_function_that_is_throttled_stops_no_writer(place: Place) -> None:
    with place.captured():
        place.client.put_function_concurrency(FunctionName=place.function, ReservedConcurrentExecutions=0)
        try:
            place.run(*(f"INSERT INTO {TABLE} VALUES ({number}, 'x')" for number in range(10)))
        finally:
            place.client.delete_function_concurrency(FunctionName=place.function)


def test_a_function_that_is_gone_fails_the_writer_and_leaves_no_row(place: Place) -> None:
    gone = Place(dsn=place.dsn, function=f"{place.function}-gone", client=place.client)
    with gone.captured(), pytest.raises(_FAILURES):
        gone.run(f"INSERT INTO {TABLE} VALUES (1, 'x')")


def test_a_payload_beyond_lambdas_limit_is_an_error_of_the_statement(place: Place) -> None:
    payload = "json_build_object('v', repeat('x', 1100000))" if place.is_postgres else None
    call = (
        f"SELECT aws_lambda.invoke('{place.function}', {payload}, invocation_type => 'Event')"
        if payload
        else f"SELECT lambda_async('{place.function}', CONCAT('{{\"v\": \"', REPEAT('x', 1100000), '\"}}'))"
    )
    with pytest.raises(_FAILURES):
        place.run(call)


def test_an_invocation_keeps_a_writer_for_milliseconds(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    with place.captured():
        place.run(f"INSERT INTO {TABLE} VALUES (0, 'first')")
        began = time.monotonic()
        place.run(*(f"INSERT INTO {TABLE} VALUES ({number}, 'x')" for number in range(1, 21)))
        each = (time.monotonic() - began) / 20
    with capsys.disabled():
        print(f"\n{each * 1000:.1f} ms for a row of {place.dsn.engine.value}")
    assert each < 4, "aws_lambda's own time-outs together"
