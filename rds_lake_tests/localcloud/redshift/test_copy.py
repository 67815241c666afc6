"""COPY: files of S3 into a table, by role and manifest, with AWS's exclusions and errors that name file, line and column."""

import datetime
import gzip
import io
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rds_lake_tests.localcloud.permissions.calling import document, trust
from rds_lake_tests.localcloud.redshift.warehouse import CLUSTER, Warehouse

BUCKET, KEY = "acme-lake", "load/orders"
TABLE = "create table orders (id bigint not null, note varchar(5), total decimal(12,2), day date)"
COPY = f"copy orders from 's3://{BUCKET}/{KEY}' iam_role default"


@pytest.fixture
def loading(warehouse: Warehouse) -> Warehouse:
    """A cluster whose default role may read a bucket, and an empty table of orders."""
    iam = warehouse.client("iam")
    role = iam.create_role(RoleName="loads", AssumeRolePolicyDocument=trust("redshift.amazonaws.com"))["Role"]["Arn"]
    read = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
    iam.put_role_policy(RoleName="loads", PolicyName="own", PolicyDocument=document(read))
    warehouse.client("redshift").delete_cluster(ClusterIdentifier=CLUSTER, SkipFinalClusterSnapshot=True)
    warehouse.create(IamRoles=[role], DefaultIamRoleArn=role)
    warehouse.client("s3").create_bucket(Bucket=BUCKET)
    warehouse.run(TABLE)
    return warehouse


def put(warehouse: Warehouse, content: bytes | str, key: str = KEY) -> None:
    body = content.encode() if isinstance(content, str) else content
    warehouse.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)


