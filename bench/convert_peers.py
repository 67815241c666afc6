"""One conversion by one tool, as a program of its own: what `bench.convert` starts and measures.

    python -m bench.convert_peers duckdb FOLDER OUT SCHEMA

Peers are given the schema that ours has to find, and write snappy Parquet of the same types; an attribute of several types
is only a coalesced text with them. `ours` is one of them, so that all pay for starting Python.

What belongs here: each peer as its own users would write it, with its best settings.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

_ROWS = 50_000


def files_of(folder: str) -> list[str]:
    return sorted(str(path) for path in Path(folder).glob("*.json.gz"))


def plan_of(schema: str) -> Any:
    from rds_lake.convert.local.plan import build_plan
    from rds_lake.convert.rules.columns import Rules
    from rds_lake.convert.rules.tree import from_plain

    return build_plan(from_plain(json.loads(Path(schema).read_text(encoding="utf-8"))), Rules())


# ours ---------------------------------------------------------------------------------------------------------------


def ours(folder: str, out: str, schema: str) -> None:
    from bench.convert_sink import FolderSink
    from rds_lake.convert.local.lines import InputFile
    from rds_lake.convert.local.table import ConvertOptions, convert_table

    inputs = [InputFile(name=name, open=partial(open, name, "rb")) for name in files_of(folder)]
    found = convert_table(inputs, sink=FolderSink(Path(out)), options=ConvertOptions())
    if schema != "-" and not Path(schema).exists():
        Path(schema).write_text(json.dumps(found.schema), encoding="utf-8")
    print(found.items, found.again)


# rows in Python -----------------------------------------------------------------------------------------------------


def in_processes(one: Any, folder: str, out: str, schema: str) -> None:
    with ProcessPoolExecutor() as pool:
        print(sum(pool.map(one, files_of(folder), [out] * 10_000, [schema] * 10_000)))


def write_rows(batches: Iterator[Any], name: str, out: str, schema: Any) -> int:
    import pyarrow.parquet as pq

    count = 0
    with pq.ParquetWriter(f"{out}/{Path(name).name}.parquet", schema, compression="snappy") as writer:
        for table in batches:
            writer.write_table(table)
            count += table.num_rows
    return count


def boto3_file(name: str, out: str, schema: str) -> int:
    import base64
    import gzip

    import pyarrow as pa
    from boto3.dynamodb.types import TypeDeserializer

    class Deserializer(TypeDeserializer):
        def _deserialize_b(self, value: Any) -> bytes:
            return base64.b64decode(value)

    plan, read = plan_of(schema), Deserializer().deserialize

    def batches() -> Iterator[Any]:
        rows: list[Any] = []
        with gzip.open(name) as lines:
            for line in lines:
                item = json.loads(line)["Item"]
                rows.append({one.name: _fitted(read(item[one.original]), one.type) if one.original in item else None
                             for one in plan.columns})  # fmt: skip
                if len(rows) == _ROWS:
                    yield pa.Table.from_pylist(rows, schema=plan.schema)
                    rows = []
        yield pa.Table.from_pylist(rows, schema=plan.schema)

    return write_rows(batches(), name, out, plan.schema)


def _fitted(value: Any, type_: Any) -> Any:
    """What pyarrow takes: sets as lists, ints as int, all sorts as text."""
    import pyarrow as pa

    if value is None:
        return None
    if pa.types.is_list(type_):
        return [_fitted(one, type_.value_type) for one in value]
    if pa.types.is_struct(type_):
        return {field.name: _fitted(value.get(field.name), field.type) for field in type_}
    if pa.types.is_int64(type_):
        return int(value)
    return str(value) if pa.types.is_string(type_) and not isinstance(value, str) else value


def orjson_file(name: str, out: str, schema: str) -> int:
    import orjson  # pyright: ignore[reportMissingImports]
    import pyarrow as pa
    from isal import igzip  # pyright: ignore[reportMissingImports]

    plan = plan_of(schema)

    def batches() -> Iterator[Any]:
        with igzip.open(name) as lines:
            while found := lines.readlines(8 << 20):
                items = [orjson.loads(line)["Item"] for line in found]
                arrays = [_orjson_column([item.get(one.original) for item in items], one) for one in plan.columns]
                yield pa.Table.from_arrays(arrays, schema=plan.schema)

    return write_rows(batches(), name, out, plan.schema)


def _orjson_column(values: list[Any], column: Any) -> Any:
    """One column of wrapped values, by hand."""
    from binascii import a2b_base64

    import pyarrow as pa

    kind, tag = column.kind.name, column.tag
    if kind == "MIXED":
        return pa.array([_text_of(value) for value in values], pa.string())
    inner = [value and value.get(tag) for value in values]
    if kind in ("TEXT", "BOOL"):
        return pa.array(inner, column.type)
    if kind == "NUMBER":
        return pa.array(inner, pa.string()).cast(column.type)
    if kind == "BINARY":
        return pa.array([None if one is None else a2b_base64(one) for one in inner], pa.binary())
    mask = pa.array([one is None for one in inner])
    if kind == "STRUCT":
        below = [_orjson_column([one and one.get(part.original) for one in inner], part) for part in column.below]
        return pa.StructArray.from_arrays(below, fields=list(column.type), mask=mask)
    flat, offsets = [], [0]
    for one in inner:
        flat += one or []
        offsets.append(len(flat))
    element = column.below[0]
    wrapped = flat if tag == "L" else [{element.tag: one} for one in flat]
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), _orjson_column(wrapped, element), mask=mask)


def _text_of(value: Any) -> str | None:
    import orjson  # pyright: ignore[reportMissingImports]

    if value is None:
        return None
    ((tag, inner),) = value.items()
    return None if tag == "NULL" else inner if isinstance(inner, str) else orjson.dumps(inner).decode()


# engines ------------------------------------------------------------------------------------------------------------


def duckdb(folder: str, out: str, schema: str) -> None:
    import duckdb as engine

    from bench.convert_sql import column_sql, quoted, sql_type, wrapped_type

    plan = plan_of(schema)
    connection = engine.connect(config={"threads": len(os.sched_getaffinity(0))})
    connection.execute("SET preserve_insertion_order = false")
    select = ", ".join(
        f"{column_sql('Item.' + quoted(one.original), one)} AS {quoted(one.name)}" for one in plan.columns
    )
    del sql_type
    columns = f"{{'Item': '{wrapped_type(plan.wrapped.field('Item').type)}'}}"
    # Without records=true DuckDB is seven times slower, and the comparison would be a lie.
    rows = connection.execute(
        f"COPY (SELECT {select} FROM read_ndjson('{folder}/*.json.gz', columns={columns}, records=true)) "
        f"TO '{out}' (FORMAT parquet, COMPRESSION snappy, PER_THREAD_OUTPUT true, OVERWRITE_OR_IGNORE true)"
    ).fetchone()
    print(rows)


def duckdb_discovery(folder: str, out: str, schema: str) -> None:
    import duckdb as engine

    connection = engine.connect(config={"threads": len(os.sched_getaffinity(0))})
    source = f"read_ndjson('{folder}/*.json.gz', records=true, sample_size=-1, maximum_depth=-1)"
    connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    connection.close()
    duckdb(folder, out, schema)


def polars(folder: str, out: str, schema: str) -> None:
    import polars as pl  # pyright: ignore[reportMissingImports]

    from bench.convert_sql import polars_column, polars_type

    plan = plan_of(schema)
    frame = pl.scan_ndjson(files_of(folder), schema={"Item": polars_type(plan.wrapped.field("Item").type)})
    item = pl.col("Item").struct
    columns = [polars_column(item.field(one.original), one).alias(one.name) for one in plan.columns]
    frame.select(columns).sink_parquet(f"{out}/all.parquet", compression="snappy", row_group_size=100_000)


def spark(folder: str, out: str, schema: str) -> None:
    from pyspark.sql import SparkSession  # pyright: ignore[reportMissingImports]
    from pyspark.sql import functions as F  # pyright: ignore[reportMissingImports]

    from bench.convert_sql import spark_column, spark_type

    plan = plan_of(schema)
    made: Any = SparkSession.builder  # a class property, which the stubs do not say
    builder = made.master(f"local[{len(os.sched_getaffinity(0))}]").config("spark.driver.memory", "4g")
    session = builder.config("spark.ui.enabled", "false").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    frame = session.read.schema(spark_type(plan.wrapped)).json(files_of(folder))
    columns = [spark_column(F.col("Item").getField(one.original), one).alias(one.name) for one in plan.columns]
    frame.select(*columns).write.mode("overwrite").parquet(f"{out}/all")
    session.stop()


def main(peer: str, folder: str, out: str, schema: str) -> None:
    Path(out).mkdir(parents=True, exist_ok=True)
    if peer in ("boto3", "orjson"):
        in_processes({"boto3": boto3_file, "orjson": orjson_file}[peer], folder, out, schema)
    else:
        {"ours": ours, "duckdb": duckdb, "duckdb-discovery": duckdb_discovery, "polars": polars, "spark": spark}[peer](
            folder, out, schema
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
