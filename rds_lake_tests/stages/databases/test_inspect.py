"""Inspect: both layouts, several info files, empty tables, and what is missing."""

import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import MalformedExportError
from rds_lake.stages.databases.inspect import inspect_export
from rds_lake_tests.support.builders import SampleExport, SampleTable, fill, orders
from rds_lake_tests.support.faults import Faults

TABLES = (
    SampleTable(target="shop.public.orders", parts=(orders(1, 3), orders(4, 5))),
    SampleTable(target='shop.public.Order "Details"', parts=(orders(1, 1),)),
    SampleTable(target="shop.sales.nothing"),
    SampleTable(target="shop.public.v1.2", parts=(orders(1, 1),)),
)


@pytest.mark.parametrize("indexed", [True, False], ids=["today's layout", "older layout"])
@pytest.mark.parametrize("prefix", ["exports", "", "a/b/c"])
def test_every_table_has_its_files_in_both_layouts(
    s3: S3Gateway, clients: AwsClients, indexed: bool, prefix: str
) -> None:
    export = SampleExport(s3=clients.s3, tables=TABLES, indexed=indexed, prefix=prefix, tables_per_info_file=3).write()
    contents = inspect_export(s3, task=export.task, include=())
    assert contents.findings == ()
    assert {str(table.target): len(table.files) for table in contents.tables} == {
        "shop.public.orders": 2,
        'shop.public.Order "Details"': 1,
        "shop.sales.nothing": 0,
        "shop.public.v1.2": 1,
    }
    assert contents.tables[1].folder == "shop/public.Order__Details_"


def test_a_task_whose_id_begins_alike_is_not_read_along(s3: S3Gateway, clients: AwsClients) -> None:
    SampleExport(s3=clients.s3, tables=TABLES[:1], identifier="t-10").write()
    export = SampleExport(s3=clients.s3, tables=TABLES[1:2], identifier="t-1").write()
    assert len(inspect_export(s3, task=export.task, include=()).tables) == 1


def test_an_export_of_2500_files_is_read_to_its_end(s3: S3Gateway, clients: AwsClients) -> None:
    """A single page of a listing ends at 1,000 keys."""
    export = SampleExport(s3=clients.s3, tables=(SampleTable(target="shop.public.orders"),)).write()
    folder = f"{export.task.folder}shop/public.orders/1/"
    fill("acme-exports", [f"{folder}part-{number:05}-x.gz.parquet" for number in range(2500)])
    faults = Faults(clients.s3)
    contents = inspect_export(s3, task=export.task, include=())
    assert len(contents.tables[0].files) == 2500
    assert faults.count("ListObjectsV2") == 3


def test_what_is_missing_is_found(s3: S3Gateway, clients: AwsClients) -> None:
    tables = (
        SampleTable(target="shop.public.orders", parts=(orders(1, 1),), marked=False),
        SampleTable(target="shop.public.lost", marked=False),
        SampleTable(target="shop.public.skipped", status="SKIPPED"),
    )
    export = SampleExport(s3=clients.s3, tables=tables).write()
    contents = inspect_export(s3, task=export.task, include=("shop.public.wanted",))
    problems = " / ".join(finding.problem for finding in contents.findings if finding.severity == "error")
    for words in ("no _SUCCESS", "public.lost is announced", "skipped ended SKIPPED", "asks for shop.public.wanted"):
        assert words in problems
    assert "shop.public.skipped" not in [str(table.target) for table in contents.tables]


def test_a_folder_without_info_files_is_no_finished_export(s3: S3Gateway, clients: AwsClients) -> None:
    """A cancelled export leaves its files behind."""
    export = SampleExport(s3=clients.s3, tables=())
    export.put("shop/public.orders/1/part-00000-x.gz.parquet", b"")
    with pytest.raises(MalformedExportError, match="there is no export_tables_info"):
        inspect_export(s3, task=export.task, include=())


def test_info_files_that_are_damaged_are_all_named(s3: S3Gateway, clients: AwsClients) -> None:
    export = SampleExport(s3=clients.s3, tables=()).write()
    export.put(f"export_tables_info_{export.identifier}_from_1_to_2.json", b"{")
    with pytest.raises(MalformedExportError, match=r"from_1_to_2\.json cannot be read"):
        inspect_export(s3, task=export.task, include=())
