"""Columns as Arrow types."""

from __future__ import annotations

import pyarrow as pa

from rds_lake.localcloud.redshift.sql.types import VARBYTE, ColumnType


def arrow_type(kind: ColumnType) -> pa.DataType:
    """Returns the type in which a column's values are passed to DuckDB, and unloaded."""
    if kind.word == "numeric":
        return pa.decimal128(kind.size, kind.scale)
    plain = {
        "smallint": pa.int16(), "integer": pa.int32(), "bigint": pa.int64(), "real": pa.float32(), "double precision": pa.float64(),
        "boolean": pa.bool_(), "date": pa.date32(), "timestamp without time zone": pa.timestamp("us"),
        "timestamp with time zone": pa.timestamp("us", tz="UTC"), "time without time zone": pa.time64("us"),
        VARBYTE: pa.binary(), "super": pa.json_(),
    }  # fmt: skip
    return plain.get(kind.word, pa.string())
