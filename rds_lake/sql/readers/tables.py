"""Input of the DDL for another engine: one date of a source, with its tables, columns and files."""

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
    """Files of one table: all files below `location`, a URI with a trailing slash. `files`: their number.

    `types`: the column's Hive type in these files, by the column's lower-case name. `names`: its name in them.
    `member`: the member table's name, if the table is a union.
    """

    location: str
    files: int
    types: Mapping[str, str]
    names: Mapping[str, str]
    member: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTable:
    """A table of the date. `raw`: its raw table in Glue; `partition_key`: the key of the date's partition.

    `member_key`: the key of the member table, if the table is a union, otherwise empty.
    """

    view: str
    raw: str
    original: str
    partition_key: str
    columns: tuple[ReadColumn, ...]
    files: tuple[ReadFiles, ...]
    member_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDate:
    """One date of a source. `database`: in Glue. `schema`: where views are created. `folder`: a URI that contains all files."""

    database: str
    schema: str
    day: date
    region: str
    folder: str
    tables: tuple[ReadTable, ...]
