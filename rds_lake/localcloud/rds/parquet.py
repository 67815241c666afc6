"""Parquet as RDS writes it: gzip, every column optional, small decimals as integers.

Seen in a real file of Aurora MySQL (parquet-mr 1.10, format 1.0) and documented as "Data conversion":
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html

What belongs here: one table's files and its columns in export_tables_info. Keys are `writer.py`.
"""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rds_lake.localcloud.databases.source import SourceDatabase, SourceTable

# Column names with these characters make AWS skip the table: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html
_REFUSED_IN_COLUMNS = re.compile(r"[,;{}()\n\t= ]")


def skip_reason(table: SourceTable) -> str | None:
    """Returns why AWS would skip the table, in a word for WarningMessage; None if it would not."""
    if "/" in table.name:
        return "TABLE_NAME_CONTAINS_SLASH"
    if any(_REFUSED_IN_COLUMNS.search(column.name) for column in table.columns):
        return "COLUMN_NAME_CONTAINS_UNSUPPORTED_CHARACTER"
    return None


def parquet_files(database: SourceDatabase, table: SourceTable, *, max_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Returns name and content of every part; an empty table has none. `max_bytes`: the size at which a part ends."""
    schema = pa.schema([pa.field(column.name, column.arrow) for column in table.columns])
    run = uuid.uuid4()
    number = 0
    writer: pq.ParquetWriter | None = None
    buffer = io.BytesIO()
    for batch in database.batches(table):
        if not batch.num_rows:
            continue
        if writer is None:
            buffer = io.BytesIO()
            # Level 1 is five times as fast as the default at the same size.
            writer = pq.ParquetWriter(
                buffer,
                schema,
                compression="gzip",
                compression_level=1,
                version="1.0",
                store_decimal_as_integer=True,  # as Spark does up to 18 digits
            )
        writer.write_batch(batch.cast(schema))
        if buffer.tell() >= max_bytes:
            writer.close()
            yield f"part-{number:05d}-{run}-c000.gz.parquet", buffer.getvalue()
            number, writer = number + 1, None
    if writer is not None:
        writer.close()
        yield f"part-{number:05d}-{run}-c000.gz.parquet", buffer.getvalue()


def type_mappings(table: SourceTable, *, engine: str = "") -> list[dict[str, Any]]:
    """Returns `originalTypeMappings` of the table. Exports of PostgreSQL number the columns, and write 0 for a missing length."""
    mappings = []
    for place, column in enumerate(table.columns, start=1):
        mapping: dict[str, Any] = {
            "columnName": column.name,
            "originalType": column.data_type,
            "expectedExportedType": column.expected,
        }
        optional = {
            "originalCharMaxLength": column.char_max_length,
            "originalNumPrecision": column.num_precision,
            "originalDateTimePrecision": column.datetime_precision,
        }
        if engine == "postgres":
            mappings.append(mapping | {key: value or 0 for key, value in optional.items()} | {"ordinalPosition": place})
        else:
            mappings.append(mapping | {key: value for key, value in optional.items() if value is not None})
    return mappings
