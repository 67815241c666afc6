"""Query executions: limits, tokens, pages, files, stops."""

import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from rds_lake.aws.athena import AthenaGateway
from rds_lake.localcloud.athena.engine import Engine
from rds_lake.localcloud.athena.service import AthenaSettings
from rds_lake.localcloud.athena.sql.types import duck_to_trino, hive_to_duck, trino_to_hive
from rds_lake_tests.localcloud.athena.conftest import RESULTS, Lake

SLOW = "SELECT count(*) FROM UNNEST(sequence(1, 100000)) AS a(x) CROSS JOIN UNNEST(sequence(1, 1000000)) AS b(y)"


def test_results_come_in_pages_and_as_a_csv_in_s3(lake: Lake) -> None:
    athena = boto3.client("athena", endpoint_url=lake.cloud.url, region_name="us-east-1")
    sql = "SELECT n, CASE WHEN n > 1 THEN 'say \"hi\"' END AS t FROM UNNEST(sequence(1, 2500)) AS s(n)"
    query = athena.start_query_execution(QueryString=sql, ResultConfiguration={"OutputLocation": RESULTS})
    query_id = query["QueryExecutionId"]
    execution = lake.finished(query_id)
    assert execution["ResultConfiguration"]["OutputLocation"] == f"{RESULTS}{query_id}.csv"
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id)
    assert [len(page["ResultSet"]["Rows"]) for page in pages] == [1000, 1000, 501], "a header row and 2,500 rows"
    body = lake.client("s3").get_object(Bucket="lake", Key=f"results/{query_id}.csv")["Body"].read().decode()
    assert body.splitlines()[:3] == ['"n","t"', '"1",', '"2","say ""hi"""']
    lake.client("s3").head_object(Bucket="lake", Key=f"results/{query_id}.csv.metadata")
    with pytest.raises(ClientError, match="MaxResults"):
        athena.get_query_results(QueryExecutionId=query_id, MaxResults=1001)


def test_columns_are_described_and_only_a_select_has_a_header(lake: Lake) -> None:
    query = lake.start("SELECT 'a' AS v, CAST(1 AS decimal(10,2)) AS d, ARRAY[1] AS a, current_timestamp AS t")
    lake.finished(query)
    results = lake.client("athena").get_query_results(QueryExecutionId=query)["ResultSet"]
    infos = results["ResultSetMetadata"]["ColumnInfo"]
    assert [(i["Name"], i["Type"], i["Precision"], i["Scale"]) for i in infos] == [
        *(("v", "varchar", 2147483647, 0), ("d", "decimal", 10, 2), ("a", "array", 0, 0)),
        ("t", "timestamp with time zone", 3, 0),
    ]
    query = lake.start("SHOW DATABASES")
    execution = lake.finished(query)
    assert (execution["StatementType"], execution["ResultConfiguration"]["OutputLocation"][-4:]) == ("UTILITY", ".txt")
    rows = lake.client("athena").get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
    assert rows == [{"Data": [{"VarCharValue": "db"}]}]


@pytest.mark.parametrize("moment", ["queued", "running"])
def test_a_query_can_be_stopped(lake: Lake, moment: str) -> None:
    athena = lake.client("athena")
    before = [lake.start(SLOW) for _ in range(2)] if moment == "queued" else []
    query = lake.start(SLOW)
    wanted = "QUEUED" if moment == "queued" else "RUNNING"

    def state(i: str) -> Any:
        return athena.get_query_execution(QueryExecutionId=i)["QueryExecution"]["Status"]

    deadline = time.monotonic() + 60
    while state(query)["State"] != wanted and time.monotonic() < deadline:
        time.sleep(0.01)
    for each in [query, *before]:
        athena.stop_query_execution(QueryExecutionId=each)
    assert state(query)["State"] == "CANCELLED"
    started = time.monotonic()
    assert lake.run("SELECT 1") == [("1",)], "its worker is free again"
    assert time.monotonic() - started < 60
    athena.stop_query_execution(QueryExecutionId=query)
    with pytest.raises(ClientError, match="Final query state: CANCELLED"):
        athena.get_query_results(QueryExecutionId=query)


