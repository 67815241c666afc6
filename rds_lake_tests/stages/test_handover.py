"""Hand-over: records and manifests by source and date, and what to do when one is missing or damaged."""

from datetime import date
from typing import Any

import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3 import S3Gateway
from rds_lake.errors import AwsError, ManifestError
from rds_lake.model.layout import LakeLayout
from rds_lake.model.manifest import DataFile, Manifest, TableManifest
from rds_lake.model.table import Column, TableTarget
from rds_lake.stages import handover
from rds_lake_tests.builders import DAY, SampleExport
from rds_lake_tests.faults import Faults


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
