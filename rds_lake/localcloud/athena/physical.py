"""Compares a Parquet file's footer with the declared types: which pairs Athena can read, and which it refuses as HIVE_BAD_DATA."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.sql.nested import Group, pairs
from rds_lake.localcloud.athena.sql.type_text import Type, read_hive

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
    """A file's footer: its URI, its column names as written, its metadata, and its columns by their paths."""

    uri: str
    path: Path
    names: tuple[str, ...]
    metadata: Any
    columns: Group
    # Columns of which a part has capital letters, which Athena shows in lower case.
    capitals: frozenset[str]

    @classmethod
    def read(cls, uri: str, path: Path) -> Footer:
        """Returns the footer. HIVE_BAD_DATA if the object is not a Parquet file."""
        try:
            metadata = pq.read_metadata(path)
            names = tuple(metadata.schema.to_arrow_schema().names)
        except (pa.ArrowException, OSError) as error:
            raise QueryFailedError("HIVE_BAD_DATA", f"Not valid Parquet file: {uri} {error}") from error
        columns: Group = {}
        plain = frozenset(names)
        capitals: set[str] = set()
        for number in range(len(metadata.schema)):
            column = metadata.schema.column(number)
            # A dot parts a struct from its field, unless a column's own name has it.
            *groups, last = [column.path] if column.path in plain else column.path.split(".")
            at = columns
            for group in groups:
                at = at.setdefault(group.lower(), {})
            at.setdefault(last.lower(), column)
            first, *inner = (*groups, last)
            if any(part != part.lower() for part in inner):
                capitals.add(first.lower())
        return cls(uri=uri, path=path, names=names, metadata=metadata, columns=columns, capitals=frozenset(capitals))

    def bytes_of(self, columns: Collection[str] | None) -> int:
        """Returns the compressed bytes of some columns (lower-case names), or of all."""
        groups = (self.metadata.row_group(number) for number in range(self.metadata.num_row_groups))
        chunks = (group.column(number) for group in groups for number in range(group.num_columns))
        return sum(
            chunk.total_compressed_size
            for chunk in chunks
            if columns is None or chunk.path_in_schema.split(".")[0].lower() in columns
        )

    def refusal(self, name: str, declared: str) -> str | None:
        """Returns why the column cannot be read as the declared type; None if it can."""
        column = self.columns.get(name.lower())
        if column is None:
            return None
        kind = read_hive(declared)
        if kind.is_nested and isinstance(column, dict):
            return self._nested_refusal(column, kind, name, declared)
        if not isinstance(column, dict) and _reads(kind.word, column):
            return None
        return self._incompatible(
            name, "group" if isinstance(column, dict) else _shown(column), declared.lower().strip()
        )

    def has_capitals(self, name: str) -> bool:
        """Whether a part of a nested column is written in capitals, which Athena shows in lower case."""
        return name.lower() in self.capitals

    def _nested_refusal(self, columns: Group, kind: Type, name: str, declared: str) -> str | None:
        """Fields are found by name: missing ones are NULL, additional ones are not read."""
        has_columns = False
        for part, column in pairs(kind, columns):
            has_columns = True
            if isinstance(column, dict):
                return self._incompatible(_first(column).path, "group", part.word)
            if part.is_nested or not _reads_inside(part.word, column):
                return self._incompatible(column.path, _shown(column), part.word)
        return None if has_columns else self._incompatible(name, "group", declared.lower().strip())

    def _incompatible(self, field: str, physical: str, declared: str) -> str:
        return (
            f"HIVE_BAD_DATA: Field {field}'s type {physical} in parquet file {self.uri} is incompatible with type "
            f"{declared} defined in table schema"
        )


def _first(group: Group) -> Any:
    """Returns the first column below a group."""
    column: Any = group
    while isinstance(column, dict):
        column = next(iter(column.values()))
    return column


def _shown(column: Any) -> str:
    # The name parquet-mr has for it, whose messages Athena passes on.
    return "BINARY" if column.physical_type == "BYTE_ARRAY" else column.physical_type


def _reads_inside(declared: str, column: Any) -> bool:
    # Whether Athena refuses another width of an integer inside a struct is not known; here it does not (docs/fidelity.md).
    integer = column.logical_type.type in ("NONE", "INT") and column.physical_type in ("INT32", "INT64")
    return (integer and declared in _INTEGERS) or _reads(declared, column)


def _reads(declared: str, column: Any) -> bool:
    logical = column.logical_type.type
    if logical == "DECIMAL" or declared.startswith("decimal"):
        match = re.fullmatch(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)", declared)
        return logical == "DECIMAL" and match is not None and int(match[2]) == column.scale
    base = "string" if declared.startswith(("varchar", "char")) else declared.replace("integer", "int")
    return f"{column.physical_type}/{logical}" in _READS.get(base, set())
