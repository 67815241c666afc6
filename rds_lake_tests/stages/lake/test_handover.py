"""Hand-over: records and manifests by source and date, and what to do when one is missing or damaged."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import AwsError, ManifestError, NewerRecordError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import DataFile, Manifest, TableManifest
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.stages.lake import handover
from rds_lake_tests.support.builders import DAY, SampleExport
from rds_lake_tests.support.faults import Faults


@pytest.fixture
def manifest() -> Manifest:
    table = TableManifest(
        target=TableTarget(database="shop", schema="public", table="Größe"),
        location="s3://acme-lake/lake/x/",
        columns=(Column(name="id", hive_type="bigint", original_type="bigint"),),
        files=(DataFile(key="lake/x/1-a.parquet", bytes=7, rows=3, checksum="CRC32:x"),),
        schema_notes=("a note",),
    )
    return Manifest(export=SampleExport(s3=None, tables=()).record, lake_bucket="acme-lake", tables=(table,))


def test_a_manifest_comes_back_as_written_and_encrypted(
    s3: S3Gateway, clients: AwsClients, layout: LakeLayout, manifest: Manifest
) -> None:
    handover.write_manifest(s3, layout, manifest, kms_key="alias/lake")
    assert handover.get_manifest(s3, layout, "shop", DAY) == manifest
    head = clients.s3.head_object(Bucket="acme-lake", Key="lake/_manifests/shop/2026-11-20.json")
    assert head["SSEKMSKeyId"] == "alias/lake"


def test_an_export_record_comes_back_as_written(s3: S3Gateway, layout: LakeLayout, manifest: Manifest) -> None:
    handover.write_export_record(s3, layout, manifest.export, kms_key="alias/lake")
    assert handover.get_export_record(s3, layout, "shop", DAY) == manifest.export


def test_dates_and_sources_do_not_see_each_other(s3: S3Gateway, layout: LakeLayout, manifest: Manifest) -> None:
    handover.write_manifest(s3, layout, manifest, kms_key="alias/lake")
    assert handover.find_manifest(s3, layout, "shop", date(2026, 11, 21)) is None
    assert handover.find_manifest(s3, layout, "shop2", DAY) is None


def test_what_is_missing_says_which_asset_to_materialize(s3: S3Gateway, layout: LakeLayout) -> None:
    with pytest.raises(ManifestError, match="materialize `shop/parquet` for 2026-11-20 first"):
        handover.get_manifest(s3, layout, "shop", DAY)
    with pytest.raises(ManifestError, match="materialize `shop/snapshot_export` for 2026-11-20 first"):
        handover.get_export_record(s3, layout, "shop", DAY)


@pytest.mark.parametrize("body", ["", "{", "[]", '{"version": 99}', '{"version": 1}', '{"version": 1, "export": 3}'])
def test_what_is_damaged_names_its_object(s3: S3Gateway, layout: LakeLayout, body: str) -> None:
    s3.put_text("acme-lake", layout.manifest_key("shop", DAY), body, kms_key=None)
    s3.put_text("acme-lake", layout.export_record_key("shop", DAY), body, kms_key=None)
    with pytest.raises(ManifestError, match=r"s3://acme-lake/lake/_manifests/shop/2026-11-20\.json"):
        handover.get_manifest(s3, layout, "shop", DAY)
    with pytest.raises(ManifestError, match=r"s3://acme-lake/lake/_manifests/shop/2026-11-20\.export\.json"):
        handover.get_export_record(s3, layout, "shop", DAY)


def test_a_manifest_one_may_not_read_is_not_a_missing_one(
    s3: S3Gateway, clients: AwsClients, layout: LakeLayout
) -> None:
    """Taken for missing, it would be relocated again."""
    Faults(clients.s3).answer("GetObject", "AccessDenied", status=403)
    with pytest.raises(AwsError, match="AccessDenied"):
        handover.find_manifest(s3, layout, "shop", DAY)


def test_a_write_is_one_put(s3: S3Gateway, clients: AwsClients, layout: LakeLayout, manifest: Manifest) -> Any:
    faults = Faults(clients.s3)
    handover.write_manifest(s3, layout, manifest, kms_key="alias/lake")
    assert [operation for operation, _ in faults.calls] == ["PutObject"]


def exported(manifest: Manifest, task: str, *, hour: int) -> Manifest:
    moment = datetime(2026, 11, 20, hour, tzinfo=UTC)
    return replace(manifest, export=replace(manifest.export, export_task=task, snapshot_time=moment, started_at=moment))


@pytest.mark.parametrize("newest", [True, False])
def test_the_better_snapshot_of_a_date_stays_whoever_writes_last(
    s3: S3Gateway, layout: LakeLayout, manifest: Manifest, newest: bool
) -> None:
    early, late = exported(manifest, "t-early", hour=3), exported(manifest, "t-late", hour=9)
    better, lesser = (late, early) if newest else (early, late)
    for first, second in ((better, lesser), (lesser, better)):
        s3.delete("acme-lake", [layout.manifest_key("shop", DAY)])
        for one in (first, second):
            handover.write_manifest(s3, layout, one, kms_key=None, newest=newest)
        assert handover.get_manifest(s3, layout, "shop", DAY).export.export_task == better.export.export_task


def test_a_manifest_remembers_whose_place_it_took_and_only_that(
    s3: S3Gateway, layout: LakeLayout, manifest: Manifest
) -> None:
    tasks = [exported(manifest, f"t-{hour}", hour=hour) for hour in (3, 6, 9)]
    earlier = [handover.write_manifest(s3, layout, one, kms_key=None).earlier for one in (*tasks, tasks[-1])]
    assert earlier == [(), ("t-3",), ("t-3", "t-6"), ("t-3", "t-6")]


def test_an_export_whose_end_is_reported_late_does_not_take_the_place_of_the_accepted_one(
    s3: S3Gateway, layout: LakeLayout, manifest: Manifest
) -> None:
    late, early = (exported(manifest, task, hour=hour).export for task, hour in (("t-late", 9), ("t-early", 3)))
    for one in (late, early):
        handover.accept_export(s3, layout, one, kms_key=None, stays=one.yields_to)
    assert handover.get_export_record(s3, layout, "shop", DAY) == late
    assert handover.accept_export(s3, layout, early, kms_key=None, stays=lambda other: False) == early
    assert handover.get_export_record(s3, layout, "shop", DAY) == early, "the better one's export is gone"


def test_what_a_newer_release_wrote_is_not_replaced_by_an_older_one(
    s3: S3Gateway, layout: LakeLayout, manifest: Manifest
) -> None:
    for key in (layout.manifest_key("shop", DAY), layout.export_record_key("shop", DAY)):
        s3.put_text("acme-lake", key, '{"version": 77}', kms_key=None)
    with pytest.raises(NewerRecordError, match="update rds-lake"):
        handover.write_manifest(s3, layout, manifest, kms_key=None)
    with pytest.raises(NewerRecordError, match="update rds-lake"):
        handover.accept_export(s3, layout, manifest.export, kms_key=None, stays=lambda _: False)
    assert s3.get_text("acme-lake", layout.manifest_key("shop", DAY)) == '{"version": 77}'
