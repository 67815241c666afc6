"""Columns for Spark: the schema of wrapped items, and the expression that removes the wrapping.

Spark's JSON reader gets the types beforehand, so nothing is inferred and nothing passes through float. An attribute that
becomes JSON text is first rewritten in Python, by the local engine's own function.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column as Expression  # pyright: ignore[reportMissingImports]
from pyspark.sql import functions as f  # pyright: ignore[reportMissingImports]
from pyspark.sql import types as t  # pyright: ignore[reportMissingImports]

from rds_lake.convert.rules.columns import Column, Kind
from rds_lake.convert.rules.raw_text import raw_text

_TEXT = (Kind.MIXED, Kind.RAW)
# A value that does not fit ends the job: the first pass has read every line, so this would be an error of rds-lake.
STRICT = {"mode": "FAILFAST"}


def wrapped_items(columns: Sequence[Column]) -> t.StructType:
    """Returns the schema of lines `{"Item": …}`; attributes with JSON text anywhere below are read as text."""
    fields = [
        t.StructField(column.original, t.StringType() if _has_text(column) else _wrapped(column), nullable=True)
        for column in columns
    ]
    return t.StructType([t.StructField("Item", t.StructType(fields))])


def typed_columns(columns: Sequence[Column]) -> list[Expression]:
    """Returns the table's columns, from items read with `wrapped_items`."""
    return [_typed(_value(column), column).alias(column.name) for column in columns]


def _value(column: Column) -> Expression:
    value = f.col("Item").getField(column.original)
    if not _has_text(column):
        return value
    rewrite = f.udf(lambda text: None if text is None else json.dumps(_marked(json.loads(text), column)), "string")
    return f.from_json(rewrite(value), _wrapped(column), STRICT)


def _has_text(column: Column) -> bool:
    return column.kind in _TEXT or any(_has_text(below) for below in column.below)


def _marked(value: dict[str, Any], column: Column) -> dict[str, Any]:
    """Returns the value with `{"J": text}` in place of values that become JSON text; null for NULL."""
    if column.kind in _TEXT:
        return {"J": None if "NULL" in value else raw_text(value)}
    if "M" in value:
        below = {inner.original: inner for inner in column.below}
        return {"M": {name: _marked(field, below[name]) for name, field in value["M"].items()}}
    if "L" in value:
        return {"L": [_marked(element, column.below[0]) for element in value["L"]]}
    return value


def _wrapped(column: Column) -> t.StructType:
    """Returns the type of one wrapped value, `{"S": …}`; all its fields are null for a NULL."""
    if column.kind in _TEXT:
        return t.StructType([t.StructField("J", t.StringType())])
    if column.kind is Kind.NOTHING:
        return t.StructType([t.StructField("NULL", t.BooleanType())])
    return t.StructType([t.StructField(column.tag, _content(column))])


def _content(column: Column) -> t.DataType:
    if column.kind is Kind.STRUCT:
        return t.StructType([t.StructField(inner.original, _wrapped(inner)) for inner in column.below])
    if column.kind is Kind.LIST:
        return t.ArrayType(_wrapped(column.below[0]) if column.tag == "L" else t.StringType())
    return t.BooleanType() if column.kind is Kind.BOOL else t.StringType()


def _typed(value: Expression, column: Column) -> Expression:
    if column.kind in _TEXT:
        return value.getField("J")
    if column.kind is Kind.NOTHING:
        return f.lit(None).cast("string")
    content = value.getField(column.tag)
    if column.kind is Kind.STRUCT:
        fields = [_typed(content.getField(inner.original), inner).alias(inner.name) for inner in column.below]
        return f.when(content.isNotNull(), f.struct(*fields))
    if column.kind is Kind.LIST:
        element = column.below[0]
        inner = _typed if column.tag == "L" else _plain
        return f.transform(content, lambda item: inner(item, element))
    return _plain(content, column)


def _plain(content: Expression, column: Column) -> Expression:
    if column.kind is Kind.BINARY:
        return f.unbase64(content)
    if column.kind is not Kind.NUMBER or column.number == "string":
        return content
    if column.number == "bigint":  # `1E+2` and `1.0` are integers too
        return content.cast("decimal(38,0)").cast("bigint")
    return content.cast(column.number)
