"""A table of the lake at one date, as the input of a load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rds_lake.model.lake.data_files import DataFile
from rds_lake.model.tables.table import Column


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewedColumn:
    """A column of the view. `column`: in the files; None if they do not have it, then `hive_type` is the type in other files."""

    name: str
    presto_type: str
    hive_type: str
    column: Column | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeRows:
    """The rows of a table at one date. `raw`: the table in Glue's `database`; `where`: (key, value) of its partition.

    `files`: in `bucket`; `file_columns`: in the files' order; `rows`: from the manifest. `spectrum`, `copy`: why
    Spectrum or COPY cannot read it, otherwise empty. `member_key`: the partition key for the members of a union.
    """

    database: str
    raw: str
    where: tuple[str, str]
    columns: tuple[ViewedColumn, ...]
    file_columns: tuple[Column, ...]
    bucket: str
    files: Sequence[DataFile]
    rows: int
    bytes: int
    spectrum: str = ""
    copy: str = ""
    member_key: str = ""
