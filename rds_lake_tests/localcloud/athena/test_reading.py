"""Tables are read as Athena reads them: by name, by partition, by physical type."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from rds_lake_tests.localcloud.athena.conftest import Lake


@pytest.mark.parametrize(
    ("declared", "physical", "shown"),
    [
        ("string", pa.array([1], pa.int64()), "INT64"),
        ("string", pa.array([b"1"], pa.binary()), "BINARY"),
        ("int", pa.array([1], pa.int64()), "INT64"),
        ("smallint", pa.array([1], pa.int64()), "INT64"),
        ("bigint", pa.array(["1"], pa.string()), "BINARY"),
        ("double", pa.array([1], pa.int64()), "INT64"),
        ("float", pa.array([1.0], pa.float64()), "DOUBLE"),
        ("date", pa.array(["2026-01-01"], pa.string()), "BINARY"),
        ("timestamp", pa.array(["2026-01-01 00:00:00"], pa.string()), "BINARY"),
        ("timestamp", pa.array([1], pa.int64()), "INT64"),
        ("decimal(12,2)", pa.array(["1.00"], pa.string()), "BINARY"),
        ("decimal(12,2)", pa.array([Decimal("1.000")], pa.decimal128(12, 3)), "FIXED_LEN_BYTE_ARRAY"),
        ("bigint", pa.array([Decimal("1.000")], pa.decimal128(12, 3)), "FIXED_LEN_BYTE_ARRAY"),
        ("boolean", pa.array([1], pa.int32()), "INT32"),
        ("array<string>", pa.array(["{a}"], pa.string()), "BINARY"),
        ("string", pa.array([["a"]], pa.list_(pa.string())), "group"),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else str(value),
)
def test_a_declared_type_the_file_does_not_have_is_bad_data_and_not_a_silent_cast(
    lake: Lake, declared: str, physical: pa.Array, shown: str
) -> None:
    lake.put("t/f.parquet", v=physical, other=pa.array([1], pa.int64()))
    lake.create("t", f"v {declared}; other bigint")
    assert lake.refusal("SELECT v FROM t") == (
        f"HIVE_BAD_DATA: Field v's type {shown} in parquet file s3://lake/t/f.parquet is incompatible with type "
        f"{declared} defined in table schema"
    )
    assert lake.run("SELECT other FROM t") == [("1",)], "columns a query does not read are not looked at"
    assert lake.run("SELECT count(*) FROM t") == [("1",)]
    lake.run("CREATE VIEW w AS SELECT v, other FROM t")
    assert lake.run("SELECT other FROM w") == [("1",)], "nor through a view that names them"
    assert "HIVE_BAD_DATA" in lake.refusal("SELECT * FROM w")


@pytest.mark.parametrize(
    ("declared", "physical", "value"),
    [
        ("bigint", pa.array([1], pa.int32()), "1"),
        ("smallint", pa.array([1], pa.int16()), "1"),
        ("double", pa.array([0.5], pa.float32()), "0.5"),
        ("float", pa.array([0.1], pa.float32()), "0.1"),
        ("decimal(14,2)", pa.array([Decimal("1.50")], pa.decimal128(12, 2)), "1.50"),
        ("timestamp", pa.array([datetime(2026, 1, 2, 3, 4, 5)], pa.timestamp("us")), "2026-01-02 03:04:05.000"),  # noqa: DTZ001
        ("date", pa.array([date(2026, 1, 2)]), "2026-01-02"),
        ("binary", pa.array([b"hel"]), "68 65 6c"),
        ("boolean", pa.array([True]), "true"),
        ("array<string>", pa.array([["a", None]]), "[a, null]"),
        ("struct<a:int,b:string>", pa.array([{"a": 1, "b": "x"}]), "{a=1, b=x}"),
        ("map<string,int>", pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32())), "{k=1}"),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else str(value),
)
def test_what_athena_reads_is_read_and_shown_as_it_shows_it(
    lake: Lake, declared: str, physical: pa.Array, value: str
) -> None:
    lake.put("t/f.parquet", v=physical)
    lake.create("t", f"v {declared}")
    assert lake.run("SELECT v FROM t") == [(value,)]


def test_columns_are_found_by_name_without_case_and_missing_ones_are_null(lake: Lake) -> None:
    lake.put("t/f.parquet", Id=pa.array([1], pa.int64()))
    lake.create("t", "id bigint; later string")
    assert lake.run("SELECT ID, later FROM t") == [("1", None)]


def test_hidden_and_empty_objects_are_not_data_and_folders_are_read_to_any_depth(lake: Lake) -> None:
    lake.put("t/1/2/f.parquet", id=pa.array([1], pa.int64()))
    for key, body in (("t/1/_SUCCESS", b"x"), ("t/.hidden", b"x"), ("t/empty.parquet", b"")):
        lake.client("s3").put_object(Bucket="lake", Key=key, Body=body)
    lake.create("t", "id bigint")
    assert lake.run("SELECT id FROM t") == [("1",)]


def test_files_of_the_same_content_are_all_read(lake: Lake) -> None:
    for name in ("a", "b"):
        lake.put(f"t/{name}.parquet", id=pa.array([1], pa.int64()))
    lake.create("t", "id bigint")
    assert lake.run("SELECT id FROM t") == [("1",), ("1",)]


def test_an_object_that_is_no_parquet_file_is_bad_data(lake: Lake) -> None:
    lake.client("s3").put_object(Bucket="lake", Key="t/f.csv", Body=b"a,b\n")
    lake.create("t", "a string")
    assert "HIVE_BAD_DATA: Not valid Parquet file: s3://lake/t/f.csv" in lake.refusal("SELECT a FROM t")


def test_partitions_have_their_own_place_types_and_values(lake: Lake) -> None:
    lake.put("elsewhere/day=wrong/f.parquet", n=pa.array([1], pa.int32()))
    lake.put("t/b/f.parquet", n=pa.array([2], pa.int64()))
    lake.create("t", "n bigint", keys="day string; hour int")
    lake.add("t", ["a", "1"], "n int", location="s3://lake/elsewhere/")
    lake.add("t", ["b", "2"], "n bigint", location="s3://lake/t/b/")
    lake.add("t", ["c", "3"], "n bigint")
    assert lake.run("SELECT day, hour + 1, n FROM t ORDER BY 1") == [("a", "2", "1"), ("b", "3", "2")]


def test_a_partition_whose_type_does_not_widen_to_the_tables_is_a_mismatch(lake: Lake) -> None:
    lake.put("t/a/f.parquet", n=pa.array(["x"], pa.string()), m=pa.array([1], pa.int64()))
    lake.create("t", "n double; m bigint", keys="day string")
    lake.add("t", ["a"], "n string; m bigint")
    assert "HIVE_PARTITION_SCHEMA_MISMATCH: There is a mismatch" in lake.refusal("SELECT n FROM t")


def test_a_column_named_like_the_partition_key_is_invalid_metadata(lake: Lake) -> None:
    lake.create("t", "day string", keys="day string")
    assert lake.refusal("SELECT * FROM t") == (
        "HIVE_INVALID_METADATA: Hive metadata for table t is invalid: Table descriptor contains duplicate columns"
    )


def test_a_table_without_files_has_columns_and_no_rows(lake: Lake) -> None:
    lake.create("t", "a string; b decimal(12,2)", keys="day string")
    assert lake.run("SELECT * FROM t") == []
    assert lake.run("SELECT count(*) FROM t WHERE b / 2 > 1") == [("0",)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT d + INTERVAL '1' DAY FROM t", "2026-01-03"),
        ("SELECT date_trunc('month', d) FROM t", "2026-01-01"),
        ("SELECT m / 3 FROM t", "0.50"),
        ("SELECT avg(x.m) FROM t AS x", "1.50"),
        ("SELECT i / 2, 7 / i FROM t", "1 | 2"),
        ("SELECT a, b FROM t CROSS JOIN UNNEST(r) AS u(a, b)", "1 | x"),
        ("SELECT k, v FROM t, UNNEST(p) AS u(k, v)", "k | 1"),
        ("SELECT element_at(r, 1).b, p['k'] FROM t", "x | 1"),
        ("SELECT sum(i) FROM t", "3"),
        ("SELECT CAST(s AS varchar) FROM t", "2026-01-02 03:04:05.000"),
        ("SELECT min(d) - INTERVAL '1' DAY FROM (SELECT d FROM t UNION ALL SELECT d FROM t) AS u", "2026-01-01"),
    ],
)
def test_glues_types_reach_the_translation(lake: Lake, sql: str, expected: str) -> None:
    row: dict[str, Any] = {
        "d": pa.array([date(2026, 1, 2)]),
        "m": pa.array([Decimal("1.50")], pa.decimal128(12, 2)),
        "i": pa.array([3], pa.int32()),
        "s": pa.array([datetime(2026, 1, 2, 3, 4, 5)], pa.timestamp("us")),  # noqa: DTZ001
        "r": pa.array([[{"a": 1, "b": "x"}]]),
        "p": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32())),
    }
    lake.put("t/f.parquet", **row)
    kinds = "r array<struct<a:int,b:string>>; p map<string,int>"
    lake.create("t", f"d date; m decimal(12,2); i int; s timestamp; {kinds}")
    ((*values,),) = lake.run(sql)
    assert " | ".join(str(value) for value in values) == expected


def test_names_of_every_kind_can_be_quoted(lake: Lake) -> None:
    lake.put("t/f.parquet", **{"größe": pa.array([1]), "select": pa.array([2]), 'a"b': pa.array([3])})
    lake.create("t", 'größe bigint; select bigint; a"b bigint')
    assert lake.run('SELECT "größe", "select", "a""b" FROM "db"."t" WHERE "select" = 2') == [("1", "2", "3")]


def test_timestamps_of_files_are_rounded_half_up_to_milliseconds(lake: Lake) -> None:
    """However deep they lie and whatever they are counted in; also before 1970 and before the year 1000."""
    moments = [
        "0001-01-01T01:30:00.000999",
        "0999-12-31T23:59:59.999500",
        "1969-12-31T23:59:59.998500",
        "1969-12-31T23:59:59.998499",
        "2026-01-01T00:00:00.000499",
        "2026-01-01T00:00:00.000500",
    ]
    shown = [
        "0001-01-01 01:30:00.001",
        "1000-01-01 00:00:00.000",
        "1969-12-31 23:59:59.999",
        "1969-12-31 23:59:59.998",
        "2026-01-01 00:00:00.000",
        "2026-01-01 00:00:00.001",
    ]
    values = [datetime.fromisoformat(moment) for moment in moments]
    stamp = pa.timestamp("us")
    nested = pa.struct([("at", stamp), ("n", pa.int32())])
    lake.put(
        "t/f.parquet",
        id=pa.array(range(len(values)), pa.int32()),
        a=pa.array(values, stamp),
        b=pa.array([{"at": value, "n": 1} for value in values], nested),
        c=pa.array([[value, None] for value in values], pa.list_(stamp)),
        d=pa.array([[("k", value)] for value in values], pa.map_(pa.string(), stamp)),
        e=pa.array([None] * len(values), nested),
    )
    lake.create(
        "t",
        "id int; a timestamp; b struct<at:timestamp,n:int>; c array<timestamp>; d map<string,timestamp>; "
        "e struct<at:timestamp,n:int>",
    )
    assert lake.run("SELECT a, b, c, d, e FROM t ORDER BY id") == [
        (text, f"{{at={text}, n=1}}", f"[{text}, null]", f"{{k={text}}}", None) for text in shown
    ]
    assert lake.run("SELECT count(*) FROM t WHERE a = TIMESTAMP '2026-01-01 00:00:00.001'") == [("1",)]


def test_days_that_python_has_no_value_for_are_shown_as_java_shows_them(lake: Lake) -> None:
    days = pa.array([-719529, -735103, 2932897], pa.int32()).cast(pa.date32())
    micros = pa.array([day * 86_400_000_000 for day in (-719529, -735103, 2932897)], pa.int64()).cast(
        pa.timestamp("us")
    )
    lake.put("t/f.parquet", d=days, s=micros)
    lake.create("t", "d date; s timestamp")
    assert lake.run("SELECT d, s FROM t ORDER BY d") == [
        ("-0043-05-11", "-0043-05-11 00:00:00.000"),
        ("-0001-12-31", "-0001-12-31 00:00:00.000"),
        ("+10000-01-01", "+10000-01-01 00:00:00.000"),
    ]
