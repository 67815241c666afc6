"""Parquet's types beside Hive's: what Athena reads as what, and what it refuses as HIVE_BAD_DATA.

What belongs here: one file's footer against declared types.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.nested import is_nested
from rds_lake.localcloud.athena.nested import leaves as leaves_of

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
_INTEGERS = ("tinyint", "smallint", "int", "integer", "bigint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """One file's footer: where it is, its column names as written, and its metadata."""

    uri: str
    path: Path
    names: tuple[str, ...]
    metadata: Any

    @classmethod
    def read(cls, uri: str, path: Path) -> Footer:
        """The footer; HIVE_BAD_DATA when the object is no Parquet file."""
        try:
            metadata = pq.read_metadata(path)
            names = tuple(metadata.schema.to_arrow_schema().names)
        except (pa.ArrowException, OSError) as error:
            raise QueryFailedError("HIVE_BAD_DATA", f"Not valid Parquet file: {uri} {error}") from error
        return cls(uri=uri, path=path, names=names, metadata=metadata)

    def bytes_of(self, columns: Collection[str] | None) -> int:
        """Compressed bytes of some columns (lower-case names), or of all."""
        groups = (self.metadata.row_group(number) for number in range(self.metadata.num_row_groups))
        chunks = (group.column(number) for group in groups for number in range(group.num_columns))
        return sum(
            chunk.total_compressed_size
            for chunk in chunks
            if columns is None or chunk.path_in_schema.split(".")[0].lower() in columns
        )

    def refusal(self, name: str, declared: str) -> str | None:
        """Why the column cannot be read as the declared type; None when it can."""
        schema = self.metadata.schema
        columns = [schema.column(number) for number in range(len(schema))]
        leaves = [column for column in columns if column.path.split(".")[0].lower() == name.lower()]
        declared = declared.lower().strip()
        if not leaves:
            return None
        nested = any("." in leaf.path for leaf in leaves)
        if nested and is_nested(declared):
            return self._nested_refusal(leaves, declared, name)
        if not nested and _reads(declared, leaves[0]):
            return None
        return self._incompatible(name, "group" if nested else _shown(leaves[0]), declared)

    def has_capitals(self, name: str) -> bool:
        """Whether a part of a nested column is written in capitals, which Athena shows in lower case."""
        schema = self.metadata.schema
        paths = (schema.column(number).path.split(".") for number in range(len(schema)))
        return any(part != part.lower() for first, *inner in paths if first.lower() == name.lower() for part in inner)

    def _nested_refusal(self, columns: list[Any], declared: str, name: str) -> str | None:
        """Fields are found by name: those the file lacks are NULL, those it has besides are not read."""
        found = False
        for levels, kind in leaves_of(declared, (name.lower(),)):
            for column in columns:
                path = column.path.lower().split(".")
                if any(level not in (None, part) for level, part in zip(levels, path, strict=False)):
                    continue
                found = True
                if len(path) != len(levels) or not _reads_inside(kind, column):
                    shown = _shown(column) if len(path) <= len(levels) else "group"
                    return self._incompatible(column.path, shown, kind)
        return None if found else self._incompatible(name, "group", declared)

    def _incompatible(self, field: str, physical: str, declared: str) -> str:
        return (
            f"HIVE_BAD_DATA: Field {field}'s type {physical} in parquet file {self.uri} is incompatible with type "
            f"{declared} defined in table schema"
        )


def _shown(column: Any) -> str:
    # parquet-mr, which Athena's messages come from, has its own name for this one.
    return "BINARY" if column.physical_type == "BYTE_ARRAY" else column.physical_type


def _reads_inside(declared: str, column: Any) -> bool:
    # Whether Athena minds the width of an integer inside a struct is not known; a test of ours says it does not.
    integer = column.logical_type.type in ("NONE", "INT") and column.physical_type in ("INT32", "INT64")
    return (integer and declared in _INTEGERS) or _reads(declared, column)


def _reads(declared: str, column: Any) -> bool:
    logical = column.logical_type.type
    if logical == "DECIMAL" or declared.startswith("decimal"):
        match = re.fullmatch(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)", declared)
        return logical == "DECIMAL" and match is not None and int(match[2]) == column.scale
    base = "string" if declared.startswith(("varchar", "char")) else declared.replace("integer", "int")
    return f"{column.physical_type}/{logical}" in _READS.get(base, set())
