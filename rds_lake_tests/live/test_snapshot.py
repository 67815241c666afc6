"""A snapshot is one instant of all tables, the outbox among them, and its export has the outbox in the types that are read.

    pytest -m aws rds_lake_tests/live/test_snapshot.py      variables: `place.py` without the function, and

    RDS_LAKE_LIVE_POSTGRES_FROM, RDS_LAKE_LIVE_MYSQL_FROM   cluster/shop-aurora or instance/shop-prod: where the database is
    RDS_LAKE_LIVE_BUCKET        exports go there, below rds-lake-live/; they stay
    RDS_LAKE_LIVE_EXPORT_ROLE   ARN of a role that may write there for export.rds.amazonaws.com
    RDS_LAKE_LIVE_KEY           ARN of a KMS key that the role may use

Takes up to an hour for each engine. Cost: the export of one snapshot, by the size of the whole snapshot (0.01 USD for a GB). The
snapshot is deleted again. Locally the snapshot is one transaction's, so that only an account shows what storage makes of it.
"""

from __future__ import annotations

import io
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import boto3
import pyarrow.parquet as pq
import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake.model.streams.captured import Capture
from rds_lake_tests.live.place import ENGINES, FAILURES, Place, database_of
from rds_lake_tests.localcloud.permissions.calling import trust
from rds_lake_tests.localcloud.streaming import BUCKET, Streaming

