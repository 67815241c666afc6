"""Files of every kind in, results of every kind out, and what was unloaded is loaded again."""

import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rds_lake.model.warehouse.plan import Column, FileFormat, Files, Load, LoadBy
from rds_lake.stages.warehouse.loading.orders import prepare
from rds_lake_tests.stages.warehouse.running import REPORTS, Running, csv_result, errors, plan_of

COLUMNS = (
    Column(name="Id", type="int"),
    Column(name="note", type="varchar(20)"),
    Column(name="price", type="decimal(8,2)"),
)
WANTED = [(1, 'a|"b', "1.50"), (2, None, None)]


def parquet() -> bytes:
    out = io.BytesIO()
    table = pa.table({"Id": pa.array([1, 2], pa.int32()), "note": ['a|"b', None], "price": pa.array(["1.50", None])})
    pq.write_table(table.set_column(2, "price", pa.array(["1.50", None]).cast(pa.decimal128(8, 2))), out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("format", "name", "body", "header"),
    [
        (FileFormat.CSV, "a.csv", b'Id,note,price\n1,"a|""b",1.50\n2,,\n', 1),
        (FileFormat.TEXT, "a.tbl.gz", gzip.compress(b'1;a|"b;1.50\n2;\\N;\\N\n'), 0),
        (
            FileFormat.JSON,
            "a.json.gz",
            gzip.compress(b'{"ID": 1, "note": "a|\\"b", "price": 1.50}\n{"id": 2, "note": null}\n'),
            0,
        ),
        (FileFormat.PARQUET, "a.parquet", parquet(), 0),
    ],
    ids=["csv", "text", "json", "parquet"],
)
def test_files_of_every_kind_become_the_same_table(
    running: Running, format: FileFormat, name: str, body: bytes, header: int
) -> None:
    running.put(f"in/{name}", body)
    delimiter = ";" if format is FileFormat.TEXT else None
    files = Files(
        uris=(f"s3://acme-lake/in/{name}",), format=format, columns=COLUMNS, delimiter=delimiter, header_lines=header
    )
    assert errors(running.run(Load(name="Order Items", origin=files, by=LoadBy.COPY))) == {}
    assert [(a, b or None, c) for a, b, c in running.rows('select * from "order items" order by id')] == WANTED


@pytest.mark.exhaustive
def test_a_result_by_partition_and_one_of_escaped_text_are_published(running: Running) -> None:
    query = "select 'x' as day, 1 as n union all select 'y', 2 union all select null, 3"
    by_day = csv_result(
        "days", query, single_file=False, header=False, format=FileFormat.PARQUET, partition_by=("day",)
    )
    text = csv_result(
        "text", "select 'a|b\\\\c' as t, 'd\ne' as u", single_file=False, header=False, format=FileFormat.TEXT
    )
    record = running.run(by_day, text)
    assert errors(record) == {}
    keys = [key for key in running.objects() if key.startswith("days/run=run-1/")]
    assert {key.split("/")[2] for key in keys} == {"day=x", "day=y", "day=__HIVE_DEFAULT_PARTITION__"}
    manifest = json.loads(running.objects()["days/_manifest.json"])
    assert {entry["url"] for entry in manifest["entries"]} == {f"s3://{REPORTS}/{key}" for key in keys}
    uris = tuple(uri for piece in record.pieces if piece.name == "text" for uri in piece.files)
    assert uris and running.objects()["text/run=run-1/" + uris[0].rsplit("/", 1)[1]] == b"a\\|b\\\\c|d\\\ne\n"


@pytest.mark.exhaustive
def test_a_table_has_1600_columns_and_no_more(running: Running) -> None:
    columns = tuple(Column(name=f"c{number}", type="int") for number in range(1600))
    running.put("in/wide.txt", ("|".join(map(str, range(1600))) + "\n").encode())
    files = Files(uris=("s3://acme-lake/in/wide.txt",), format=FileFormat.TEXT, columns=columns)
    more = Files(uris=files.uris, format=files.format, columns=(*columns, Column(name="c1600", type="int")))
    loads = (Load(name="wide", origin=files, by=LoadBy.COPY), Load(name="wider", origin=more, by=LoadBy.COPY))
    said = prepare(plan_of(*loads), running.target, running.context())
    assert list(said) == ["wider"] and "it has 1601 columns, but a Redshift table must have 1 to 1,600" in said["wider"]
