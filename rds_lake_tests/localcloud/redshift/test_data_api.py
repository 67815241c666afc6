"""The Data API, over HTTP with boto3: statements that run by themselves, batches, parameters, results."""

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rds_lake_tests.localcloud.redshift.warehouse import Warehouse

SLOW = "select count(*) from (select row_number() over () as a from big x cross join big y cross join big z) q where a % 7 = 3"


def refused(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    details = caught.value.response["Error"]
    return details["Code"], details["Message"]


def make_big(warehouse: Warehouse) -> None:
    """Tables whose product keeps DuckDB busy for minutes."""
    warehouse.run("create table big (a int)")
    warehouse.run("insert into big values " + ", ".join(f"({n})" for n in range(100)))
    for _ in range(5):
        warehouse.run("insert into big select a from big")


def test_a_statement_runs_and_is_described(warehouse: Warehouse) -> None:
    started = warehouse.data.execute_statement(**warehouse.where, Sql="select 7/2 as n, 'x'::varchar(3) as t")
    assert started["ClusterIdentifier"] == "nightly" and started["Database"] == "dev"
    described = warehouse.ended(started["Id"])
    assert described["Status"] == "FINISHED" and described["HasResultSet"]
    assert (described["ResultRows"], described["QueryString"][:6]) == (1, "select")
    answer = warehouse.data.get_statement_result(Id=started["Id"])
    assert answer["Records"] == [[{"longValue": 3}, {"stringValue": "x"}]]
    assert [(c["name"], c["typeName"]) for c in answer["ColumnMetadata"]] == [("n", "int4"), ("t", "varchar")]


def test_a_row_count_is_that_of_the_changed_rows(warehouse: Warehouse) -> None:
    warehouse.run("create table t (a int, b varchar(5))")
    described = warehouse.run("insert into t values (1, 'a'), (2, null)")
    assert (described["ResultRows"], described["HasResultSet"]) == (2, False)
    assert warehouse.rows("select * from t order by a") == [(1, "a"), (2, None)]
    code, message = refused(warehouse.data.get_statement_result, Id=described["Id"])
    assert code == "ResourceNotFoundException" and "does not have result" in message


def test_a_failed_statement_says_why(warehouse: Warehouse) -> None:
    warehouse.run("create table t (b varchar(2))")
    assert warehouse.error("insert into t values ('äö')") == "ERROR: value too long for type character varying(2)"
    assert warehouse.error("select * from nope") == 'ERROR: relation "nope" does not exist'
    assert warehouse.error("selec 1").startswith("ERROR: ")
    assert warehouse.rows("select count(*) from t") == [(0,)]


def test_a_long_poll_ends_with_the_statement(warehouse: Warehouse) -> None:
    answer = warehouse.data.execute_statement(**warehouse.where, Sql="select 1", WaitTimeSeconds=30)
    assert (answer["Status"], answer["HasResultSet"]) == ("FINISHED", True)


def test_a_result_is_paged(warehouse: Warehouse) -> None:
    statement = warehouse.run("select 1 as a union all select 2 union all select 3 union all select 4 order by 1")["Id"]
    first = warehouse.data.get_statement_result(Id=statement)
    second = warehouse.data.get_statement_result(Id=statement, NextToken=first["NextToken"])
    assert (len(first["Records"]), len(second["Records"]), "NextToken" in second) == (3, 1, False)
    assert first["TotalNumRows"] == 4


def test_a_csv_result_comes_from_version_two_only(warehouse: Warehouse) -> None:
    sql = "select 'a,\"b' as t, null as n, 1.50 as d, true as f, 2.0::float8 as g"
    statement = warehouse.run(sql, ResultFormat="CSV")["Id"]
    assert refused(warehouse.data.get_statement_result, Id=statement)[0] == "ValidationException"
    answer = warehouse.data.get_statement_result_v2(Id=statement)
    assert answer["Records"][0]["CSVRecords"] == 't,n,d,f,g\n"a,""b",,1.50,true,2\n'


def test_a_batch_is_all_or_nothing(warehouse: Warehouse) -> None:
    described = warehouse.batch("create table t (a int)", "insert into t values (1)", "select 1/0", "select 2")
    assert (described["Status"], described["Error"]) == ("FAILED", "ERROR: Divide by zero")
    assert [part["Status"] for part in described["SubStatements"]] == ["ABORTED", "ABORTED", "FAILED", "ABORTED"]
    assert warehouse.error("select * from t") == 'ERROR: relation "t" does not exist'


def test_a_batch_that_commits_by_itself_keeps_what_was_done(warehouse: Warehouse) -> None:
    sqls = ("create table t (a int)", "insert into t values (1)", "select 1/0", "insert into t values (2)")
    described = warehouse.batch(*sqls, ExecutionMode="AUTO_COMMIT")
    assert [part["Status"] for part in described["SubStatements"]] == ["FINISHED", "FINISHED", "FAILED", "ABORTED"]
    assert warehouse.rows("select a from t") == [(1,)]


def test_each_result_of_a_batch_has_an_id(warehouse: Warehouse) -> None:
    described = warehouse.batch("select 1 as a", "select 2 as b")
    second = described["SubStatements"][1]
    assert second["Id"] == f"{described['Id']}:2"
    assert warehouse.data.get_statement_result(Id=second["Id"])["Records"] == [[{"longValue": 2}]]
    assert refused(warehouse.data.get_statement_result, Id=described["Id"])[0] == "ValidationException"


def test_a_batch_has_at_most_forty_statements(warehouse: Warehouse) -> None:
    call = warehouse.data.batch_execute_statement
    assert refused(call, **warehouse.where, Sqls=["select 1"] * 41)[0] == "ValidationException"


def test_parameters_are_values(warehouse: Warehouse) -> None:
    given = [{"name": "a", "value": "it's \\ ; drop table t --"}, {"name": "n", "value": "null"}]
    sql = "select :a as a, :n is null as n, ':a'::varchar(5) as quoted, 1::int as cast"
    assert warehouse.rows(sql, Parameters=given) == [("it's \\ ; drop table t --", True, ":a", 1)]


@pytest.mark.parametrize("sql", ["select :b", "select 1"])
def test_a_parameter_that_is_missing_or_not_used_is_refused(warehouse: Warehouse, sql: str) -> None:
    given = [{"name": "a", "value": "1"}]
    code, message = refused(warehouse.data.execute_statement, **warehouse.where, Sql=sql, Parameters=given)
    assert code == "ValidationException" and message.startswith("Parameters list ")


def test_the_same_token_is_the_same_statement_for_eight_hours(warehouse: Warehouse) -> None:
    warehouse.clock("2099-11-20T10:00:00Z")
    warehouse.run("create table t (a int)")
    first = warehouse.start("insert into t values (1)", ClientToken="run-1")
    warehouse.ended(first)
    assert warehouse.start("insert into t values (1)", ClientToken="run-1") == first
    code, _ = refused(warehouse.data.execute_statement, **warehouse.where, Sql="select 1", ClientToken="run-1")
    assert code == "ValidationException"
    warehouse.clock("2099-11-20T18:30:00Z")
    second = warehouse.start("insert into t values (1)", ClientToken="run-1")
    assert second != first
    warehouse.ended(second)
    assert warehouse.rows("select count(*) from t") == [(2,)]


def test_a_list_shows_finished_statements_unless_all_are_asked_for(warehouse: Warehouse) -> None:
    warehouse.faults(redshift=[{"name": "run-2/", "delay_seconds": 600}])
    warehouse.run("select 1", StatementName="run-1/load/1")
    waiting = warehouse.start("select 2", StatementName="run-2/load/1")
    listing = warehouse.data.list_statements
    assert [each["StatementName"] for each in listing()["Statements"]] == ["run-1/load/1"]
    found = listing(StatementName="run-2/", Status="ALL")["Statements"]
    assert [each["Id"] for each in found] == [waiting]
    warehouse.data.cancel_statement(Id=waiting)
    assert warehouse.ended(waiting)["Status"] == "ABORTED"


def test_a_running_query_is_cancelled(warehouse: Warehouse) -> None:
    make_big(warehouse)
    statement = warehouse.start(SLOW)
    while warehouse.data.describe_statement(Id=statement)["Status"] != "STARTED":
        threading.Event().wait(0.02)
    assert warehouse.data.cancel_statement(Id=statement)["Status"] is True
    assert warehouse.ended(statement)["Status"] == "ABORTED"
    code, message = refused(warehouse.data.cancel_statement, Id=statement)
    assert (code, "ABORTED" in message) == ("ValidationException", True)


def test_too_many_active_statements_are_refused(warehouse: Warehouse) -> None:
    warehouse.faults(redshift=[{"exceed": True, "times": 1}])
    code, _ = refused(warehouse.data.execute_statement, **warehouse.where, Sql="select 1")
    assert code == "ActiveStatementsExceededException"
    assert warehouse.rows("select 1 as a") == [(1,)]


def test_a_statement_fails_and_a_call_is_throttled_where_it_is_asked_for(warehouse: Warehouse) -> None:
    throttle = {"service": "redshift-data", "operation": "ExecuteStatement", "calls": 1}
    warehouse.faults(redshift=[{"name": "load/", "fail": "disk full", "times": 1}], throttle=[throttle])
    code, _ = refused(warehouse.data.execute_statement, **warehouse.where, Sql="select 1")
    assert code == "ThrottlingException"
    assert warehouse.error("select 1", StatementName="load/1") == "ERROR: disk full"


def test_statements_need_a_warehouse_that_is_there_and_available(warehouse: Warehouse) -> None:
    call = warehouse.data.execute_statement
    assert refused(call, ClusterIdentifier="nope", Database="dev", Sql="select 1")[0] == "ValidationException"
    assert refused(call, Database="dev", Sql="select 1")[0] == "ValidationException"
    warehouse.client("redshift").pause_cluster(ClusterIdentifier="nightly")
    code, message = refused(call, **warehouse.where, Sql="select 1")
    assert code == "ValidationException" and "paused" in message


def test_an_unknown_id_is_not_found(warehouse: Warehouse) -> None:
    unknown = "d9b6c0c9-0747-4bf4-b142-e8883122f766"
    assert refused(warehouse.data.describe_statement, Id=unknown)[0] == "ResourceNotFoundException"


def test_a_session_keeps_its_temporary_tables(warehouse: Warehouse) -> None:
    started = warehouse.data.execute_statement(
        **warehouse.where, Sql="create temp table tmp as select 5 as a", SessionKeepAliveSeconds=60
    )
    warehouse.ended(started["Id"])
    again = warehouse.data.execute_statement(Sql="select a from tmp", SessionId=started["SessionId"])
    warehouse.ended(again["Id"])
    assert warehouse.data.get_statement_result(Id=again["Id"])["Records"] == [[{"longValue": 5}]]
    assert warehouse.error("select a from tmp") == 'ERROR: relation "tmp" does not exist'
    code, _ = refused(
        warehouse.data.execute_statement, **warehouse.where, Sql="select 1", SessionId=started["SessionId"]
    )
    assert code == "ValidationException"


def test_a_session_that_nobody_asks_anything_of_is_closed(warehouse: Warehouse) -> None:
    warehouse.clock("2099-11-20T10:00:00Z")
    started = warehouse.data.execute_statement(**warehouse.where, Sql="select 1", SessionKeepAliveSeconds=60)
    warehouse.ended(started["Id"])
    (shown,) = warehouse.data.list_sessions()["Sessions"]
    assert (shown["SessionId"], shown["SessionAliveSeconds"]) == (started["SessionId"], 60)
    warehouse.clock("2099-11-20T10:02:00Z")
    assert warehouse.data.list_sessions()["Sessions"] == []
    code, _ = refused(warehouse.data.execute_statement, Sql="select 1", SessionId=started["SessionId"])
    assert code == "ResourceNotFoundException"


def test_sessions_are_limited(warehouse: Warehouse) -> None:
    for _ in range(2):
        warehouse.run("select 1", SessionKeepAliveSeconds=60)
    code, _ = refused(warehouse.data.execute_statement, **warehouse.where, Sql="select 1", SessionKeepAliveSeconds=60)
    assert code == "ActiveSessionsExceededException"


def test_the_catalogue_is_listed(warehouse: Warehouse) -> None:
    warehouse.run("create schema sales")
    warehouse.run("create table sales.orders (id bigint not null, note varchar(20), total decimal(12,2) default 0)")
    warehouse.run("create view sales.v as select id from sales.orders")
    data, where = warehouse.data, warehouse.where
    assert data.list_databases(**where)["Databases"] == ["dev"]
    assert data.list_schemas(**where, SchemaPattern="sa%")["Schemas"] == ["sales"]
    tables = data.list_tables(**where, SchemaPattern="sales")["Tables"]
    assert [(each["name"], each["type"]) for each in tables] == [("orders", "TABLE"), ("v", "VIEW")]
    columns = data.describe_table(**where, Schema="sales", Table="orders")["ColumnList"]
    assert [(c["name"], c["typeName"], c["length"], c["precision"], c["scale"], c["nullable"]) for c in columns] == [
        ("id", "int8", 0, 19, 0, 0), ("note", "varchar", 20, 20, 0, 1), ("total", "numeric", 0, 12, 2, 1),
    ]  # fmt: skip


def test_two_transactions_that_change_what_each_has_read_get_error_1023(warehouse: Warehouse) -> None:
    warehouse.run("create table t (a int)")
    warehouse.run("insert into t values (1)")
    first = warehouse.data.execute_statement(**warehouse.where, Sql="begin", SessionKeepAliveSeconds=60)
    warehouse.ended(first["Id"])
    session = first["SessionId"]
    warehouse.ended(warehouse.data.execute_statement(Sql="select a from t", SessionId=session)["Id"])
    warehouse.run("update t set a = 3")
    described = warehouse.ended(warehouse.data.execute_statement(Sql="update t set a = 2", SessionId=session)["Id"])
    assert described["Status"] == "FAILED" and "1023" in described["Error"]
    assert warehouse.rows("select a from t") == [(3,)]


def test_many_that_wait_for_a_lock_do_not_keep_its_holder_from_ending(warehouse: Warehouse) -> None:
    warehouse.run("create table t (a int)")
    first = warehouse.data.execute_statement(**warehouse.where, Sql="begin", SessionKeepAliveSeconds=60)
    warehouse.ended(first["Id"])
    session = first["SessionId"]
    warehouse.ended(warehouse.data.execute_statement(Sql="insert into t values (0)", SessionId=session)["Id"])
    waiting = [warehouse.start(f"insert into t values ({number})") for number in range(6)]
    warehouse.ended(warehouse.data.execute_statement(Sql="commit", SessionId=session)["Id"])
    assert {warehouse.ended(each)["Status"] for each in waiting} == {"FINISHED"}
    assert warehouse.rows("select count(*) from t") == [(7,)]


def test_more_than_1600_columns_are_refused(warehouse: Warehouse) -> None:
    columns = ", ".join(f"c{number} int" for number in range(1601))
    assert warehouse.error(f"create table wide ({columns})") == "ERROR: tables can have at most 1600 columns"


def test_what_is_not_built_is_refused(warehouse: Warehouse) -> None:
    for sql in (
        "copy t from 'dynamodb://b' iam_role default",
        "merge into t using t on 1 = 1 when matched then delete",
    ):
        assert "The local cloud's limit, not Redshift's" in warehouse.error(sql)
