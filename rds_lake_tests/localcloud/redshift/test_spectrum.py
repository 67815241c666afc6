"""Spectrum: Glue's tables read in place, by the role of their schema."""

import datetime
import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rds_lake_tests.localcloud.permissions.calling import document, trust
from rds_lake_tests.localcloud.redshift.warehouse import CLUSTER, Warehouse

BUCKET = "acme-lake"
SCHEMA = "create external schema lake from data catalog database 'shop' iam_role default"
PARQUET = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
READ = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket", "glue:GetTable", "glue:GetTables", "glue:GetPartitions"],
        "Resource": "*"}  # fmt: skip


@pytest.fixture
def lake(warehouse: Warehouse) -> Warehouse:
    """A cluster whose default role may read the lake, and Glue's database `shop`."""
    iam = warehouse.client("iam")
    role = iam.create_role(RoleName="spectrum", AssumeRolePolicyDocument=trust("redshift.amazonaws.com"))["Role"]["Arn"]
    iam.put_role_policy(RoleName="spectrum", PolicyName="own", PolicyDocument=document(READ))
    warehouse.client("redshift").delete_cluster(ClusterIdentifier=CLUSTER, SkipFinalClusterSnapshot=True)
    warehouse.create(IamRoles=[role], DefaultIamRoleArn=role)
    warehouse.client("s3").create_bucket(Bucket=BUCKET)
    warehouse.client("glue").create_database(DatabaseInput={"Name": "shop"})
    return warehouse


def storage(location: str, columns: dict[str, str]) -> dict[str, Any]:
    parts = [{"Name": name, "Type": kind} for name, kind in columns.items()]
    return {"Columns": parts, "Location": f"s3://{BUCKET}/{location}/", "InputFormat": PARQUET}


def table(lake: Warehouse, name: str, columns: dict[str, str], *days: str, **more: Any) -> None:
    """A table, by days when some are given, which are keys `day`."""
    keys = {"PartitionKeys": [{"Name": "day", "Type": "date"}]} if days else {}
    glue = lake.client("glue")
    glue.create_table(
        DatabaseName="shop", TableInput={"Name": name, "StorageDescriptor": storage(name, columns), **keys, **more}
    )
    for day in days:
        part = {"Values": [day], "StorageDescriptor": storage(f"{name}/{day}", columns)}
        glue.create_partition(DatabaseName="shop", TableName=name, PartitionInput=part)


def put(lake: Warehouse, key: str, **columns: Any) -> int:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    lake.client("s3").put_object(Bucket=BUCKET, Key=key, Body=out.getvalue())
    return len(out.getvalue())


def orders(lake: Warehouse) -> None:
    table(lake, "orders", {"id": "bigint", "note": "varchar(5)", "at": "timestamp"}, "2026-11-01", "2026-11-02")
    moment = datetime.datetime(2026, 11, 1, 1, 2, 3, 456789)  # noqa: DTZ001
    put(
        lake,
        "orders/2026-11-01/a.parquet",
        id=pa.array([1, 2], pa.int64()),
        note=["abc", "far too long"],
        at=[moment, None],
    )
    put(lake, "orders/2026-11-02/a.parquet", note=["x"], id=pa.array([3], pa.int64()))


def test_a_table_is_read_by_names_with_its_partitions_as_columns(lake: Warehouse) -> None:
    orders(lake)
    lake.run(SCHEMA)
    assert lake.rows("select * from lake.orders order by id") == [
        (1, "abc", "2026-11-01 01:02:03.456789", "2026-11-01"), (2, None, None, "2026-11-01"), (3, "x", None, "2026-11-02"),
    ]  # fmt: skip
    lake.run("create table mine as select id, note, day from lake.orders where day = '2026-11-02'")
    assert lake.rows("select * from mine") == [(3, "x", "2026-11-02")]
    types = lake.rows("select type from pg_table_def where tablename = 'mine'")
    assert types == [("bigint",), ("character varying(5)",), ("date",)]


def test_only_the_partitions_that_a_query_wants_are_read(lake: Warehouse) -> None:
    orders(lake)
    lake.run(SCHEMA)
    lake.client("s3").put_object(Bucket=BUCKET, Key="orders/2026-11-01/bad", Body=b"no parquet")
    assert lake.rows("select count(*) from lake.orders where day = date '2026-11-02'") == [(1,)]
    assert "is not a Parquet file" in lake.error("select count(*) from lake.orders")


@pytest.mark.parametrize(
    ("parameters", "note"),
    [({}, None), ({"surplus_char_handling": "TRUNCATE"}, "far t"), ({"data_cleansing_enabled": "false"}, "far t")],
)
def test_a_value_longer_than_its_column_is_null_unless_the_table_says_otherwise(
    lake: Warehouse, parameters: dict[str, str], note: str | None
) -> None:
    table(lake, "notes", {"note": "varchar(5)"}, Parameters=parameters)
    put(lake, "notes/a", note=["far too long"])
    lake.run(SCHEMA)
    assert lake.rows("select note from lake.notes") == [(note,)]


