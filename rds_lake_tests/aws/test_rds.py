"""RDS: snapshots by exact identifier and kind, export tasks with paging, and which refusals mean waiting."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.rds import RdsGateway
from rds_lake.errors import AwsError, ConflictError, ExportQuotaError, TransientError
from rds_lake.model.aws.arn import Exportable
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake_tests.support.builders import ARN
from rds_lake_tests.support.faults import Faults
from rds_lake_tests.support.world import World


@pytest.fixture
def rds(clients: AwsClients) -> RdsGateway:
    return RdsGateway(clients.rds)


def start(rds: RdsGateway, identifier: str = "t-1") -> ExportTask:
    return rds.start_export(
        identifier=identifier,
        source_arn=ARN,
        bucket="acme-exports",
        prefix="exports",
        role="arn:aws:iam::111122223333:role/export",
        kms_key="alias/export",
        include=[],
    )


def test_snapshots_are_listed_by_exact_instance_and_kind(world: World) -> None:
    automated = world.snapshot("2026-11-20")
    manual = world.snapshot("2026-11-20", kind="manual")
    backup = world.snapshot("2026-11-19", kind="awsbackup")
    rds = world.gateways.rds
    assert [s.arn for s in rds.list_snapshots(Exportable.SNAPSHOT, "shop-prod", ["automated"])] == [automated]
    assert [s.arn for s in rds.list_snapshots(Exportable.SNAPSHOT, "shop-prod", ["manual", "awsbackup"])] == [
        manual,
        backup,
    ]
    assert rds.list_snapshots(Exportable.SNAPSHOT, "shop", ["automated"]) == []


@pytest.mark.exhaustive
def test_a_snapshot_carries_what_the_pipeline_needs(world: World) -> None:
    arn = world.snapshot("2026-11-20", hour=5, minute=6)
    snapshot = world.gateways.rds.find_snapshot(Exportable.SNAPSHOT, arn)
    assert snapshot is not None
    assert snapshot.created_at == datetime(2026, 11, 20, 5, 6, tzinfo=UTC)
    assert (snapshot.source_identifier, snapshot.kind, snapshot.status) == ("shop-prod", "automated", "available")
    assert snapshot.engine == "postgres"


@pytest.mark.exhaustive
def test_a_snapshot_that_is_gone_is_none(world: World) -> None:
    assert world.gateways.rds.find_snapshot(Exportable.SNAPSHOT, ARN) is None


def test_more_snapshots_than_a_page_are_all_listed(rds: RdsGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [[snapshot(number) for number in range(100)], [snapshot(100)]]
    paginate(monkeypatch, rds, "DBSnapshots", pages)
    assert len(rds.list_snapshots(Exportable.SNAPSHOT, "shop-prod", ["automated"])) == 101


@pytest.mark.exhaustive
def test_more_tasks_than_a_page_are_all_listed_oldest_first(rds: RdsGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of DescribeExportTasks is not documented; a task not begun yet has no start time."""
    items = [task(f"t-{number}", hour=number % 24) for number in range(150)]
    items.append({key: value for key, value in task("t-new").items() if key != "TaskStartTime"})
    paginate(monkeypatch, rds, "ExportTasks", [items[100:], items[:100]])
    listed = rds.list_export_tasks()
    times = [item.started_at for item in listed if item.started_at]
    assert len(listed) == 151
    assert times == sorted(times)
    assert listed[-1].identifier == "t-new"


@pytest.mark.exhaustive
def test_statuses_are_read_whatever_their_case(rds: RdsGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto writes a task's status as `complete`, AWS as COMPLETE."""
    paginate(monkeypatch, rds, "ExportTasks", [[task("t-1", Status="complete")]])
    assert rds.list_export_tasks()[0].status is ExportStatus.COMPLETE


@pytest.mark.exhaustive
def test_an_unheard_of_status_is_an_error_that_names_the_task(rds: RdsGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    paginate(monkeypatch, rds, "ExportTasks", [[task("t-1", Status="PAUSED")]])
    with pytest.raises(AwsError, match=r"t-1.*'PAUSED'"):
        rds.list_export_tasks()


@pytest.mark.parametrize(
    "code", ["ExportTaskLimitReachedFault", "InvalidExportSourceState", "ExportTaskQuotaExceeded", "LimitExceeded"]
)
def test_a_full_quota_means_waiting(rds: RdsGateway, clients: AwsClients, code: str) -> None:
    Faults(clients.rds).answer("StartExportTask", code)
    with pytest.raises(ExportQuotaError, match="has to wait, as AWS allows no more") as caught:
        start(rds)
    assert isinstance(caught.value, TransientError)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "code", ["IamRoleNotFound", "KMSKeyNotAccessibleFault", "InvalidS3BucketFault", "InvalidExportOnly", "AccessDenied"]
)
def test_any_other_refusal_is_terminal_even_when_its_message_speaks_of_limits(
    rds: RdsGateway, clients: AwsClients, code: str
) -> None:
    Faults(clients.rds).answer("StartExportTask", code, message="shop.public.credit_limits, quota")
    with pytest.raises(AwsError, match=code):
        start(rds)


def test_an_id_that_was_ever_used_is_a_conflict(rds: RdsGateway, clients: AwsClients) -> None:
    Faults(clients.rds).answer("StartExportTask", "ExportTaskAlreadyExists")
    with pytest.raises(ConflictError, match="t-1"):
        start(rds)


@pytest.mark.exhaustive
def test_throttling_is_absorbed_by_retries(rds: RdsGateway, clients: AwsClients) -> None:
    faults = Faults(clients.rds)
    faults.answer("DescribeExportTasks", "Throttling", times=1)
    assert rds.list_export_tasks() == []
    assert faults.count("DescribeExportTasks") == 2


def snapshot(number: int) -> dict[str, Any]:
    return {
        "DBSnapshotArn": f"{ARN}-{number}",
        "DBSnapshotIdentifier": f"rds:s-{number}",
        "DBInstanceIdentifier": "shop-prod",
        "SnapshotType": "automated",
        "SnapshotCreateTime": datetime(2026, 11, 20, tzinfo=UTC),
    }


def task(identifier: str, *, hour: int = 0, **changes: Any) -> dict[str, Any]:
    body = {
        "ExportTaskIdentifier": identifier,
        "SourceArn": ARN,
        "Status": "COMPLETE",
        "TaskStartTime": datetime(2026, 11, 20, hour, tzinfo=UTC),
    }
    return body | changes


def paginate(monkeypatch: pytest.MonkeyPatch, rds: RdsGateway, key: str, pages: list[list[dict[str, Any]]]) -> None:
    """Make the client answer with these pages."""

    class Paginator:
        def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
            return iter([{key: page} for page in pages])

    monkeypatch.setattr(rds._client, "get_paginator", lambda operation: Paginator())
