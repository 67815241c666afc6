"""One warehouse of Redshift Serverless, and one test for each fact about it that only an account shows.

    RDS_LAKE_LIVE_PROFILE=sandbox RDS_LAKE_LIVE_REGION=eu-west-1 pytest -s -m aws rds_lake_tests/live/warehouse

What it costs and makes is in docs/live-suite.md; `-s` prints what was seen. `make test-exhaustive` has the same tests against the
local cloud, whose Redshift says what AWS documents: there they show that the tests work, nothing of AWS.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rds_lake.model.warehouse.plan import Column, FileFormat, Files, Load, LoadBy, Unload
from rds_lake.model.warehouse.result import parse_unloaded
from rds_lake.sql.quoting import literal
from rds_lake.stages.warehouse.loading import load as loading
from rds_lake.stages.warehouse.work.statements import is_conflict
from rds_lake_tests.live.lake.content import ORDERS
from rds_lake_tests.live.lake.made import is_anything_left, live_lake
from rds_lake_tests.live.lake.place import PLACES, Place, chosen_place
from rds_lake_tests.live.warehouse.made import WAREHOUSE, LiveWarehouse, live_warehouse
from rds_lake_tests.stages.warehouse.running import errors

pytestmark = pytest.mark.timeout(3 * 3600)

_COLUMNS = (Column(name="id", type="int"), Column(name="name", type="varchar(4)"))


@pytest.fixture(scope="module", params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """No database is made in it: nothing here loads tables of the lake."""
    with chosen_place(request, replace(ORDERS, sessions=())) as chosen:
        yield chosen


@pytest.fixture(scope="module")
def warehouse(place: Place) -> Iterator[LiveWarehouse]:
    with live_lake(place, f"rds-lake-live-{uuid4().hex[:8]}", more=WAREHOUSE) as lake:
        with live_warehouse(lake) as made:
            yield made
        serverless = place.clients.client("redshift-serverless")
        names = [each["namespaceName"] for each in serverless.list_namespaces()["namespaces"]]
        assert not [name for name in names if made.target.workgroup and made.target.workgroup in name]
    assert is_anything_left(lake) == []


def files(*uris: str, format: FileFormat = FileFormat.TEXT) -> Load:
    origin = Files(uris=uris, format=format, columns=_COLUMNS, delimiter="|" if format is FileFormat.TEXT else None)
    return Load(name="items", origin=origin, by=LoadBy.COPY)


def parquet(**columns: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def result(warehouse: LiveWarehouse, name: str, query: str, **changes: Any) -> Unload:
    values: dict[str, Any] = {
        "to": f"s3://{warehouse.bucket}/results/{name}/",
        "format": FileFormat.CSV,
        "header": True,
    }
    return Unload(name=name, query=query, **(values | changes))


def copy_of(warehouse: LiveWarehouse, *entries: tuple[str, int]) -> str:
    """A COPY of Parquet into `items` by a manifest of these URIs and lengths."""
    text = json.dumps(
        {"entries": [{"url": uri, "mandatory": True, "meta": {"content_length": size}} for uri, size in entries]}
    )
    manifest = warehouse.put(f"drop/{uuid4().hex[:8]}/copy.manifest.json", text.encode())
    role = literal(warehouse.target.role)
    return f"COPY items FROM {literal(manifest)} IAM_ROLE {role} FORMAT AS PARQUET MANIFEST"


def test_it_is_there_within_the_time_that_its_stack_is_given(warehouse: LiveWarehouse) -> None:
    print(f"namespace, workgroup and role took {warehouse.seconds:.0f} s")
    assert warehouse.rows("SELECT 1") == [(1,)], (
        "statements with the admin's secret: `_target` of stages/warehouse/stack.py"
    )
    assert warehouse.seconds < 3600, "_MOST_MINUTES of stages/warehouse/stack.py gives a creation up"


def test_a_value_that_is_too_long_is_named_with_file_line_and_column(warehouse: LiveWarehouse) -> None:
    uri = warehouse.put("drop/long/a.txt", "1|one\n2|zwölf\n".encode())
    said = errors(warehouse.run(files(uri)))["items"]
    print(said)
    rests = "stages/warehouse/loading/load_errors.py asks sys_load_error_detail, with the query's id of the Data API"
    assert uri in said and "line 2" in said and "column name" in said, rests


def test_a_parquet_file_of_other_columns_is_named(warehouse: LiveWarehouse) -> None:
    uri = warehouse.put("drop/wide/a.parquet", parquet(id=pa.array([1], pa.int32()), name=["a"], more=[2]))
    said = errors(warehouse.run(files(uri, format=FileFormat.PARQUET)))["items"]
    print(said)
    assert "a.parquet" in said, (
        "`_failed` of stages/warehouse/loading/load.py adds nothing to Redshift's words but the details"
    )


def test_what_redshift_may_not_read_gets_the_advice_about_rights(warehouse: LiveWarehouse) -> None:
    """An object of the lake's bucket that is neither input nor of a table: its role has no right there."""
    uri = warehouse.put("private/a.parquet", parquet(id=pa.array([1], pa.int32()), name=["a"]))
    size = len(parquet(id=pa.array([1], pa.int32()), name=["a"]))
    _, state = warehouse.statement("CREATE TEMP TABLE items (id int, name varchar(4))", copy_of(warehouse, (uri, size)))
    error = state.parts[1].error
    print(error)
    assert state.failed_part == 1, state
    assert loading._RIGHTS.search(error), "_RIGHTS of stages/warehouse/loading/load.py knows a refusal by these words"


