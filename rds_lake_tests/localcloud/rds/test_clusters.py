"""Clusters: their snapshots as AWS lists them, exports of snapshots, and exports of the cluster itself."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from rds_lake.aws.rds import RdsGateway
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.localcloud.rds.kinds import CLUSTER
from rds_lake.model.aws.arn import Exportable
from rds_lake_tests.localcloud.rds.aurora import CLUSTER_ARN, Aurora
from rds_lake_tests.support.world import execute, post

CLUSTER_SNAPSHOT = "arn:aws:rds:us-east-1:123456789012:cluster-snapshot:"


def frozen_databases(aurora: Aurora) -> int:
    with psycopg.connect(aurora.url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'frozen%'").fetchone()
        return row[0] if row else -1


def code_of(call: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"]


@pytest.fixture
def gate(aurora: Aurora, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Tasks stay STARTING until the gate is opened."""
    opened = threading.Event()
    monkeypatch.setattr(aurora.cloud.exports, "_sleep", lambda seconds: opened.wait(60))
    yield opened
    opened.set()


def test_a_cluster_is_an_aurora_of_its_databases_engine(aurora: Aurora) -> None:
    (cluster,) = aurora.rds.describe_db_clusters(DBClusterIdentifier="shop-aurora")["DBClusters"]
    assert (cluster["DBClusterArn"], cluster["Engine"]) == (CLUSTER_ARN, "aurora-postgresql")
    assert aurora.rds.describe_db_cluster_snapshots()["DBClusterSnapshots"] == []


@pytest.mark.exhaustive
def test_a_cluster_snapshot_is_described_as_aws_does(quick: Aurora) -> None:
    arn = quick.snapshot("2026-11-20T03:00:00Z")
    (snapshot,) = quick.rds.describe_db_cluster_snapshots(DBClusterIdentifier="shop-aurora")["DBClusterSnapshots"]
    assert arn == snapshot["DBClusterSnapshotArn"] == f"{CLUSTER_SNAPSHOT}rds:shop-aurora-2026-11-20-03-00"
    assert snapshot["DBClusterSnapshotIdentifier"] == "rds:shop-aurora-2026-11-20-03-00"
    assert (snapshot["SnapshotType"], snapshot["Engine"], snapshot["Status"]) == (
        "automated",
        "aurora-postgresql",
        "available",
    )
    assert snapshot["SnapshotCreateTime"].isoformat() == "2026-11-20T03:00:00+00:00"


@pytest.mark.exhaustive
@pytest.mark.parametrize("noun", ["DBSnapshot", "DBClusterSnapshot"])
def test_backup_snapshots_are_listed_only_by_type_or_by_name(quick: Aurora, noun: str) -> None:
    source = {"database": "shop-prod"} if noun == "DBSnapshot" else {}
    describe = getattr(quick.rds, "describe_db_snapshots" if source else "describe_db_cluster_snapshots")
    backup = quick.snapshot(type="awsbackup", **source)
    manual = quick.snapshot(type="manual", identifier="by-hand", **source)
    listed = lambda **asked: [item[f"{noun}Arn"] for item in describe(**asked)[f"{noun}s"]]  # noqa: E731
    assert listed() == [manual]
    assert listed(SnapshotType="awsbackup") == [backup]
    assert listed(Filters=[{"Name": "snapshot-type", "Values": ["awsbackup"]}]) == [backup]
    assert (
        listed(**{f"{noun}Identifier": backup}) == listed(**{f"{noun}Identifier": backup.split(":", 6)[6]}) == [backup]
    )
    assert listed(**{f"{noun}Identifier": "BY-HAND"}) == [manual]
    missing = "DBSnapshotNotFound" if source else "DBClusterSnapshotNotFoundFault"
    for name in ("none", backup.replace("us-east-1", "eu-west-1"), backup.replace("123456789012", "999999999999")):
        assert code_of(lambda name=name: listed(**{f"{noun}Identifier": name})) == missing
    assert code_of(lambda: listed(SnapshotType="nightly")) == "InvalidParameterValue"


