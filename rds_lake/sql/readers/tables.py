"""What DDL for another engine is made of: one date of a source, its tables, their columns and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from rds_lake.model.tables.table import Column
from rds_lake.sql.view_columns import ViewColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadColumn:
    """A column of a view. `raw` is the raw table's column, `view` Athena's; `present`: whether the date has it."""

    raw: Column
    view: ViewColumn
    present: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFiles:
    """Files of one table: all that are below `location`, a URI with trailing slash. `files`: how many.

    `types`: the Hive type that a column really has in them, by the column's lower-case name. `names`: its name in them.
    `member`: of a union, the table's name.
    """

    location: str
    files: int
    types: Mapping[str, str]
    names: Mapping[str, str]
    member: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTable:
    """`raw` is the raw table in Glue, whose partition of the date `partition_key` finds. `member_key`: of a union, else ""."""

    view: str
    raw: str
    original: str
    partition_key: str
    columns: tuple[ReadColumn, ...]
    files: tuple[ReadFiles, ...]
    member_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDate:
    """One date of a source. `database`: in Glue. `schema`: where the views are made. `folder`: a URI that all files are below."""

    database: str
    schema: str
    day: date
    region: str
    folder: str
    tables: tuple[ReadTable, ...]
