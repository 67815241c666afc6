"""Orphans: everything that costs money and will not be read is found with its reason, and nothing else is."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from rds_lake.aws.s3.many import ManyS3
from rds_lake.config.shared import Retention
from rds_lake.errors import ExportFailedError
from rds_lake.stages.lake.handover import get_manifest
from rds_lake.stages.upkeep.changes import ChangesPlan
from rds_lake.stages.upkeep.folders import Exports
from rds_lake.stages.upkeep.orphan import Orphan, is_orphan_still, remove_orphan
from rds_lake.stages.upkeep.orphans import find_orphans
from rds_lake.stages.upkeep.prune import PrunePlan, apply_prune
from rds_lake.stages.upkeep.retention import RetentionPlan, busy_by_marks
from rds_lake_tests.support.world import World

DAY = date(2026, 11, 20)
ORDERS = "lake/shop/shop/public.orders"


def find(world: World, *, later: timedelta = timedelta(hours=25)) -> dict[str, Orphan]:
    """Orphans by kind, as of a day later."""
    lake, now = world.gateways.lake, datetime.now(UTC) + later
    found = find_orphans(
        world.config,
        world.config.sources[0],
        Exports.read(world.config, world.gateways.rds, world.gateways.s3),
        rds=world.gateways.rds,
        lake=lake,
        now=now,
        busy=busy_by_marks(lake.s3, lake.layout, "shop", now=now),
    )
    return {orphan.kind: orphan for orphan in found}


def remove_all(world: World) -> None:
    for orphan in find(world).values():
        remove_orphan(world.gateways.lake, orphan)


def put(world: World, key: str) -> None:
    world.root.s3.put_text("acme-lake", key, "12345", kms_key=None)


def test_a_published_source_has_no_orphans_kept_exports_included(world: World) -> None:
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    assert find(world) == {}
    world.with_source(keep_export=True)
    world.snapshot("2026-11-21")
    world.publish("2026-11-21")
    assert find(world) == {}


def test_awss_copy_left_after_publishing_is_found_and_removed_and_nothing_beside_it(world: World) -> None:
    world.with_source(keep_export=True)
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    put(world, "exports/somebody-elses-export/x.parquet")
    world.with_source(keep_export=False)
    orphan = find(world)["export"]
    assert orphan.why == "2026-11-20 is published"
    assert orphan.bytes > 0
    remove_all(world)
    assert world.keys("exports/") == ["exports/somebody-elses-export/x.parquet"]
    assert find(world) == {}
    assert world.query("SELECT count(*) FROM orders") == [("10",)]


@pytest.mark.exhaustive
def test_awss_copy_of_a_published_date_stays_while_the_lake_lacks_files_of_it(world: World) -> None:
    world.with_source(keep_export=True)
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    world.with_source(keep_export=False)
    planned = find(world)["export"]
    assert planned.removable
    lost = next(key for key in world.keys(ORDERS) if key.endswith(".parquet"))
    world.clients.client("s3").delete_object(Bucket="acme-lake", Key=lost)
    assert not is_orphan_still(world.gateways.lake, planned), "a file went after the plan was made"
    orphan = find(world)["export"]
    assert not orphan.removable
    assert orphan.why.startswith("2026-11-20 lacks 1 file in the lake, which this copy has")
    before = world.keys("exports/")
    remove_all(world)
    assert world.keys("exports/") == before
    world.run().relocate(DAY)
    remove_all(world)
    assert world.keys("exports/") == []
    assert world.query("SELECT count(*) FROM orders") == [("10",)]


@pytest.mark.exhaustive
def test_an_export_not_published_yet_is_no_orphan(world: World) -> None:
    world.snapshot("2026-11-20")
    world.run().accept(DAY, poll_seconds=0.05)
    assert find(world) == {}
    world.run().relocate(DAY)
    assert find(world) == {}


@pytest.mark.exhaustive
def test_the_export_of_a_snapshot_that_is_gone_is_shown_and_never_removed(world: World) -> None:
    arn = world.snapshot("2026-11-20", kind="manual")
    world.with_source(snapshots=("manual",))
    world.run().accept(DAY, poll_seconds=0.05)
    world.clients.client("rds").delete_db_snapshot(DBSnapshotIdentifier=arn.split(":snapshot:")[1])
    orphan = find(world)["export"]
    assert "only copy" in orphan.why
    assert not orphan.removable
    before = world.keys("exports/")
    remove_all(world)
    assert world.keys("exports/") == before


@pytest.mark.exhaustive
def test_an_export_of_a_date_that_retention_gave_up_goes(world: World) -> None:
    for day in ("2026-01-05", "2026-11-20"):
        world.snapshot(day)
        world.run().accept(date.fromisoformat(day), poll_seconds=0.05)
    world.run().relocate(DAY)
    world.with_source(retention=Retention(daily=1, weekly=0, monthly=0))
    assert find(world)["export"].why == "`retention:` does not keep 2026-01-05"


@pytest.mark.exhaustive
def test_what_a_failed_export_wrote_is_an_orphan_with_awss_cause(world: World) -> None:
    world.snapshot("2026-11-20")
    world.break_next_export(fail="the disk of the exporter")
    with pytest.raises(ExportFailedError):
        world.run().accept(DAY, poll_seconds=0.05)
    (task,) = world.gateways.rds.list_export_tasks()
    put(world, f"{task.folder}shop/public.orders/1/part-0.parquet")
    orphan = find(world)["ended badly"]
    assert "the disk of the exporter" in orphan.why
    remove_all(world)
    assert world.keys("exports/") == []


@pytest.mark.exhaustive
def test_an_old_generation_goes_unless_a_partition_still_points_there(world: World) -> None:
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    put(world, f"{ORDERS}/snapshot_date=2026-11-20/earlier-1/1-part-0.parquet")
    assert find(world)["generation"].bytes == 5
    remove_all(world)
    assert find(world) == {}
    assert world.query("SELECT count(*) FROM orders") == [("10",)]


def test_files_without_manifest_and_partition_go_and_unknown_files_stay(world: World) -> None:
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    put(world, f"{ORDERS}/snapshot_date=2026-11-02/given-up-1/1-part-0.parquet")
    put(world, "lake/shop/notes/readme.txt")
    put(world, "lake/shopping/shop/public.orders/snapshot_date=2026-11-02/x/1-part-0.parquet")
    orphan = find(world)["unfinished"]
    assert orphan.key == f"{ORDERS}/snapshot_date=2026-11-02/given-up-1/"
    remove_all(world)
    assert "lake/shop/notes/readme.txt" in world.keys()
    assert any(key.startswith("lake/shopping/") for key in world.keys())


@pytest.mark.exhaustive
def test_parts_of_an_upload_that_was_never_completed_are_aborted(world: World) -> None:
    s3 = world.clients.client("s3")
    for key in (f"{ORDERS}/snapshot_date=2026-11-20/t/1-part.parquet", "elsewhere/x"):
        upload = s3.create_multipart_upload(Bucket="acme-lake", Key=key)["UploadId"]
        s3.upload_part(Bucket="acme-lake", Key=key, UploadId=upload, PartNumber=1, Body=b"abc")
    assert find(world)["upload"].bytes == 3
    remove_all(world)
    assert [u["Key"] for u in s3.list_multipart_uploads(Bucket="acme-lake")["Uploads"]] == ["elsewhere/x"]


@pytest.mark.exhaustive
def test_a_partition_whose_objects_were_deleted_goes_and_an_empty_tables_stays(world: World) -> None:
    world.snapshot("2026-11-19")
    world.publish("2026-11-19")
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    world.root.s3.delete("acme-lake", [k for k in world.keys("lake/") if "2026-11-19" in k])
    assert find(world)["partition"].key.endswith("/2026-11-19")
    remove_all(world)
    remove_all(world)
    remove_all(world)
    assert find(world) == {}
    assert world.query("SELECT DISTINCT snapshot_date FROM snapshots_orders") == [("2026-11-20",)]


@pytest.mark.exhaustive
def test_objects_missing_of_a_published_date_are_reported_and_its_partition_stays(world: World) -> None:
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    world.root.s3.delete("acme-lake", world.keys(f"{ORDERS}/"))
    orphan = find(world)["partition"]
    assert "names 1 file there, and there is none" in orphan.why
    assert not orphan.removable


def test_nothing_younger_than_a_day_is_touched(world: World) -> None:
    put(world, f"{ORDERS}/snapshot_date=2026-11-02/given-up-1/1-part-0.parquet")
    assert find(world, later=timedelta(hours=23)) == {}
    assert set(find(world)) == {"unfinished"}


@pytest.mark.exhaustive
def test_the_rest_of_a_removal_that_was_killed_is_exported_once_more_and_never_published(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    world.snapshot("2026-11-18")
    world.run().accept(date(2026, 11, 18), poll_seconds=0.05)
    (task,) = world.gateways.rds.list_export_tasks()
    lost = [key for key in world.keys(task.folder) if "orders/1/part-" in key]
    deleting, made = ManyS3.delete, []

    def dies(self: ManyS3, bucket: str, keys: list[str]) -> None:
        made.append(keys)
        if len(made) > 1:
            deleting(self, bucket, [key for key in keys if key in lost])  # a part of the second request's keys
            raise Killed
        deleting(self, bucket, keys)

    monkeypatch.setattr(ManyS3, "delete", dies)
    orphan = Orphan(kind="export", source="shop", bucket=task.bucket, key=task.folder, why="", age=timedelta(days=2))
    with pytest.raises(Killed):
        remove_orphan(world.gateways.lake, orphan)
    monkeypatch.undo()
    assert any(key.endswith("_SUCCESS") for key in world.keys(task.folder)), "a rest that looks like an export"
    world.publish("2026-11-18")
    assert world.query("SELECT count(*) FROM orders") == [("10",)]
    assert len(world.gateways.rds.list_export_tasks()) == 2


@pytest.mark.exhaustive
def test_an_orphan_that_a_run_has_taken_up_since_the_plan_was_made_stays(world: World) -> None:
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    table, values = "snapshots_orders", ("2026-11-20",)
    orphan = Orphan(
        kind="partition", source="shop", bucket="", key="snapshots_orders/2026-11-20", why="", age=timedelta(days=2),
        partition=(table, values), day=date(2026, 11, 20), location="s3://acme-lake/lake/where/it/was/",
    )  # fmt: skip
    lake = world.gateways.lake
    folder = get_manifest(lake.s3, lake.layout, "shop", date(2026, 11, 20)).tables[0].location
    generation = replace(
        orphan, kind="generation", bucket="acme-lake", key=folder.removeprefix("s3://acme-lake/"), partition=None
    )
    retention = RetentionPlan(source="shop", kept={}, removals=(), damaged=())
    plan = PrunePlan(
        source=world.config.sources[0], now=datetime.now(UTC), retention=retention, changes=ChangesPlan(source="shop"),
        orphans=(orphan, generation), left=(), deletable=lake.s3.deletable,
    )  # fmt: skip
    pruned = apply_prune(lake, plan, busy=lambda: (), log=world.lines.append)
    assert pruned.plan.orphans == ()
    assert world.query("SELECT count(*) FROM orders") == [("10",)]
