"""COPY of texts and JSON: how values are read, and what is said of those that cannot be."""

import bz2
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rds_lake.localcloud.redshift.engine.tables import Column
from rds_lake.localcloud.redshift.loading.options import read_copy
from rds_lake.localcloud.redshift.loading.quick import is_plain, table_of
from rds_lake.localcloud.redshift.sql.types import shown_type
from rds_lake_tests.localcloud.redshift.test_copy import BUCKET, COPY, KEY, loading, parquet, put
from rds_lake_tests.localcloud.redshift.warehouse import Warehouse

__all__ = ["loading"]


def loaded(loading: Warehouse, content: bytes | str, options: str, columns: str) -> list[tuple[object, ...]]:
    """What a table of these columns has after a COPY."""
    loading.run(f"create table t ({columns})")
    put(loading, content)
    loading.run(f"copy t from 's3://{BUCKET}/{KEY}' iam_role default {options}")
    return loading.rows("select * from t")


@pytest.mark.parametrize(
    ("options", "column", "text", "value"),
    [
        ("dateformat 'DD.MM.YYYY'", "date", "20.11.2026", "2026-11-20"),
        ("dateformat 'auto'", "date", "Nov-20-2026", "2026-11-20"),
        ("dateformat 'auto'", "date", "11/20/2026 10:00:00", "2026-11-20"),
        ("timeformat 'MM/DD/YYYY HH:MI:SS AM'", "timestamp", "11/20/2026 01:02:03 PM", "2026-11-20 13:02:03"),
        ("timeformat 'auto'", "timestamp", "2026-11-20T01:02:03.5", "2026-11-20 01:02:03.5"),
        ("timeformat 'epochsecs'", "timestamp", "1763600000.25", "2025-11-20 00:53:20.25"),
        ("timeformat 'epochmillisecs'", "timestamp", "1763600000250", "2025-11-20 00:53:20.25"),
        ("", "timestamptz", "2026-11-20 01:02:03+02", "2026-11-19 23:02:03+00"),
        ("dateformat 'auto' acceptanydate", "date", "00/00/00", None),
        ("roundec", "decimal(8,2)", "20.259", "20.26"),
        ("", "decimal(8,2)", "20.259", "20.25"),
        ("truncatecolumns", "varchar(3)", "abäöü", "ab"),
        ("acceptinvchars '^'", "varchar(9)", "x\udcffy", "x^y"),
        ("null as 'NIL'", "varchar(9)", "NIL", None),
        ("emptyasnull", "varchar(9)", "", None),
        ("blanksasnull", "varchar(9)", "  ", None),
        ("trimblanks", "varchar(9)", "a  ", "a"),
        ("escape", "varchar(9)", "a\\|b\\\\c", "a|b\\c"),
        ("escape", "varchar(9)", "\\N", None),
        ("removequotes", "varchar(9)", "'a|b'", "a|b"),
        ("escape removequotes", "varchar(30)", "'A Midsummer Night\\'s Dream'", "A Midsummer Night's Dream"),
        ("delimiter '\\174'", "varchar(9)", "a", "a"),
        ("encoding utf8", "varchar(9)", "ä", "ä"),
    ],
)  # fmt: skip
def test_a_value_is_read_as_the_options_say(
    loading: Warehouse, options: str, column: str, text: str, value: str | None
) -> None:
    content = f"{text}|1\n".encode(errors="surrogateescape")
    assert loaded(loading, content, options, f"a {column}, n int") == [(value, 1)]


