"""A copied snapshot holds the data of the day it was copied from, and counts as of that day, never as of the copy's."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from rds_lake.aws.rds import RdsGateway
from rds_lake.errors import SnapshotNotFoundError
from rds_lake.model.aws.arn import Exportable
from rds_lake.model.aws.snapshot import Snapshot, of_date
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.model.exports.task_id import export_task_id
from rds_lake.stages.databases.export import choose_snapshot
from rds_lake.stages.databases.freshness import find_misdated
from rds_lake.stages.databases.plan import ExportPlan, attempt_at, date_of_ours
from rds_lake_tests.fakes.rds import FakeRds
from rds_lake_tests.support.world import World, execute

DATA, COPIED = datetime(2026, 11, 20, 0, 1, tzinfo=UTC), datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
PREFIX = "arn:aws:rds:us-east-1:111122223333:"
PLAN = ExportPlan(
    source="shop",
    snapshot_about=Exportable.SNAPSHOT,
    identifier="shop-prod",
    kinds=("automated", "manual"),
    include=(),
    bucket="acme-exports",
    prefix="exports",
    role="arn:aws:iam::111122223333:role/export",
    kms_key="alias/lake",
)


def instance_item(name: str, made: datetime, **more: Any) -> dict[str, Any]:
    item = {"DBSnapshotArn": f"{PREFIX}snapshot:{name}", "DBSnapshotIdentifier": name}
    item |= {"DBInstanceIdentifier": "shop-prod", "SnapshotType": "manual", "Engine": "postgres", "Status": "available"}
    return item | {"SnapshotCreateTime": made, "OriginalSnapshotCreateTime": made} | more


def cluster_item(name: str, made: datetime, source: str = "") -> dict[str, Any]:
    item = {"DBClusterSnapshotArn": f"{PREFIX}cluster-snapshot:{name}", "DBClusterSnapshotIdentifier": name}
    item |= {"DBClusterIdentifier": "shop", "SnapshotType": "manual", "Engine": "aurora-mysql", "Status": "available"}
    return item | {"SnapshotCreateTime": made} | ({"SourceDBClusterSnapshotArn": source} if source else {})


class Described:
    """RDS's client with these snapshots; `asked` counts what is looked up one by one."""

    def __init__(self, items: Sequence[dict[str, Any]]) -> None:
        self.items, self.asked = items, 0

    def get_paginator(self, operation: str) -> "Described":
        self.listed = "DBClusterSnapshots" if "cluster" in operation else "DBSnapshots"
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{self.listed: self.items}]

    def describe_db_cluster_snapshots(self, DBClusterSnapshotIdentifier: str) -> dict[str, Any]:
        self.asked += 1
        found = [item for item in self.items if item["DBClusterSnapshotArn"] == DBClusterSnapshotIdentifier]
        return {"DBClusterSnapshots": found}


def listed(*items: dict[str, Any]) -> dict[str, Snapshot]:
    client: Any = Described(items)
    about = Exportable.SNAPSHOT if "DBSnapshotArn" in items[0] else Exportable.CLUSTER_SNAPSHOT
    found = RdsGateway(client).list_snapshots(
        about, "shop-prod" if about is Exportable.SNAPSHOT else "shop", ["manual"]
    )
    return {snapshot.identifier: snapshot for snapshot in found}


def test_a_copy_of_an_instances_snapshot_is_of_the_day_of_its_data() -> None:
    found = listed(
        instance_item("a", DATA),
        instance_item("copy", COPIED, OriginalSnapshotCreateTime=DATA, SourceRegion="eu-west-1"),
        instance_item("old-api", COPIED) | {"OriginalSnapshotCreateTime": None},
    )
    assert {name: s.date for name, s in found.items()} == {
        "a": DATA.date(),
        "copy": DATA.date(),
        "old-api": COPIED.date(),
    }
    assert (found["a"].copied_at, found["copy"].copied_at) == (None, COPIED)


def test_a_snapshot_whose_two_times_are_a_moment_apart_is_no_copy_and_keeps_its_export() -> None:
    (found,) = listed(instance_item("a", DATA, OriginalSnapshotCreateTime=DATA - timedelta(seconds=3))).values()
    assert (found.subject, found.created_at) == (f"{PREFIX}snapshot:a", DATA)


def test_a_copy_of_a_copy_of_a_clusters_snapshot_is_of_the_day_of_the_first() -> None:
    first, second = (f"{PREFIX}cluster-snapshot:{name}" for name in ("first", "second"))
    found = listed(
        cluster_item("third", COPIED, second),
        cluster_item("first", DATA),
        cluster_item("second", DATA + timedelta(days=3), first),
    )
    assert {snapshot.created_at for snapshot in found.values()} == {DATA}


@pytest.mark.parametrize(
    ("source", "day"),
    [
        ("arn:aws:rds:eu-west-1:999988887777:cluster-snapshot:rds:shop-2026-11-20-00-01", DATA.date()),
        (f"{PREFIX}cluster-snapshot:before-the-migration", None),
        (f"{PREFIX}cluster-snapshot:awsbackup:job-2026-11-20", None),
    ],
)
def test_a_copy_of_a_clusters_snapshot_that_is_gone_has_the_day_of_its_name_or_none(
    source: str, day: date | None
) -> None:
    (found,) = listed(cluster_item("copy", COPIED, source)).values()
    assert (None if found.unknown_origin else found.date) == day
    assert bool(of_date([found], COPIED.date(), which="newest")) is False, "never that of the copy"


def test_copies_of_copies_in_a_circle_end() -> None:
    arns = [f"{PREFIX}cluster-snapshot:{name}" for name in ("a", "b")]
    found = listed(cluster_item("a", COPIED, arns[1]), cluster_item("b", COPIED, arns[0]))
    assert all(snapshot.unknown_origin for snapshot in found.values())


