"""Keys and info files of an export, in both of AWS's layouts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.errors import MalformedExportError
from rds_lake.model.exports.expected_type import hive_type_of_expected
from rds_lake.model.exports.info import export_folder, parse_tables_info
from rds_lake.model.exports.key import (
    ExportedData,
    ForeignKey,
    InfoFile,
    SuccessMarker,
    TablesInfoFile,
    parse_export_key,
)
from rds_lake.model.tables.table import TableTarget
from rds_lake.model.target_names import Targets
from rds_lake_tests.support import strategies

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
    with pytest.raises(MalformedExportError, match="is not a name"):
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
    assert Targets.of([str(target)]).read(str(target)) == target


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
        ("fixed_len_byte_array(9) (DECIMAL(20, 0))", "decimal(20,0)"),
        ("int32 (DECIMAL(8,2))", "decimal(8,2)"),
        ("decimal(12,2)", "decimal(12,2)"),
        ("int32 (INT(16, true))", "smallint"),
        ("int32 (INT(16,true))", "smallint"),
        ("int32 (INTEGER(8,true))", "tinyint"),
        ("int32 (INT(8, false))", "smallint"),
        ("int32 (UINT_16)", "int"),
        ("int64 (INT(64, false))", "bigint"),
        ("INT64 (TIMESTAMP(MICROS,true))", "timestamp"),
        ("int64 (TIMESTAMP(NANOS, false))", "timestamp"),
        ("int64 (TIMESTAMP_MILLIS)", "timestamp"),
        ("int64 (TIME(MICROS,true))", "bigint"),
        ("int96", "timestamp"),
        ("int32 (DATE)", "date"),
        ("binary (STRING)", "string"),
        ("byte_array (JSON)", "string"),
        ("binary (NEVER_SEEN(1, x))", "binary"),
        ("int32 (NEVER_SEEN)", "int"),
        ("optional int32 (INT(16,true))", "smallint"),
        ("fixed_len_byte_array(16) (UUID)", "binary"),
        ("something new", "string"),
    ],
)
def test_announced_types_become_hive_types(expected: str, hive: str) -> None:
    assert hive_type_of_expected(expected) == hive


@given(st.text(max_size=60) | st.from_regex(r"(int32|binary) ?\((INT|DECIMAL|[A-Z_]{1,9})\(?[0-9, a-z]{0,9}\)?\)?"))
def test_any_words_of_a_type_are_a_type(expected: str) -> None:
    assert hive_type_of_expected(expected)


FOLDERS = {
    "acme.crm.public.t": ("acme.crm/public.t", TableTarget(database="acme.crm", schema="public", table="t")),
    "MyDb_1.0.0.MyDb_1.0.0.t": (
        "MyDb_1.0.0/MyDb_1.0.0.t",
        TableTarget(database="MyDb_1.0.0", schema="MyDb_1.0.0", table="t"),
    ),
    "shop.a.b.t": ("shop/a.b.t", TableTarget(database="shop", schema="a.b", table="t")),
    "shop.public.v1.2": ("shop/public.v1.2", TableTarget(database="shop", schema="public", table="v1.2")),
    'my "db".x.public.a b': (
        "my__db_.x/public.a_b",
        TableTarget(database='my "db".x', schema="public", table="a b"),
    ),
}


@pytest.mark.parametrize("target", FOLDERS)
def test_dots_in_names_of_databases_and_schemas_are_recognised_by_the_folders_and_lake_yaml(target: str) -> None:
    folder, expected = FOLDERS[target]
    entries = [{"target": target, "status": "COMPLETE"}, {"target": "shop.public.orders", "status": "COMPLETE"}]
    files = {info("f", 1, 2): json.dumps({"perTableStatus": entries})}
    tables = parse_tables_info(files, folders=[folder, "shop/public.orders"], default_schema="shop.a.b")
    assert [table.target for table in tables] == [
        expected,
        TableTarget(database="shop", schema="public", table="orders"),
    ]
    assert export_folder(expected) == folder


def test_a_table_of_a_dotted_database_that_left_nothing_is_named_like_its_neighbours() -> None:
    entries = [{"target": f"acme.crm.public.{name}", "status": "COMPLETE"} for name in ("here", "gone")]
    tables = parse_tables_info(
        {info("f", 1, 2): json.dumps({"perTableStatus": entries})}, folders=["acme.crm/public.here"]
    )
    assert {table.target.database for table in tables if table.target} == {"acme.crm"}


def test_columns_come_in_the_tables_order_and_what_has_no_name_is_no_column() -> None:
    mappings = [
        {"columnName": "b", "ordinalPosition": 2, "expectedExportedType": None, "somethingNew": {}},
        {"columnName": "a", "ordinalPosition": 1, "originalCharMaxLength": 12.0, "originalNumPrecision": [1]},
        {"originalType": "text"},
        "text",
    ]
    body = {"perTableStatus": [entry("shop.public.t", schemaMetadata={"originalTypeMappings": mappings})]}
    (table,) = parse_tables_info({info("f", 1, 1): json.dumps(body)})
    assert [(column.name, column.char_max_length) for column in table.columns] == [("a", 12), ("b", None)]