@pytest.mark.exhaustive
@pytest.mark.parametrize("noun", ["DBSnapshot", "DBClusterSnapshot"])
def test_many_snapshots_come_in_pages(quick: Aurora, noun: str) -> None:
    source = {"database": "shop-prod"} if noun == "DBSnapshot" else {}
    arns = {quick.snapshot(f"2026-10-{day:02}T03:00:00Z", event=False, **source) for day in range(1, 24)}
    operation = "describe_db_snapshots" if source else "describe_db_cluster_snapshots"
    pages = list(quick.rds.get_paginator(operation).paginate(PaginationConfig={"PageSize": 20}))
    assert [len(page[f"{noun}s"]) for page in pages] == [20, 3]
    assert {item[f"{noun}Arn"] for page in pages for item in page[f"{noun}s"]} == arns
    assert code_of(lambda: getattr(quick.rds, operation)(MaxRecords=5)) == "InvalidParameterValue"


@pytest.mark.exhaustive
def test_a_cluster_and_a_snapshot_of_it_are_not_asked_for_together(aurora: Aurora) -> None:
    asked = {"DBClusterIdentifier": "shop-aurora", "DBClusterSnapshotIdentifier": "x"}
    assert code_of(lambda: aurora.rds.describe_db_cluster_snapshots(**asked)) == "InvalidParameterCombination"


@pytest.mark.exhaustive
def test_a_request_for_both_or_neither_source_is_refused(aurora: Aurora) -> None:
    url = f"{aurora.cloud.url}/_local/snapshots"
    assert post(url, {})[0] == 400
    assert post(url, {"database": "shop-prod", "cluster": "shop-aurora"})[0] == 400
    status, answer = post(url, {"cluster": "shop-prod"})
    assert (status, answer["error"]) == (404, "no cluster 'shop-prod'; there are shop-aurora, two-aurora")
    assert post(url, {"cluster": "shop-aurora", "event": "no"})[0] == 400
    assert post(url, {"cluster": "shop-aurora", "type": "awsbackup", "identifier": "mine"})[0] == 400


def test_a_cluster_snapshot_exports_the_content_of_all_its_databases(aurora: Aurora) -> None:
    arn = aurora.snapshot(cluster="two-aurora")
    execute(aurora.url, "DELETE FROM orders")
    task = aurora.start(arn)
    assert (task["SourceType"], task["SnapshotTime"].isoformat()) == ("SNAPSHOT", "2026-11-20T03:00:00+00:00")
    assert aurora.finished()["Status"] == "COMPLETE"
    folders = {tuple(key.split("/")[1:3]) for key in aurora.keys("task-1/cluster_") if "part-" in key}
    assert folders == {
        (f"cluster_{db}", f"public.{table}") for db in ("shop", "stock") for table in ("lines", "orders")
    }


@pytest.mark.exhaustive
def test_an_api_snapshot_of_a_cluster_is_frozen_copied_and_deleted(aurora: Aurora) -> None:
    rds = aurora.rds
    taken = rds.create_db_cluster_snapshot(
        DBClusterSnapshotIdentifier="First", DBClusterIdentifier="shop-aurora", Tags=[{"Key": "k", "Value": "v"}]
    )["DBClusterSnapshot"]
    assert (taken["DBClusterSnapshotArn"], taken["SnapshotType"]) == (f"{CLUSTER_SNAPSHOT}first", "manual")
    assert taken["TagList"] == [{"Key": "k", "Value": "v"}]
    execute(aurora.url, "DELETE FROM orders")
    copy = rds.copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=taken["DBClusterSnapshotArn"], TargetDBClusterSnapshotIdentifier="second"
    )["DBClusterSnapshot"]
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="FIRST")
    assert frozen_databases(aurora) == 1, "the copy still needs the content"
    aurora.start(copy["DBClusterSnapshotArn"])
    assert aurora.finished()["Status"] == "COMPLETE"
    assert [key for key in aurora.keys() if "cluster_shop/public.orders/1/part-" in key], "rows of before the DELETE"
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="second")
    assert frozen_databases(aurora) == 0
    assert code_of(lambda: aurora.start(taken["DBClusterSnapshotArn"], "task-2")) == "DBClusterSnapshotNotFoundFault"


