"""Structs and lists in Parquet, declared in Glue as `struct<…>` and `array<…>`, read as Athena reads them."""

import gc
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from rds_lake.localcloud.athena.sql.nested import is_readable_as
from rds_lake.localcloud.athena.sql.type_text import read_duck, read_hive, read_trino
from rds_lake.localcloud.athena.sql.types import duck_to_trino, hive_to_duck, trino_to_hive
from rds_lake_tests.localcloud.athena.conftest import Lake

COLUMNS = (
    "id string; address struct<city:struct<name:string,zip:int>,paid:decimal(38,2)>; "
    "items array<struct<sku:string,qty:bigint>>; tags array<string>; amounts array<decimal(10,2)>; photo binary; "
    "grid array<array<bigint>>; words struct<order:string,select:bigint>"
)
CITY = pa.struct([("name", pa.string()), ("zip", pa.int32())])
TYPES: dict[str, pa.DataType] = {
    "id": pa.string(),
    "address": pa.struct([("city", CITY), ("paid", pa.decimal128(38, 2))]),
    "items": pa.list_(pa.struct([("sku", pa.string()), ("qty", pa.int64())])),
    "tags": pa.list_(pa.string()),
    "amounts": pa.list_(pa.decimal128(10, 2)),
    "photo": pa.binary(),
    "grid": pa.list_(pa.list_(pa.int64())),
    "words": pa.struct([("order", pa.string()), ("select", pa.int64())]),
}
FULL: dict[str, Any] = {
    "id": "1",
    "address": {"city": {"name": "Köln", "zip": 50667}, "paid": Decimal("1.50")},
    "items": [{"sku": "a", "qty": 2}, {"sku": "b", "qty": None}],
    "tags": ["p", "q"],
    "amounts": [Decimal("1.10"), Decimal("2.25")],
    "photo": b"\x00\xff",
    "grid": [[1], [2, 3]],
    "words": {"order": "x", "select": 7},
}
ROWS = [
    FULL,
    {"id": "2", "items": [], "tags": [None]},
    {"id": "3", "address": {"city": None, "paid": None}, "photo": b"", "words": {"order": None, "select": None}},
]


@pytest.fixture
def orders(lake: Lake) -> Lake:
    """A table `t` with every shape of column; a second row with gaps, a third with empty structs."""
    columns = {name: pa.array([row.get(name) for row in ROWS], kind) for name, kind in TYPES.items()}
    lake.put("t/f.parquet", **columns)
    lake.create("t", COLUMNS)
    return lake


def test_nested_values_are_shown_as_athena_shows_them(orders: Lake) -> None:
    first, second, third = orders.run("SELECT * FROM t ORDER BY id")
    assert first == (
        "1",
        "{city={name=Köln, zip=50667}, paid=1.50}",
        "[{sku=a, qty=2}, {sku=b, qty=null}]",
        "[p, q]",
        "[1.10, 2.25]",
        "00 ff",
        "[[1], [2, 3]]",
        "{order=x, select=7}",
    )
    assert second == ("2", None, "[]", "[null]", None, None, None, None)
    assert third[1] == "{city=null, paid=null}"


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT address.city.name FROM t ORDER BY id", [("Köln",), (None,), (None,)]),
        ("SELECT x.address.city.zip + 1 FROM t x WHERE x.address.city.zip > 1", [("50668",)]),
        ('SELECT "t"."address"."paid" FROM "db"."t" WHERE "t"."id" = \'1\'', [("1.50",)]),
        ('SELECT words."order", words."select" FROM t WHERE id = \'1\'', [("x", "7")]),
        ("SELECT items[1].sku FROM t WHERE id = '1'", [("a",)]),
        ("SELECT element_at(items, 3).sku FROM t WHERE id = '1'", [(None,)]),
        ("SELECT id, sku, qty FROM t CROSS JOIN UNNEST(items) AS u(sku, qty)", [("1", "a", "2"), ("1", "b", None)]),
        ("SELECT tag FROM t CROSS JOIN UNNEST(tags) AS u(tag) ORDER BY 1", [("p",), ("q",), (None,)]),
        (
            "SELECT sku, n FROM t CROSS JOIN UNNEST(items) WITH ORDINALITY AS u(sku, qty, n) ORDER BY n",
            [("a", "1"), ("b", "2")],
        ),
        (
            "SELECT id, sku FROM t LEFT JOIN UNNEST(items) AS u(sku, qty) ON TRUE WHERE id <> '1' ORDER BY 1",
            [("2", None), ("3", None)],
        ),
        ("SELECT sum(amount) FROM t CROSS JOIN UNNEST(amounts) AS u(amount)", [("3.35",)]),
        (
            "SELECT cell FROM t CROSS JOIN UNNEST(grid) AS g(line) CROSS JOIN UNNEST(line) AS c(cell) ORDER BY 1",
            [("1",), ("2",), ("3",)],
        ),
        ("SELECT transform(items, i -> i.qty) FROM t WHERE id = '1'", [("[2, null]",)]),
        ("SELECT cardinality(filter(items, i -> i.sku = 'a')) FROM t WHERE id = '1'", [("1",)]),
        ("SELECT to_hex(photo), length(photo) FROM t ORDER BY id", [("00FF", "2"), (None, None), ("", "0")]),
        ("SELECT address.city.name, count(*) FROM t GROUP BY address.city.name ORDER BY 2", [("Köln", "1"), (None, "2")]),
        ("SELECT count(*) FROM t WHERE address IS NULL", [("1",)]),
        (
            "SELECT typeof(address), typeof(items), typeof(amounts) FROM t LIMIT 1",
            [
                (
                    "row(city row(name varchar, zip integer), paid decimal(38,2))",
                    "array(row(sku varchar, qty bigint))",
                    "array(decimal(10,2))",
                )
            ],
        ),
        ("SELECT json_format(CAST(items AS JSON)) FROM t WHERE id = '1'", [('[{"sku":"a","qty":2},{"sku":"b","qty":null}]',)]),
    ],
)  # fmt: skip
def test_parts_are_reached_by_dots_indices_and_unnest(
    orders: Lake, sql: str, rows: list[tuple[str | None, ...]]
) -> None:
    assert orders.run(sql) == rows
    orders.run("CREATE VIEW t_view AS SELECT * FROM t")
    through = (
        sql.replace(" FROM t", " FROM t_view AS t").replace("AS t x", "AS x").replace('"db"."t"', '"db"."t_view" AS t')
    )
    assert orders.run(through) == rows, "and through a view"


