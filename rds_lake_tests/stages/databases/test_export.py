"""Exports: one per snapshot however often asked, adopted, repeated only after failure, explained when they fail."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from rds_lake.errors import (
    ExportFailedError,
    ExportQuotaError,
    ExportTimeoutError,
    MalformedExportError,
    SnapshotNotFoundError,
)
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake.model.aws.arn import Exportable
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.stages.databases.export import begin_export, run_export
from rds_lake.stages.runs.waiting import Waiting
from rds_lake_tests.support.world import World, until

DAY = date(2026, 11, 20)


def tasks(world: World) -> list[str]:
    return [task.identifier for task in world.gateways.rds.list_export_tasks()]


def begin(world: World) -> ExportTask:
    task = world.run().begin(DAY)
    assert task is not None
    return task


def waiting(**changes: float) -> Waiting:
    values = {"timeout_seconds": 30.0, "poll_seconds": 0.02} | changes
    clock = iter(range(10_000))
    return Waiting(clock=lambda: float(next(clock)), sleep=lambda seconds: None, log=lambda line: None, **values)


def test_asking_three_times_pays_for_one_export(world: World) -> None:
    world.snapshot("2026-11-20")
    begun = {begin(world).identifier for _ in range(3)}
    assert len(begun) == len(tasks(world)) == 1


def test_eight_runs_asking_at_once_pay_for_one_export(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.cloud.exports, "_settings", ExportSettings(starting_seconds=0.5))
    world.snapshot("2026-11-20")
    with ThreadPoolExecutor(8) as pool:
        begun = set(pool.map(lambda _: begin(world).identifier, range(8)))
    assert len(begun) == len(tasks(world)) == 1


@pytest.mark.exhaustive
def test_a_complete_export_is_reused(world: World) -> None:
    world.snapshot("2026-11-20")
    first = world.run().accept(DAY, poll_seconds=0.05)
    again = world.run().accept(DAY, poll_seconds=0.05)
    assert first.record == again.record
    assert len(tasks(world)) == 1


def test_a_failed_export_says_awss_cause_and_the_next_attempt_has_a_new_id(world: World) -> None:
    world.snapshot("2026-11-20")
    world.break_next_export(fail="The S3 bucket acme isn't located in the current AWS Region.")
    with pytest.raises(ExportFailedError, match=r"isn't located in the current AWS Region.* next attempt"):
        world.run().accept(DAY, poll_seconds=0.05)
    accepted = world.run().accept(DAY, poll_seconds=0.05)
    assert accepted.record.export_task == tasks(world)[1] != tasks(world)[0]
    assert accepted.record.export_task.endswith("-2")


@pytest.mark.exhaustive
def test_a_canceled_export_is_a_failure_that_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.cloud.exports, "_settings", ExportSettings(starting_seconds=0.3))
    world.snapshot("2026-11-20")
    task = begin(world)
    world.clients.client("rds").cancel_export_task(ExportTaskIdentifier=task.identifier)
    with pytest.raises(ExportFailedError, match="CANCELED: it was canceled, AWS does not say by whom"):
        until(lambda: _settled(world, task.identifier))


def _settled(world: World, identifier: str) -> bool:
    found = world.gateways.rds.find_export_task(identifier)
    assert found is not None
    if found.status is ExportStatus.CANCELED:
        world.run().accept(DAY, export_task=identifier)
    return False


@pytest.mark.exhaustive
def test_a_running_export_is_adopted_and_a_time_limit_leaves_it_running(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.cloud.exports, "_settings", ExportSettings(starting_seconds=1.0))
    world.snapshot("2026-11-20")
    run = world.run()
    snapshot = world.gateways.rds.list_snapshots(Exportable.SNAPSHOT, "shop-prod", ["automated"])[0]
    with pytest.raises(ExportTimeoutError, match="AWS continues it"):
        run_export(world.gateways.rds, run.plan, snapshot, waiting=waiting(timeout_seconds=3))
    assert run.accept(DAY, poll_seconds=0.05).record.export_task == tasks(world)[0]
    assert len(tasks(world)) == 1


def test_a_sixth_export_is_refused_as_a_quota_and_waits_its_turn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.cloud.exports, "_settings", ExportSettings(starting_seconds=0.8))
    run, rds = world.run(), world.gateways.rds
    for day in range(10, 16):
        world.snapshot(f"2026-11-{day}")
    snapshots = sorted(rds.list_snapshots(Exportable.SNAPSHOT, "shop-prod", ["automated"]), key=lambda s: s.created_at)
    for snapshot in snapshots[:5]:
        begin_export(rds, run.plan, snapshot)
    with pytest.raises(ExportQuotaError, match="has to wait, as AWS allows no more"):
        begin_export(rds, run.plan, snapshots[5])
    accepted = run.accept(date(2026, 11, 15), poll_seconds=0.1)
    assert accepted.record.snapshot_date == date(2026, 11, 15)


def test_a_date_without_snapshot_is_explained_with_the_dates_there_are(world: World) -> None:
    world.snapshot("2026-11-18")
    world.snapshot("2026-11-20")
    with pytest.raises(SnapshotNotFoundError) as caught:
        world.run().accept(date(2026, 11, 19))
    text = str(caught.value)
    assert "shop-prod has no automated snapshot for 2026-11-19" in text
    assert "2026-11-18 to 2026-11-20" in text
    assert "retention" in text


@pytest.mark.exhaustive
def test_snapshots_of_another_kind_or_of_a_longer_named_instance_are_not_the_sources(world: World) -> None:
    world.snapshot("2026-11-20", kind="manual")
    with pytest.raises(SnapshotNotFoundError, match="no available automated snapshot at all"):
        world.run().accept(DAY)
    assert world.gateways.rds.list_snapshots(Exportable.SNAPSHOT, "shop", ["automated", "manual"]) == []
    world.with_source(snapshots=("manual",))
    assert world.run().accept(DAY, poll_seconds=0.05).findings == ()


@pytest.mark.exhaustive
def test_a_backup_snapshot_is_found_by_its_own_kind(world: World) -> None:
    world.snapshot("2026-11-20", kind="awsbackup")
    world.with_source(snapshots=("backup",))
    assert "awsbackup:job-" in world.run().accept(DAY, poll_seconds=0.05).record.snapshot_arn


def test_an_expired_snapshot_is_served_from_the_parquet_in_the_lake(world: World) -> None:
    arn = world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    world.clients.client("rds").delete_db_snapshot(DBSnapshotIdentifier=arn.split(":snapshot:")[1])
    accepted = world.run().accept(DAY)
    assert accepted.reused
    assert world.run().relocate(DAY).rows == 30


def test_a_complete_task_whose_tables_were_skipped_is_not_accepted(world: World) -> None:
    world.snapshot("2026-11-20")
    world.break_next_export(skip_tables=["shop.public.orders"])
    accepted = world.run().accept(DAY, poll_seconds=0.05)
    problems = "\n".join(finding.problem for finding in accepted.findings)
    assert "shop.public.orders" in problems
    assert "GRANT" in problems
    assert not [key for key in world.keys() if key.endswith(".export.json")], "nothing was recorded"


@pytest.mark.exhaustive
def test_an_export_whose_info_files_are_gone_is_malformed_and_not_empty(world: World) -> None:
    world.snapshot("2026-11-20")
    task = world.run().accept(DAY, poll_seconds=0.05).record
    info = [key for key in world.keys(task.folder) if "tables_info" in key]
    world.root.s3.delete("acme-lake", info)
    with pytest.raises(MalformedExportError, match="no export_tables_info"):
        world.run().relocate(DAY)


@pytest.mark.exhaustive
def test_an_export_of_which_nothing_is_left_is_made_once_more(world: World) -> None:
    world.snapshot("2026-11-20")
    task = world.run().accept(DAY, poll_seconds=0.05).record
    world.root.s3.delete("acme-lake", [key for key in world.keys() if not key.startswith("lake/_athena")])
    again = world.run().accept(DAY, poll_seconds=0.05).record
    assert again.export_task != task.export_task
    assert world.run().relocate(DAY).rows == 30


def test_a_date_in_the_lake_is_not_paid_for_again_when_its_snapshot_is_gone_and_another_is_there(world: World) -> None:
    """A manual snapshot that was deleted, or a database restored under another name, which AWS takes a snapshot of at once."""
    first = world.snapshot("2026-11-20", hour=3)
    world.publish("2026-11-20")
    world.clients.client("rds").delete_db_snapshot(DBSnapshotIdentifier=first.split(":snapshot:")[1])
    world.snapshot("2026-11-20", hour=20)
    assert begin(world).source_arn == first
    assert world.run().accept(DAY, poll_seconds=0.05).record.snapshot_arn == first
    assert len(tasks(world)) == 1
    assert any("is in the lake, from" in line and "replace: true" in line for line in world.lines)


def test_a_date_in_the_lake_is_exported_from_another_snapshot_where_its_tables_changed_or_it_is_to_be_replaced(
    world: World,
) -> None:
    first = world.snapshot("2026-11-20", hour=3)
    world.publish("2026-11-20")
    world.clients.client("rds").delete_db_snapshot(DBSnapshotIdentifier=first.split(":snapshot:")[1])
    second = world.snapshot("2026-11-20", hour=20)
    world.with_source(include=("shop.public.orders",))
    assert world.run().accept(DAY, poll_seconds=0.05).record.snapshot_arn == second
    world.with_source(include=(), replace=True)
    assert world.run().accept(DAY, poll_seconds=0.05).record.snapshot_arn == second
    assert len(tasks(world)) == 3


def test_a_date_in_the_lake_whose_export_record_was_deleted_can_be_made_again_for_nothing(world: World) -> None:
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    world.root.s3.delete("acme-lake", ["lake/_manifests/shop/2026-11-20.export.json"])
    assert world.publish("2026-11-20").publication.became_latest
    assert len(tasks(world)) == 1


def test_a_date_in_the_lake_is_not_paid_for_again_when_exports_go_to_another_place(world: World) -> None:
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    lake = world.config.lake.model_copy(update={"export_prefix": "moved"})
    world.config = world.config.model_copy(update={"lake": lake})
    world.with_source(replace=True)
    assert world.run().accept(DAY, poll_seconds=0.05).reused
    assert world.run().relocate(DAY).rows == 30
    assert len(world.root.rds.list_export_tasks()) == 1
