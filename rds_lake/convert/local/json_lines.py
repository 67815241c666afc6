"""The format `json`: a line of JSON per item, with the columns' names; nulls and absent attributes are left out.

JSON text within a column is `json_text.py`.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pyarrow as pa

from rds_lake.convert.local.json_text import around, joined, lists_text, strings_text
from rds_lake.convert.local.kernels import pc
from rds_lake.convert.local.plan import Plan
from rds_lake.convert.rules.columns import Column, Kind
from rds_lake.convert.rules.raw_text import quoted


def json_lines(table: pa.Table, plan: Plan) -> pa.Table:
    """Returns the table as one column `line`, a JSON object per row."""
    lines = [_fields([batch.column(column.name) for column in plan.columns], plan.columns, len(batch))
             for batch in table.to_batches()]  # fmt: skip
    return pa.table({"line": pa.chunked_array(lines, pa.string())})


def _fields(arrays: list[pa.Array], columns: tuple[Column, ...], length: int) -> pa.Array:
    parts = [
        around(_text(array, column), f"{quoted(column.name)}:", "")
        for array, column in zip(arrays, columns, strict=True)
    ]
    return around(joined(parts, length), "{", "}")


def _text(array: Any, column: Column) -> pa.Array:
    match column.kind:
        case Kind.TEXT:
            return strings_text(array)
        case Kind.BINARY:
            encoded = [None if value is None else b64encode(value).decode() for value in array.to_pylist()]
            return strings_text(pa.array(encoded, pa.string()))
        case Kind.STRUCT:
            below = [array.field(inner.name) for inner in column.below]
            made = _fields(below, column.below, len(array))
            return pc.if_else(array.is_valid(), made, pa.scalar(None, pa.string()))
        case Kind.LIST:
            return lists_text(array, pc.fill_null(_text(array.values, column.below[0]), "null"))
        case Kind.NUMBER if pa.types.is_decimal(array.type):
            return pc.replace_substring_regex(array.cast(pa.string()), r"(\.[0-9]*[1-9])0+$|\.0+$", r"\1").cast(
                pa.string()
            )
        case _:
            return array.cast(pa.string())
