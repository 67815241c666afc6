"""DynamoDB's incremental exports: files that the merge takes, and windows that meet a full export of the same second exactly.

    RDS_LAKE_LIVE_PROFILE=sandbox RDS_LAKE_LIVE_REGION=eu-west-1 pytest -m aws rds_lake_tests/live/test_incremental.py

Makes a table and a bucket, whose names begin with rds-lake-live-, and removes both, also after a failure or Ctrl-C; neither costs
anything by the hour. Three exports of a few items, each billed as 10 MB at most: below 0.01 USD. Takes 40 minutes: the shortest window
is 15, and DynamoDB exports what is some minutes old. `make test-exhaustive` has it against the local cloud, by that one's own clock.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.convert.reading import differences
from rds_lake_tests.convert.test_merge import day, merged
from rds_lake_tests.live.place import account_session
from rds_lake_tests.support.world import post

pytestmark = pytest.mark.timeout(2 * 3600)

_WINDOW = timedelta(minutes=15)  # the shortest that DynamoDB takes
_OLD = timedelta(minutes=6)  # what is younger may not be exported yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A table `name` and a bucket of that name. `sleep_until` a moment has come; `pause`: seconds between two looks."""

    client: Callable[[str], Any]
    name: str
    sleep_until: Callable[[datetime], None]
    pause: float

    def put(self, pk: str, **attributes: Any) -> None:
        self.client("dynamodb").put_item(TableName=self.name, Item=_keys(pk) | attributes)

    def delete(self, pk: str) -> None:
        self.client("dynamodb").delete_item(TableName=self.name, Key=_keys(pk))

    def lines(self, at: dict[str, Any]) -> list[str]:
        """Of an export: `at` says of which moment or window."""
        db, arn = self.client("dynamodb"), self._arn()
        made = db.export_table_to_point_in_time(TableArn=arn, S3Bucket=self.name, **at)["ExportDescription"]
        end = time.monotonic() + 3600
        while made["ExportStatus"] == "IN_PROGRESS":
            assert time.monotonic() < end, "the export did not end within an hour"
            time.sleep(self.pause)
            made = db.describe_export(ExportArn=made["ExportArn"])["ExportDescription"]
        assert made["ExportStatus"] == "COMPLETED", made
        summary = json.loads(self._read(made["ExportManifest"]))
        files = [json.loads(line) for line in self._read(summary["manifestFilesS3Key"]).splitlines()]
        return [
            line for file in files for line in gzip.decompress(self._read(file["dataFileS3Key"])).decode().splitlines()
        ]

    def _arn(self) -> str:
        return self.client("dynamodb").describe_table(TableName=self.name)["Table"]["TableArn"]

    def _read(self, key: str) -> bytes:
        return self.client("s3").get_object(Bucket=self.name, Key=key)["Body"].read()

    @contextmanager
    def made(self, region: str) -> Iterator[None]:
        """Table and bucket exist inside of the block."""
        db, s3 = self.client("dynamodb"), self.client("s3")
        keys = (("pk", "S", "HASH"), ("sk", "N", "RANGE"))
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            s3.create_bucket(Bucket=self.name, **where)
            db.create_table(
                TableName=self.name,
                KeySchema=[{"AttributeName": name, "KeyType": use} for name, _, use in keys],
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind, _ in keys],
                BillingMode="PAY_PER_REQUEST",
            )
            db.get_waiter("table_exists").wait(TableName=self.name)
            on = {"PointInTimeRecoveryEnabled": True}
            db.update_continuous_backups(TableName=self.name, PointInTimeRecoverySpecification=on)
            yield
        finally:
            try:
                self._remove_table()
            finally:
                self._remove_bucket()

    def _remove_table(self) -> None:
        db = self.client("dynamodb")
        with suppress(db.exceptions.ResourceNotFoundException):
            if (
                db.describe_table(TableName=self.name)["Table"]["TableStatus"] == "CREATING"
            ):  # and cannot be deleted yet
                db.get_waiter("table_exists").wait(TableName=self.name)
            db.delete_table(TableName=self.name)

    def _remove_bucket(self) -> None:
        s3 = self.client("s3")
        with suppress(s3.exceptions.NoSuchBucket):
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self.name):
                if found := [{"Key": one["Key"]} for one in page.get("Contents", [])]:
                    s3.delete_objects(Bucket=self.name, Delete={"Objects": found})
            s3.delete_bucket(Bucket=self.name)


def _keys(pk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"N": "1"}}


def _wait(moment: datetime) -> None:
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


@pytest.fixture(
    params=[
        pytest.param("local", id="local", marks=pytest.mark.exhaustive),
        pytest.param("aws", id="aws", marks=pytest.mark.aws),
    ]
)
def home(request: pytest.FixtureRequest) -> Iterator[Home]:
    name = f"rds-lake-live-{uuid4().hex[:8]}"
    if request.param == "aws":
        with account_session() as session:
            account = Home(client=session.client, name=name, sleep_until=_wait, pause=20)  # type: ignore[arg-type]
            with account.made(session.region_name):
                yield account
        return
    with LocalCloud({}) as cloud:

        def move(moment: datetime) -> None:
            assert post(f"{cloud.url}/_local/clock", {"now": moment.isoformat()})[0] == 200

        local = Home(client=cloud.clients.client, name=name, sleep_until=move, pause=0.05)
        with local.made("us-east-1"):
            yield local


def test_a_full_export_and_the_window_after_it_are_the_next_full_export(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """Items that stay, change, go, come, come and go, and one that is written without a change."""
    for pk in ("changed", "gone", "stays", "unchanged"):
        home.put(pk, n={"N": "1"})
    since = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    home.sleep_until(since + timedelta(seconds=1))
    home.put("changed", n={"N": "2"}, text={"S": "größe"})
    home.delete("gone")
    home.put("new", n={"N": "3"}, parts={"L": [{"M": {"a": {"NULL": True}}}, {"BOOL": True}]})
    home.put("passing", n={"N": "4"})
    home.delete("passing")
    home.put("unchanged", n={"N": "1"})
    until = since + _WINDOW
    home.sleep_until(until + _OLD)
    first, last = (
        [json.loads(line)["Item"] for line in home.lines({"ExportTime": moment})] for moment in (since, until)
    )
    window = {"ExportFromTime": since, "ExportToTime": until, "ExportViewType": "NEW_AND_OLD_IMAGES"}
    changes = home.lines({"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": window})
    with capsys.disabled():
        print("", *changes, sep="\n")
    assert {item["pk"]["S"] for item in first} == {"changed", "gone", "stays", "unchanged"}
    result, table = merged(day(first), changes)
    named = table.append_column("id", pa.array(table.column("pk").to_pylist()))
    assert not differences([item | {"id": item["pk"]} for item in last], named, result.converted, key="id")
    assert {item["pk"]["S"] for item in last} == {"changed", "stays", "unchanged", "new"}
    assert not result.repeated, "a change is in the full export before its window already"
