"""Relocation interrupted before any of its writes and resumed: same end, no copy made twice, nothing left running."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.copying import CopyLimits
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.objects import MIB
from rds_lake.errors import MalformedExportError, RelocationError
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import Manifest
from rds_lake.stages.databases.inspect import ExportContents, inspect_export
from rds_lake.stages.databases.relocation.copy_plan import plan_copies
from rds_lake.stages.databases.relocation.relocate import Mover
from rds_lake_tests.stages.conftest import SESSION
from rds_lake_tests.support.builders import SampleExport, SampleTable, fill, orders, parquet
from rds_lake_tests.support.faults import S3_WRITES, Faults

TABLES = (
    SampleTable(target="shop.public.orders", parts=(orders(1, 3), orders(4, 5), orders(6, 6))),
    SampleTable(target="shop.public.Order Details", parts=(orders(1, 2),)),
    SampleTable(target="shop.sales.nothing"),
)
WRITES = 1 + 4 + 1  # the mark, the copies, the manifest


@pytest.fixture
def export(clients: AwsClients) -> SampleExport:
    return SampleExport(s3=clients.s3, tables=TABLES).write()


@pytest.fixture
def contents(s3: S3Gateway, export: SampleExport) -> ExportContents:
    return inspect_export(s3, task=export.task, include=())


def mover(s3: S3Gateway, layout: LakeLayout, lines: list[str] | None = None, **changes: Any) -> Mover:
    log = (lines if lines is not None else []).append
    return Mover(**({"s3": s3, "layout": layout, "kms_key": "alias/lake", "log": log, "parallel": 1} | changes))


def another(cloud: LocalCloud) -> AwsClients:
    """The clients of another process, without the faults of the first."""
    return AwsClients(SESSION, region="us-east-1", endpoint_url=cloud.url, attempts=3)


def relative(manifest: Manifest, prefix: str) -> Sequence[object]:
    return [
        (table.target, table.columns, [(f.key.removeprefix(prefix), f.bytes, f.rows, f.checksum) for f in table.files])
        for table in manifest.tables
    ]


@pytest.mark.parametrize("death", [SystemExit(137), KeyboardInterrupt()], ids=lambda death: type(death).__name__)
@pytest.mark.parametrize("write", range(1, WRITES + 1))
def test_a_death_before_any_write_changes_nothing_in_the_end(
    session_cloud: LocalCloud, export: SampleExport, contents: ExportContents, death: BaseException, write: int
) -> None:
    unbroken = mover(S3Gateway(another(session_cloud).s3), LakeLayout(bucket="acme-lake", prefix="unbroken"))
    expected = relative(unbroken.relocate(contents, export.record), "unbroken/")
    layout = LakeLayout(bucket="acme-lake", prefix="broken")
    sources = [item.key for item in unbroken.s3.list_objects("acme-exports", "")]
    dying = another(session_cloud)
    first = Faults(dying.s3)
    first.interrupt(S3_WRITES, death, at=write)
    with pytest.raises(type(death)):
        mover(S3Gateway(dying.s3), layout).relocate(contents, export.record)
    assert [key for key in listed(unbroken.s3, "broken/") if key.endswith("2026-11-20.json")] == []
    living = another(session_cloud)
    second = Faults(living.s3)
    manifest = mover(S3Gateway(living.s3), layout).relocate(contents, export.record)
    assert relative(manifest, "broken/") == expected
    assert manifest.rows == 8
    made = max(0, write - 2)  # copies that were made before the death
    assert second.count("CopyObject") == 4 - min(made, 4)
    assert len([key for key in listed(unbroken.s3, "broken/") if key.endswith(".parquet")]) == 4
    assert listed(unbroken.s3, "", "acme-exports") == sources


def listed(s3: S3Gateway, prefix: str, bucket: str = "acme-lake") -> list[str]:
    return [item.key for item in s3.list_objects(bucket, prefix)]


def test_an_interrupted_run_stops_copying_what_is_queued(
    clients: AwsClients, s3: S3Gateway, layout: LakeLayout
) -> None:
    parts = tuple(orders(number, number) for number in range(40))
    export = SampleExport(s3=clients.s3, tables=(SampleTable(target="shop.public.orders", parts=parts),)).write()
    contents = inspect_export(s3, task=export.task, include=())
    faults = Faults(clients.s3)

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    ticks = iter(range(0, 10_000, 10))
    impatient = mover(s3, layout, parallel=2, clock=lambda: float(next(ticks)))
    with pytest.raises(KeyboardInterrupt):
        dataclasses.replace(impatient, log=interrupt).relocate(contents, export.record)
    assert faults.count("CopyObject") < 40


@pytest.mark.parametrize(("algorithm", "repeated"), [("CRC32", 0), ("SHA256", 2)])
def test_a_copy_by_parts_is_made_again_only_where_no_checksum_proves_it(
    clients: AwsClients, s3: S3Gateway, layout: LakeLayout, algorithm: str, repeated: int
) -> None:
    """S3 gives a CRC over a whole multipart copy, but no SHA-256."""
    table = SampleTable(target="shop.public.big", parts=(incompressible(6 * MIB),))
    options = {"ChecksumAlgorithm": algorithm}
    export = SampleExport(s3=clients.s3, tables=(table,), put_options=options).write()
    contents = inspect_export(s3, task=export.task, include=())
    limits = CopyLimits(threshold_bytes=5 * MIB, part_bytes=5 * MIB)
    first = mover(s3, layout, limits=limits).relocate(contents, export.record)
    faults = Faults(clients.s3)
    assert mover(s3, layout, limits=limits).relocate(contents, export.record) == first
    assert faults.count("UploadPartCopy") == repeated


def incompressible(size: int) -> bytes:
    import os

    import pyarrow as pa

    table = pa.table({"id": pa.array([1], pa.int64()), "note": pa.array([os.urandom(size // 2).hex()], pa.string())})
    return parquet(table, compression="none")


def test_a_source_that_vanished_is_named(
    clients: AwsClients, s3: S3Gateway, layout: LakeLayout, export: SampleExport, contents: ExportContents
) -> None:
    gone = contents.tables[0].files[1].key
    clients.s3.delete_object(Bucket="acme-exports", Key=gone)
    with pytest.raises(RelocationError, match=r"1 of 4 objects.*materialize `parquet` again") as caught:
        mover(s3, layout).relocate(contents, export.record)
    assert caught.value.problems == (f"s3://acme-exports/{gone}: AWS's copy is gone; export the date again",)


def test_tables_that_fold_into_one_folder_are_refused_before_anything_is_copied(
    clients: AwsClients, s3: S3Gateway, layout: LakeLayout
) -> None:
    tables = (SampleTable(target="shop.public.a b"), SampleTable(target="shop.public.a_b", parts=(orders(1, 1),)))
    export = SampleExport(s3=clients.s3, tables=tables).write()
    contents = inspect_export(s3, task=export.task, include=())
    assert [finding.severity for finding in contents.findings] == ["error"]
    with pytest.raises(MalformedExportError, match=r"shop\.public\.a b and shop\.public\.a_b in shop/public\.a_b"):
        mover(s3, layout).relocate(contents, export.record)
    assert [key for key in listed(s3, "") if key.endswith(".parquet")] == []


def test_neighbours_in_the_plan_lie_in_different_tables(
    layout: LakeLayout, export: SampleExport, contents: Any
) -> None:
    """S3's rate limits are per prefix."""
    plan = plan_copies(contents.tables, export.record, layout)
    assert [copy.table.target.table for copy in plan] == ["orders", "Order Details", "orders", "orders"]
    assert len({copy.target_key for copy in plan}) == 4


def test_progress_is_reported_every_few_seconds_and_not_per_object(
    clients: AwsClients, s3: S3Gateway, layout: LakeLayout
) -> None:
    parts = tuple(orders(number, number) for number in range(12))
    export = SampleExport(s3=clients.s3, tables=(SampleTable(target="shop.public.orders", parts=parts),)).write()
    lines, ticks = list[str](), iter(range(1000))
    contents = inspect_export(s3, task=export.task, include=())
    mover(s3, layout, lines, clock=lambda: float(next(ticks))).relocate(contents, export.record)
    assert [line for line in lines if line.startswith("copied")] == [
        line for line in lines if line.startswith(("copied 6 of 12", "copied 11 of 12"))
    ]
    assert lines[-1].startswith("relocated 12 files")


def test_foreign_objects_in_the_exports_folder_are_left_alone(
    s3: S3Gateway, layout: LakeLayout, export: SampleExport
) -> None:
    fill("acme-exports", [f"{export.task.folder}notes.txt", f"{export.task.folder}shop/readme.parquet"])
    contents = inspect_export(s3, task=export.task, include=())
    assert mover(s3, layout).relocate(contents, export.record).files == 4