def test_a_long_value_can_end_the_query(lake: Warehouse) -> None:
    table(lake, "notes", {"note": "varchar(5)"}, Parameters={"surplus_char_handling": "FAIL"})
    put(lake, "notes/a", note=["far too long"])
    lake.run(SCHEMA)
    assert "exceeds the width of a column" in lake.error("select note from lake.notes")


def test_a_column_of_another_physical_type_fails_when_it_is_read(lake: Warehouse) -> None:
    table(lake, "t", {"id": "bigint", "wide": "bigint", "tags": "array<string>"})
    put(lake, "t/a", id=pa.array([1], pa.int64()), wide=pa.array([1], pa.int32()), tags=[["a"]])
    lake.run(SCHEMA)
    assert lake.rows("select id from lake.t") == [(1,)]
    words = "schema for column 's3://acme-lake/t/a.wide'. Column type: BIGINT, Parquet schema: optional int32"
    assert words in lake.error("select wide from lake.t")
    assert "the type of the column tags is not supported" in lake.error("select tags from lake.t")


def test_path_and_size_are_there_for_those_who_ask(lake: Warehouse) -> None:
    table(lake, "t", {"id": "bigint"})
    size = put(lake, "t/a", id=pa.array([1], pa.int64()))
    lake.run(SCHEMA)
    assert lake.rows('select "$path", "$size", id from lake.t') == [(f"s3://{BUCKET}/t/a", size, 1)]
    assert lake.rows("select t.* from lake.t where \"$path\" like '%a'") == [(1,)]


def test_a_view_of_athena_is_refused(lake: Warehouse) -> None:
    table(lake, "v", {"id": "bigint"}, TableType="VIRTUAL_VIEW")
    lake.run(SCHEMA)
    assert "VIRTUAL_VIEW" in lake.error("select * from lake.v")


def test_a_schema_reads_nothing_before_it_is_asked_and_goes_alone(lake: Warehouse) -> None:
    lake.client("iam").delete_role_policy(RoleName="spectrum", PolicyName="own")
    lake.run(SCHEMA)
    lake.run(SCHEMA.replace("schema lake", "schema if not exists lake"))
    assert "already exists" in lake.error(SCHEMA)
    table(lake, "t", {"id": "bigint"})
    assert "glue:GetTable" in lake.error("select * from lake.t")
    for refused in ("create table lake.mine (a int)", "create table lake.mine as select 1 as a"):
        assert "external schema are not enabled" in lake.error(refused)
    assert "External tables are not supported in views" in lake.error("create view w as select * from lake.t")
    lake.run("drop schema lake")
    assert lake.client("glue").get_table(DatabaseName="shop", Name="t")
    assert 'schema "lake" does not exist' in lake.error("select * from lake.t")


def test_the_role_needs_s3_and_the_partitions_too(lake: Warehouse) -> None:
    orders(lake)
    lake.run(SCHEMA)
    for missing in ("glue:GetPartitions", "s3:ListBucket", "s3:GetObject"):
        actions = [action for action in READ["Action"] if action != missing]
        rights = document(dict(READ, Action=actions))
        lake.client("iam").put_role_policy(RoleName="spectrum", PolicyName="own", PolicyDocument=rights)
        assert "AccessDenied" in lake.error("select * from lake.orders"), missing


def test_glues_database_is_made_when_the_schema_asks_for_it(lake: Warehouse) -> None:
    rights = document(dict(READ, Action=[*READ["Action"], "glue:CreateDatabase"]))
    lake.client("iam").put_role_policy(RoleName="spectrum", PolicyName="own", PolicyDocument=rights)
    made = SCHEMA.replace("'shop'", "'fresh'") + " create external database if not exists"
    lake.run(made)
    assert lake.client("glue").get_database(Name="fresh")
    assert 'relation "lake.orders" does not exist' in lake.error("select * from lake.orders")


def test_the_catalogue_is_shown_by_its_views(lake: Warehouse) -> None:
    orders(lake)
    lake.run(SCHEMA)
    assert lake.rows("select schemaname, databasename from svv_external_schemas") == [("lake", "shop")]
    where = "where schemaname = 'lake' and tablename = 'orders'"
    assert lake.rows(f"select tablename, location from svv_external_tables {where}") == [
        ("orders", f"s3://{BUCKET}/orders/")
    ]
    found = lake.rows(
        f"select columnname, external_type, part_key from svv_external_columns {where} and columnnum > 1 order by columnnum"
    )
    assert found == [("note", "varchar(5)", 0), ("at", "timestamp", 0), ("day", "date", 1)]
    assert lake.rows(f'select "values" from svv_external_partitions {where} order by 1') == [
        ('["2026-11-01"]',), ('["2026-11-02"]',),
    ]  # fmt: skip
