"""A run from files to a result, turn after turn."""

import gzip

from rds_lake.model.warehouse.plan import Column, FileFormat, Files, Load, LoadBy, Step
from rds_lake.model.warehouse.record import PieceState
from rds_lake_tests.stages.warehouse.running import Running, csv_result, errors, lake_load

ITEMS = (
    Column(name="id", type="int"),
    Column(name="name", type="varchar(10)"),
    Column(name="price", type="decimal(8,2)"),
)


def items(
    *uris: str, columns: tuple[Column, ...] = ITEMS, format: FileFormat = FileFormat.TEXT, **more: object
) -> Load:
    return Load(name="items", origin=Files(uris=uris, format=format, columns=columns, **more), by=LoadBy.COPY)  # type: ignore[arg-type]


def test_files_become_a_table_a_step_reads_it_and_a_result_is_published(running: Running) -> None:
    running.put("in/2026/a.gz", gzip.compress(b"1|one|1.50\n2|two|2.50\n"))
    running.put("in/2026/b.gz", gzip.compress(b"3|three|3.25\n"))
    step = Step(
        name="dear", sql="create table dear as select * from items where price > 2;\nselect 1;", needs=("items",)
    )
    record = running.run(
        items("s3://acme-lake/in/2026/"), step, csv_result("best", "select id, name from dear order by id")
    )
    assert errors(record) == {}
    assert [(piece.name, piece.state, piece.rows) for piece in record.pieces] == [
        ("items", PieceState.DONE, 3), ("dear", PieceState.DONE, 1), ("best", PieceState.DONE, 2),
    ]  # fmt: skip
    assert running.objects() == {"best/best.csv": b"id,name\n2,two\n3,three\n"}


def test_a_table_of_the_lake_has_the_types_of_its_view(beside_lake: Running) -> None:
    record = beside_lake.run(lake_load("orders"), lake_load("order_details"), lake_load("sales_nothing"))
    assert errors(record) == {}
    assert [piece.rows for piece in record.pieces] == [10, 20, 0]
    types = "select \"column\", type from pg_table_def where tablename = 'orders'"
    assert beside_lake.rows(types) == [
        ("id", "bigint"), ("total", "numeric(24,12)"), ("placed_at", "timestamp without time zone"),
        ("tags", "character varying(65535)"), ("snapshot_date", "date"),
    ]  # fmt: skip
    assert beside_lake.rows("select * from orders order by id limit 2") == [
        (1, "1.250000000000", "2026-01-01 13:00:00", None, "2026-11-20"),
        (2, "2.250000000000", "2026-01-01 14:00:00", '{a,"b,\\"c\\"",NULL}', "2026-11-20"),
    ]
