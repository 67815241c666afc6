"""A type that `types:` asks for is what a pulled column gets where it holds every value; else the column keeps its text."""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_lake.model.tables.table import Column
from rds_lake.sql.pull.duckdb_columns import duckdb_column
from rds_lake.sql.pull.postgres_columns import postgres_column
from rds_lake.sql.pull.select import Reading, select_lines, select_unfit, select_values
from rds_lake.sql.quoting import literal
from rds_lake.sql.view_columns import view_column
from rds_lake_tests.console.readers.reading import agrees
from rds_lake_tests.sql.test_view_columns import asked

_TEXT = Column(name="x", hive_type="string", original_type="text")
_ZONED = Column(name="x", hive_type="string", original_type="timestamp with time zone")
_DAYS = st.dates().map(lambda day: day.isoformat())
_HOURS = st.times().map(lambda time: time.isoformat())
_TIMES = st.tuples(_DAYS, _HOURS).map(" ".join)
_TEXTS = {
    "date": st.one_of(
        _DAYS, _DAYS, _TIMES, st.sampled_from(["2026/01/02", "epoch", "2026-1-2", "2026-02-30", "20260102"])
    ),
    "timestamp": st.one_of(
        _TIMES, _DAYS, st.tuples(_TIMES, st.sampled_from(["Z", "+02", " UTC", "1234567"])).map("".join)
    ),
    "boolean": st.sampled_from(["t", "f", "true", "FALSE", "1", "0", "yes", "no", "y", "on"]),
    "double": st.one_of(
        st.floats(allow_nan=False, allow_infinity=False).map(repr), st.sampled_from(["NaN", "0.1", "1e400"])
    ),
    "decimal(10,2)": st.decimals(places=3, min_value=-1_000, max_value=1_000).map(str),
}


def went(column: Column, kind: str, texts: list[str], path: Path) -> tuple[str, list[Any]]:
    """The type that a DuckDB file has for these texts, and its values."""
    pq.write_table(pa.table({"x": texts}), path)
    pulled = duckdb_column(column, "x", kind)
    reading = Reading(paths=(str(path),), names={"x": "x"}, constants={})
    chosen = {"x": 0}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        while (unfit := select_unfit((pulled,), chosen, reading)) and connection.execute(unfit).fetchall() == [(True,)]:
            chosen["x"] += 1
        found = connection.execute(select_values((pulled,), chosen, reading)).fetchall()
    return pulled.ways[chosen["x"]].kind, [value for (value,) in found]


@settings(max_examples=20)
@given(data=st.data(), kind=st.sampled_from(sorted(_TEXTS)))
def test_every_value_of_a_type_asked_for_is_the_views_or_the_column_keeps_its_text(
    data: st.DataObject, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    texts = data.draw(st.lists(_TEXTS[kind], min_size=1, max_size=2))
    got, values = went(_TEXT, kind, texts, tmp_path_factory.mktemp("asked") / "x.parquet")
    if got == "VARCHAR":
        assert values == texts
        return
    view = view_column(_TEXT, "x", type_override=kind)
    rows = ", ".join(f"({number}, {literal(text)})" for number, text in enumerate(texts))
    shown = asked(f'SELECT {view.expression}, {view.loss} FROM (VALUES {rows}) AS t (n, "x") ORDER BY n')
    assert [(lost, agrees(value, text, kind)) for value, (text, lost) in zip(values, shown, strict=True)] == [
        ("false", True)
    ] * len(texts)


@pytest.mark.parametrize(
    ("column", "kind", "text", "got", "value"),
    [
        (_TEXT, "date", "2026-01-02", "DATE", "2026-01-02"),
        (_TEXT, "date", "2026-01-02 10:00:00", "VARCHAR", "2026-01-02 10:00:00"),
        (_TEXT, "date", "2026/01/02", "VARCHAR", "2026/01/02"),
        (_TEXT, "timestamp", "2026-01-02 10:00:00.123456", "TIMESTAMP", "2026-01-02 10:00:00.123456"),
        (_TEXT, "timestamp", "2026-01-02 10:00:00.1234567", "VARCHAR", "2026-01-02 10:00:00.1234567"),
        (_TEXT, "timestamp", "2026-01-02 10:00:00+02", "VARCHAR", "2026-01-02 10:00:00+02"),
        (_TEXT, "boolean", "T", "BOOLEAN", "True"),
        (_TEXT, "boolean", "yes", "VARCHAR", "yes"),
        (_ZONED, "timestamp", "2026-01-02 10:00:00+02", "TIMESTAMP", "2026-01-02 08:00:00"),
        (_ZONED, "date", "2026-01-02 10:00:00+02", "TIMESTAMP WITH TIME ZONE", "2026-01-02 08:00:00+00:00"),
    ],
)
def test_a_type_asked_for_never_drops_a_part_of_a_text(
    column: Column, kind: str, text: str, got: str, value: str, tmp_path: Path
) -> None:
    found, values = went(column, kind, [text], tmp_path / "x.parquet")
    assert (found, [str(each) for each in values]) == (got, [value])


def test_times_of_year_0_are_postgresqls_first_year_before_christ(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    year_zero = pa.array([-62167219200000000, 0, None], pa.int64()).cast(pa.timestamp("us"))
    pq.write_table(pa.table({"x": year_zero}), path)
    pulled = postgres_column(Column(name="x", hive_type="timestamp"), "x", None)
    reading = Reading(paths=(str(path),), names={"x": "x"}, constants={})
    with duckdb.connect() as connection:
        found = connection.execute(select_lines((pulled,), {}, reading)).fetchall()
    assert found == [("0001-01-01 00:00:00 BC\n",), ("1970-01-01 00:00:00\n",), ("\\N\n",)]
