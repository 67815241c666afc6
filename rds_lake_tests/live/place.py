"""Where a live test runs: a database of an account, named by variables, or one of the local cloud.

RDS_LAKE_LIVE_PROFILE    a profile of ~/.aws/config, and RDS_LAKE_LIVE_REGION
RDS_LAKE_LIVE_POSTGRES   postgresql://owner:…@host/db    with aws_lambda, and a role that may invoke the function
RDS_LAKE_LIVE_MYSQL      mysql://owner:…@host/db         Aurora MySQL 3 or 8.4, the owner with AWS_LAMBDA_ACCESS
RDS_LAKE_LIVE_FUNCTION   ARN of a function made for this; its reserved concurrency is changed, and taken back
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import boto3
import psycopg
import pymysql
import pytest

from rds_lake.database.capture.describe import describe
from rds_lake.database.capture.install import install, uninstall
from rds_lake.database.connecting import for_psycopg, for_pymysql
from rds_lake.database.dsn import Dsn, parse_dsn
from rds_lake.model.aws.engine import Engine
from rds_lake.model.streams.captured import Capture, Level
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.quoting import literal
from rds_lake.sql.triggers.generate import generate
from rds_lake.sql.triggers.plan import Wanted, require_capturable
from rds_lake_tests.localcloud.streaming import Streaming

TABLE = "rds_lake_live"
PROFILE = ("RDS_LAKE_LIVE_PROFILE", "RDS_LAKE_LIVE_REGION")
ENGINES = {"postgres": "RDS_LAKE_LIVE_POSTGRES", "mysql": "RDS_LAKE_LIVE_MYSQL"}
FAILURES = (psycopg.Error, pymysql.Error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A database whose triggers may call the function. `client`: Lambda's. `streaming`: of the local cloud, None on an account."""

    dsn: Dsn
    function: str
    client: Any
    streaming: Streaming | None = None

    @classmethod
    def of(cls, url: str, *, function: str, client: Any, streaming: Streaming | None = None) -> Place:
        """The database behind a URL."""
        return cls(dsn=parse_dsn(url, where="the test"), function=function, client=client, streaming=streaming)

    @property
    def is_postgres(self) -> bool:
        return self.dsn.engine is Engine.POSTGRES

    @property
    def schema(self) -> str:
        return "public" if self.is_postgres else self.dsn.database

    def run(self, *statements: str, user: tuple[str, str] | None = None) -> list[tuple[Any, ...]]:
        """In one transaction, as the owner or as another user with its password; the rows of the last statement."""
        name, password = user or (self.dsn.user, self.dsn.password)
        if self.is_postgres:
            given: dict[str, Any] = for_psycopg(self.dsn, self.dsn.database) | {"user": name, "password": password}
            with psycopg.connect(**given) as connection, connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement.encode())
                return cursor.fetchall() if cursor.description else []
        own: dict[str, Any] = for_pymysql(self.dsn) | {"user": name, "password": password}
        with pymysql.connect(**own, database=self.dsn.database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            connection.commit()
            return list(cursor.fetchall())

    @contextmanager
    def captured(
        self,
        columns: str = "id bigint PRIMARY KEY, v varchar(100)",
        *,
        capture: Capture = Capture.LAMBDA,
        on_error: Literal["fail", "drop"] = "fail",
        tables: Sequence[str] = (TABLE,),
    ) -> Iterator[None]:
        """Tables of these columns whose changes call the function, or fill the outbox; they and the triggers go again."""
        for table in tables:
            self.run(f"DROP TABLE IF EXISTS {table}", f"CREATE TABLE {table} ({columns})")
        targets = [TableTarget(database=self.dsn.database, schema=self.schema, table=table) for table in tables]
        function = self.function if capture is Capture.LAMBDA else None
        wanted = Wanted(source="live", capture=capture, function=function, on_error=on_error)
        described = describe(self.dsn, targets, capture=capture, level=Level.ROW)
        plan = generate(self.dsn.engine, require_capturable(described), wanted)
        try:
            install(self.dsn, plan)
            yield
        finally:
            if capture is Capture.OUTBOX:
                self.run(f"DELETE FROM rds_lake.outbox WHERE table_name IN ({', '.join(map(literal, tables))})")
            uninstall(self.dsn, plan)
            for table in tables:
                self.run(f"DROP TABLE {table}")


def database_of(engine: str) -> str:
    """The URL of an account's database; skipped without its variable."""
    return os.environ.get(ENGINES[engine]) or pytest.skip(f"needs {ENGINES[engine]}")


@contextmanager
def account_session() -> Iterator[boto3.Session]:
    """A session of the profile that the variables name, while nothing else of AWS is in the environment; skipped without them.

    The tests' own environment leads nowhere, on purpose: keys that are none, and the discard port as AWS's address.
    """
    if missing := [variable for variable in PROFILE if not os.environ.get(variable)]:
        pytest.skip(f"needs {', '.join(missing)}")
    with pytest.MonkeyPatch.context() as patch:
        for variable in [variable for variable in os.environ if variable.startswith("AWS_")]:
            patch.delenv(variable)
        profile, region = (os.environ[variable] for variable in PROFILE)
        yield boto3.Session(profile_name=profile, region_name=region)


@contextmanager
def from_environment(engine: str) -> Iterator[Place]:
    """The database and the function of the variables; skipped without them."""
    url, arn = database_of(engine), os.environ.get("RDS_LAKE_LIVE_FUNCTION")
    if not arn:
        pytest.skip("needs RDS_LAKE_LIVE_FUNCTION")
    with account_session() as session:
        yield Place.of(url, function=arn, client=session.client("lambda", region_name=arn.split(":")[3]))


def local_place(streaming: Streaming, url: str) -> Place:
    """A database of the local cloud, and a function there."""
    streaming.prepare()
    arn = streaming.function("def handler(event, context): return 1", "live")
    return Place.of(url, function=arn, client=streaming.client("lambda"), streaming=streaming)
