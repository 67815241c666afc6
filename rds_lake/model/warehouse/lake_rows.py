"""A table of the lake at one date, as a load needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rds_lake.model.lake.data_files import DataFile
from rds_lake.model.tables.table import Column


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewedColumn:
    """A column of the view. `column` is what the files have; None where they do not have it, and `hive_type` what others had."""

    name: str
    presto_type: str
    hive_type: str
    column: Column | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeRows:
    """`raw` is the table in Glue's `database`; its partition is `where` (key, value). `files` are in `bucket`, their columns in
    `file_columns`, in the order of the files. `rows` are the manifest's. `spectrum`: why Spectrum cannot read it, "" where it can;
    `copy`: why COPY cannot. `member_key`: of a union, the partition key by which its tables are distinguished.
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