@pytest.mark.parametrize(
    ("options", "column", "text", "code"),
    [
        ("", "varchar(9)", "x\udcffy", 1220),
        ("", "char(9)", "ä", 1220),
        ("", "timestamp", "2026-11-20T01:02:03", 1206),
        ("timeformat 'auto'", "timestamp", "tomorrow", 1206),
        ("dateformat 'DD.MM.YYYY'", "date", "2026-11-20", 1205),
        ("removequotes", "varchar(9)", "'a", 1214),
    ],
)
def test_a_value_that_is_none_is_an_error(loading: Warehouse, options: str, column: str, text: str, code: int) -> None:
    loading.run(f"create table t (a {column}, n int)")
    put(loading, f"{text}|1\n".encode(errors="surrogateescape"))
    loading.error(f"copy t from 's3://{BUCKET}/{KEY}' iam_role default {options}")
    assert loading.rows("select err_code, line_number, filename from stl_load_errors") == [
        (code, 1, f"s3://{BUCKET}/{KEY}")
    ]


@pytest.mark.parametrize(
    ("option", "pack"), [("bzip2", bz2.compress), ("zstd", lambda c: pa.compress(c, "zstd", asbytes=True))]
)
def test_files_are_unpacked(loading: Warehouse, option: str, pack: object) -> None:
    assert loaded(loading, pack(b"a|1\n"), option, "a varchar(9), n int") == [("a", 1)]  # type: ignore[operator]
    put(loading, gzip.compress(b"a|1\n"))
    assert f"is not in {option} format" in loading.error(f"copy t from 's3://{BUCKET}/{KEY}' iam_role default {option}")


def test_json_goes_by_the_names_of_columns(loading: Warehouse) -> None:
    content = (
        '{"id": 1, "Note": "x", "total": 2.50}\n{"note":"y","extra":[1],"id":2} {"id":3,\n"note":{"a":[1.10,true]}}'
    )
    assert loaded(loading, content, "json 'auto'", "id int, note varchar(30), total decimal(5,2)") == [
        (1, None, "2.50"), (2, "y", None), (3, '{"a":[1.10,true]}', None),
    ]  # fmt: skip
    loading.run("delete from t")
    loading.run(f"copy t from 's3://{BUCKET}/{KEY}' iam_role default format as json 'auto ignorecase'")
    assert loading.rows("select note from t where id = 1") == [("x",)]


def test_json_goes_by_paths(loading: Warehouse) -> None:
    paths = {"jsonpaths": ["$['b'][1]", "$.a.c"]}
    put(loading, json.dumps(paths), "paths.json")
    assert loaded(loading, '{"a":{"c":"x"},"b":[0,7]}', f"json 's3://{BUCKET}/paths.json'", "n int, a varchar(9)") == [
        (7, "x")
    ]
    for bad, words in (
        (["$.a"], "Number of jsonpaths and the number of columns should match"),
        (["$.*", "$.b"], "Invalid JSONPath format"),
    ):
        put(loading, json.dumps({"jsonpaths": bad}), "paths.json")
        assert words in loading.error(
            f"copy t from 's3://{BUCKET}/{KEY}' iam_role default json 's3://{BUCKET}/paths.json'"
        )


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ('{"id":1}\n\n[1]', 3, "Member is not an object"),
        ('{"id":1}\n{"id":', 2, "Invalid value."),
        ('{"id":"x"}', 1, "Invalid digit"),
    ],
)
def test_json_that_is_no_row_is_named_by_its_line(loading: Warehouse, content: str, line: int, message: str) -> None:
    put(loading, content)
    loading.error(f"{COPY} json 'auto'")
    ((found, words),) = loading.rows("select line_number, error_message from sys_load_error_detail")
    assert found == line and message in words


def test_nested_columns_become_super_by_serializetojson(loading: Warehouse) -> None:
    loading.run("create table t (id bigint, tags super, raw varbyte)")
    put(loading, parquet(id=pa.array([1], pa.int64()), tags=[[{"a": 1, "b": "ä"}]], raw=[b"\x00\xff"]))
    copy = f"copy t from 's3://{BUCKET}/{KEY}' iam_role default parquet"
    assert "without SERIALIZETOJSON" in loading.error(copy)
    loading.run(f"{copy} serializetojson")
    assert loading.rows("select * from t") == [(1, '[{"a":1,"b":"ä"}]', "00ff")]


