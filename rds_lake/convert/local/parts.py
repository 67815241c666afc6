"""Writes files row group by row group, in one of four formats.

parquet   snappy or zstd; row groups of about `row_group_bytes` in memory; statistics for pruning
orc       the same, in stripes
csv       with a header; nested values are JSON text, binary is base64
json      one line per item, with the columns' names
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.orc
import pyarrow.parquet as pq

from rds_lake.convert.local.kernels import pc

Format = Literal["parquet", "orc", "csv", "json"]
Compression = Literal["snappy", "zstd"]
_LOOKED_AT = 20_000
_WORTH_A_DICTIONARY = 0.2


class Sink(Protocol):
    """The destination of files. `create` returns a file whose `close` commits it; `abort` is called instead if writing failed."""

    def create(self, name: str) -> SinkFile: ...
    def remove(self, name: str) -> None: ...


class SinkFile(Protocol):
    """A binary file to write. It exists only after `close`, and never after `abort`."""

    def write(self, data: Any, /) -> int: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


class Counted:
    """A sink's file for pyarrow, which counts its bytes. The caller, not pyarrow, closes `file`."""

    def __init__(self, file: SinkFile) -> None:
        self.file = file
        self.bytes = 0
        self.closed = False

    def write(self, data: Any) -> int:
        self.bytes += len(data)
        self.file.write(data)
        return len(data)

    def tell(self) -> int:
        return self.bytes

    def flush(self) -> None:
        """Nothing is buffered."""

    def close(self) -> None:
        """Called by pyarrow's writer; the caller closes `file` later."""

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False


class Writer(Protocol):
    """One file being written."""

    def write(self, table: pa.Table) -> None: ...
    def close(self) -> None: ...


class ParquetPart:
    """Parquet. A column gets a dictionary only if its first rows repeat: for other columns that halves the speed of writing."""

    def __init__(self, file: Counted, first: pa.Table, keys: Sequence[str], compression: Compression) -> None:
        dictionary: Any = repeated_columns(first)  # the stubs know only `bool`
        statistics: Any = _pruning_columns(first.schema, keys)
        self._writer = pq.ParquetWriter(
            file,
            first.schema,
            compression=compression,
            compression_level=1 if compression == "zstd" else None,
            use_dictionary=dictionary or False,
            write_statistics=statistics or False,
            store_schema=False,
        )

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))

    def close(self) -> None:
        self._writer.close()


class OrcPart:
    """ORC by pyarrow; each write is a stripe."""

    def __init__(self, file: Counted, compression: Compression) -> None:
        self._writer = pyarrow.orc.ORCWriter(file, compression=compression)

    def write(self, table: pa.Table) -> None:
        self._writer.write(table)

    def close(self) -> None:
        self._writer.close()


class CsvPart:
    """CSV with quotes where needed; null is empty, an empty text is `""`."""

    def __init__(self, file: Counted, first: pa.Table) -> None:
        self._writer = pyarrow.csv.CSVWriter(file, first.schema)

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table)

    def close(self) -> None:
        self._writer.close()


class LinesPart:
    """A table of one column of texts, a line each."""

    def __init__(self, file: Counted) -> None:
        self._file = file

    def write(self, table: pa.Table) -> None:
        for texts in table.column(0).chunks:
            lines: Any = pc.binary_join_element_wise(texts, "", "\n")
            _, offsets, data = lines.buffers()
            bounds = pa.Array.from_buffers(pa.int32(), len(lines) + 1, [None, offsets], offset=lines.offset)
            start, end = bounds[0].as_py(), bounds[len(lines)].as_py()
            if end > start:
                self._file.write(data.slice(start, end - start).to_pybytes())

    def close(self) -> None:
        """Every line has been written already."""


def writers(form: Format, keys: Sequence[str], compression: Compression) -> Callable[[Counted, pa.Table], Writer]:
    """Returns a function that opens a file of the format, for tables with the schema of the first one."""
    if form == "parquet":
        return lambda file, first: ParquetPart(file, first, keys, compression)
    if form == "orc":
        return lambda file, _: OrcPart(file, compression)
    if form == "csv":
        return CsvPart
    return lambda file, _: LinesPart(file)


def repeated_columns(table: pa.Table) -> list[str]:
    """Returns the paths of text columns whose first values repeat often."""
    paths: list[str] = []
    for name in table.schema.names:
        column = table.column(name)
        if column.num_chunks:
            for path, values in _leaves(column.chunk(0), name):
                if pa.types.is_string(values.type) and _repeats(values[:_LOOKED_AT]):
                    paths.append(path)
    return paths


def _repeats(values: pa.Array) -> bool:
    present = len(values) - values.null_count
    distinct = pc.count_distinct(values, mode="only_valid").as_py()
    return present > 0 and distinct < max(16, present * _WORTH_A_DICTIONARY)


def _leaves(array: pa.Array, path: str) -> Iterator[tuple[str, pa.Array]]:
    if isinstance(array, pa.StructArray):
        for place, field in enumerate(array.type):
            yield from _leaves(array.field(place), f"{path}.{field.name}")
    elif isinstance(array, pa.ListArray):
        yield from _leaves(array.values, f"{path}.list.element")
    else:
        yield path, array


def _pruning_columns(schema: pa.Schema, keys: Sequence[str]) -> list[str]:
    """Returns the columns that get statistics: keys, and numbers that are not nested. A WHERE seldom uses others."""
    numbers = (field.name for field in schema if pa.types.is_integer(field.type) or pa.types.is_decimal(field.type))
    return list(dict.fromkeys([*(key for key in keys if key in schema.names), *numbers]))
