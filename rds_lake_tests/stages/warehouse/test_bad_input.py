"""What is wrong with files, tables and steps: each error names what it is about, and nothing half done is left."""

import io
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rds_lake.errors import ManifestError
from rds_lake.model.warehouse.plan import Column, FileFormat, Files, Load, LoadBy, Step
from rds_lake.model.warehouse.record import PieceState
from rds_lake.stages.warehouse.loading.orders import prepare
from rds_lake_tests.stages.warehouse.running import Running, csv_result, errors, lake_load, plan_of

COLUMNS = (Column(name="id", type="int"), Column(name="name", type="varchar(4)"))


def load(
    *uris: str, name: str = "items", format: FileFormat = FileFormat.TEXT, columns: tuple[Column, ...] = COLUMNS
) -> Load:
    return Load(name=name, origin=Files(uris=uris, format=format, columns=columns), by=LoadBy.COPY)


def parquet(**columns: list[object]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def test_a_value_that_is_too_long_names_file_line_and_column_and_the_old_table_stays(running: Running) -> None:
    running.put("in/a.txt", b"1|one\n2|two\n")
    running.run(load("s3://acme-lake/in/"))
    running.put("in/b.txt", "3|five\n4|zwölf\n".encode())
    record = running.run(load("s3://acme-lake/in/"), csv_result("all", "select * from items"), run="run-2")
    (piece, result) = record.pieces
    assert (piece.state, result.state) == (PieceState.FAILED, PieceState.SKIPPED)
    assert (
        "s3://acme-lake/in/b.txt line 2, column name (varchar): String length exceeds DDL length: 6 bytes"
        in errors(record)["items"]
    )
    assert running.rows("select count(*) from items") == [(2,)] and running.objects() == {}


@pytest.mark.exhaustive
@pytest.mark.parametrize(("body", "said"), [(b"1|one|x\n", "Extra column(s) found"), (b"1\n", "Delimiter not found")])
def test_a_line_with_another_number_of_columns_is_named(running: Running, body: bytes, said: str) -> None:
    running.put("in/a.txt", body)
    assert (
        f"s3://acme-lake/in/a.txt line 1, column ? (): {said}"
        in errors(running.run(load("s3://acme-lake/in/")))["items"]
    )


@pytest.mark.exhaustive
def test_a_parquet_file_with_another_number_of_columns_is_named(running: Running) -> None:
    running.put("in/a.parquet", parquet(id=[1], name=["a"], more=[2]))
    said = errors(running.run(load("s3://acme-lake/in/", format=FileFormat.PARQUET)))["items"]
    assert "Table columns: 2, Data columns: 3" in said and "in/a.parquet" in said


def test_missing_files_of_all_loads_are_said_at_once_before_anything_is_loaded(running: Running) -> None:
    running.put("in/a.txt", b"1|one\n")
    running.put("in/_SUCCESS", b"")
    record = running.run(
        load("s3://acme-lake/in/"), load("s3://acme-lake/none/", name="b"), load("s3://acme-lake/in/a.tx", name="c"),
        load("s3://acme-lake/in/_SUCCESS/", name="d"), Step(name="s", sql="select 1"),
    )  # fmt: skip
    said = errors(record)
    assert said["b"].startswith("load b: s3://acme-lake/none/ holds no file") and "does not exist" in said["c"]
    assert [piece.state.value for piece in record.pieces] == ["skipped", "failed", "failed", "failed", "skipped"]
    assert list(running.context().data.named("rds-lake/")) == []


@pytest.mark.exhaustive
def test_a_file_that_is_gone_when_it_is_loaded_fails_the_load(running: Running) -> None:
    running.put("in/a.txt", b"1|one\n")
    running.put("in/b.txt", b"2|two\n")
    assert prepare(plan_of(load("s3://acme-lake/in/")), running.target, running.context()) == {}
    running.client("s3").delete_object(Bucket="acme-lake", Key="in/b.txt")
    said = errors(running.run(load("s3://acme-lake/in/")))["items"]
    assert "in/b.txt" in said and "not present" in said


def test_two_turns_that_prepare_one_run_load_by_the_same_order(running: Running) -> None:
    """Also where a file came between their looks: the one has sent by then what it read."""
    running.put("in/a.txt", b"1|one\n")
    plan, staging = plan_of(load("s3://acme-lake/in/")), "lake/_warehouses/usage/staging/"
    prepare(plan, running.target, running.context())
    first = running.objects("acme-lake", staging)
    running.put("in/b.txt", b"2|two\n")
    prepare(plan, running.target, running.context())
    assert running.objects("acme-lake", staging).items() >= first.items()
    record = running.run(load("s3://acme-lake/in/"))
    assert errors(record) == {} and running.rows("select id from items") == [(1,)]


@pytest.mark.exhaustive
def test_two_kinds_of_files_and_two_tables_of_one_name_are_refused(running: Running) -> None:
    running.put("in/a.txt", b"1|one\n")
    running.put("in/a.gz", b"x")
    said = errors(running.run(load("s3://acme-lake/in/"), load("s3://acme-lake/in/a.txt", name="Items")))
    assert (
        "split them into two loads" in said["items"]
        and "it has the same name as items; rename one of them" in said["Items"]
    )


def test_an_error_in_the_third_statement_names_its_line_and_undoes_the_others(running: Running) -> None:
    sql = "-- a comment;\ncreate table a (x int);\ninsert into a values (1);\n\n\nselect 1 /\n 0;\nselect 1;\nselect 2;"
    record = running.run(Step(name="cleaned", sql=sql), Step(name="next", sql="select 2", needs=("cleaned",)))
    said = errors(record)
    assert said["cleaned"].startswith(
        "step cleaned: statement 3 of 5, line 6 of cleaned.sql, failed: ERROR: Divide by zero; its changes were rolled back"
    )
    assert said["next"] == "it needs cleaned, which failed"
    assert running.rows("select count(*) from pg_table_def where tablename = 'a'") == [(0,)]


@pytest.mark.exhaustive
def test_a_step_of_more_than_forty_statements_keeps_its_temporary_tables(running: Running) -> None:
    inserts = "".join(f"insert into t values ({number});\n" for number in range(50))
    sql = f"create temp table t (x int);\n{inserts}create table total as select sum(x) as x from t;"
    record = running.run(Step(name="many", sql=sql))
    assert errors(record) == {} and running.rows("select x from total") == [(1225,)]
    broken = sql.replace("values (45)", "values (45, 45)")
    said = errors(running.run(Step(name="many", sql=broken), run="run-2"))["many"]
    assert "statement 47 of 52, line 47 of many.sql" in said and "the statements before it were kept" in said


@pytest.mark.exhaustive
def test_another_transaction_in_between_is_tried_again_and_not_for_ever(running: Running) -> None:
    running.put("in/a.txt", b"1|one\n")
    conflict = "1023 DETAIL: Serializable isolation violation on table - 1"
    faults = {
        "redshift": [{"name": f"rds-lake/abc/usage/run-1/load.items/{number}/", "fail": conflict} for number in (1, 2)]
    }
    running.faults(**faults)
    record = running.run(load("s3://acme-lake/in/"))
    assert errors(record) == {} and record.pieces[0].attempt == 3
    running.faults(redshift=[{"name": "rds-lake/abc/usage/run-2/", "fail": conflict, "times": 9}])
    record = running.run(load("s3://acme-lake/in/"), run="run-2")
    assert record.pieces[0].attempt == 5 and "5 times" in errors(record)["items"]


@pytest.mark.exhaustive
def test_where_redshift_has_no_place_a_load_waits(running: Running) -> None:
    running.put("in/a.txt", b"1|one\n")
    running.faults(redshift=[{"exceed": True, "times": 3}])
    assert errors(running.run(load("s3://acme-lake/in/"))) == {}


@pytest.mark.exhaustive
def test_what_the_lake_does_not_have_is_said_by_load(running: Running) -> None:
    def rows_of_lake(source: str, day: date, views: object) -> dict[str, object]:
        raise ManifestError(f"s3://acme-lake/lake/_manifests/{source}/{day}.json does not exist")

    said = errors(running.run(lake_load("orders"), lake_load("users"), rows_of_lake=rows_of_lake))
    assert set(said) == {"orders", "users"} and "2026-11-20.json does not exist" in said["users"]
