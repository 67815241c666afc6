"""Tables and partitions of Glue's Data Catalog as values.

What belongs here: the values. Asking Glue is `aws/glue.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

# A column as (name, hive type, comment).
ColumnSpec = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """An external Parquet table as it should be. `location` ends with a slash; `owner` is Glue's one field for that."""

    name: str
    columns: tuple[ColumnSpec, ...]
    partition_keys: tuple[tuple[str, str], ...]
    location: str
    description: str
    owner: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionSpec:
    """A partition as it should be, with the columns that really are in its files."""

    values: tuple[str, ...]
    location: str
    columns: tuple[ColumnSpec, ...]
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GlueTable:
    """A table or view as it is. `version_id` guards an update against one made in between; `view_text` as Athena stores it."""

    name: str
    is_view: bool
    columns: tuple[ColumnSpec, ...]
    partition_keys: tuple[tuple[str, str], ...]
    location: str
    parameters: dict[str, str]
    version_id: str | None
    view_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GluePartition:
    """A partition as it is."""

    values: tuple[str, ...]
    location: str
    columns: tuple[ColumnSpec, ...]
    created: datetime | None = None
    parameters: dict[str, str] = field(default_factory=dict)
