"""The local Athena answers as Athena does, and refuses what Athena refuses (aws-facts 5, 6)."""

import io
import time
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from rds_lake.aws.athena import AthenaGateway
from rds_lake.errors import QueryError
from rds_lake.localcloud.athena.service import AthenaSettings
from rds_lake.localcloud.athena.types import duck_to_trino, hive_to_duck, trino_to_hive
from rds_lake_tests.world import World

CASES = [
    tuple(line.split(" => ", 1))
    for line in (Path(__file__).parent / "cases.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.fixture(scope="module")
def gateway(session_cloud: Any) -> AthenaGateway:
    """Athena without tables: the cases need none."""
    session_cloud.reset()
    session_cloud.clients.client("s3").create_bucket(Bucket="results")
    client = boto3.client("athena", endpoint_url=session_cloud.url, region_name="us-east-1")
    return AthenaGateway(
        client, workgroup="primary", output_location="s3://results/", sleep=time.sleep, clock=time.monotonic
    )


@pytest.mark.parametrize(("sql", "expected"), CASES, ids=[sql[:60] for sql, _ in CASES])
def test_an_expression_has_trinos_value(gateway: AthenaGateway, sql: str, expected: str) -> None:
    if sql.startswith("!"):
        with pytest.raises(QueryError, match=expected):
            gateway.run(f"SELECT {sql[1:]}", database="default")
        return
    ((value,),) = gateway.run(f"SELECT {sql}", database="default").rows
    assert ("NULL" if value is None else value) == expected


def put_parquet(world: World, key: str, **columns: Any) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    world.clients.client("s3").put_object(Bucket="acme-lake", Key=key, Body=buffer.getvalue())


def create(world: World, name: str, columns: list[tuple[str, str]], *, partitioned: bool = False) -> None:
    glue = world.clients.client("glue")
    storage = {"Columns": [{"Name": n, "Type": t} for n, t in columns], "Location": f"s3://acme-lake/{name}/"}
    keys = [{"Name": "day", "Type": "string"}] if partitioned else []
    glue.create_table(
        DatabaseName="db",
        TableInput={"Name": name, "TableType": "EXTERNAL_TABLE", "PartitionKeys": keys, "StorageDescriptor": storage},
    )


def add_partition(world: World, name: str, day: str, columns: list[tuple[str, str]]) -> None:
    storage = {"Columns": [{"Name": n, "Type": t} for n, t in columns], "Location": f"s3://acme-lake/{name}/{day}/"}
    world.clients.client("glue").create_partition(
        DatabaseName="db", TableName=name, PartitionInput={"Values": [day], "StorageDescriptor": storage}
    )


@pytest.fixture
def lake(world: World) -> World:
    world.clients.client("glue").create_database(DatabaseInput={"Name": "db"})
    return world


def run(world: World, sql: str) -> list[tuple[str | None, ...]]:
    return list(world.gateways.athena.run(sql, database="db").rows)


def refusal(world: World, sql: str) -> str:
    with pytest.raises(QueryError) as caught:
        run(world, sql)
    return str(caught.value)


@pytest.mark.parametrize(
    ("declared", "physical"),
    [
        ("string", pa.array([1], pa.int64())),
        ("int", pa.array([1], pa.int64())),
        ("bigint", pa.array(["1"], pa.string())),
        ("double", pa.array([1], pa.int64())),
        ("date", pa.array(["2026-01-01"], pa.string())),
        ("timestamp", pa.array(["2026-01-01 00:00:00"], pa.string())),
        ("decimal(12,2)", pa.array(["1.00"], pa.string())),
        ("boolean", pa.array([1], pa.int32())),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_declared_type_the_file_does_not_have_is_bad_data_and_not_a_silent_cast(
    lake: World, declared: str, physical: pa.Array
) -> None:
    put_parquet(lake, "t/f.parquet", v=physical, other=pa.array([1], pa.int64()))
    create(lake, "t", [("v", declared), ("other", "bigint")])
    assert "HIVE_BAD_DATA: Field v's type" in refusal(lake, "SELECT v FROM t")
    assert run(lake, "SELECT other FROM t") == [("1",)], "columns a query does not read are not looked at"


def test_columns_are_found_by_name_without_case_and_missing_ones_are_null(lake: World) -> None:
    put_parquet(lake, "t/f.parquet", Id=pa.array([1], pa.int64()))
    create(lake, "t", [("id", "bigint"), ("later", "string")])
    assert run(lake, "SELECT ID, later FROM t") == [("1", None)]


def test_hidden_and_empty_objects_are_not_data_and_folders_are_read_to_any_depth(lake: World) -> None:
    put_parquet(lake, "t/1/2/f.parquet", id=pa.array([1], pa.int64()))
    s3 = lake.clients.client("s3")
    for key in ("t/1/_SUCCESS", "t/.hidden", "t/empty.parquet"):
        s3.put_object(Bucket="acme-lake", Key=key, Body=b"" if "hidden" not in key else b"x")
    create(lake, "t", [("id", "bigint")])
    assert run(lake, "SELECT id FROM t") == [("1",)]


def test_partitions_have_their_own_place_and_types(lake: World) -> None:
    put_parquet(lake, "t/a/f.parquet", n=pa.array([1], pa.int32()))
    put_parquet(lake, "t/b/f.parquet", n=pa.array([2], pa.int64()))
    create(lake, "t", [("n", "bigint")], partitioned=True)
    add_partition(lake, "t", "a", [("n", "int")])
    add_partition(lake, "t", "b", [("n", "bigint")])
    add_partition(lake, "t", "c", [("n", "bigint")])
    assert run(lake, "SELECT day, sum(n) FROM t GROUP BY day ORDER BY day") == [("a", "1"), ("b", "2")]


def test_a_partition_whose_type_does_not_widen_to_the_tables_is_a_mismatch(lake: World) -> None:
    put_parquet(lake, "t/a/f.parquet", n=pa.array(["x"], pa.string()))
    create(lake, "t", [("n", "double")], partitioned=True)
    add_partition(lake, "t", "a", [("n", "string")])
    assert "HIVE_PARTITION_SCHEMA_MISMATCH" in refusal(lake, "SELECT n FROM t")


def test_a_column_named_like_the_partition_key_is_invalid_metadata(lake: World) -> None:
    create(lake, "t", [("day", "string")], partitioned=True)
    assert "HIVE_INVALID_METADATA" in refusal(lake, "SELECT * FROM t")


def test_only_the_partitions_a_query_asks_for_are_scanned(lake: World) -> None:
    create(lake, "t", [("n", "bigint")], partitioned=True)
    for day in ("a", "b", "c", "d"):
        put_parquet(lake, f"t/{day}/f.parquet", n=pa.array(range(1000), pa.int64()))
        add_partition(lake, "t", day, [("n", "bigint")])
    athena = lake.gateways.athena
    every = athena.run("SELECT sum(n) FROM t", database="db").bytes_scanned
    one = athena.run("SELECT sum(n) FROM t WHERE day = 'b'", database="db")
    two = athena.run("SELECT sum(x.n) FROM t x WHERE x.day IN ('a', 'd') AND x.n > 0", database="db")
    assert (one.bytes_scanned, two.bytes_scanned) == (every // 4, every // 2)
    assert one.rows == (("499500",),)


def test_a_view_follows_its_tables_and_is_stale_when_their_types_change(lake: World) -> None:
    put_parquet(lake, "t/f.parquet", n=pa.array([1], pa.int32()))
    create(lake, "t", [("n", "int")])
    run(lake, "CREATE VIEW v AS SELECT n + 1 AS m FROM t")
    run(lake, "CREATE OR REPLACE VIEW w AS SELECT m * 2 AS k FROM v")
    assert run(lake, "SELECT k FROM w") == [("4",)]
    lake.clients.client("glue").delete_table(DatabaseName="db", Name="t")
    create(lake, "t", [("other", "int")])
    assert "VIEW_IS_STALE" in refusal(lake, "SELECT k FROM w")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT * FROM missing", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.db.missing' does not exist"),
        ("SELECT nope FROM (SELECT 1 AS a)", "COLUMN_NOT_FOUND"),
        ("SELEC 1", "SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", "Only one sql statement is allowed"),
        ("MERGE INTO t USING u ON 1 = 1 WHEN MATCHED THEN DELETE", "NOT_SUPPORTED"),
        ("VACUUM t", "NOT_SUPPORTED"),
        ("CREATE VIEW v AS SELECT current_timestamp AS t", "NOT_SUPPORTED: Unsupported Hive type"),
        ("CREATE VIEW v AS SELECT TIME '10:00:00' AS t", "NOT_SUPPORTED: Unsupported Hive type"),
        ("DROP VIEW missing", "does not exist"),
    ],
)
def test_what_athena_refuses_fails_in_athenas_words(lake: World, sql: str, words: str) -> None:
    assert words in refusal(lake, sql)


def test_statements_people_type_work(lake: World) -> None:
    put_parquet(lake, "ext/f.parquet", id=pa.array([1], pa.int64()))
    run(lake, "CREATE EXTERNAL TABLE `ext` (`id` bigint) STORED AS PARQUET LOCATION 's3://acme-lake/ext/'")
    run(lake, "CREATE VIEW v AS SELECT id FROM ext")
    assert run(lake, "SHOW TABLES") == [("ext",), ("v",)]
    assert run(lake, "SHOW VIEWS IN db") == [("v",)]
    assert ("db",) in run(lake, "SHOW DATABASES")
    assert run(lake, "DESCRIBE ext")[0][0].split() == ["id", "bigint"]  # type: ignore[union-attr]
    run(lake, "DROP VIEW IF EXISTS v")
    run(lake, "DROP TABLE ext")
    assert run(lake, "SHOW TABLES") == []


def test_partitions_are_added_dropped_and_found_by_statements(lake: World) -> None:
    create(lake, "t", [("n", "bigint")], partitioned=True)
    for day in ("a", "b", "c"):
        put_parquet(lake, f"t/day={day}/f.parquet", n=pa.array([1], pa.int64()))
    run(lake, "ALTER TABLE t ADD PARTITION (day = 'a') PARTITION (day='x') LOCATION 's3://acme-lake/t/day=b/'")
    assert run(lake, "SELECT day, n FROM t ORDER BY 1") == [("a", "1"), ("x", "1")]
    assert "AlreadyExists" in refusal(lake, "ALTER TABLE t ADD PARTITION (day = 'a')")
    run(lake, "ALTER TABLE t ADD IF NOT EXISTS PARTITION (day = 'a')")
    run(lake, "ALTER TABLE t DROP PARTITION (day = 'x')")
    assert "does not fit" in refusal(lake, "ALTER TABLE t ADD PARTITION (hour = '1')")
    run(lake, "MSCK REPAIR TABLE t")
    assert run(lake, "SHOW PARTITIONS t") == [("day=a",), ("day=b",), ("day=c",)]


def test_a_view_shows_how_it_was_made(lake: World) -> None:
    run(lake, "CREATE VIEW v AS SELECT 1 AS one")
    assert run(lake, "SHOW CREATE VIEW v") == [('CREATE VIEW "db"."v" AS SELECT 1 AS one',)]


def test_results_come_in_pages_and_as_a_csv_in_s3(lake: World) -> None:
    athena = boto3.client("athena", endpoint_url=lake.cloud.url, region_name="us-east-1")
    sql = "SELECT n, CASE WHEN n > 1 THEN 'say \"hi\"' END AS t FROM UNNEST(sequence(1, 2500)) AS s(n)"
    query = athena.start_query_execution(
        QueryString=sql, ResultConfiguration={"OutputLocation": "s3://acme-lake/out/"}
    )["QueryExecutionId"]
    while athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]["State"] != "SUCCEEDED":
        time.sleep(0.02)
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=query)
    assert [len(page["ResultSet"]["Rows"]) for page in pages] == [1000, 1000, 501], "a header row and 2,500 rows"
    csv = lake.gateways.s3.get_text("acme-lake", f"out/{query}.csv").splitlines()
    assert csv[:3] == ['"n","t"', '"1",', '"2","say ""hi"""']


