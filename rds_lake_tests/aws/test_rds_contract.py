"""The same export tasks on the local cloud and on the fake: what holds for one holds for the other."""

import functools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from rds_lake.aws.rds import RdsGateway
from rds_lake.errors import ConflictError, ExportQuotaError
from rds_lake.model.aws.arn import Exportable
from rds_lake.model.aws.snapshot import Snapshot
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake_tests.fakes.rds import FakeRds
from rds_lake_tests.support.world import World, until


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An RDS whose exports stay STARTING until `finish` is called."""

    rds: RdsGateway
    arn: Callable[[int], str]
    role: str
    kms_key: str
    finish: Callable[[str], None]

    def start(self, identifier: str, *, snapshot: int = 0) -> ExportTask:
        return self.rds.start_export(
            identifier=identifier,
            source_arn=self.arn(snapshot),
            bucket="acme-lake",
            prefix="exports",
            role=self.role,
            kms_key=self.kms_key,
            include=[],
        )


@pytest.fixture(params=["fake", "local cloud"])
def subject(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Subject]:
    if request.param == "fake":
        yield fake_subject()
        return
    world: World = request.getfixturevalue("world")
    gate = threading.Event()
    monkeypatch.setattr(world.cloud.exports, "_sleep", lambda seconds: gate.wait(30))
    rds = world.gateways.rds

    def finish(identifier: str) -> None:
        gate.set()
        until(lambda: is_complete(rds, identifier), what=f"the export {identifier}")

    yield Subject(
        rds=rds,
        arn=functools.cache(lambda number: world.snapshot(f"2026-11-{10 + number}")),
        role=world.run().plan.role,
        kms_key=world.run().plan.kms_key,
        finish=finish,
    )
    gate.set()


def is_complete(rds: RdsGateway, identifier: str) -> bool:
    task = rds.find_export_task(identifier)
    return task is not None and task.status is ExportStatus.COMPLETE


def fake_subject() -> Subject:
    rds = FakeRds()

    @functools.cache
    def arn(number: int) -> str:
        snapshot = Snapshot(
            arn=f"arn:aws:rds:us-east-1:1:snapshot:rds:s-{number}",
            identifier=f"rds:s-{number}",
            source_identifier="shop-prod",
            kind="automated",
            engine="postgres",
            created_at=datetime(2026, 11, 10 + number, tzinfo=UTC),
            status="available",
        )
        rds.snapshots.append(snapshot)
        return snapshot.arn

    return Subject(
        rds=rds,
        arn=arn,
        role="role",
        kms_key="key",
        finish=lambda identifier: rds.change(identifier, status=ExportStatus.COMPLETE),
    )


def test_a_started_task_is_found_by_id_and_by_snapshot(subject: Subject) -> None:
    started = subject.start("a-1")
    assert started.status is ExportStatus.STARTING
    assert started.snapshot_time is not None
    assert started.folder == "exports/a-1/"
    found = subject.rds.find_export_task("a-1")
    assert found is not None
    assert (found.source_arn, found.status.running) == (subject.arn(0), True)
    assert [task.identifier for task in subject.rds.list_export_tasks(source_arn=subject.arn(0))] == ["a-1"]
    assert subject.rds.list_export_tasks(source_arn=subject.arn(1)) == []
    assert subject.rds.find_export_task("unknown") is None


def test_an_id_is_used_for_ever(subject: Subject) -> None:
    subject.start("a-1")
    with pytest.raises(ConflictError):
        subject.start("a-1", snapshot=1)
    subject.finish("a-1")
    with pytest.raises(ConflictError):
        subject.start("a-1")


def test_one_snapshot_has_one_export_at_a_time(subject: Subject) -> None:
    subject.start("a-1")
    with pytest.raises(ExportQuotaError):
        subject.start("a-2")
    subject.finish("a-1")
    assert subject.start("a-2").identifier == "a-2"


def test_five_exports_are_in_progress_at_most(subject: Subject) -> None:
    for number in range(5):
        subject.start(f"a-{number}", snapshot=number)
    with pytest.raises(ExportQuotaError):
        subject.start("a-5", snapshot=5)


def test_snapshots_are_listed_by_kind_and_instance(subject: Subject) -> None:
    arns = {subject.arn(0), subject.arn(1)}
    assert {s.arn for s in subject.rds.list_snapshots(Exportable.SNAPSHOT, "shop-prod", ["automated"])} == arns
    assert subject.rds.list_snapshots(Exportable.SNAPSHOT, "shop-prod", ["manual"]) == []
    assert subject.rds.list_snapshots(Exportable.SNAPSHOT, "shop", ["automated"]) == []
    found = subject.rds.find_snapshot(Exportable.SNAPSHOT, subject.arn(0))
    assert found is not None
    assert found.arn == subject.arn(0)
