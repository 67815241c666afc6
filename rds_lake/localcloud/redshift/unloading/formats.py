"""Rows as the bytes of a file: delimited text, CSV, JSON lines, Parquet."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rds_lake.localcloud.redshift.engine.tables import Column
from rds_lake.localcloud.redshift.engine.values import csv_text, shown
from rds_lake.localcloud.redshift.errors import StatementFailedError
from rds_lake.localcloud.redshift.loading.arrow import arrow_type
from rds_lake.localcloud.redshift.unloading.options import Unload

Row = Sequence[Any]


def files(unload: Unload, columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[tuple[bytes, int]]:
    """Files of at most MAXFILESIZE, each with its number of lines (the header's too) or rows."""
    if unload.format == "PARQUET":
        yield from _parquet(unload, columns, rows)
        return
    header = _line(unload, [column.name for column in columns]) if "HEADER" in unload.flags else b""
    content, count = header, int(bool(header))
    for row in rows:
        line = _json(columns, row) if unload.format == "JSON" else _line(unload, row)
        if len(content) + len(line) > unload.most:
            yield _packed(unload, content), count
            content, count = header, int(bool(header))
        content, count = content + line, count + 1
    yield _packed(unload, content), count


def _packed(unload: Unload, content: bytes) -> bytes:
    return gzip.compress(content, mtime=0) if "GZIP" in unload.flags else content


def _line(unload: Unload, row: Row) -> bytes:
    return (unload.delimiter.join(_field(unload, value) for value in row) + "\n").encode()


def _field(unload: Unload, value: Any) -> str:
    text = unload.null if value is None else ("t" if value else "f") if isinstance(value, bool) else csv_text(value)
    if unload.format == "CSV":
        special = any(letter in text for letter in (unload.delimiter, '"', "\n", "\r"))
        return '"' + text.replace('"', '""') + '"' if special else text
    return f'"{text}"' if "ADDQUOTES" in unload.flags and value is not None else text


def _json(columns: Sequence[Column], row: Row) -> bytes:
    """One object a line; booleans are `t` and `f` there, numbers keep their digits."""
    parts = [
        f"{json.dumps(column.name)}:{_json_value(column, value)}" for column, value in zip(columns, row, strict=True)
    ]
    return ("{" + ",".join(parts) + "}\n").encode()


def _json_value(column: Column, value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return '"t"' if value else '"f"'
    text = csv_text(value)
    is_number = isinstance(shown(value), int | float) or column.kind.word == "numeric"
    return text if is_number else json.dumps(text, ensure_ascii=False)


def _parquet(unload: Unload, columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[tuple[bytes, int]]:
    names = [column.name for column in columns]
    if len(set(names)) != len(names):
        raise StatementFailedError("UNLOAD to Parquet needs columns with names of their own")
    arrays = [pa.array([row[n] for row in rows], type=arrow_type(c.kind)) for n, c in enumerate(columns)]
    out = io.BytesIO()
    pq.write_table(pa.table(arrays, names=names), out, version="1.0", compression="snappy", coerce_timestamps="us")
    content = out.getvalue()
    if len(content) > unload.most and len(rows) > 1:
        half = len(rows) // 2
        yield from _parquet(unload, columns, rows[:half])
        yield from _parquet(unload, columns, rows[half:])
    else:
        yield content, len(rows)
