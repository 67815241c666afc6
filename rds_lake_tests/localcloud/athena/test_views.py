"""Views are stored, read, refused and go stale as Athena's do."""

import base64
import json
import re
from typing import Any

import pyarrow as pa
import pytest

from rds_lake_tests.localcloud.athena.conftest import Lake


def entry(lake: Lake, name: str) -> dict[str, Any]:
    return lake.client("glue").get_table(DatabaseName="db", Name=name)["Table"]


def stored(lake: Lake, name: str) -> dict[str, Any]:
    match = re.fullmatch(r"/\* Presto View: (\S+) \*/", entry(lake, name)["ViewOriginalText"])
    assert match is not None
    return json.loads(base64.b64decode(match[1]))


@pytest.fixture
def table(lake: Lake) -> Lake:
    lake.put("t/f.parquet", n=pa.array([1], pa.int32()), s=pa.array(["x"]))
    lake.create("t", "n int; s string")
    return lake


def test_a_view_is_stored_as_athena_stores_it(table: Lake) -> None:
    table.run(
        'CREATE OR REPLACE VIEW "db"."v" AS SELECT n, s AS "Größe", CAST(n AS decimal(10,2)) AS d, '
        "TRY_CAST(s AS timestamp) AS t, CAST(n AS real) AS r, from_hex(s) AS b, ARRAY[s] AS a, sum(n) OVER () AS total FROM t"
    )
    view = entry(table, "v")
    assert (view["TableType"], view["PartitionKeys"], view["ViewExpandedText"]) == (
        "VIRTUAL_VIEW",
        [],
        "/* Presto View */",
    )
    assert view["Parameters"] == {"presto_view": "true", "comment": "Presto View"}
    assert view["StorageDescriptor"]["SerdeInfo"] == {}
    hive = {column["Name"]: column["Type"] for column in view["StorageDescriptor"]["Columns"]}
    presto = {column["name"]: column["type"] for column in stored(table, "v")["columns"]}
    assert list(hive.values()) == [
        *("int", "string", "decimal(10,2)", "timestamp", "float", "binary", "array<string>", "bigint"),
    ]
    assert list(presto.values()) == [
        *("integer", "varchar", "decimal(10,2)", "timestamp(3)", "real", "varbinary", "array(varchar)", "bigint"),
    ]
    assert (stored(table, "v")["catalog"], stored(table, "v")["schema"]) == ("awsdatacatalog", "db")


def test_what_was_stored_runs_again(table: Lake) -> None:
    """The JSON round trip: a view written by hand from another's text answers the same."""
    table.run("CREATE VIEW v AS SELECT s || 'it''s' AS \"a b\", n / 2 AS half FROM t WHERE n > 0")
    copied = entry(table, "v")
    kept = ("TableType", "Parameters", "ViewOriginalText", "ViewExpandedText", "StorageDescriptor", "PartitionKeys")
    table.client("glue").create_table(
        DatabaseName="db", TableInput={"Name": "w"} | {part: copied[part] for part in kept}
    )
    assert table.run("SELECT * FROM w") == table.run("SELECT * FROM v") == [("xit's", "0")]


def test_replacing_a_view_keeps_when_it_was_made(table: Lake) -> None:
    table.run("CREATE VIEW v AS SELECT n FROM t")
    made = entry(table, "v")["CreateTime"]
    table.run("CREATE OR REPLACE VIEW v AS SELECT s FROM t")
    assert entry(table, "v")["CreateTime"] == made
    assert table.run("SELECT * FROM v") == [("x",)]