def test_a_running_query_can_be_stopped(lake: World) -> None:
    athena = boto3.client("athena", endpoint_url=lake.cloud.url, region_name="us-east-1")
    sql = "SELECT count(*) FROM UNNEST(sequence(1, 100000)) AS a(x) CROSS JOIN UNNEST(sequence(1, 1000000)) AS b(y)"
    query = athena.start_query_execution(
        QueryString=sql, ResultConfiguration={"OutputLocation": "s3://acme-lake/out/"}
    )["QueryExecutionId"]
    time.sleep(0.3)
    athena.stop_query_execution(QueryExecutionId=query)
    state = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]["State"]
    assert state == "CANCELLED"
    with pytest.raises(ClientError, match="Final query state: CANCELLED"):
        athena.get_query_results(QueryExecutionId=query)


def test_too_many_active_queries_are_refused_and_our_gateway_waits_its_turn(
    lake: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake.cloud.athena, "_settings", AthenaSettings(active_dml=2, queue_seconds=0.2))
    once = Config(retries={"total_max_attempts": 1})  # botocore would wait its turn as well
    athena = boto3.client("athena", endpoint_url=lake.cloud.url, region_name="us-east-1", config=once)

    def start() -> None:
        athena.start_query_execution(
            QueryString="SELECT 1", ResultConfiguration={"OutputLocation": "s3://acme-lake/out/"}
        )

    start()
    start()
    with pytest.raises(ClientError, match="exceeded the limit for the number of queries"):
        start()
    results = lake.gateways.athena.run_many(["SELECT 1"] * 6, database="db")
    assert [result.rows for result in results] == [(("1",),)] * 6


@pytest.mark.parametrize(
    "hive", ["string", "int", "double", "decimal(12,2)", "array<string>", "map<string,int>", "struct<a:int>"]
)
def test_types_survive_the_way_through_all_three_vocabularies(hive: str) -> None:
    import duckdb

    (described,) = duckdb.connect().execute(f"SELECT CAST(NULL AS {hive_to_duck(hive)}) AS c").description or []
    assert trino_to_hive(duck_to_trino(str(described[1]))) == hive
