"""A Glue table as Athena reads it: columns by name, partitions from Glue, physical types checked.

One SELECT per group of files with the same schema, joined by UNION ALL: missing columns are NULL, partition values come
from Glue and never from the path, and a file whose physical type does not fit the declared one fails the query with
HIVE_BAD_DATA, as it does in Athena, where a lenient engine would cast in silence.

What belongs here: tables to SQL over local copies of their files. Views are `engine.py`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.types import hive_to_duck

# Partition type -> table types it may be read as (aws-facts 5.5).
_WIDENED = {
    "tinyint": {"smallint", "int", "bigint"},
    "smallint": {"int", "bigint"},
    "int": {"bigint"},
    "float": {"double"},
    "string": {"tinyint", "smallint", "int", "bigint"},
}
# Hive type -> physical types it reads, by Parquet's physical and logical type names.
_READS: dict[str, set[str]] = {
    "string": {"BYTE_ARRAY/STRING", "BYTE_ARRAY/ENUM", "BYTE_ARRAY/JSON"},
    "binary": {"BYTE_ARRAY/NONE", "BYTE_ARRAY/STRING"},
    "tinyint": {"INT32/NONE", "INT32/INT"},
    "smallint": {"INT32/NONE", "INT32/INT"},
    "int": {"INT32/NONE", "INT32/INT"},
    "bigint": {"INT64/NONE", "INT64/INT", "INT32/NONE", "INT32/INT"},
    "float": {"FLOAT/NONE"},
    "double": {"DOUBLE/NONE", "FLOAT/NONE"},
    "boolean": {"BOOLEAN/NONE"},
    "date": {"INT32/DATE"},
    "timestamp": {"INT64/TIMESTAMP", "INT96/NONE"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a query wants of a table: columns by lower-case name (None: all), and allowed partition values by key."""

    columns: frozenset[str] | None
    partitions: dict[str, frozenset[str]]


@dataclass(slots=True)
class FileCache:
    """Local copies of objects, by ETag: content never changes under one. Counts the bytes a query reads."""

    s3: Any
    folder: Path
    scanned: int = field(default=0)

    def files(self, location: str) -> list[tuple[str, Path]]:
        """URI and local copy of every data file under a location, however deep; hidden and empty ones left out."""
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        found = []
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix.rstrip('/')}/"):
            for item in page.get("Contents", []):
                name = item["Key"].rsplit("/", 1)[-1]
                if item["Size"] and name and name[0] not in "._":
                    found.append((f"s3://{bucket}/{item['Key']}", self._fetch(bucket, item)))
        return found

    def _fetch(self, bucket: str, item: dict[str, Any]) -> Path:
        path = self.folder / f"{item['ETag'].strip(chr(34))}-{item['Size']}"
        if not path.exists():
            partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
            partial.write_bytes(self.s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
            partial.replace(path)
        return path


def quote(name: str) -> str:
    """A DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A DuckDB string literal."""
    return "'" + value.replace("'", "''") + "'"


def table_query(glue: Any, cache: FileCache, table: dict[str, Any], reading: Reading) -> str:
    """SQL that gives the table's rows, restricted to what is wanted."""
    columns = [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]]
    keys = [(key["Name"], key["Type"]) for key in table.get("PartitionKeys") or []]
    twice = {name.lower() for name, _ in columns} & {name.lower() for name, _ in keys}
    if twice:
        raise QueryFailedError(
            "HIVE_INVALID_METADATA",
            f"Hive metadata for table {table['Name']} is invalid: Table descriptor contains duplicate columns",
        )
    wanted = [column for column in columns if reading.columns is None or column[0].lower() in reading.columns]
    branches: list[str] = []
    for location, values, own in _partitions(glue, table, keys, reading.partitions):
        constants = [
            f"CAST({text(value)} AS {hive_to_duck(kind)}) AS {quote(name)}"
            for (name, kind), value in zip(keys, values, strict=True)
        ]
        branches += _branches(cache, location, wanted, constants, own)
    empty = [f"CAST(NULL AS {hive_to_duck(kind)}) AS {quote(name)}" for name, kind in wanted + keys]
    # A table needs a column even when the query names none: SELECT count(*).
    return " UNION ALL ".join(branches) or f"SELECT {', '.join(empty) or 'NULL AS lc_nothing'} WHERE false"


