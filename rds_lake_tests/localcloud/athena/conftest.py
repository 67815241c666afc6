"""Athena over moto's S3 and Glue, in this process: no database, no HTTP, no pipeline."""

import io
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rds_lake.localcloud.cloud import LocalCloud

RESULTS = "s3://lake/results/"


class FailedError(Exception):
    """A query ended otherwise than SUCCEEDED; the message is Athena's reason."""

    def __init__(self, execution: dict[str, Any]) -> None:
        super().__init__(execution["Status"].get("StateChangeReason", ""))
        self.execution = execution


@dataclass(frozen=True, slots=True)
class Lake:
    """One database `db`, one bucket `lake`, and the verbs the tests are written in."""

    cloud: LocalCloud

    def client(self, service: str) -> Any:
        return self.cloud.clients.client(service)

    def start(self, sql: str, **more: Any) -> str:
        arguments = {"ResultConfiguration": {"OutputLocation": RESULTS}, "QueryExecutionContext": {"Database": "db"}}
        return self.client("athena").start_query_execution(QueryString=sql, **arguments | more)["QueryExecutionId"]

    def finished(self, query: str) -> dict[str, Any]:
        while True:
            execution = self.client("athena").get_query_execution(QueryExecutionId=query)["QueryExecution"]
            if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return execution
            time.sleep(0.005)

    def run(self, sql: str, **more: Any) -> list[tuple[str | None, ...]]:
        """The rows, without the header."""
        query = self.start(sql, **more)
        execution = self.finished(query)
        if execution["Status"]["State"] != "SUCCEEDED":
            raise FailedError(execution)
        pages = self.client("athena").get_paginator("get_query_results").paginate(QueryExecutionId=query)
        rows = [tuple(c.get("VarCharValue") for c in row["Data"]) for p in pages for row in p["ResultSet"]["Rows"]]
        return rows[1:] if execution["StatementType"] == "DML" else rows

    def refusal(self, sql: str) -> str:
        with pytest.raises(FailedError) as caught:
            self.run(sql)
        return str(caught.value)

    def scanned(self, sql: str) -> int:
        execution = self.finished(self.start(sql))
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        return execution["Statistics"]["DataScannedInBytes"]

    def put(self, key: str, **columns: Any) -> None:
        """A Parquet file."""
        buffer = io.BytesIO()
        pq.write_table(pa.table(columns), buffer)
        self.client("s3").put_object(Bucket="lake", Key=key, Body=buffer.getvalue())

    def create(self, name: str, columns: str, *, keys: str = "") -> None:
        """A table at `name/`; columns and keys as `a bigint, b string`."""
        storage = {"Columns": described(columns), "Location": f"s3://lake/{name}/"}
        table = {"Name": name, "TableType": "EXTERNAL_TABLE", "PartitionKeys": described(keys)}
        self.client("glue").create_table(DatabaseName="db", TableInput=table | {"StorageDescriptor": storage})

    def add(self, name: str, values: Sequence[str], columns: str, *, location: str | None = None) -> None:
        """A partition, at `name/value/…/` unless `location` is given."""
        place = location or f"s3://lake/{name}/{'/'.join(values)}/"
        storage = {"Columns": described(columns), "Location": place}
        self.client("glue").create_partition(
            DatabaseName="db", TableName=name, PartitionInput={"Values": list(values), "StorageDescriptor": storage}
        )


def described(columns: str) -> list[dict[str, str]]:
    pairs = [column.strip().split(" ", 1) for column in columns.split("; ") if column]
    return [{"Name": name, "Type": kind} for name, kind in pairs]


@pytest.fixture(scope="session")
def athena_cloud() -> Iterator[LocalCloud]:
    with LocalCloud({}) as cloud:
        yield cloud


@pytest.fixture
def lake(athena_cloud: LocalCloud) -> Lake:
    athena_cloud.reset()
    lake = Lake(athena_cloud)
    lake.client("s3").create_bucket(Bucket="lake")
    lake.client("glue").create_database(DatabaseInput={"Name": "db"})
    return lake


@pytest.fixture
def days(lake: Lake) -> Lake:
    """`t` with n bigint and four days of 1,000 rows, and `other` like it."""
    for name in ("t", "other"):
        lake.create(name, "n bigint; s string", keys="day string")
        for number, day in enumerate(("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04")):
            rows = pa.array(range(number * 1000, number * 1000 + 1000), pa.int64())
            lake.put(f"{name}/{day}/f.parquet", n=rows, s=pa.array(["x"] * 1000))
            lake.add(name, [day], "n bigint; s string")
    return lake