def parquet(**columns: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def manifest(warehouse: Warehouse, *entries: dict[str, Any]) -> str:
    put(warehouse, json.dumps({"entries": list(entries)}), "load/manifest")
    return f"copy orders from 's3://{BUCKET}/load/manifest' iam_role default manifest "


def entry(key: str, *, mandatory: bool = True, size: int | None = None) -> dict[str, Any]:
    meta = {} if size is None else {"meta": {"content_length": size}}
    return {"url": f"s3://{BUCKET}/{key}", "mandatory": mandatory} | meta


ORDERS = parquet(
    number=pa.array([1, 2], pa.int64()), text=["abc", None], total=[Decimal("1.25"), Decimal("2.5")],
    day=[datetime.date(2026, 11, 20), None],
)  # fmt: skip


def test_parquet_is_loaded_by_the_position_of_its_columns(loading: Warehouse) -> None:
    put(loading, ORDERS)
    assert loading.run(f"{COPY} format as parquet")["ResultRows"] == 2
    assert loading.rows("select * from orders order by id") == [
        (1, "abc", "1.25", "2026-11-20"),
        (2, None, "2.50", None),
    ]


def test_a_column_list_takes_the_columns_in_its_order(loading: Warehouse) -> None:
    put(loading, parquet(a=["x"], b=pa.array([7], pa.int64())))
    loading.run(f"copy orders (note, id) from 's3://{BUCKET}/{KEY}' iam_role default format parquet")
    assert loading.rows("select id, note from orders") == [(7, "x")]


def test_a_parquet_value_that_is_too_long_fails_the_load(loading: Warehouse) -> None:
    put(loading, ORDERS, f"{KEY}/1.parquet")
    put(
        loading,
        parquet(a=pa.array([1], pa.int64()), b=["äöü"], c=[Decimal("1.00")], d=pa.array([None], pa.date32())),
        f"{KEY}/2.parquet",
    )
    assert loading.error(f"{COPY} parquet") == "ERROR: value too long for type character varying(5)"
    assert loading.rows("select count(*) from orders") == [(0,)]


def test_a_file_with_another_number_of_columns_fails_the_load(loading: Warehouse) -> None:
    put(loading, parquet(a=pa.array([1], pa.int64())))
    assert "Unmatched number of columns" in loading.error(f"{COPY} parquet")
    assert loading.run(f"{COPY} parquet fillrecord")["ResultRows"] == 1


@pytest.mark.parametrize("option", ["maxerror 5", "region 'us-east-1'", "gzip", "delimiter '|'", "ignoreheader 1"])
def test_parquet_takes_few_options(loading: Warehouse, option: str) -> None:
    put(loading, ORDERS)
    loading.error(f"{COPY} format parquet {option}")
    assert loading.rows("select count(*) from orders") == [(0,)]


def test_a_manifest_says_which_files_and_how_long_they_are(loading: Warehouse) -> None:
    put(loading, ORDERS, "load/a")
    size = len(ORDERS)
    copy = manifest(
        loading, entry("load/a", size=size), entry("load/a", size=size), entry("load/gone", mandatory=False, size=1)
    )
    assert loading.run(f"{copy} format parquet")["ResultRows"] == 4
    for bad, words in (
        (entry("load/a"), "content_length"),
        (entry("load/a", size=size - 1), "Incorrect content_length"),
        (entry("load/gone", size=1), "Mandatory url is not present"),
        (entry("load/gone", mandatory=False, size=1), "None of the files"),
    ):
        assert words in loading.error(f"{manifest(loading, bad)} format parquet")
    assert loading.rows("select count(*) from orders") == [(4,)]


def test_a_prefix_without_files_is_an_error(loading: Warehouse) -> None:
    assert "does not exist" in loading.error(f"{COPY} csv")


def test_pipe_delimited_gzip_with_a_header_is_loaded(loading: Warehouse) -> None:
    put(loading, gzip.compress(b'id|note|total|day\n1|"a"|1.239|2026-11-20|\n2||\\N|\n'))
    loading.run(f"{COPY} removequotes emptyasnull blanksasnull delimiter '|' ignoreheader 1 gzip")
    assert loading.rows("select * from orders order by id") == [(1, "a", "1.23", "2026-11-20"), (2, None, None, None)]


def test_csv_has_quotes_line_breaks_and_empty_texts(loading: Warehouse) -> None:
    put(loading, 'id,note,total,day\r\n1,"a,""b",2,\r\n2,"x\ny",,\r\n3,,,\r\n')
    loading.run(f"{COPY} csv ignoreheader 1")
    assert loading.rows("select id, note from orders order by id") == [(1, 'a,"b'), (2, "x\ny"), (3, "")]


@pytest.mark.parametrize(
    ("line", "column", "code", "message"),
    [
        ("1x,a,1,2026-11-20", "id", 1207, "Invalid digit, Value 'x', Pos 1, Type: Long"),
        ("1,äöü,1,2026-11-20", "note", 1204, "String length exceeds DDL length: 6 bytes in character varying(5)"),
        ("1,a,99999999999,2026-11-20", "total", 1216, "Overflow for NUMERIC(12,2)"),
        ("1,a,1,20.11.2026", "day", 1205, "Invalid Date Format - length must be 10 or more"),
        (",a,1,2026-11-20", "id", 1213, "Missing data for not-null field"),
        ("1,a,1", "", 1213, "Delimiter not found"),
        ("1,a,1,2026-11-20,b", "", 1202, "Extra column(s) found"),
    ],
)
def test_a_bad_line_is_named_with_file_and_column(
    loading: Warehouse, line: str, column: str, code: int, message: str
) -> None:
    put(loading, f"1,a,1,2026-11-20\n{line}\n")
    described = loading.ended(loading.start(f"{COPY} csv"))
    assert "sys_load_error_detail" in described["Error"] and message in described["Error"]
    query = described["RedshiftQueryId"]
    columns = "trim(file_name) as f, line_number, column_name, error_code, error_message"
    assert loading.rows(f"select {columns} from sys_load_error_detail where query_id = {query}") == [
        (f"s3://{BUCKET}/{KEY}", 2, column, code, message)
    ]
    assert loading.rows("select count(*) from orders") == [(0,)]


def test_maxerror_leaves_bad_lines_out(loading: Warehouse) -> None:
    put(loading, "1,a,1,\nx,a,1,\n3,a,1,\n")
    assert loading.run(f"{COPY} csv maxerror 1")["ResultRows"] == 2
    assert loading.rows("select line_number from sys_load_error_detail") == [(2,)]


@pytest.mark.parametrize(
    "options",
    [
        "csv removequotes", "csv escape", "quote '%'", "fixedwidth 'a:1'", "format avro 'auto'", "json 'noshred'", "json 'nothing'",
        "json 'auto' delimiter '|'", "json 'auto' null as 'x'", "json 'auto' escape", "json 'auto' fillrecord", "gzip zstd",
        "maxerror 100001", "acceptinvchars 'ä'", "serializetojson", "encoding latin1", "credentials 'x'",
    ],
)  # fmt: skip
def test_options_that_do_not_go_together_or_are_not_there_are_refused(loading: Warehouse, options: str) -> None:
    put(loading, "1|a|1|2026-11-20\n")
    loading.error(f"{COPY} {options}")
    assert loading.rows("select count(*) from orders") == [(0,)]


def test_a_role_must_be_attached_and_may_read_what_its_policies_allow(loading: Warehouse) -> None:
    put(loading, "1|a|1|2026-11-20\n")
    other = "arn:aws:iam::123456789012:role/other"
    error = loading.error(f"copy orders from 's3://{BUCKET}/{KEY}' iam_role '{other}'")
    assert error == f"ERROR: The requested role {other} is not associated to cluster"
    loading.client("iam").delete_role_policy(RoleName="loads", PolicyName="own")
    assert "S3ServiceException" in loading.error(COPY)
