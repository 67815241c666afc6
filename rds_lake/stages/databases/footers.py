"""Parquet footers by ranged reads: rows and physical types without the data.

What belongs here: footer to Hive types. Which files to read is `databases/relocation/relocate.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.many import ManyS3
from rds_lake.errors import MalformedExportError, RdsLakeError
from rds_lake.model.calendars import Calendar
from rds_lake.stages.lake.early_days import early_days

# Footers of tables with up to some hundred columns fit; longer ones cost a second read.
TAIL_BYTES = 64 * 1024
# Where thousands are read, bytes cost more than the few second reads; footers of fifty columns take some seven KB.
_SHORT_TAIL_BYTES = 16 * 1024
# A length beyond this is a damaged trailer, and would read a whole file of 20 GB into memory.
_MAX_FOOTER_BYTES = 64 * 1024 * 1024
_MAGIC = b"PAR1"
_MOST_ROWS = 1 << 63  # the limit of a manifest's integers
_TRAILER_BYTES = 8

_PHYSICAL = {
    "INT32": "int",
    "INT64": "bigint",
    "INT96": "timestamp",
    "FLOAT": "float",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "BYTE_ARRAY": "binary",
    "FIXED_LEN_BYTE_ARRAY": "binary",
}
_TEXT = {"STRING", "ENUM", "JSON", "BSON"}
_INTEGERS = {8: "tinyint", 16: "smallint", 32: "int", 64: "bigint"}


Columns = tuple[tuple[str, str], ...]
Shape = tuple[Any, Columns]  # pyarrow's schema of a file, and its columns as Footer has them


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """The rows of one file, and its columns as (name, Hive type).

    `early`: columns that have, or may have, days before 1582-10-15, and the calendar by which the file counts them.
    """

    rows: int
    columns: Columns
    early: tuple[tuple[str, Calendar], ...] = ()


def read_footer(s3: S3Gateway, bucket: str, key: str) -> Footer:
    """Reads the footer of one Parquet object. Raises MalformedExportError if it is not Parquet."""
    tail = s3.read_tail(bucket, key, bytes=TAIL_BYTES)
    where = f"s3://{bucket}/{key}"
    needed = footer_bytes(tail, where)
    if needed > len(tail):
        tail = s3.read_tail(bucket, key, bytes=needed)
    return parse_footer(tail, where)


def read_footers(
    many: ManyS3, bucket: str, keys: Sequence[str], *, done: Callable[[int, Footer | RdsLakeError], None]
) -> None:
    """Reads the footers of many objects. `done` receives each object's position and its footer, or the error."""

    shapes: dict[str, Shape] = {}
    lengths: dict[str, int] = {}  # folders with longer footers: as many bytes are read at once from their next files

    def length(number: int) -> int:
        return lengths.get(keys[number].rpartition("/")[0], _SHORT_TAIL_BYTES)

    def read(number: int, tail: bytes) -> Footer | None:
        where = f"s3://{bucket}/{keys[number]}"
        needed = footer_bytes(tail, where)
        if needed > len(tail):
            lengths[keys[number].rpartition("/")[0]] = needed + _SHORT_TAIL_BYTES // 4
            return None
        return parse_footer(tail, where, shapes)

    def slowly(number: int) -> Footer:
        return read_footer(many.s3, bucket, keys[number])

    many.tails(bucket, keys, length=length, read=read, slowly=slowly, done=done)


def footer_bytes(tail: bytes, where: str) -> int:
    """Returns the size of the footer at the object's end. Raises MalformedExportError if it is not a Parquet file."""
    if len(tail) < _TRAILER_BYTES or tail[-4:] != _MAGIC:
        raise MalformedExportError(f"{where} is not a Parquet file: it does not end with PAR1")
    (length,) = struct.unpack("<I", tail[-8:-4])
    if length > _MAX_FOOTER_BYTES:
        raise MalformedExportError(f"{where} is not a Parquet file: its footer claims to be {length:,} bytes long")
    return length + _TRAILER_BYTES


def parse_footer(tail: bytes, where: str, shapes: dict[str, Shape] | None = None) -> Footer:
    """Returns the footer in the last bytes of an object, which must be enough.

    `shapes`: the footers of the file read last in each folder. Footers of one folder are mostly equal, and comparing is ten
    times faster than parsing.
    """
    try:
        return _footer(pq.read_metadata(pa.BufferReader(tail)), where, shapes)
    # pyarrow raises the first two for bytes that are no footer; the others follow from footers that AWS never writes,
    # such as a column whose name is no text.
    except (pa.ArrowException, OSError, ValueError, KeyError, IndexError, TypeError, OverflowError) as error:
        raise MalformedExportError(f"the Parquet footer of {where} cannot be read: {error}") from error


def _footer(metadata: Any, where: str, shapes: dict[str, Shape] | None) -> Footer:
    if not 0 <= metadata.num_rows < _MOST_ROWS:
        raise ValueError(f"it has {metadata.num_rows} rows")
    schema = metadata.schema
    folder = where.rpartition("/")[0]
    known = shapes.get(folder) if shapes is not None else None
    if known is not None and known[0].equals(schema):
        columns = known[1]
    else:
        columns = tuple(_column(schema.column(number), where) for number in range(len(schema)))
        if shapes is not None:
            shapes[folder] = (schema, columns)
    return Footer(rows=metadata.num_rows, columns=columns, early=early_days(metadata, columns))


def _column(column: Any, where: str) -> tuple[str, str]:
    if "." in column.path and column.path != column.name:
        raise MalformedExportError(f"column {column.path} of {where} is nested, but RDS exports have no nested columns")
    return column.name, hive_type(column)


def hive_type(column: Any) -> str:
    """Returns the Hive type by which Athena reads a flat Parquet column.

    Athena's types: https://docs.aws.amazon.com/athena/latest/ug/data-types.html. Types in exports:
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html#USER_ExportSnapshot.data-types
    """
    logical, physical = column.logical_type.type, column.physical_type
    if logical in _TEXT:
        return "string"
    if logical == "DECIMAL":
        return f"decimal({column.precision},{column.scale})"
    if logical == "TIMESTAMP":
        return "timestamp"
    if logical == "DATE":
        return "date"
    if logical == "INT":
        return _INTEGERS[_bits(column)]
    return _PHYSICAL.get(physical, "binary")


def _bits(column: Any) -> int:
    """Returns the width of an annotated integer: `Int(bitWidth=16, isSigned=true)`."""
    text = str(column.logical_type)
    width = int(text.split("bitWidth=")[1].split(",")[0])
    # Unsigned values need the next width.
    return width if "isSigned=true" in text else min(width * 2, 64)
