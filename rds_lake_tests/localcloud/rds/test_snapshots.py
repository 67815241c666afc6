"""Snapshots and the life of export tasks: what may happen around them, and what AWS refuses."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from rds_lake.localcloud.rds.kinds import INSTANCE
from rds_lake.model.aws.arn import Exportable
from rds_lake_tests.localcloud.rds.test_exports import finished, rds_of, start
from rds_lake_tests.support.world import World, execute, post


def frozen_databases(world: World) -> int:
    with psycopg.connect(world.url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'frozen%'").fetchone()
        return row[0] if row else -1


@pytest.fixture
def gate(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Tasks stay STARTING until the gate is opened."""
    opened = threading.Event()
    monkeypatch.setattr(world.cloud.exports, "_sleep", lambda seconds: opened.wait(60))
    yield opened
    opened.set()


def test_four_requests_for_the_same_snapshot_make_one(world: World) -> None:
    url, body = f"{world.cloud.url}/_local/snapshots", {"database": "shop-prod", "at": "2026-11-20T03:00:00Z"}
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(post(url, body)[0])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409, 409, 409]
    assert frozen_databases(world) == 1
    world.cloud.reset()
    assert frozen_databases(world) == 0


@pytest.mark.exhaustive
def test_a_snapshot_may_be_deleted_while_it_is_exported(world: World, gate: threading.Event) -> None:
    arn = world.snapshot("2026-11-20")
    start(world, arn)
    rds_of(world).delete_db_snapshot(DBSnapshotIdentifier=arn.split(":snapshot:")[1])
    assert frozen_databases(world) == 1
    gate.set()
    assert finished(world)["Status"] == "COMPLETE"
    assert frozen_databases(world) == 0, "the content went with its last reader"
    with pytest.raises(ClientError, match="DBSnapshotNotFound"):
        start(world, arn, "task-2")


def test_an_api_snapshot_is_frozen_announced_and_exportable(world: World) -> None:
    answer = rds_of(world).create_db_snapshot(DBSnapshotIdentifier="by-hand", DBInstanceIdentifier="shop-prod")
    execute(world.url, "DELETE FROM orders")
    start(world, answer["DBSnapshot"]["DBSnapshotArn"])
    assert finished(world)["Status"] == "COMPLETE"
    assert any("public.orders/1/part-" in key for key in world.keys("deep/er/task-1/")), "rows of before the DELETE"
    events = [event["detail"]["EventID"] for event in world.messages()]
    assert events[0] == "RDS-EVENT-0042"


@pytest.mark.exhaustive
def test_a_rule_whose_target_does_not_exist_does_not_fail_an_export(world: World) -> None:
    events = world.clients.client("events")
    events.put_rule(Name="theirs", EventPattern=json.dumps({"source": ["aws.rds"]}))
    target = {"Id": "1", "Arn": "arn:aws:lambda:us-east-1:123456789012:function:theirs"}
    events.put_targets(Rule="theirs", Targets=[target])
    start(world, world.snapshot("2026-11-20"))
    assert finished(world)["Status"] == "COMPLETE"


def test_a_task_begins_as_starting_and_can_be_cancelled(world: World, gate: threading.Event) -> None:
    assert start(world, world.snapshot("2026-11-20"))["Status"] == "STARTING"
    assert rds_of(world).cancel_export_task(ExportTaskIdentifier="task-1")["Status"] == "CANCELING"
    gate.set()
    assert finished(world)["Status"] == "CANCELED"
    with pytest.raises(ClientError, match="ExportTaskNotFound"):
        rds_of(world).cancel_export_task(ExportTaskIdentifier="none")


def test_a_sixth_export_is_refused_until_one_has_ended(world: World, gate: threading.Event) -> None:
    for number in range(1, 6):
        start(world, world.snapshot(f"2026-11-1{number}"), f"task-{number}")
    arn = world.snapshot("2026-11-20")
    with pytest.raises(ClientError, match="limit of 5"):
        start(world, arn, "task-6")
    gate.set()
    finished(world, "task-1")
    assert start(world, arn, "task-6")["Status"] == "STARTING"