def test_a_path_is_named_after_its_end_and_what_is_taken_out_of_an_array_is_not(orders: Lake) -> None:
    query = orders.start("SELECT address.city.name, items[1].sku FROM t WHERE id = '1'")
    orders.finished(query)
    answer = orders.client("athena").get_query_results(QueryExecutionId=query)
    assert [column["Name"] for column in answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]] == ["name", "_col1"]


def test_rows_are_unnested_into_their_fields_and_never_into_one_column(orders: Lake) -> None:
    refusal = orders.refusal("SELECT item.sku FROM t CROSS JOIN UNNEST(items) AS u(item)")
    assert "Column alias list has 1 entries but 'u' has 2 columns available" in refusal
    assert "has 2 entries" in orders.refusal("SELECT tag FROM t CROSS JOIN UNNEST(tags) AS u(tag, n)")


def test_the_catalogue_shows_rows_and_arrays_in_trinos_words_and_describe_in_hives(orders: Lake) -> None:
    orders.run("CREATE VIEW v AS SELECT id, address, items, amounts, photo, address.city.zip AS zip FROM t")
    shown = dict(
        orders.run("SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'v'")  # type: ignore[arg-type]
    )
    assert shown == {
        "id": "varchar",
        "address": "row(city row(name varchar, zip integer), paid decimal(38,2))",
        "items": "array(row(sku varchar, qty bigint))",
        "amounts": "array(decimal(10,2))",
        "photo": "varbinary",
        "zip": "integer",
    }
    described = [row[0].split("\t")[1].strip() for row in orders.run("DESCRIBE v") if row[0]]
    assert described[1] == "struct<city:struct<name:string,zip:int>,paid:decimal(38,2)>"


def test_fields_written_in_capitals_are_lower_case_in_athena(lake: Lake) -> None:
    inner = pa.struct([("City", pa.string()), ("Zip", pa.struct([("CODE", pa.int64())]))])
    lake.put("t/f.parquet", Address=pa.array([{"City": "Köln", "Zip": {"CODE": 1}}, None], inner))
    lake.create("t", "address struct<city:string,zip:struct<code:bigint>>")
    assert lake.run("SELECT address, address.zip.code FROM t") == [("{city=Köln, zip={code=1}}", "1"), (None, None)]
    lake.run("CREATE VIEW v AS SELECT address FROM t")
    ((kind,),) = lake.run("SELECT data_type FROM information_schema.columns WHERE table_name = 'v'")
    assert kind == "row(city varchar, zip row(code bigint))"


def test_fields_are_found_by_name_and_those_a_file_lacks_are_null(lake: Lake) -> None:
    lake.create("t", "v struct<a:bigint,b:string,c:array<string>>")
    lake.put(
        "t/1.parquet",
        v=pa.array([{"b": "x", "z": 1, "a": 5}], pa.struct([("b", pa.string()), ("z", pa.int64()), ("a", pa.int64())])),
    )
    lake.put("t/2.parquet", v=pa.array([{"a": 6}], pa.struct([("a", pa.int64())])))
    assert sorted(lake.run("SELECT v FROM t"), key=str) == [("{a=5, b=x, c=null}",), ("{a=6, b=null, c=null}",)]


