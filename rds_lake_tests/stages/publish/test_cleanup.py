"""Cleanup: deletes AWS's copy and superseded folders after publishing, and nothing else."""

import contextlib
import dataclasses
from collections.abc import Callable, Sequence

import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.many import ManyS3
from rds_lake.errors import AwsError, ManifestError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import Manifest
from rds_lake.stages.databases.inspect import inspect_export
from rds_lake.stages.databases.relocation.intact import is_whole
from rds_lake.stages.databases.relocation.relocate import Mover
from rds_lake.stages.publish.cleanup import after_publish, delete_export
from rds_lake_tests.support.builders import SampleExport, SampleTable, fill, orders
from rds_lake_tests.support.faults import Faults

TABLES = (
    SampleTable(target="shop.public.orders", parts=(orders(1, 3), orders(4, 5))),
    SampleTable(target="shop.sales.nothing"),
)
Keys = Callable[[str], list[str]]


@pytest.fixture
def keys(s3: S3Gateway) -> Keys:
    return lambda bucket: [item.key for item in s3.list_objects(bucket, "")]


@pytest.fixture
def manifest(s3: S3Gateway, clients: AwsClients, layout: LakeLayout) -> Manifest:
    """A relocated export, its sources still there."""
    return relocated(s3, layout, SampleExport(s3=clients.s3, tables=TABLES).write())


def relocated(s3: S3Gateway, layout: LakeLayout, export: SampleExport) -> Manifest:
    contents = inspect_export(s3, task=export.task, include=())
    assert contents.findings == ()
    return Mover(s3=s3, layout=layout, kms_key="alias/lake", log=print).relocate(contents, export.record)


def clean(s3: S3Gateway, layout: LakeLayout, manifest: Manifest, *, keep_export: bool = False) -> list[str]:
    lines: list[str] = []
    after_publish(s3, layout, manifest, keep_export=keep_export, log=lines.append)
    return lines


def test_awss_copy_goes_and_the_lakes_stays(
    s3: S3Gateway, clients: AwsClients, layout: LakeLayout, manifest: Manifest, keys: Keys
) -> None:
    neighbours = ["exports/other-task/file", f"{manifest.export.folder.rstrip('/')}0/file", "elsewhere"]
    fill("acme-exports", neighbours)
    lines = clean(s3, layout, manifest)
    assert keys("acme-exports") == sorted(neighbours)
    files = [file.key for file in manifest.tables[0].files]
    assert keys("acme-lake") == sorted([*files, "lake/_manifests/shop/2026-11-20.json"])
    assert "6 objects" in lines[0]


@pytest.mark.exhaustive
def test_an_export_to_be_kept_is_kept(s3: S3Gateway, layout: LakeLayout, manifest: Manifest, keys: Keys) -> None:
    before = keys("acme-exports")
    assert clean(s3, layout, manifest, keep_export=True) == []
    assert keys("acme-exports") == before


def test_an_earlier_export_of_the_date_goes_and_other_dates_stay(
    s3: S3Gateway, clients: AwsClients, layout: LakeLayout, manifest: Manifest, keys: Keys
) -> None:
    second = SampleExport(s3=clients.s3, tables=TABLES, identifier="shop-prod-again-2").write()
    other_days = [
        "lake/shop/shop/public.orders/snapshot_date=2026-11-19/t-1/1-a.parquet",
        "lake/shop/shop/public.orders_archive/snapshot_date=2026-11-20/t-1/1-a.parquet",
    ]
    fill("acme-lake", other_days)
    newer = relocated(s3, layout, second)
    clean(s3, layout, newer)
    data = [key for key in keys("acme-lake") if key.endswith(".parquet")]
    assert data == sorted([*other_days, *(file.key for file in newer.tables[0].files)])


@pytest.mark.exhaustive
def test_an_export_that_another_run_copies_at_the_same_time_is_left_alone(
    s3: S3Gateway, layout: LakeLayout, manifest: Manifest, keys: Keys
) -> None:
    under_way = "lake/shop/shop/public.orders/snapshot_date=2026-11-20/shop-prod-later-1/1-a.parquet"
    fill("acme-lake", [under_way])
    clean(s3, layout, manifest)
    assert under_way in keys("acme-lake"), "only an export whose place was taken is deleted"


@pytest.mark.exhaustive
def test_while_another_run_works_on_the_date_its_earlier_export_stays(
    s3: S3Gateway, clients: AwsClients, layout: LakeLayout, manifest: Manifest, keys: Keys
) -> None:
    newer = relocated(s3, layout, SampleExport(s3=clients.s3, tables=TABLES, identifier="shop-prod-again-2").write())
    after_publish(s3, layout, newer, keep_export=False, log=print, alone=False)
    assert {file.key for file in manifest.tables[0].files} <= set(keys("acme-lake"))
    clean(s3, layout, newer)
    assert not {file.key for file in manifest.tables[0].files} & set(keys("acme-lake"))


@pytest.mark.parametrize("requests", [1, 2])
def test_a_clean_up_that_was_killed_leaves_nothing_that_passes_for_an_export(
    s3: S3Gateway, layout: LakeLayout, manifest: Manifest, keys: Keys, monkeypatch: pytest.MonkeyPatch, requests: int
) -> None:
    class Killed(BaseException):
        pass

    deleting, made = ManyS3.delete, []

    def dies(self: ManyS3, bucket: str, wanted: Sequence[str]) -> None:
        made.append(bucket)
        if len(made) > requests:
            raise Killed
        deleting(self, bucket, wanted)

    before = keys("acme-exports")
    assert is_whole(s3, "acme-exports", manifest.export.folder)
    monkeypatch.setattr(ManyS3, "delete", dies)
    with contextlib.suppress(Killed):
        delete_export(s3, "acme-exports", manifest.export.folder)
    assert keys("acme-exports") != before
    assert not is_whole(s3, "acme-exports", manifest.export.folder)


@pytest.mark.exhaustive
def test_a_second_time_finds_nothing_left_to_do(s3: S3Gateway, layout: LakeLayout, manifest: Manifest) -> None:
    clean(s3, layout, manifest)
    assert clean(s3, layout, manifest) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("folder", ["", "/", "exports/", "exports/other-task/"])
def test_a_damaged_manifest_empties_no_bucket(
    s3: S3Gateway, layout: LakeLayout, manifest: Manifest, keys: Keys, folder: str
) -> None:
    before = keys("acme-exports")
    damaged = dataclasses.replace(manifest, export=dataclasses.replace(manifest.export, folder=folder))
    with pytest.raises(ManifestError, match="nothing was deleted"):
        clean(s3, layout, damaged)
    assert keys("acme-exports") == before


def test_a_delete_that_is_refused_is_an_error(
    s3: S3Gateway, clients: AwsClients, layout: LakeLayout, manifest: Manifest, keys: Keys
) -> None:
    before = keys("acme-lake")
    Faults(clients.s3).answer("DeleteObjects", "AccessDenied", status=403)
    with pytest.raises(AwsError, match="AccessDenied"):
        clean(s3, layout, manifest)
    assert keys("acme-lake") == before
