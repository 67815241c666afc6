"""The local RDS export: AWS's layout and refusals, so that a green run means something."""

import json
import re
from typing import Any

import boto3
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake.localcloud.rds.writer import locale_time
from rds_lake_tests.support.world import World, execute, post, until


def rds_of(world: World) -> Any:
    return boto3.client("rds", endpoint_url=world.cloud.url, region_name="us-east-1")


def start(world: World, arn: str, identifier: str = "task-1", **changes: Any) -> dict[str, Any]:
    arguments = {
        "ExportTaskIdentifier": identifier,
        "SourceArn": arn,
        "S3BucketName": "acme-lake",
        "S3Prefix": "deep/er",
        "IamRoleArn": world.config.lake.export_role,
        "KmsKeyId": "alias/rds-lake",
    }
    return rds_of(world).start_export_task(**(arguments | changes))


def finished(world: World, identifier: str = "task-1") -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        (task,) = rds_of(world).describe_export_tasks(ExportTaskIdentifier=identifier)["ExportTasks"]
        return task if task["Status"] in ("COMPLETE", "FAILED", "CANCELED") else None

    return until(ended)


def test_an_export_has_awss_layout_files_and_both_info_files(world: World) -> None:
    answer = start(world, world.snapshot("2026-11-20"))
    assert (answer["Status"], answer["PercentProgress"], answer["SourceType"]) == ("STARTING", 0, "SNAPSHOT")
    assert finished(world)["Status"] == "COMPLETE"
    keys = [key.removeprefix("deep/er/task-1/") for key in world.keys("deep/er/")]
    shown = sorted(re.sub(r"part-(\d{5})-[0-9a-f-]{36}-c000", r"part-\1-UUID-c000", key) for key in keys)
    assert shown == [
        "export_info_task-1.json",
        "export_tables_info_task-1_from_1_to_3.json",
        "shop/public.Order_Details/1/_SUCCESS",
        "shop/public.Order_Details/1/part-00000-UUID-c000.gz.parquet",
        "shop/public.orders/1/_SUCCESS",
        "shop/public.orders/1/part-00000-UUID-c000.gz.parquet",
        "shop/sales.nothing/1/_SUCCESS",
    ]
    info = json.loads(world.root.s3.get_text("acme-lake", "deep/er/task-1/export_tables_info_task-1_from_1_to_3.json"))
    assert info["perTableStatus"][0] == {
        "target": "postgres",
        "warningMessage": {"skippedDatabase": [{"reason": "DATABASE_IS_EMPTY"}]},
    }, "as on nearly every instance of RDS"
    (nothing,) = [entry for entry in info["perTableStatus"] if entry["target"] == "shop.sales.nothing"]
    assert [m["originalType"] for m in nothing["schemaMetadata"]["originalTypeMappings"]] == ["integer", "numeric"]


def test_parquet_is_as_aws_writes_it(world: World, tmp_path: Any) -> None:
    start(world, world.snapshot("2026-11-20"))
    finished(world)
    (key,) = [key for key in world.keys("deep/er/") if "public.orders/1/part" in key]
    body = world.clients.client("s3").get_object(Bucket="acme-lake", Key=key)
    assert body["ServerSideEncryption"] == "aws:kms"
    (tmp_path / "f.parquet").write_bytes(body["Body"].read())
    file = pq.ParquetFile(tmp_path / "f.parquet")
    assert file.metadata.row_group(0).column(0).compression == "GZIP"
    assert all(file.schema.column(n).max_definition_level == 1 for n in range(4)), "every column is optional"
    assert file.read().to_pylist()[1] == {
        "id": 2,
        "total": "2.25",
        "placed_at": "2026-01-01 14:00:00+00",
        "tags": '{a,"b,\\"c\\"",NULL}',
    }


def test_a_snapshot_is_frozen_content(world: World) -> None:
    arn = world.snapshot("2026-11-20")
    execute(world.url, "DELETE FROM orders; DROP TABLE sales.nothing")
    world.publish("2026-11-20")
    assert world.query("SELECT count(*) FROM orders") == [("10",)]
    assert arn.endswith("snapshot:rds:shop-prod-2026-11-20-03-00")


