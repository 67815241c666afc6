"""Writes rows as the bytes of files: delimited text, CSV, JSON lines, Parquet. Closes files at MAXFILESIZE."""

from __future__ import annotations

import bz2
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from rds_lake.localcloud.redshift.engine.tables import Column
from rds_lake.localcloud.redshift.engine.values import csv_text, shown
from rds_lake.localcloud.redshift.loading.arrow import arrow_type
from rds_lake.localcloud.redshift.unloading.options import MB, Unload

Row = Sequence[Any]
# A closed file: its bytes, and its lines (the header's too) or rows.
File = tuple[bytes, int]
_BATCH = 20_000


class Sink(Protocol):
    """Takes rows. `add` returns each file that is full, `end` the last one."""

    def add(self, row: Row) -> Iterator[File]: ...

    def end(self) -> Iterator[File]: ...


def sink(unload: Unload, columns: Sequence[Column]) -> Sink:
    """Returns a sink for the UNLOAD's format."""
    return _ParquetSink(unload, columns) if unload.format == "PARQUET" else _TextSink(unload, columns)


class _TextSink:
    def __init__(self, unload: Unload, columns: Sequence[Column]) -> None:
        self._unload, self._columns = unload, columns
        self._texts = [column.kind.is_text for column in columns]
        names = [column.name for column in columns]
        self._header = _line(unload, names, [True] * len(names)) if "HEADER" in unload.flags else b""
        self._begin()

    def _begin(self) -> None:
        self._lines, self._size = [self._header] if self._header else [], len(self._header)

    def add(self, row: Row) -> Iterator[File]:
        unload = self._unload
        line = _json(self._columns, row) if unload.format == "JSON" else _line(unload, row, self._texts)
        if self._size + len(line) > unload.most:
            yield self._closed()
        self._lines.append(line)
        self._size += len(line)

    def end(self) -> Iterator[File]:
        yield self._closed()

    def _closed(self) -> File:
        file = _packed(self._unload, b"".join(self._lines)), len(self._lines)
        self._begin()
        return file


def _packed(unload: Unload, content: bytes) -> bytes:
    if unload.packed == "GZIP":
        return gzip.compress(content, mtime=0)
    if unload.packed == "BZIP2":
        return bz2.compress(content)
    return pa.compress(content, codec="zstd", asbytes=True) if unload.packed == "ZSTD" else content


def _line(unload: Unload, row: Row, texts: Sequence[bool]) -> bytes:
    fields = (_field(unload, value, is_text=is_text) for value, is_text in zip(row, texts, strict=True))
    return (unload.delimiter.join(fields) + "\n").encode()


def _field(unload: Unload, value: Any, *, is_text: bool) -> str:
    text = unload.null if value is None else ("t" if value else "f") if isinstance(value, bool) else csv_text(value)
    if unload.format == "CSV":
        special = any(letter in text for letter in (unload.delimiter, '"', "\n", "\r"))
        return '"' + text.replace('"', '""') + '"' if special else text
    if "ESCAPE" in unload.flags and is_text and value is not None:
        quotes = "\"'" if "ADDQUOTES" in unload.flags else ""
        text = "".join(f"\\{c}" if c in f"\n\r\\{unload.delimiter}{quotes}" else c for c in text)
    return f'"{text}"' if "ADDQUOTES" in unload.flags and value is not None else text


def _json(columns: Sequence[Column], row: Row) -> bytes:
    """Returns a line with one object. Booleans are `t` and `f`; numbers keep their digits."""
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


class _ParquetSink:
    """Row groups of about ROWGROUPSIZE bytes in memory; MAXFILESIZE is rounded down to a multiple of 32 MB."""

    def __init__(self, unload: Unload, columns: Sequence[Column]) -> None:
        self._unload = unload
        # The columns' types of Redshift, because DuckDB has others for sums of integers and for texts.
        self._schema = pa.schema([(column.name, arrow_type(column.kind)) for column in columns])
        self._most = max(unload.most // (32 * MB), 1) * 32 * MB
        self._begin()

    def _begin(self) -> None:
        self._out = io.BytesIO()
        self._writer = pq.ParquetWriter(
            self._out, self._schema, version="1.0", compression="snappy", coerce_timestamps="us"
        )
        self._rows: list[Row] = []
        self._tables: list[pa.Table] = []
        self._count = 0

    def add(self, row: Row) -> Iterator[File]:
        self._rows.append(row)
        self._count += 1
        if len(self._rows) >= _BATCH:
            self._pack()
            if sum(table.nbytes for table in self._tables) >= self._unload.group:
                self._write()
                if self._out.tell() >= self._most:
                    yield self._closed()

    def end(self) -> Iterator[File]:
        self._pack()
        self._write()
        yield self._closed()

    def _pack(self) -> None:
        arrays = [pa.array([row[n] for row in self._rows], type=field.type) for n, field in enumerate(self._schema)]
        self._tables.append(pa.table(arrays, schema=self._schema))
        self._rows = []

    def _write(self) -> None:
        self._writer.write_table(pa.concat_tables(self._tables).combine_chunks())
        self._tables = []

    def _closed(self) -> File:
        self._writer.close()
        file = self._out.getvalue(), self._count
        self._begin()
        return file