_TABLES = ("rds_lake_live_a", "rds_lake_live_b")
_KEYS, _EACH, _WRITERS = 8, 100, 3
_TYPES = {"seq": "int64", "table_schema": "string", "table_name": "string", "op": "string", "old_image": "string"}
Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where snapshots of one database are exported. `what`: cluster or instance, and `name`, its identifier."""

    client: Any  # boto3's client of a service
    what: str
    name: str
    bucket: str
    role: str
    key: str
    pause: float

    def snapshot(self, identifier: str) -> str:
        """The ARN of a new snapshot, available."""
        rds = self.client("rds")
        if self.what == "cluster":
            given = {"DBClusterIdentifier": self.name, "DBClusterSnapshotIdentifier": identifier}
            arn = rds.create_db_cluster_snapshot(**given)["DBClusterSnapshot"]["DBClusterSnapshotArn"]
            found = "describe_db_cluster_snapshots", "DBClusterSnapshots", "DBClusterSnapshotIdentifier"
        else:
            given = {"DBInstanceIdentifier": self.name, "DBSnapshotIdentifier": identifier}
            arn = rds.create_db_snapshot(**given)["DBSnapshot"]["DBSnapshotArn"]
            found = "describe_db_snapshots", "DBSnapshots", "DBSnapshotIdentifier"
        call, listed, by = found
        self._until("Status", "available", lambda: getattr(rds, call)(**{by: identifier})[listed][0])
        return arn

    def forget(self, identifier: str) -> None:
        kind = "cluster_" if self.what == "cluster" else ""
        by = "DBClusterSnapshotIdentifier" if kind else "DBSnapshotIdentifier"
        getattr(self.client("rds"), f"delete_db_{kind}snapshot")(**{by: identifier})

    def exported(self, arn: str, identifier: str, only: list[str]) -> dict[str, Any]:
        """The tables of the snapshot, by the last part of their names, as Arrow."""
        rds, s3 = self.client("rds"), self.client("s3")
        rds.start_export_task(
            ExportTaskIdentifier=identifier,
            SourceArn=arn,
            S3BucketName=self.bucket,
            S3Prefix="rds-lake-live",
            IamRoleArn=self.role,
            KmsKeyId=self.key,
            ExportOnly=only,
        )
        task = lambda: rds.describe_export_tasks(ExportTaskIdentifier=identifier)["ExportTasks"][0]  # noqa: E731
        self._until("Status", "COMPLETE", task)
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"rds-lake-live/{identifier}/")
        keys = [each["Key"] for page in pages for each in page.get("Contents", []) if each["Key"].endswith(".parquet")]
        found: dict[str, list[Any]] = {}
        for key in keys:
            body = s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            found.setdefault(key.split("/")[3].rpartition(".")[2], []).append(pq.read_table(io.BytesIO(body)))
        return {table: parts[0] for table, parts in found.items() if len(parts) == 1}

    def _until(self, name: str, wanted: str, look: Any) -> None:
        end = time.monotonic() + 3600
        while (state := look()[name]) != wanted:
            assert state not in ("FAILED", "CANCELED", "failed") and time.monotonic() < end, f"{self.name}: {state}"
            time.sleep(self.pause)


@contextmanager
def local_account(engine: str, url: str) -> Iterator[Account]:
    urls = (url,) if engine == "postgres" else (url, urlunsplit(urlsplit(url)._replace(path="/rds_lake")))
    with LocalCloud({"db": urls}, exports=ExportSettings(starting_seconds=0.0, progress_seconds=0.0)) as cloud:
        streaming = Streaming(cloud=cloud)
        streaming.prepare()
        key = streaming.client("kms").create_key()["KeyMetadata"]["Arn"]
        made = streaming.client("iam").create_role(
            RoleName="export", AssumeRolePolicyDocument=trust(["export.rds.amazonaws.com"])
        )
        role = made["Role"]["Arn"]
        yield Account(
            client=streaming.client, what="instance", name="db", bucket=BUCKET, role=role, key=key, pause=0.05
        )


def account_of(engine: str) -> Account:
    """Of the variables; skipped without them."""
    needed = (f"{ENGINES[engine]}_FROM", *(f"RDS_LAKE_LIVE_{name}" for name in ("BUCKET", "EXPORT_ROLE", "KEY")))
    if missing := [name for name in needed if not os.environ.get(name)]:
        pytest.skip(f"needs {', '.join(missing)}")
    where, bucket, role, key = (os.environ[name] for name in needed)
    what, _, name = where.partition("/")
    return Account(client=boto3.client, what=what, name=name, bucket=bucket, role=role, key=key, pause=15)


@contextmanager
def transfers(place: Place) -> Iterator[None]:
    """Writers that move one from a row of one table to a row of the other, and back, each time in one transaction."""
    stopped = threading.Event()

    def write(writer: int) -> None:
        at = writer
        while not stopped.is_set():
            one, other = _TABLES if at % 2 else _TABLES[::-1]
            with suppress(*FAILURES):  # a deadlock is undone whole
                place.run(
                    f"UPDATE {one} SET n = n - 1 WHERE id = {at % _KEYS}",
                    f"UPDATE {other} SET n = n + 1 WHERE id = {(at * 3) % _KEYS}",
                )
            at += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(_WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize(
    ("where", "engine"),
    [
        *(pytest.param("local", engine, id=f"local-{engine}") for engine in ENGINES),
        *(pytest.param("aws", engine, id=f"aws-{engine}", marks=pytest.mark.aws) for engine in ENGINES),
    ],
)
def test_a_snapshot_under_load_is_one_instant_of_two_tables_and_the_outbox(
    where: str, engine: str, postgres: EmbeddedPostgres, mariadb: EmbeddedMariaDb
) -> None:
    nothing: Any = None
    if where == "local":
        url = (postgres if engine == "postgres" else mariadb).create_database("live_snapshot")
        found = local_account(engine, url)
    else:
        account, url = account_of(engine), database_of(engine)
        found = _as_is(account)
    place = Place.of(url, function="", client=nothing)
    with place.captured("id int PRIMARY KEY, n int NOT NULL", capture=Capture.OUTBOX, tables=_TABLES):
        for table in _TABLES:
            place.run(f"INSERT INTO {table} VALUES {', '.join(f'({key}, {_EACH})' for key in range(_KEYS))}")
        home = "rds_lake" if engine == "mysql" else f"{place.dsn.database}.rds_lake"
        own = place.dsn.database if engine == "mysql" else f"{place.dsn.database}.public"
        only = [*(f"{own}.{table}" for table in _TABLES), f"{home}.outbox", f"{home}.position"]
        identifier = f"rds-lake-live-{uuid4().hex[:8]}"
        with found as account:
            with transfers(place):
                time.sleep(20 * account.pause)
                arn = account.snapshot(identifier)
            try:
                tables = account.exported(arn, identifier, only)
            finally:
                account.forget(identifier)
    rows: Rows = {name: table.to_pylist() for name, table in tables.items()}
    assert sum(row["n"] for table in _TABLES for row in rows[table]) == len(_TABLES) * _KEYS * _EACH
    changes = sorted(rows["outbox"], key=lambda row: row["seq"])
    assert len(changes) > len(_TABLES) * _KEYS, "somebody wrote"
    for table in _TABLES:
        images = [json.loads(row["new_image"]) for row in changes if row["table_name"] == table]
        last = {int(image["id"]): int(image["n"]) for image in images}
        assert last == {row["id"]: row["n"] for row in rows[table]}, "the outbox is of another instant than its tables"
    types = {field.name: str(field.type) for field in tables["outbox"].schema}
    assert {name: types[name] for name in _TYPES} == _TYPES
    assert [str(tables["position"].schema.field(name).type) for name in ("cut", "epoch")] == ["int64", "string"]


@contextmanager
def _as_is(account: Account) -> Iterator[Account]:
    yield account
