"""MySQL's types in Parquet, as AWS documents them: the documentation's table, row by row, without a server."""

import io
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.localcloud.databases.mysql_parquet import arrow_array, parquet_type
from rds_lake.localcloud.databases.source import SourceColumn, SourceTable
from rds_lake.localcloud.rds.parquet import parquet_files
from rds_lake.model.exports.expected_type import hive_type_of_expected
from rds_lake.stages.databases.footers import hive_type
from rds_lake_tests.stages.types.cases import described


class OneColumn:
    """A source of one column and one value; only what writing Parquet asks for."""

    engine = "mysql"
    name = "one"

    def __init__(self, column: SourceColumn, value: str | bytes | None) -> None:
        self.table = SourceTable(schema="one", name="t", columns=(column,))
        self._batch = pa.RecordBatch.from_arrays([arrow_array(column, [value])], names=[column.name])

    def written(self) -> pq.ParquetFile:
        ((_, body),) = parquet_files(self, self.table, max_bytes=1000)  # type: ignore[arg-type]
        return pq.ParquetFile(io.BytesIO(body))

    def batches(self, table: SourceTable) -> list[pa.RecordBatch]:
        return [self._batch]


def column_of(
    data_type: str, column_type: str | None = None, precision: int | None = None, scale: int | None = None
) -> SourceColumn:
    expected, arrow = parquet_type(data_type, column_type or data_type, precision, scale)
    return SourceColumn(name="c", data_type=data_type, expected=expected, arrow=arrow, num_precision=precision)


@pytest.mark.parametrize(
    ("column", "parquet"),
    [
        *((column_of(kind), "INT32") for kind in ("tinyint", "smallint", "mediumint", "int", "year")),
        (column_of("smallint", "smallint(5) unsigned"), "INT32"),
        (column_of("tinyint", "tinyint(3) unsigned"), "INT32 INT_16"),
        (column_of("mediumint", "mediumint(8) unsigned"), "INT64"),
        (column_of("int", "int(10) unsigned zerofill"), "INT64"),
        (column_of("bigint"), "INT64"),
        (column_of("bigint", "bigint(20) unsigned"), "FIXED(9) DECIMAL(20,0)"),
        (column_of("decimal", None, 9, 9), "INT32 DECIMAL(9,9)"),
        (column_of("decimal", None, 10, 0), "INT64 DECIMAL(10,0)"),
        (column_of("decimal", None, 38, 30), "FIXED(16) DECIMAL(38,30)"),
        (column_of("decimal", None, 39, 30), "BYTE_ARRAY STRING"),
        *((column_of(kind), "DOUBLE") for kind in ("float", "double")),
        *((column_of(kind), "BYTE_ARRAY") for kind in ("bit", "binary", "varbinary", "blob", "longblob", "point")),
        *((column_of(kind), "BYTE_ARRAY") for kind in ("geomcollection", "geometrycollection")),
        *((column_of(kind), "BYTE_ARRAY STRING") for kind in ("char", "varchar", "text", "enum", "set", "json")),
        *((column_of(kind), "BYTE_ARRAY STRING") for kind in ("date", "time", "uuid", "inet6", "something_new")),
        *((column_of(kind), "INT64 TIMESTAMP_MICROS") for kind in ("datetime", "timestamp")),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.data_type}-{value.expected}",
)
def test_a_type_is_written_as_aws_writes_it_and_announced_as_what_it_is(column: SourceColumn, parquet: str) -> None:
    physical = OneColumn(column, None).written().schema.column(0)
    assert described(physical) == parquet
    assert physical.max_definition_level == 1, "every column is optional"
    assert hive_type_of_expected(column.expected) == hive_type(physical), "a table without files has the same type"


@given(
    st.integers(1, 38).flatmap(lambda p: st.tuples(st.just(p), st.integers(0, min(p, 30)))),
    st.integers(-(10**38) + 1, 10**38 - 1),
)
def test_a_decimal_of_any_size_keeps_every_digit(size: tuple[int, int], digits: int) -> None:
    precision, scale = size
    # Built of its digits: arithmetic would round to the context's 28.
    number = Decimal((int(digits < 0), tuple(map(int, str(abs(digits) % 10**precision))), -scale))
    source = OneColumn(column_of("decimal", None, precision, scale), f"{number:f}")
    assert source.written().read().column(0).to_pylist() == [number]


@pytest.mark.parametrize("text", ["0000-00-00 00:00:00", "2026-00-01 00:00:00.000000", "2026-02-31 12:00:00"])
def test_a_datetime_that_is_none_is_null(text: str) -> None:
    assert OneColumn(column_of("datetime"), text).written().read().column(0).to_pylist() == [None]