@pytest.mark.parametrize(
    "expression",
    [
        "current_timestamp",
        "TRY_CAST(s AS timestamp with time zone)",
        "TIMESTAMP '2026-01-01 00:00:00' AT TIME ZONE 'Europe/Paris'",
        "TIME '10:00:00'",
        "uuid()",
        "json_parse('{}')",
        "NULL",
        "ARRAY[current_timestamp]",
    ],
)
def test_a_column_hive_cannot_store_is_refused(table: Lake, expression: str) -> None:
    assert "NOT_SUPPORTED: Unsupported Hive type" in table.refusal(f"CREATE VIEW v AS SELECT {expression} AS c FROM t")
    assert table.run("SHOW VIEWS") == []


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (
            "CREATE VIEW v AS SELECT n + 1 FROM t",
            "MISSING_COLUMN_NAME: line 1:1: Column name not specified at position 1",
        ),
        ("CREATE VIEW v AS SELECT n, s AS N FROM t", "DUPLICATE_COLUMN_NAME"),
        ("CREATE VIEW v (a) AS SELECT n FROM t", "SYNTAX_ERROR"),
        ("CREATE VIEW v AS SELECT n FROM missing", "TABLE_NOT_FOUND"),
        ("CREATE OR REPLACE VIEW t AS SELECT 1 AS n", "TABLE_ALREADY_EXISTS: line 1:1: Table already exists"),
        ("DROP VIEW t", "not a view"),
        ("DROP VIEW missing", "does not exist"),
    ],
)
def test_a_view_that_cannot_be_is_refused(table: Lake, sql: str, words: str) -> None:
    assert words in table.refusal(sql)


def test_an_existing_view_is_only_replaced_when_asked(table: Lake) -> None:
    table.run("CREATE VIEW v AS SELECT n FROM t")
    assert "View already exists: 'awsdatacatalog.db.v'" in table.refusal("CREATE VIEW v AS SELECT s FROM t")


@pytest.mark.parametrize("columns", ["other int", "n bigint; s string", ""])
def test_a_view_is_stale_when_its_table_changed_or_went(table: Lake, columns: str) -> None:
    table.run("CREATE VIEW v AS SELECT n FROM t")
    table.run("CREATE VIEW w AS SELECT n AS m FROM v")
    table.client("glue").delete_table(DatabaseName="db", Name="t")
    if columns:
        table.create("t", columns)
    said = table.refusal("SELECT n FROM v")
    assert said.startswith("VIEW_IS_STALE: line 1:15: View 'awsdatacatalog.db.v' is stale or in invalid state: ")
    assert "VIEW_IS_STALE" in table.refusal("SELECT m FROM w")


def test_a_view_of_all_columns_is_frozen_when_it_was_made(table: Lake) -> None:
    table.run("CREATE VIEW v AS SELECT * FROM t")
    table.client("glue").update_table(
        DatabaseName="db",
        TableInput={
            "Name": "t",
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": {
                "Columns": [
                    {"Name": name, "Type": kind} for name, kind in (("n", "int"), ("s", "string"), ("z", "int"))
                ],
                "Location": "s3://lake/t/",
            },
        },
    )
    assert "VIEW_IS_STALE" in table.refusal("SELECT n FROM v")


def test_views_that_name_each_other_are_refused(table: Lake) -> None:
    table.run("CREATE VIEW v AS SELECT n FROM t")
    table.run("CREATE VIEW w AS SELECT n FROM v")
    table.client("glue").delete_table(DatabaseName="db", Name="v")
    body = stored(table, "w") | {"originalSql": "SELECT n FROM w"}
    text = f"/* Presto View: {base64.b64encode(json.dumps(body).encode()).decode()} */"
    kept = {part: entry(table, "w")[part] for part in ("TableType", "Parameters", "StorageDescriptor")}
    table.client("glue").create_table(DatabaseName="db", TableInput={"Name": "v", "ViewOriginalText": text} | kept)
    assert "INVALID_VIEW" in table.refusal("SELECT n FROM w")
    assert "recursive" in table.refusal("SELECT n FROM w")


def test_text_that_is_no_view_is_an_invalid_view(table: Lake) -> None:
    table.client("glue").create_table(
        DatabaseName="db",
        TableInput={"Name": "v", "TableType": "VIRTUAL_VIEW", "ViewOriginalText": "/* Presto View: ??? */"},
    )
    assert "INVALID_VIEW" in table.refusal("SELECT * FROM v")