def test_a_stop_that_comes_just_before_the_query_begins_is_not_lost(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = Engine._refuse_cancelled

    def stop_after(self: Engine) -> None:
        check(self)
        if not self._closed.is_set() and SLOW in running:
            running.clear()
            self.cancel()

    running = [SLOW]
    monkeypatch.setattr(Engine, "_refuse_cancelled", stop_after)
    execution = lake.finished(lake.start(SLOW))
    assert execution["Status"]["State"] == "FAILED", "it would have run for minutes"


def test_too_many_active_queries_are_refused_and_our_gateway_waits_its_turn(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = AthenaSettings(active_dml=2, active_ddl=1, queue_seconds=0.3)
    monkeypatch.setattr(lake.cloud.athena, "_settings", settings)
    lake.start("SELECT 1")
    lake.start("SELECT 1")
    lake.start("CREATE VIEW v AS SELECT 1 AS a")
    for sql in ("SELECT 1", "DROP VIEW v"):
        with pytest.raises(ClientError, match="You have exceeded the limit for the number of queries") as caught:
            lake.start(sql)
        assert caught.value.response["Error"]["Code"] == "TooManyRequestsException"
    gateway = AthenaGateway(
        lake.client("athena"), workgroup="primary", output_location=RESULTS, sleep=time.sleep, clock=time.monotonic
    )
    results = gateway.run_many(["SELECT 1"] * 6, database="db")
    assert [result.rows for result in results] == [(("1",),)] * 6


def test_a_client_token_starts_one_query(lake: Lake) -> None:
    token = "t" * 32
    first = lake.start("SELECT 1", ClientRequestToken=token)
    assert lake.start("SELECT 1", ClientRequestToken=token) == first
    with pytest.raises(ClientError, match="Idempotent parameters do not match"):
        lake.start("SELECT 2", ClientRequestToken=token)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"QueryString": "SELECT '" + "ö" * 131_072 + "'"}, "262144"),
        ({"WorkGroup": "missing"}, "WorkGroup missing is not found"),
        ({"ResultConfiguration": {}}, "No output location provided"),
        ({"ResultConfiguration": {"OutputLocation": "lake/results"}}, "not a valid S3 path"),
    ],
)
def test_a_request_athena_refuses_starts_nothing(lake: Lake, params: dict[str, Any], words: str) -> None:
    arguments = {"QueryString": "SELECT 1", "ResultConfiguration": {"OutputLocation": RESULTS}} | params
    with pytest.raises(ClientError, match=words) as caught:
        lake.client("athena").start_query_execution(**arguments)
    assert caught.value.response["Error"]["Code"] == "InvalidRequestException"
    assert lake.client("athena").list_query_executions()["QueryExecutionIds"] == []


def test_a_workgroup_says_where_results_go(lake: Lake) -> None:
    athena = lake.client("athena")
    ours = {"ResultConfiguration": {"OutputLocation": "s3://lake/group/"}, "EnforceWorkGroupConfiguration": False}
    athena.create_work_group(Name="wg", Configuration=ours)

    def place(**more: Any) -> str:
        execution = lake.finished(lake.start("SELECT 1", WorkGroup="wg", **more))
        return execution["ResultConfiguration"]["OutputLocation"].rsplit("/", 1)[0]

    assert place() == "s3://lake/results"
    assert place(ResultConfiguration={}) == "s3://lake/group"
    athena.update_work_group(WorkGroup="wg", ConfigurationUpdates={"EnforceWorkGroupConfiguration": True})
    assert place() == "s3://lake/group"
    location = {"ResultConfigurationUpdates": {"OutputLocation": "s3://lake/moved/"}}
    athena.update_work_group(WorkGroup="wg", ConfigurationUpdates=location)
    assert place() == "s3://lake/moved"


def test_executions_are_listed_by_workgroup_and_looked_at_in_batches(lake: Lake) -> None:
    ids = [lake.start(f"SELECT {number}") for number in range(3)]
    athena = lake.client("athena")
    assert athena.list_query_executions()["QueryExecutionIds"] == ids[::-1]
    first = athena.list_query_executions(MaxResults=2)
    rest = athena.list_query_executions(NextToken=first["NextToken"])
    assert first["QueryExecutionIds"] + rest["QueryExecutionIds"] == ids[::-1]
    missing = "00000000-0000-0000-0000-000000000000"
    batch = athena.batch_get_query_execution(QueryExecutionIds=[ids[0], missing])
    assert [execution["Query"] for execution in batch["QueryExecutions"]] == ["SELECT 0"]
    assert [unknown["QueryExecutionId"] for unknown in batch["UnprocessedQueryExecutionIds"]] == [missing]
    with pytest.raises(ClientError, match="was not found"):
        athena.get_query_execution(QueryExecutionId=missing)


@pytest.mark.parametrize(
    "hive", ["string", "int", "double", "decimal(12,2)", "array<string>", "map<string,int>", "struct<a:int>"]
)
def test_types_survive_the_way_through_all_three_vocabularies(hive: str) -> None:
    import duckdb

    (described,) = duckdb.connect().execute(f"SELECT CAST(NULL AS {hive_to_duck(hive)}) AS c").description or []
    assert trino_to_hive(duck_to_trino(str(described[1]))) == hive
