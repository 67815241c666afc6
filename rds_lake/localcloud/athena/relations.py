"""Reads a Glue table as Athena does: columns by name, partitions from Glue, physical types checked.

One SELECT per group of files with the same schema, joined by UNION ALL: missing columns are NULL, partition values come
from Glue and never from the path. A column that does not fit its declared type becomes a call of `error()`, which DuckDB
evaluates only when a query reads it: as in Athena, other columns of the same file stay readable.

What belongs here: SQL that reads a table's local copies. Views are `engine.py`, footers `physical.py`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.physical import Footer
from rds_lake.localcloud.athena.sql.nested import is_readable_as
from rds_lake.localcloud.athena.sql.pruning import Condition
from rds_lake.localcloud.athena.sql.type_text import Type, read_hive, write
from rds_lake.localcloud.athena.sql.types import hive_to_duck, with_a_field_more

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
# Partition type -> table types it may be read as: https://docs.aws.amazon.com/athena/latest/ug/types-of-updates.html
_WIDENED = {
    "tinyint": {"smallint", "int", "bigint"},
    "smallint": {"int", "bigint"},
    "int": {"bigint"},
    "float": {"double"},
    "string": {"tinyint", "smallint", "int", "bigint"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The part of a table that a query reads: `columns` by lower-case name (None: all), and conditions on its rows."""

    columns: frozenset[str] | None
    conditions: tuple[Condition, ...] = ()

    def admits(self, key: str, hive_type: str, value: str) -> bool:
        """Whether a partition with this value of a key can have rows that the query needs."""
        key_conditions = (condition for condition in self.conditions if condition.column == key.lower())
        return all(condition.admits(value, hive_type) for condition in key_conditions)


@dataclass(slots=True)
class FileCache:
    """Local copies of objects, by ETag: under the same ETag the content is the same. Counts the bytes that a query reads.

    `permit` is called with each object (bucket and key) of which there is already a copy, and raises if the caller may not read it.
    """

    s3: Any
    folder: Path
    permit: Callable[[str, str], None]
    scanned: int = field(default=0)

    def files(self, location: str) -> list[tuple[str, Path]]:
        """Returns URI and local copy of every data file under a location, at any depth, without hidden and empty files."""
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        files = []
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix.rstrip('/')}/"):
            for item in page.get("Contents", []):
                name = item["Key"].rsplit("/", 1)[-1]
                if item["Size"] and name and name[0] not in "._":
                    files.append((f"s3://{bucket}/{item['Key']}", self._fetch(bucket, item)))
        return files

    def _fetch(self, bucket: str, item: dict[str, Any]) -> Path:
        path = self.folder / f"{item['ETag'].strip(chr(34))}-{item['Size']}"
        if path.exists():
            self.permit(bucket, item["Key"])
        else:
            partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
            partial.write_bytes(self.s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
            partial.replace(path)
        return path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The files of a table or partition: their location, the constant values of the keys, and its own column types."""

    location: str
    constants: tuple[str, ...]
    own: Mapping[str, str]


def quote(name: str) -> str:
    """Returns a DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """Returns a DuckDB string literal."""
    return "'" + value.replace("'", "''") + "'"


def table_query(glue: Any, cache: FileCache, table: dict[str, Any], reading: Reading) -> str:
    """Returns the SQL for the table's rows, of the wanted partitions."""
    columns = [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]]
    keys = [(key["Name"], key["Type"]) for key in table.get("PartitionKeys") or []]
    names = [name.lower() for name, _ in columns + keys]
    if len(set(names)) < len(names):
        raise QueryFailedError(
            "HIVE_INVALID_METADATA",
            f"Hive metadata for table {table['Name']} is invalid: Table descriptor contains duplicate columns",
        )
    branches: list[str] = []
    for place in _places(glue, table, keys, reading):
        branches += _branches(cache, place, columns, reading.columns)
    empty = [f"{_constant(None, kind)} AS {quote(name)}" for name, kind in columns + keys]
    # A SELECT needs a column, even if Glue lists none.
    return " UNION ALL ".join(branches) or f"SELECT {', '.join(empty) or 'NULL AS lc_nothing'} WHERE false"


