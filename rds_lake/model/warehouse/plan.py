"""The plan of one run, decided before anything is created: loads, then steps, then unloads.

A plan is complete: no later stage reads lake.yaml, SQL files or a pointer again, so that another process can continue the run
unchanged. It is stored in the run's record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Mode(StrEnum):
    """How the warehouse comes into existence."""

    SERVERLESS = "serverless"  # a namespace and a workgroup
    CLUSTER = "cluster"  # a provisioned cluster
    EXISTING = "existing"  # made outside rds-lake; nothing is created or removed


class LoadBy(StrEnum):
    """How rows are loaded into a table of Redshift."""

    SPECTRUM = "spectrum"  # CREATE TABLE AS SELECT from an external schema over Glue
    COPY = "copy"  # COPY of a manifest's files


class FileFormat(StrEnum):
    """The format of files that are loaded or unloaded."""

    PARQUET = "parquet"
    CSV = "csv"
    TEXT = "text"  # delimited, `|` by default
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeTable:
    """A table of the lake at one snapshot date. `table`: its name in Athena."""

    source: str
    table: str
    snapshot_date: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a Redshift table; `type`: as Redshift writes it, such as `varchar(200)` or `decimal(18,2)`."""

    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Objects in S3: each URI is `s3://bucket/key`, or a prefix that ends with `/`. The columns are in the files' order."""

    uris: tuple[str, ...]
    format: FileFormat
    columns: tuple[Column, ...]
    delimiter: str | None = None
    header_lines: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A Redshift table that is filled from the lake or from files. `name` is also the asset's name."""

    name: str
    origin: LakeTable | Files
    by: LoadBy


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The statements of one `.sql` file with parameters filled in. `needs`: the loads and steps that must end before it."""

    name: str
    sql: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unload:
    """A result: the rows of `query` as files under `to`, which is `s3://bucket/prefix/`.

    `single_file`: exactly one file, or an error if it would have more than `most_bytes`.
    """

    name: str
    query: str
    to: str
    format: FileFormat
    header: bool = False
    gzip: bool = False
    single_file: bool = False
    most_bytes: int = 5 * 1024**3
    delimiter: str | None = None
    partition_by: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that a run will do. `run`: its id, always the same for the same work and cause.

    `keep_minutes`: how long the warehouse stays after the run; None: for ever, 0: not at all.
    """

    warehouse: str
    run: str
    mode: Mode
    loads: tuple[Load, ...]
    steps: tuple[Step, ...]
    unloads: tuple[Unload, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    keep_minutes: float | None = 0
    budget_usd: float | None = None