@pytest.mark.parametrize(
    ("operation", "arguments", "code"),
    [
        ("create_db_cluster_snapshot", ("rds:x", "shop-aurora"), "InvalidParameterValue"),
        ("create_db_cluster_snapshot", ("a" * 64, "shop-aurora"), "InvalidParameterValue"),
        ("create_db_cluster_snapshot", ("x", "none"), "DBClusterNotFoundFault"),
        ("create_db_cluster_snapshot", ("taken", "shop-aurora"), "DBClusterSnapshotAlreadyExistsFault"),
        ("copy_db_cluster_snapshot", ("taken", "taken"), "DBClusterSnapshotAlreadyExistsFault"),
        ("copy_db_cluster_snapshot", ("none", "x"), "DBClusterSnapshotNotFoundFault"),
        ("delete_db_cluster_snapshot", ("none",), "DBClusterSnapshotNotFoundFault"),
        ("create_db_snapshot", ("taken", "shop-prod"), "DBSnapshotAlreadyExists"),
        ("create_db_snapshot", ("x", "none"), "DBInstanceNotFound"),
        ("copy_db_snapshot", ("none", "x"), "DBSnapshotNotFound"),
    ],
)
def test_what_aws_refuses_of_snapshots_is_refused(
    quick: Aurora, operation: str, arguments: tuple[str, ...], code: str
) -> None:
    quick.snapshot(type="manual", identifier="taken")
    quick.snapshot(type="manual", identifier="taken", database="shop-prod")
    shape = quick.rds.meta.service_model.operation_model(quick.rds.meta.method_to_api_mapping[operation])
    call = getattr(quick.rds, operation)
    assert code_of(lambda: call(**dict(zip(shape.input_shape.required_members, arguments, strict=True)))) == code


def test_a_cluster_itself_is_exported_as_it_was_when_the_export_started(aurora: Aurora, gate: threading.Event) -> None:
    before = frozen_databases(aurora)
    task = aurora.start(CLUSTER_ARN)
    assert (task["SourceType"], task["Status"]) == ("CLUSTER", "STARTING")
    execute(aurora.url, "DELETE FROM orders")
    assert frozen_databases(aurora) == before + 1
    gate.set()
    assert aurora.finished()["Status"] == "COMPLETE"
    assert [key for key in aurora.keys() if "cluster_shop/public.orders/1/part-" in key], "rows of before the DELETE"
    assert frozen_databases(aurora) == before, "the clone goes with the export"
    (info,) = aurora.keys("task-1/export_info")
    body = json.load(aurora.cloud.clients.client("s3").get_object(Bucket="exports", Key=info)["Body"])
    assert body["sourceArn"] == CLUSTER_ARN
    assert [t["SourceType"] for t in aurora.rds.describe_export_tasks(SourceType="CLUSTER")["ExportTasks"]] == [
        "CLUSTER"
    ]
    assert aurora.rds.describe_export_tasks(SourceType="SNAPSHOT")["ExportTasks"] == []


@pytest.mark.exhaustive
def test_part_of_a_cluster_can_be_exported_and_nonsense_leaves_no_clone(aurora: Aurora) -> None:
    before = frozen_databases(aurora)
    two = CLUSTER_ARN.replace("shop-aurora", "two-aurora")
    start = lambda **changes: aurora.start(two, **changes)  # noqa: E731
    assert code_of(lambda: start(ExportOnly=["cluster_shop.public.none"])) == "InvalidExportOnly"
    assert code_of(lambda: aurora.start(CLUSTER_ARN + "-none")) == "DBClusterNotFoundFault"
    assert code_of(lambda: aurora.start(CLUSTER_ARN.replace("us-east-1", "eu-west-1"))) == "DBClusterNotFoundFault"
    assert frozen_databases(aurora) == before
    start(ExportOnly=["cluster_stock.public.orders"])
    assert aurora.finished()["Status"] == "COMPLETE"
    assert {tuple(key.split("/")[1:3]) for key in aurora.keys() if "part-" in key} == {
        ("cluster_stock", "public.orders")
    }


