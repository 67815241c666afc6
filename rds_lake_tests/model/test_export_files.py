"""Keys and info files of an export, in both of AWS's layouts (aws-facts 1.1 to 1.4)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.errors import MalformedExportError
from rds_lake.model.export_info import (
    export_folder,
    hive_type_of_expected,
    parse_tables_info,
    parse_target,
)
from rds_lake.model.export_key import (
    ExportedData,
    ForeignKey,
    InfoFile,
    SuccessMarker,
    TablesInfoFile,
    parse_export_key,
)
from rds_lake.model.table import TableTarget
from rds_lake_tests import strategies

FOLDER = "deep/er/exports/task-1/"

KEYS = {
    "shop/public.orders/1/part-00000-ab-c000.gz.parquet": ExportedData(
        folder="shop/public.orders", index=1, name="part-00000-ab-c000.gz.parquet"
    ),
    "shop/public.orders/part-00003-ab-c000.gz.parquet": ExportedData(
        folder="shop/public.orders", index=0, name="part-00003-ab-c000.gz.parquet"
    ),
    "shop/public.a.b.c/12/part-00000-ab.gz.parquet": ExportedData(
        folder="shop/public.a.b.c", index=12, name="part-00000-ab.gz.parquet"
    ),
    "shop/public.orders/1/_SUCCESS": SuccessMarker(folder="shop/public.orders", index=1),
    "shop/public.orders/_SUCCESS": SuccessMarker(folder="shop/public.orders", index=0),
    "export_info_task-1.json": InfoFile(name="export_info_task-1.json"),
    "export_tables_info_task-1_from_1_to_12.json": TablesInfoFile(
        name="export_tables_info_task-1_from_1_to_12.json", first=1, last=12
    ),
}


@pytest.mark.parametrize("key", KEYS)
def test_every_key_of_both_layouts_is_recognised(key: str) -> None:
    assert parse_export_key(FOLDER + key, FOLDER) == KEYS[key]


@pytest.mark.parametrize(
    "key",
    [
        "deep/er/exports/task-10/shop/public.orders/1/part.parquet",
        FOLDER + "notes.txt",
        FOLDER + "shop/public.orders/1/readme.md",
        FOLDER + "shop/public.orders/x/part.parquet",
        FOLDER + "shop/nodot/1/part.parquet",
        FOLDER,
    ],
)
def test_a_key_that_is_not_the_exports_is_foreign_also_of_a_task_with_a_longer_name(key: str) -> None:
    assert isinstance(parse_export_key(key, FOLDER), ForeignKey)


@given(st.text(max_size=80))
def test_any_key_whatever_is_classified(key: str) -> None:
    parse_export_key(key, FOLDER)
    parse_export_key(FOLDER + key, FOLDER)


def info(name: str, first: int, last: int) -> TablesInfoFile:
    return TablesInfoFile(name=name, first=first, last=last)


def entry(target: str, **more: object) -> dict[str, object]:
    columns = [{"columnName": "id", "originalType": "bigint", "expectedExportedType": "int64"}]
    return {"target": target, "status": "COMPLETE", "schemaMetadata": {"originalTypeMappings": columns}} | more


def test_several_info_files_are_read_as_one_in_order() -> None:
    files = {
        info("b", 2, 2): json.dumps({"perTableStatus": [entry("shop.public.b")]}),
        info("a", 1, 1): json.dumps({"perTableStatus": [entry("shop.public.a.with.dots")]}),
    }
    tables = parse_tables_info(files)
    assert [table.target for table in tables] == [
        TableTarget(database="shop", schema="public", table="a.with.dots"),
        TableTarget(database="shop", schema="public", table="b"),
    ]
    assert tables[0].columns[0].expected_type == "int64"


def test_an_entry_about_a_whole_database_and_the_spelling_of_2020_are_read() -> None:
    old = {"target": "shop.public.a", "status": "COMPLETE"}
    old |= {"schemaMetadata": {"OriginalTypeMappings": [{"columnName": "x", "originalType": "text"}]}}
    files = {info("a", 1, 2): json.dumps({"perTableStatus": [old, {"target": "shop", "warningMessage": "oh"}]})}
    table, database = parse_tables_info(files)
    assert table.columns[0].name == "x"
    assert (database.target, database.raw_target, database.warning) == (None, "shop", "oh")


def test_all_problems_of_the_info_files_are_in_one_error() -> None:
    files = {
        info("first", 1, 1): "not json",
        info("third", 3, 3): json.dumps({"perTableStatus": [{"status": "COMPLETE"}]}),
    }
    with pytest.raises(MalformedExportError) as caught:
        parse_tables_info(files)
    text = str(caught.value)
    assert "third starts at table 3, but table 2 is the next" in text
    assert "first cannot be read" in text
    assert "third, entry 1" in text


def test_an_export_without_info_files_is_not_taken_for_an_empty_one() -> None:
    with pytest.raises(MalformedExportError, match="no export_tables_info"):
        parse_tables_info({})


@pytest.mark.parametrize("target", [None, "", 7, ["shop"]])
def test_an_entry_without_a_target_is_a_problem_and_not_a_database(target: object) -> None:
    with pytest.raises(MalformedExportError, match="is no name"):
        parse_tables_info({info("f", 1, 1): json.dumps({"perTableStatus": [{"target": target, "status": "COMPLETE"}]})})


@given(
    st.text(max_size=60)
    | st.sampled_from(["[]", "null", '{"perTableStatus": [7]}', '{"perTableStatus":' + "[" * 100_000])
)
def test_any_text_as_info_file_gives_tables_or_a_malformed_export_error(text: str) -> None:
    try:
        parse_tables_info({info("f", 1, 1): text})
    except MalformedExportError:
        return


@given(strategies.targets)
def test_a_target_is_read_back_from_awss_text(target: TableTarget) -> None:
    assert parse_target(str(target)) == target


def test_the_folder_of_a_table_has_awss_replacements() -> None:
    target = TableTarget(database="shop", schema="public", table='Order "Details`\\x')
    assert export_folder(target) == "shop/public.Order__Details__x"


@pytest.mark.parametrize(
    ("expected", "hive"),
    [
        ("int32", "int"),
        ("int32 (INT_16)", "smallint"),
        ("int64", "bigint"),
        ("double", "double"),
        ("float", "float"),
        ("boolean", "boolean"),
        ("binary", "binary"),
        ("binary (UTF8)", "string"),
        ("int64 (TIMESTAMP_MICRO)", "timestamp"),
        ("fixed_len_byte_array (DECIMAL(20,0))", "decimal(20,0)"),
        ("something new", "string"),
    ],
)
def test_announced_types_become_hive_types(expected: str, hive: str) -> None:
    assert hive_type_of_expected(expected) == hive