@pytest.mark.exhaustive
def test_a_bucket_of_another_region_fails_the_task_with_awss_sentence(world: World) -> None:
    s3 = world.clients.client("s3", "eu-west-1")
    s3.create_bucket(Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    start(world, world.snapshot("2026-11-20"), S3BucketName="elsewhere")
    task = finished(world)
    assert (task["Status"], "isn't located in the current AWS Region" in task["FailureCause"]) == ("FAILED", True)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("arn:aws:rds:us-east-1:123456789012:snapshot:", "", "InvalidParameterValue"),
        ("123456789012", "999999999999", "DBSnapshotNotFound"),
        ("us-east-1", "eu-west-1", "DBSnapshotNotFound"),
        (":snapshot:", ":cluster-snapshot:", "DBClusterSnapshotNotFoundFault"),
        (":snapshot:", ":cluster:", "DBClusterNotFoundFault"),
    ],
)
def test_only_the_arn_of_a_snapshot_here_is_a_source(world: World, old: str, new: str, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        start(world, world.snapshot("2026-11-20").replace(old, new, 1))
    assert caught.value.response["Error"]["Code"] == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"S3BucketName": "Not A Bucket!"}, "InvalidS3BucketFault"),
        ({"IamRoleArn": ""}, "IamRoleNotFound"),
        ({"IamRoleArn": "arn:aws:iam::999999999999:role/rds-lake-export"}, "IamRoleNotFound"),
    ],
    ids=["bucket", "no role", "foreign role"],
)
def test_nonsense_is_refused_not_a_server_error(world: World, change: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        start(world, world.snapshot("2026-11-20"), **change)
    assert caught.value.response["Error"]["Code"] == code


@pytest.mark.exhaustive
def test_tasks_are_narrowed_by_source_type_and_a_bad_marker_is_refused(world: World) -> None:
    start(world, world.snapshot("2026-11-20"))
    rds = rds_of(world)
    assert rds.describe_export_tasks(SourceType="CLUSTER")["ExportTasks"] == []
    assert len(rds.describe_export_tasks(SourceType="SNAPSHOT")["ExportTasks"]) == 1
    with pytest.raises(ClientError, match="Invalid marker"):
        rds.describe_export_tasks(Marker="page-two")


@pytest.mark.exhaustive
def test_a_backup_snapshot_has_its_own_name_event_and_listing(world: World) -> None:
    arn = world.snapshot("2026-11-20", kind="awsbackup")
    identifier = arn.split(":snapshot:")[1]
    assert identifier.startswith("awsbackup:job-")
    rds = rds_of(world)
    assert rds.describe_db_snapshots()["DBSnapshots"] == [], "listed only when their type or name is asked for"
    assert len(rds.describe_db_snapshots(SnapshotType="awsbackup")["DBSnapshots"]) == 1
    snapshot = world.gateways.rds.find_snapshot(Exportable.SNAPSHOT, arn)
    assert snapshot is not None
    (event,) = [message for message in world.messages() if message["source"] == "aws.rds"]
    assert (event["detail"]["EventID"], event["detail"]["SourceIdentifier"]) == ("RDS-EVENT-0042", identifier)


@pytest.mark.exhaustive
def test_a_snapshot_of_a_database_that_is_down_is_refused_in_words(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(name: str) -> None:
        raise psycopg.OperationalError("connection refused")

    (database,) = world.cloud._sources.databases(INSTANCE, "shop-prod")
    monkeypatch.setattr(database, "freeze", unreachable)
    status, answer = post(f"{world.cloud.url}/_local/snapshots", {"database": "shop-prod"})
    assert (status, answer["error"]) == (502, "shop-prod could not be copied: connection refused")
    assert rds_of(world).describe_db_snapshots()["DBSnapshots"] == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("identifier", ["-leading", "trailing-", "double--hyphen", "with space", "1st"])
def test_an_illegal_snapshot_name_is_refused(world: World, identifier: str) -> None:
    url = f"{world.cloud.url}/_local/snapshots"
    assert post(url, {"database": "shop-prod", "identifier": identifier})[0] == 400