def test_parquet_of_another_type_is_refused_with_its_file_and_column(loading: Warehouse) -> None:
    put(loading, parquet(a=pa.array([1], pa.int32()), b=["x"], c=["1"], d=["x"]))
    error = loading.error(f"{COPY} parquet")
    assert (
        f"'s3://{BUCKET}/{KEY}' has an incompatible Parquet schema for column" in error
        and "Column type: BIGINT" in error
    )


def test_a_policy_that_forbids_old_signatures_forbids_columnar_loads(loading: Warehouse) -> None:
    put(
        loading,
        parquet(
            a=pa.array([1], pa.int64()),
            b=["x"],
            c=pa.array([None], pa.decimal128(12, 2)),
            d=pa.array([None], pa.date32()),
        ),
    )
    rule = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*",
            "Condition": {"NumericGreaterThan": {"s3:signatureAge": "600000"}}}  # fmt: skip
    loading.client("s3").put_bucket_policy(
        Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [rule]})
    )
    assert "s3:signatureAge" in loading.error(f"{COPY} parquet")
    rule["Condition"] = {"NumericGreaterThan": {"s3:signatureAge": "3600000"}}
    loading.client("s3").put_bucket_policy(
        Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [rule]})
    )
    loading.run(f"{COPY} parquet")


def test_loads_and_queries_are_in_the_history(loading: Warehouse) -> None:
    put(loading, "1|a|1|\n2|b|1|\n")
    query = loading.run(COPY)["RedshiftQueryId"]
    counts = "status, loaded_rows, loaded_bytes, source_file_count, data_source"
    assert loading.rows(f"select {counts} from sys_load_history where query_id = {query}") == [
        ("completed", 2, 14, 1, f"s3://{BUCKET}/{KEY}"),
    ]  # fmt: skip
    shown = f"select query_type, status, returned_rows, query_text from sys_query_history where query_id = {query}"
    assert loading.rows(shown) == [("COPY", "success", 2, COPY)]


@pytest.mark.parametrize(
    "block",
    ["7|a|1.25|2026-11-20|\n8||\\N||\n", "7|a|1.25|2026-11-20\n", "7|abcdef|1|2026-11-20\n", "x|a|1|2026-11-20\n",
     "|a|1|2026-11-20\n", "7|a|1.255|2026-11-20\n", "7|a|1|20261120\n", "7|a|1\n", "7|a|1|2026-02-30\n", "7|a|1|2026-11-20\n\n"],
)  # fmt: skip
def test_the_quick_way_reads_what_the_slow_one_reads_or_nothing(loading: Warehouse, block: str) -> None:
    """Against the same lines with ESCAPE, which changes none of them and is read value by value."""
    names = {"id": "bigint", "note": "character varying(5)", "total": "numeric(12,2)", "day": "date"}
    columns = [Column(name=name, kind=shown_type(kind), nullable=name != "id") for name, kind in names.items()]
    copy = read_copy(COPY)
    assert is_plain(copy)
    made = table_of(copy, columns, block.encode())
    if made is None:
        return
    put(loading, block.replace("\\N", ""))
    loading.run(f"{COPY} escape")
    quick = [tuple(row.values()) for row in made.to_pylist()]
    slow = loading.rows("select * from orders order by id")
    assert [tuple(None if v is None else str(v) for v in row) for row in quick] == [
        tuple(None if v is None else str(v) for v in row) for row in slow
    ]


def test_a_big_file_is_loaded_a_part_after_the_other(loading: Warehouse) -> None:
    out = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": pa.array(range(120_000), pa.int64())}), out, row_group_size=30_000)
    put(loading, out.getvalue().to_pybytes())
    loading.run(f"copy orders (id) from 's3://{BUCKET}/{KEY}' iam_role default parquet")
    assert loading.rows("select count(*), sum(id) from orders") == [(120_000, 7_199_940_000)]