@pytest.mark.exhaustive
def test_large_tables_are_cut_into_several_files_and_many_tables_into_several_info_files(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ExportSettings(starting_seconds=0, progress_seconds=0, max_file_bytes=1, tables_per_info_file=2)
    monkeypatch.setattr(world.cloud.exports, "_settings", settings)
    execute(world.url, "CREATE TABLE wide AS SELECT i, repeat(md5(i::text), 20) AS t FROM generate_series(1, 200000) i")
    world.snapshot("2026-11-20")
    outcome = world.publish("2026-11-20")
    (wide,) = [t for t in outcome.tables if t.names.view == "wide"]
    assert len(wide.named.manifest.files) > 1
    assert world.query("SELECT count(*), count(DISTINCT i) FROM wide") == [("200000", "200000")]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ExportTaskIdentifier": "1-starts-with-a-digit"}, "InvalidParameterValue"),
        ({"ExportTaskIdentifier": "double--hyphen"}, "InvalidParameterValue"),
        ({"ExportTaskIdentifier": "ends-"}, "InvalidParameterValue"),
        ({"ExportTaskIdentifier": "a" * 61}, "InvalidParameterValue"),
        ({"ExportTaskIdentifier": "rds:raw-snapshot-name"}, "InvalidParameterValue"),
        ({"S3Prefix": "a:b"}, "InvalidParameterValue"),
        ({"S3BucketName": "no-such-bucket"}, "InvalidS3BucketFault"),
        ({"KmsKeyId": "alias/none"}, "KMSKeyNotAccessibleFault"),
        ({"IamRoleArn": "arn:aws:iam::123456789012:role/none"}, "IamRoleNotFound"),
        ({"SourceArn": "arn:aws:rds:us-east-1:123456789012:snapshot:none"}, "DBSnapshotNotFound"),
        ({"ExportOnly": ["shop.public.Order Details"]}, "InvalidExportOnly"),
        ({"ExportOnly": ["shop.public.none"]}, "InvalidExportOnly"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_aws_refuses_is_refused(world: World, change: dict[str, Any], code: str) -> None:
    arn = world.snapshot("2026-11-20")
    with pytest.raises(ClientError) as caught:
        start(world, **({"arn": arn} | ({"SourceArn": change["SourceArn"]} if "SourceArn" in change else {})), **(
            {k: v for k, v in change.items() if k != "SourceArn"}
        ))  # fmt: skip
    assert caught.value.response["Error"]["Code"] == code


@pytest.mark.exhaustive
def test_an_identifier_is_used_for_ever_and_one_snapshot_exports_once_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = world.snapshot("2026-11-20")
    start(world, arn)
    finished(world)
    with pytest.raises(ClientError, match="ExportTaskAlreadyExists"):
        start(world, arn)
    monkeypatch.setattr(world.cloud.exports, "_settings", ExportSettings(starting_seconds=1.0))
    start(world, arn, "task-2")
    with pytest.raises(ClientError, match="in progress"):
        start(world, arn, "task-3")


def test_a_partial_export_brings_only_what_was_asked_for(world: World) -> None:
    start(world, world.snapshot("2026-11-20"), ExportOnly=["shop.public.orders"])
    finished(world)
    assert {key.split("/")[4] for key in world.keys("deep/er/task-1/shop/")} == {"public.orders"}


def test_tables_aws_cannot_export_are_skipped_and_the_task_says_so(world: World) -> None:
    execute(world.url, 'CREATE TABLE bad (id integer, "has space" text); CREATE UNLOGGED TABLE fleeting (id integer)')
    start(world, world.snapshot("2026-11-20"))
    task = finished(world)
    assert task["Status"] == "COMPLETE"
    assert [t["tableName"] for t in json.loads(task["WarningMessage"])["skippedTables"]] == ["shop.public.bad"]


@pytest.mark.exhaustive
def test_tasks_are_listed_in_pages_and_by_filters(world: World) -> None:
    for number in range(1, 25):
        arn = world.snapshot(f"2026-10-{number:02}")
        start(world, arn, f"task-{number}")
        finished(world, f"task-{number}")
    rds = rds_of(world)
    pages = rds.get_paginator("describe_export_tasks").paginate(PaginationConfig={"PageSize": 20})
    assert [len(page["ExportTasks"]) for page in pages] == [20, 4]
    complete = rds.describe_export_tasks(Filters=[{"Name": "status", "Values": ["complete"]}])["ExportTasks"]
    assert len(complete) == 24


@pytest.mark.exhaustive
def test_the_control_api_refuses_what_makes_no_sense(world: World) -> None:
    url = f"{world.cloud.url}/_local/snapshots"
    assert post(url, {"database": "none"})[0] == 404
    assert post(url, {"database": "shop-prod", "type": "nightly"})[0] == 400
    assert post(url, {"database": "shop-prod", "at": "yesterday"})[0] == 400
    world.snapshot("2026-11-20")
    status, answer = post(url, {"database": "shop-prod", "at": "2026-11-20T03:00:30Z"})
    assert (status, "exists already" in answer["error"]) == (409, True), "RDS names automated snapshots by the minute"


@pytest.mark.exhaustive
def test_a_reset_forgets_everything_but_the_databases(world: World) -> None:
    start(world, world.snapshot("2026-11-20"))
    finished(world)
    assert post(f"{world.cloud.url}/_local/reset", {}) == (200, {"status": "ok"})
    rds = rds_of(world)
    assert rds.describe_export_tasks()["ExportTasks"] == []
    assert rds.describe_db_snapshots()["DBSnapshots"] == []
    assert [i["DBInstanceIdentifier"] for i in rds.describe_db_instances()["DBInstances"]] == ["shop-prod"]


def test_events_have_awss_envelope(world: World, samples: Any) -> None:
    world.snapshot("2026-11-20")
    (event,) = world.messages()
    sample = json.loads((samples / "events/rds/rds-db-snapshot-event-0041-deleted.json").read_text(encoding="utf-8"))
    assert set(event) == set(sample)
    assert set(event["detail"]) == set(sample["detail"])
    assert event["detail"]["EventID"] == "RDS-EVENT-0091"


@pytest.mark.exhaustive
def test_entries_have_the_keys_of_a_real_export(world: World, samples: Any) -> None:
    start(world, world.snapshot("2026-11-20"))
    finished(world)
    (key,) = [key for key in world.keys("deep/er/") if "tables_info" in key]
    ours = json.loads(world.root.s3.get_text("acme-lake", key))["perTableStatus"]
    sample = (samples / "rds-export" / "export_tables_info.postgres.2026-10.json").read_text(encoding="utf-8")
    theirs = json.loads(sample)["perTableStatus"]
    assert ours[0] == theirs[0]
    assert set(ours[1]) == set(theirs[1])
    columns = [entry["schemaMetadata"]["originalTypeMappings"][0] for entry in (ours[1], theirs[1])]
    assert set(columns[0]) == set(columns[1])


def test_times_in_info_files_are_written_the_american_way() -> None:
    from datetime import UTC, datetime

    assert locale_time(datetime(2024, 6, 26, 15, 43, 58, tzinfo=UTC)) == "Jun 26, 2024, 3:43:58 PM"
    assert locale_time(datetime(2024, 6, 6, 0, 3, 8, tzinfo=UTC)) == "Jun 6, 2024, 12:03:08 AM"
