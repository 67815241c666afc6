"""The peers' types and expressions, made from our plan: DuckDB's SQL, Polars' and Spark's expressions.

What belongs here: what a person would write by hand for one table, for any table.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import pyarrow as pa

_NUMBERS = count()


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def wrapped_type(type_: Any) -> str:
    """DuckDB's name of the type of wrapped JSON."""
    if pa.types.is_struct(type_):
        return "STRUCT(" + ", ".join(f"{quoted(field.name)} {wrapped_type(field.type)}" for field in type_) + ")"
    if pa.types.is_list(type_):
        return wrapped_type(type_.value_type) + "[]"
    return "BOOLEAN" if pa.types.is_boolean(type_) else "VARCHAR"


def sql_type(type_: Any) -> str:
    if pa.types.is_decimal(type_):
        return f"DECIMAL({type_.precision},{type_.scale})"
    return {pa.int64(): "BIGINT", pa.float64(): "DOUBLE", pa.bool_(): "BOOLEAN", pa.binary(): "BLOB"}.get(
        type_, "VARCHAR"
    )


def column_sql(value: str, column: Any) -> str:
    """DuckDB's expression that takes the wrapping off."""
    kind, inner = column.kind.name, f"{value}.{quoted(column.tag)}"
    if kind == "NOTHING":
        return "NULL::VARCHAR"
    if kind == "MIXED":
        tags = [tag for tag in column.node.tags if tag != "NULL"]
        return "coalesce(" + ", ".join(f"{value}.{quoted(tag)}::VARCHAR" for tag in tags) + ")"
    if kind == "NUMBER":
        return f"{inner}::{sql_type(column.type)}"
    if kind == "BINARY":
        return f"from_base64({inner})"
    if kind == "STRUCT":
        fields = (f"{quoted(one.name)} := {column_sql(f'{inner}.{quoted(one.original)}', one)}" for one in column.below)
        return f"CASE WHEN {inner} IS NOT NULL THEN struct_pack({', '.join(fields)}) END"
    if kind == "LIST":
        element, name = column.below[0], f"e{next(_NUMBERS)}"
        if column.tag == "NS":
            return f"{inner}::{sql_type(element.type)}[]"
        if column.tag == "BS":
            return f"list_transform({inner}, lambda {name}: from_base64({name}))"
        return inner if column.tag == "SS" else f"list_transform({inner}, lambda {name}: {column_sql(name, element)})"
    return inner


def polars_type(type_: Any) -> Any:
    import polars as pl  # pyright: ignore[reportMissingImports]

    if pa.types.is_struct(type_):
        return pl.Struct({field.name: polars_type(field.type) for field in type_})
    if pa.types.is_list(type_):
        return pl.List(polars_type(type_.value_type))
    if pa.types.is_decimal(type_):
        return pl.Decimal(type_.precision, type_.scale)
    found = {pa.int64(): pl.Int64, pa.float64(): pl.Float64, pa.bool_(): pl.Boolean, pa.binary(): pl.Binary}
    return found.get(type_, pl.String)


def polars_column(value: Any, column: Any) -> Any:
    import polars as pl  # pyright: ignore[reportMissingImports]

    kind = column.kind.name
    if kind == "NOTHING":
        return pl.lit(None, pl.String)
    if kind == "MIXED":
        tags = [tag for tag in column.node.tags if tag != "NULL"]
        return pl.coalesce([value.struct.field(tag).cast(pl.String) for tag in tags])
    inner = value.struct.field(column.tag)
    if kind == "NUMBER":
        return inner.cast(polars_type(column.type))
    if kind == "BINARY":
        return inner.str.decode("base64")
    if kind == "STRUCT":
        fields = [polars_column(inner.struct.field(one.original), one).alias(one.name) for one in column.below]
        return pl.when(inner.is_not_null()).then(pl.struct(fields))
    if kind == "LIST" and column.tag == "NS":
        return inner.cast(pl.List(polars_type(column.below[0].type)))
    if kind == "LIST" and column.tag == "BS":
        return inner.list.eval(pl.element().str.decode("base64"))
    return inner.list.eval(polars_column(pl.element(), column.below[0])) if column.tag == "L" else inner


def spark_type(type_: Any) -> Any:
    from pyspark.sql import types as T  # pyright: ignore[reportMissingImports]

    if isinstance(type_, pa.Schema) or pa.types.is_struct(type_):
        return T.StructType([T.StructField(field.name, spark_type(field.type)) for field in type_])
    if pa.types.is_list(type_):
        return T.ArrayType(spark_type(type_.value_type))
    if pa.types.is_decimal(type_):
        return T.DecimalType(type_.precision, type_.scale)
    found = {
        pa.int64(): T.LongType(),
        pa.float64(): T.DoubleType(),
        pa.bool_(): T.BooleanType(),
        pa.binary(): T.BinaryType(),
    }
    return found.get(type_, T.StringType())


def spark_column(value: Any, column: Any) -> Any:
    from pyspark.sql import functions as F  # pyright: ignore[reportMissingImports]

    kind = column.kind.name
    if kind == "NOTHING":
        return F.lit(None).cast("string")
    if kind == "MIXED":
        return F.coalesce(*[value.getField(tag).cast("string") for tag in column.node.tags if tag != "NULL"])
    inner = value.getField(column.tag)
    if kind == "NUMBER":
        return inner.cast(spark_type(column.type))
    if kind == "BINARY":
        return F.unbase64(inner)
    if kind == "STRUCT":
        fields = [spark_column(inner.getField(one.original), one).alias(one.name) for one in column.below]
        return F.when(inner.isNotNull(), F.struct(*fields))
    if kind == "LIST" and column.tag == "NS":
        return inner.cast(spark_type(column.type))
    if kind == "LIST" and column.tag == "BS":
        return F.transform(inner, F.unbase64)
    return F.transform(inner, lambda one: spark_column(one, column.below[0])) if column.tag == "L" else inner