def list_partitions(glue: Any, table: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Returns all partitions of a table, from every page."""
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName=table["DatabaseName"], TableName=table["Name"])
    return (partition for page in pages for partition in page["Partitions"])


def _places(glue: Any, table: dict[str, Any], keys: Sequence[tuple[str, str]], reading: Reading) -> Iterable[_Place]:
    """Returns the table itself, or every partition that the query can read."""
    if not keys:
        yield _Place(location=table["StorageDescriptor"]["Location"], constants=(), own={})
        return
    for partition in list_partitions(glue, table):
        valued = list(zip(keys, partition["Values"], strict=True))
        if not all(reading.admits(name, kind, value) for (name, kind), value in valued):
            continue
        yield _Place(
            location=partition["StorageDescriptor"]["Location"],
            constants=tuple(f"{_constant(value, kind)} AS {quote(name)}" for (name, kind), value in valued),
            own={c["Name"].lower(): c["Type"] for c in partition["StorageDescriptor"].get("Columns", [])},
        )


def _constant(value: str | None, hive_type: str) -> str:
    shown = "NULL" if value is None or value == NULL_PARTITION else text(value)
    return f"CAST({shown} AS {hive_to_duck(hive_type)})"


def _branches(
    cache: FileCache, place: _Place, columns: Sequence[tuple[str, str]], read: frozenset[str] | None
) -> list[str]:
    groups: dict[tuple[str, ...], list[Path]] = {}
    for uri, path in cache.files(place.location):
        footer = Footer.read(uri, path)
        cache.scanned += footer.bytes_of(None if read is None else read)
        groups.setdefault(_selected(footer, place, columns), []).append(path)
    selects = []
    for selected, paths in groups.items():
        listed = ", ".join(text(str(path)) for path in paths)
        chosen = ", ".join((*selected, *place.constants)) or "NULL AS lc_nothing"
        selects.append(f"SELECT {chosen} FROM read_parquet([{listed}], hive_partitioning=false)")
    return selects


def _selected(footer: Footer, place: _Place, columns: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Returns a file's columns as the table declares them: cast, NULL if missing, an error if they do not fit."""
    present = {name.lower(): name for name in footer.names}
    selected = []
    for name, kind in columns:
        duck = hive_to_duck(kind)
        own = place.own.get(name.lower(), kind)
        refusal = _mismatch(name, kind, own) or footer.refusal(name, own)
        if refusal is not None:
            expression = f"CAST(error({text(refusal)}) AS {duck})"
        elif name.lower() in present:
            column = quote(present[name.lower()])
            if footer.has_capitals(name):
                # To DuckDB, types that differ in case only are the same type, and it keeps the file's names.
                column = f"CAST({column} AS {with_a_field_more(duck)})"
            expression = to_milliseconds(f"CAST({column} AS {duck})", read_hive(kind))
        else:
            expression = f"CAST(NULL AS {duck})"
        selected.append(f"{expression} AS {quote(name)}")
    return tuple(selected)


def to_milliseconds(value: str, kind: Type) -> str:
    """Returns the SQL of a value with its timestamps, at any depth, rounded half up to milliseconds, as in Athena."""
    if "timestamp" not in write(kind, lambda part: [part.word, *part.parts]):
        return value
    if kind.word == "timestamp":
        return f"lc_milliseconds({value})"
    if kind.word == "array":
        return f"list_transform({value}, lambda lc_x: {to_milliseconds('lc_x', kind.parts[0])})"
    if kind.word == "map":
        key, part = (
            to_milliseconds(f"lc_x.{name}", inner) for name, inner in zip(("key", "value"), kind.parts, strict=True)
        )
        return f"map_from_entries(list_transform(map_entries({value}), lambda lc_x: {{'key': {key}, 'value': {part}}}))"
    fields = [
        f"{quote(name)} := {to_milliseconds(f'struct_extract({value}, {text(name)})', inner)}"
        for name, inner in kind.fields()
    ]
    return f"CASE WHEN {value} IS NOT NULL THEN struct_pack({', '.join(fields)}) END"


def _mismatch(name: str, table_type: str, partition_type: str) -> str | None:
    if partition_type == table_type or is_readable_as(partition_type, table_type, _WIDENED):
        return None
    return (
        "HIVE_PARTITION_SCHEMA_MISMATCH: There is a mismatch between the table and partition schemas. The types are "
        f"incompatible and cannot be coerced. The column '{name}' in the table is declared as type '{table_type}', but a "
        f"partition declared column '{name}' as type '{partition_type}'."
    )
