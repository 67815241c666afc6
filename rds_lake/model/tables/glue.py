"""Tables and partitions of Glue's Data Catalog.

What belongs here: the values. `aws/glue.py` calls Glue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

# A column as (name, hive type, comment).
ColumnSpec = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """The wanted definition of an external Parquet table. `location` ends with a slash; `owner`: Glue's field for one owner."""

    name: str
    columns: tuple[ColumnSpec, ...]
    partition_keys: tuple[tuple[str, str], ...]
    location: str
    description: str
    owner: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionSpec:
    """The wanted definition of a partition, with the columns that are really in its files."""

    values: tuple[str, ...]
    location: str
    columns: tuple[ColumnSpec, ...]
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GlueTable:
    """An existing table or view. `version_id` protects an update from another one in between; `view_text`: as Athena stores it."""

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
    """An existing partition."""

    values: tuple[str, ...]
    location: str
    columns: tuple[ColumnSpec, ...]
    created: datetime | None = None
    parameters: dict[str, str] = field(default_factory=dict)