def copied(name: str = "keep-for-audit", **changes: Any) -> Snapshot:
    found = Snapshot(
        arn=f"{PREFIX}snapshot:{name}",
        identifier=name,
        source_identifier="shop-prod",
        kind="manual",
        engine="postgres",
        created_at=DATA,
        status="available",
        copied_at=COPIED,
    )
    return replace(found, **changes)


def test_what_was_copied_comes_before_its_copies_and_the_first_copy_before_the_next() -> None:
    copies = [copied("z", copied_at=COPIED + timedelta(1)), copied("y"), copied("x", copied_at=None)]
    for which in ("newest", "first"):
        assert [s.identifier for s in of_date(copies, DATA.date(), which=which)] == ["x", "y", "z"]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["keep-for-audit", "a" * 255, "awsbackup:copyjob-2026-11-27-x"])
def test_the_export_of_a_copy_is_known_by_its_id_as_that_of_its_datas_day(name: str) -> None:
    snapshot = copied(name)
    identifier = export_task_id(subject=snapshot.subject, include=(), salt=PLAN.salt, attempt=3)
    # AWS gives the time of the copy.
    task = ExportTask(
        identifier=identifier,
        source_arn=snapshot.arn,
        status=ExportStatus.COMPLETE,
        bucket="acme-exports",
        prefix="exports",
        snapshot_time=COPIED,
    )
    assert date_of_ours(PLAN, task) == DATA.date()
    assert attempt_at(PLAN, task, snapshot) == 3
    assert len(identifier) <= 60


def test_a_copy_of_unknown_origin_is_named_where_no_snapshot_is_found() -> None:
    rds = FakeRds(snapshots=[copied(unknown_origin=True, created_at=COPIED)])
    with pytest.raises(SnapshotNotFoundError, match="copies keep-for-audit have no known date"):
        choose_snapshot(rds, PLAN, COPIED.date(), now=COPIED, usable=lambda _: True)


def test_a_date_never_has_the_old_rows_of_a_snapshot_that_was_copied_that_day(world: World) -> None:
    """The case of a person, of AWS Backup or of a lifecycle tool that keeps an old snapshot by copying it."""
    world.with_source(snapshots=("automated", "manual"))
    old = world.snapshot("2026-11-20")
    today = datetime.now(UTC).date()
    execute(world.url, "INSERT INTO orders SELECT i, 1 FROM generate_series(100, 589) i")
    world.snapshot(today.isoformat(), hour=0)
    rds = world.clients.client("rds")
    copy = rds.copy_db_snapshot(SourceDBSnapshotIdentifier=old, TargetDBSnapshotIdentifier="keep-for-audit")
    found = world.gateways.rds.find_snapshot(Exportable.SNAPSHOT, copy["DBSnapshot"]["DBSnapshotArn"])
    assert found is not None
    assert found.date == date(2026, 11, 20)
    world.publish(today.isoformat())
    assert world.query("SELECT count(*) FROM orders") == [("500",)]


@pytest.mark.exhaustive
def test_where_only_the_copy_is_left_its_rows_are_those_of_their_own_day(world: World) -> None:
    world.with_source(snapshots=("automated", "manual"))
    old = world.snapshot("2026-11-20")
    rds = world.clients.client("rds")
    rds.copy_db_snapshot(SourceDBSnapshotIdentifier=old, TargetDBSnapshotIdentifier="keep-for-audit")
    rds.delete_db_snapshot(DBSnapshotIdentifier="rds:shop-prod-2026-11-20-03-00")
    run = world.run()
    with pytest.raises(SnapshotNotFoundError):
        run.accept(datetime.now(UTC).date(), poll_seconds=0.05)
    accepted = run.accept(date(2026, 11, 20), poll_seconds=0.05)
    assert accepted.findings == ()
    assert accepted.record.snapshot_time == datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
    wrong = run.accept(datetime.now(UTC).date(), export_task=accepted.record.export_task)
    assert "holds the data of 2026-11-20" in wrong.findings[0].problem, "an event of an earlier release"


@pytest.mark.exhaustive
def test_a_copy_made_after_the_date_was_published_is_not_paid_for(world: World) -> None:
    world.with_source(snapshots=("automated", "manual"), replace=True)
    old = world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    rds = world.clients.client("rds")
    rds.copy_db_snapshot(SourceDBSnapshotIdentifier=old, TargetDBSnapshotIdentifier="keep-for-audit")
    rds.delete_db_snapshot(DBSnapshotIdentifier="rds:shop-prod-2026-11-20-03-00")
    run = world.run()
    assert run.accept(date(2026, 11, 20), poll_seconds=0.05).reused
    assert run.begin(date(2026, 11, 20)) is not None
    assert len(rds.describe_export_tasks()["ExportTasks"]) == 1


@pytest.mark.exhaustive
def test_a_published_date_whose_data_is_older_than_its_name_is_reported(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an earlier release published it, by the copy's own time."""
    arn = world.snapshot("2026-11-27")
    world.publish("2026-11-27")
    assert find_misdated(world.gateways.rds, world.gateways.lake, world.config.databases[0]) is None
    real = world.gateways.rds.find_snapshot(Exportable.SNAPSHOT, arn)
    assert real is not None
    older = replace(real, created_at=DATA, copied_at=real.created_at)
    monkeypatch.setattr(RdsGateway, "find_snapshot", lambda *_: older)
    reason = find_misdated(world.gateways.rds, world.gateways.lake, world.config.databases[0])
    assert reason is not None
    assert "holds the data of 2026-11-20, not of 2026-11-27: it is a copy" in reason