def _partitions(
    glue: Any, table: dict[str, Any], keys: Sequence[tuple[str, str]], allowed: dict[str, frozenset[str]]
) -> Iterable[tuple[str, list[str], dict[str, str]]]:
    """Location, values and own column types of every partition the query can touch."""
    if not keys:
        yield table["StorageDescriptor"]["Location"], [], {}
        return
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName=table["DatabaseName"], TableName=table["Name"])
    for page in pages:
        for partition in page["Partitions"]:
            values = partition["Values"]
            if all(value in allowed.get(name.lower(), {value}) for (name, _), value in zip(keys, values, strict=True)):
                own = {c["Name"].lower(): c["Type"] for c in partition["StorageDescriptor"].get("Columns", [])}
                yield partition["StorageDescriptor"]["Location"], values, own


def _branches(
    cache: FileCache, location: str, wanted: Sequence[tuple[str, str]], constants: list[str], own: dict[str, str]
) -> list[str]:
    for name, kind in wanted:
        partition_kind = own.get(name.lower(), kind)
        if partition_kind != kind and kind not in _WIDENED.get(partition_kind, set()):
            raise QueryFailedError(
                "HIVE_PARTITION_SCHEMA_MISMATCH",
                f"There is a mismatch between the table and partition schemas. The column '{name}' is declared as type "
                f"'{kind}', but a partition declared it as type '{partition_kind}'.",
            )
    groups: dict[tuple[str, ...], list[Path]] = {}
    for uri, path in cache.files(location):
        groups.setdefault(_check_file(cache, uri, path, wanted, own), []).append(path)
    selects = []
    for names, paths in groups.items():
        present = {name.lower(): name for name in names}
        columns = [
            f"CAST({quote(present[name.lower()])} AS {hive_to_duck(kind)}) AS {quote(name)}"
            if name.lower() in present
            else f"CAST(NULL AS {hive_to_duck(kind)}) AS {quote(name)}"
            for name, kind in wanted
        ]
        listed = ", ".join(text(str(path)) for path in paths)
        chosen = ", ".join(columns + constants) or "NULL AS lc_nothing"
        selects.append(f"SELECT {chosen} FROM read_parquet([{listed}], hive_partitioning=false)")
    return selects


def _check_file(
    cache: FileCache, uri: str, path: Path, wanted: Sequence[tuple[str, str]], own: dict[str, str]
) -> tuple[str, ...]:
    """The file's column names, after its physical types were held against the declared ones."""
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise QueryFailedError("HIVE_BAD_DATA", f"Not valid Parquet file: {uri} {error}") from error
    physical = {metadata.schema.column(i).name.lower(): metadata.schema.column(i) for i in range(len(metadata.schema))}
    read: set[str] = set()
    for name, kind in wanted:
        column = physical.get(name.lower())
        if column is None:
            continue
        read.add(column.name)
        declared = own.get(name.lower(), kind).lower()
        if not _reads(declared, column):
            raise QueryFailedError(
                "HIVE_BAD_DATA",
                f"Field {name}'s type {column.physical_type} in parquet file {uri} is incompatible with type {declared} "
                "defined in table schema",
            )
    cache.scanned += sum(
        group.column(i).total_compressed_size
        for group in (metadata.row_group(number) for number in range(metadata.num_row_groups))
        for i in range(group.num_columns)
        if group.column(i).path_in_schema in read
    )
    return tuple(metadata.schema.to_arrow_schema().names)


def _reads(declared: str, column: Any) -> bool:
    logical = column.logical_type.type
    if logical == "DECIMAL" or declared.startswith("decimal"):
        return declared.replace(" ", "") == f"decimal({column.precision},{column.scale})"
    if declared.startswith(("array", "map", "struct")):
        return True
    base = "string" if declared.startswith(("varchar", "char")) else declared
    return f"{column.physical_type}/{logical}" in _READS.get(base, set())