@pytest.mark.exhaustive
def test_five_exports_run_over_all_kinds_and_one_of_each_source(aurora: Aurora, gate: threading.Event) -> None:
    aurora.start(CLUSTER_ARN, "live")
    cluster_snapshot = aurora.snapshot()
    aurora.start(cluster_snapshot, "of-cluster")
    assert code_of(lambda: aurora.start(CLUSTER_ARN, "again")) == "InvalidExportSourceState"
    assert code_of(lambda: aurora.start(cluster_snapshot, "again")) == "InvalidExportSourceState"
    for day in (1, 2, 3):
        aurora.start(aurora.snapshot(f"2026-11-0{day}T03:00:00Z", database="shop-prod"), f"task-{day}")
    before = frozen_databases(aurora)
    sixth = aurora.snapshot("2026-11-04T03:00:00Z", database="shop-prod")
    assert code_of(lambda: aurora.start(sixth, "task-4")) == "ExportTaskLimitReachedFault"
    assert frozen_databases(aurora) == before + 1
    gate.set()
    assert {aurora.finished(name)["Status"] for name in ("live", "of-cluster", "task-3")} == {"COMPLETE"}


@pytest.mark.exhaustive
def test_a_reset_ends_a_live_export_and_leaves_no_clone(aurora: Aurora, gate: threading.Event) -> None:
    aurora.start(CLUSTER_ARN)
    gate.set()
    aurora.cloud.reset()
    assert frozen_databases(aurora) == 0
    assert aurora.rds.describe_export_tasks()["ExportTasks"] == []


@pytest.mark.exhaustive
def test_a_database_that_is_down_is_said_in_words_and_leaves_no_half_copy(
    aurora: Aurora, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(name: str) -> None:
        raise psycopg.OperationalError("connection refused")

    _, second = aurora.cloud._sources.databases(CLUSTER, "two-aurora")
    monkeypatch.setattr(second, "freeze", unreachable)
    status, answer = post(f"{aurora.cloud.url}/_local/snapshots", {"cluster": "two-aurora"})
    assert (status, answer["error"]) == (502, "two-aurora could not be copied: connection refused")
    two = CLUSTER_ARN.replace("shop-aurora", "two-aurora")
    with pytest.raises(ClientError, match="connection refused"):
        aurora.cloud.clients.client("rds").start_export_task(
            ExportTaskIdentifier="task-1",
            SourceArn=two,
            S3BucketName="exports",
            IamRoleArn=aurora.role,
            KmsKeyId="alias/exports",
        )
    assert frozen_databases(aurora) == 0
    assert aurora.rds.describe_db_cluster_snapshots()["DBClusterSnapshots"] == []
    monkeypatch.undo()
    aurora.start(two)
    assert aurora.finished()["Status"] == "COMPLETE"


def test_a_cluster_of_mysql_is_an_aurora_mysql_whose_snapshot_can_be_taken(mariadb: EmbeddedMariaDb) -> None:
    url = mariadb.create_database("aurora_mysql")
    with LocalCloud({}, clusters={"shop-mysql": url}) as cloud:
        assert post(f"{cloud.url}/_local/snapshots", {"cluster": "shop-mysql"})[0] == 200
        (snapshot,) = cloud.clients.client("rds").describe_db_cluster_snapshots()["DBClusterSnapshots"]
    assert snapshot["Engine"] == "aurora-mysql"


@pytest.mark.exhaustive
def test_a_copy_of_a_clusters_snapshot_names_its_source_and_counts_as_of_its_day(quick: Aurora) -> None:
    arn = quick.snapshot()
    quick.rds.copy_db_cluster_snapshot(SourceDBClusterSnapshotIdentifier=arn, TargetDBClusterSnapshotIdentifier="kept")
    (copy,) = quick.rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier="kept")["DBClusterSnapshots"]
    assert copy["SourceDBClusterSnapshotArn"] == arn
    (snapshot,) = RdsGateway(quick.rds).list_snapshots(Exportable.CLUSTER_SNAPSHOT, "shop-aurora", ["manual"])
    assert snapshot.date.isoformat() == "2026-11-20"