@pytest.mark.parametrize(
    ("declared", "physical", "field"),
    [
        ("struct<a:string>", pa.array([{"a": 1}]), "v.a's type INT64"),
        ("struct<a:decimal(10,2)>", pa.array([{"a": Decimal("1.000")}], pa.struct([("a", pa.decimal128(10, 3))])), "v.a's type"),
        ("struct<a:struct<b:int>>", pa.array([{"a": 1}]), "v.a's type INT64"),
        ("struct<a:int>", pa.array([{"a": {"b": 1}}]), "v.a.b's type group"),
        ("array<bigint>", pa.array([["x"]]), "v.list.element's type BINARY"),
        ("array<struct<n:bigint>>", pa.array([[{"n": "x"}]]), "v.list.element.n's type BINARY"),
        ("array<string>", pa.array([[["x"]]]), "element's type group"),
        ("map<string,bigint>", pa.array([[("k", "x")]], pa.map_(pa.string(), pa.string())), "v.key_value.value's type BINARY"),
        ("array<string>", pa.array([{"a": 1}]), "v.a's type INT64"),
        ("struct<a:int>", pa.array([["x"]]), "v's type group"),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else str(value)[:30],
)  # fmt: skip
def test_a_part_the_file_has_otherwise_is_bad_data(lake: Lake, declared: str, physical: pa.Array, field: str) -> None:
    lake.put("t/f.parquet", v=physical, other=pa.array([1], pa.int64()))
    lake.create("t", f"v {declared}; other bigint")
    refusal = lake.refusal("SELECT v FROM t")
    assert refusal.startswith("HIVE_BAD_DATA")
    assert field in refusal
    assert lake.run("SELECT other FROM t") == [("1",)]


def test_a_partition_may_lack_the_last_fields_of_a_struct_and_nothing_else(lake: Lake) -> None:
    lake.create("t", "v struct<a:bigint,b:array<struct<c:string,d:double>>>", keys="day string")
    lake.put("t/1/f.parquet", v=pa.array([{"a": 1}], pa.struct([("a", pa.int32())])))
    lake.add("t", ["1"], "v struct<a:int>")
    older = pa.struct([("a", pa.int64()), ("b", pa.list_(pa.struct([("c", pa.string())])))])
    lake.put("t/2/f.parquet", v=pa.array([{"a": 2, "b": [{"c": "x"}]}], older))
    lake.add("t", ["2"], "v struct<a:bigint,b:array<struct<c:string>>>")
    assert lake.run("SELECT v FROM t ORDER BY day") == [("{a=1, b=null}",), ("{a=2, b=[{c=x, d=null}]}",)]
    lake.put("t/3/f.parquet", v=pa.array([{"b": None, "a": 3}], pa.struct([("b", pa.string()), ("a", pa.int64())])))
    lake.add("t", ["3"], "v struct<b:string,a:bigint>")
    assert "HIVE_PARTITION_SCHEMA_MISMATCH" in lake.refusal("SELECT v FROM t")


@pytest.mark.exhaustive
def test_the_widest_type_glue_takes_is_read_in_seconds(lake: Lake) -> None:
    """A DynamoDB item with a map of thousands of keys: 130,000 characters of type, five thousand columns of Parquet."""
    count = 5_000
    kind = pa.struct([(f"attribute_{number:05}", pa.int32()) for number in range(count)])
    lake.put("t/f.parquet", v=pa.array([{"attribute_00001": 7}], kind))
    lake.create("t", f"v struct<{','.join(f'attribute_{number:05}:int' for number in range(count))}>")
    started = time.monotonic()
    assert lake.run("SELECT v.attribute_00001 FROM t") == [("7",)]
    assert time.monotonic() - started < 120


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "written",
    [
        lambda count: f"struct<{','.join(f'f{number}:array<map<string,int>>' for number in range(count))}>",
        lambda count: f"{'array<' * count}int{'>' * count}",
    ],
    ids=["wide", "deep"],
)
def test_types_are_read_in_time_that_grows_with_their_length(written: Callable[[int], str]) -> None:
    """Sixteen times as long takes some sixteen times as long; to copy what is still to read at each word, sixty times."""
    short, long = (min(_seconds_of_reading(written(count)) for _ in range(2)) for count in (500, 8_000))
    assert long < 35 * short


def _seconds_of_reading(text: str) -> float:
    """Of processor time, for every translation of the type, none of which was made before."""
    for remembered in (read_hive, read_trino, read_duck, hive_to_duck, duck_to_trino):
        remembered.cache_clear()
    gc.disable()
    started = time.process_time()
    try:
        assert trino_to_hive(duck_to_trino(hive_to_duck(text))) == text
        assert is_readable_as(f"{text} ", text, {})
        return time.process_time() - started
    finally:
        gc.enable()