def test_a_copy_counts_its_rows_and_refuses_a_file_that_is_missing_or_of_another_length(
    warehouse: LiveWarehouse,
) -> None:
    body = parquet(id=pa.array([1, 2, 3], pa.int32()), name=["a", None, "c"])
    uri = warehouse.put("drop/good/a.parquet", body)
    create = "CREATE TEMP TABLE items (id int, name varchar(4))"
    begun, state = warehouse.statement(create, copy_of(warehouse, (uri, len(body))), "SELECT count(*) FROM items")
    assert state.is_good, state
    print(f"COPY of 3 rows says {state.parts[1].rows} ({begun.id})")
    assert warehouse.works.warehouse.statements.rows(state.parts[2].id) == [(3,)]
    rests = "render_manifest of stages/warehouse/loading/files.py relies on COPY's own comparison"
    for wrong in ((uri, len(body) + 1), (uri.replace("a.parquet", "b.parquet"), len(body))):
        _, state = warehouse.statement(create, copy_of(warehouse, (uri, len(body)), wrong))
        print(state.error)
        assert not state.is_good, rests


def test_what_was_unloaded_is_whole_by_redshifts_own_manifest(warehouse: LiveWarehouse) -> None:
    """Rows, bytes, header lines, one file, and no rows at all."""
    texts = ("'größe'", "'a,\"b'", "NULL")  # cast, since Redshift has no type for a bare literal of a subquery
    rows = " UNION ALL ".join(
        f"SELECT {n} AS n, CAST({text} AS varchar(20)) AS name" for n, text in enumerate(texts, 1)
    )
    many = result(warehouse, "many", rows)
    one = result(warehouse, "one", rows, single_file=True)
    packed = result(warehouse, "packed", rows, format=FileFormat.PARQUET, header=False)
    none = result(warehouse, "none", f"SELECT * FROM ({rows}) AS x WHERE n > 3")
    record = warehouse.run(many, one, packed, none)
    context = warehouse.works.context(record)
    for piece in record.pieces:
        text = warehouse.text(context.uri(context.key("unload", piece.name, str(piece.attempt)) + "/manifest"))
        print(piece.name, piece.rows, piece.files, piece.notes, text, sep="\n")
        parse_unloaded(text, where="Redshift's manifest")
    assert errors(record) == {}, "`_verified` of stages/warehouse/unloading/unload.py compares manifest, files and rows"
    assert {piece.name: piece.rows for piece in record.pieces} == {"many": 3, "one": 3, "packed": 3, "none": 0}
    (file,) = next(piece.files for piece in record.pieces if piece.name == "one")
    assert warehouse.text(file).splitlines()[0] == "n,name", "file_ending and HEADER of sql/warehouse/unloading.py"


def test_a_statement_is_found_by_its_name_at_once_and_begun_once(warehouse: LiveWarehouse) -> None:
    data, name = warehouse.works.warehouse.statements, f"rds-lake/live/{uuid4().hex}"
    first = data.begin(warehouse.target, ["SELECT 1"], name=name)
    assert [one.id for one in data.named(name)] == [first.id], (
        "`send` of stages/warehouse/work/statements.py looks by name"
    )
    again = data.begin(warehouse.target, ["SELECT 1"], name=name)
    assert again.id == first.id, "`begin` of aws/warehouse/redshift_data.py: a ClientToken is one statement"
    warehouse.ended(first.id)


def test_of_statements_together_nothing_stays_when_one_fails_and_it_is_named(warehouse: LiveWarehouse) -> None:
    assert warehouse.statement("CREATE TABLE half (n int)")[1].is_good
    _, state = warehouse.statement("INSERT INTO half SELECT 1", "SELECT 1", "SELECT nothing FROM half")
    print(state.error, *state.parts, sep="\n")
    assert state.failed_part == 2, "StatementState.failed_part of aws/warehouse/redshift_data.py"
    assert state.parts[2].query or state.parts[2].error, "`ask` of stages/warehouse/loading/load_errors.py"
    rests = "a step's file, and each section of a load, is one transaction: stages/warehouse/work/steps.py"
    assert warehouse.rows("SELECT count(*) FROM half") == [(0,)], rests


def test_a_conflict_of_two_transactions_is_known_by_its_words(warehouse: LiveWarehouse) -> None:
    """Serializable, where a workgroup begins with snapshot isolation: there two writers of one row conflict as well."""
    _, state = warehouse.statement("DROP TABLE IF EXISTS one", "CREATE TABLE one (n int)", "INSERT INTO one SELECT 1")
    assert state.is_good, state
    sessions = [warehouse.statement("BEGIN", keep=True)[0].session for _ in range(2)]
    for session in sessions:
        assert warehouse.statement("SELECT n FROM one", session=session)[1].is_good
    assert warehouse.statement("UPDATE one SET n = 2", session=sessions[0])[1].is_good
    assert warehouse.statement("COMMIT", session=sessions[0])[1].is_good
    _, state = warehouse.statement("UPDATE one SET n = 3", session=sessions[1])
    if state.is_good:
        _, state = warehouse.statement("COMMIT", session=sessions[1])
    print(state.error)
    assert is_conflict(state.error), "is_conflict of stages/warehouse/work/statements.py: such a piece is begun again"
