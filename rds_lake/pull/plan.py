"""Plans a pull: the date, its tables, their columns and keys, and the files of each table.

What belongs here: reading the lake's records. `run.py` copies the rows; the targets are `duckdb_file.py` and `postgres.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from rds_lake.config.source import SourceSettings
from rds_lake.errors import PullError
from rds_lake.model.lake.data_files import DataFile
from rds_lake.model.tables.table import Column
from rds_lake.sql.pull.ways import PulledColumn
from rds_lake.sql.types import parse_presto_type
from rds_lake.stages.catalogue.naming import TypedTable, columns_over, name_tables
from rds_lake.stages.catalogue.raw_tables import NamedTable, published_names
from rds_lake.stages.diff.keys import key_columns
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.manifest_head import get_head
from rds_lake.stages.publish.as_of import published_date, readable_tables, refuse_unreadable

MakeColumn = Callable[[Column, str, str | None], PulledColumn]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The request: the date (None: the published date) and tables, by view or `database.schema.table` (empty: all).

    `excepted`: tables to leave out. `with_keys`: create primary keys.
    """

    day: date | None = None
    tables: tuple[str, ...] = ()
    excepted: tuple[str, ...] = ()
    with_keys: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Files of one table in S3. `constants`: values of columns that no file has (the name of a union's member table)."""

    bucket: str
    files: Sequence[DataFile]
    constants: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledTable:
    """One table: `view` is its name in the target, `keys` are names of its columns."""

    view: str
    table: str
    columns: tuple[PulledColumn, ...]
    keys: tuple[str, ...]
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        return sum(file.rows for part in self.parts for file in part.files)

    @property
    def bytes(self) -> int:
        return sum(file.bytes for part in self.parts for file in part.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The tables of a date's export, the biggest first. `without_view`: tables of the date that have no view and are left out."""

    source: str
    day: date
    export_task: str
    tables: tuple[PulledTable, ...]
    without_view: tuple[str, ...] = ()


def plan_pull(
    lake: Lake,
    source: SourceSettings,
    asked: Asked,
    *,
    make_column: MakeColumn,
    known_key: Callable[[str], Sequence[str]],
) -> Plan:
    """Returns what to pull, after checking that every file exists.

    `known_key`: a DynamoDB table's own key columns, by its name. AsOfError lists the dates that exist; PullError lists names
    in `asked` that are not tables; LostFilesError and CatalogError list missing files and tables.
    """
    day = asked.day or published_date(lake, source)
    refuse_unreadable(lake, source, day)
    manifest = handover.get_manifest(lake.s3, lake.layout, source.name, day)
    named = name_tables(manifest, source, published_names(lake.glue.list_tables(source.name)))
    wanted = _chosen(source.name, day, named, asked)
    typed = readable_tables(lake, source, day, {table.names.view for table in wanted})
    if get_head(lake.s3, lake.layout, source.name, day).export.export_task != manifest.export.export_task:
        raise PullError(f"{source.name} {day} was replaced by a later export at this moment; repeat the command")
    tables = [
        _pulled(source, table, manifest.data_bucket, asked, make_column=make_column, known_key=known_key)
        for table in typed
    ]
    have_view = {table.view for table in tables}
    return Plan(
        source=source.name,
        day=day,
        export_task=manifest.export.export_task,
        tables=tuple(sorted(tables, key=lambda table: -table.bytes)),
        without_view=tuple(str(table.names.target) for table in wanted if table.names.view not in have_view),
    )


def _chosen(source: str, day: date, named: Sequence[NamedTable], asked: Asked) -> list[NamedTable]:
    """Returns the requested tables. PullError lists all unknown names, and the tables of the date."""
    known = {name: table for table in named for name in (str(table.names.target), table.names.view)}
    unknown = [name for name in dict.fromkeys((*asked.tables, *asked.excepted)) if name not in known]
    if unknown:
        there = ", ".join(sorted(table.names.view for table in named)) or "none"
        raise PullError(f"{source} {day} does not have these tables; it has {there}. Nothing was pulled:", unknown)
    left_out = {known[name].names.view for name in asked.excepted}
    only = {known[name].names.view for name in asked.tables} or {table.names.view for table in named}
    chosen = [table for table in named if table.names.view in only - left_out]
    if not chosen:
        raise PullError(f"{source} {day}: no table is left to pull")
    return chosen


def _pulled(
    source: SourceSettings,
    table: TypedTable,
    bucket: str,
    asked: Asked,
    *,
    make_column: MakeColumn,
    known_key: Callable[[str], Sequence[str]],
) -> PulledTable:
    names = table.names
    columns: list[PulledColumn] = []
    for column, made in columns_over(table.named, source):
        override = source.types.get(f"{names.target}.{column.name}")
        kind = None if override is None else parse_presto_type(override)
        columns.append(make_column(column, made(column.name).alias, kind))
    if names.member_key is not None:
        columns.append(make_column(Column(name=names.member_key, hive_type="string"), names.member_key, None))
    keys = key_columns(source, table, (), known_key=known_key) if asked.with_keys else ()
    members = table.named.members or (table.named.manifest,)
    parts = tuple(
        Part(
            bucket=bucket,
            files=member.files,
            constants=((names.member_key, member.target.table),) if names.member_key else (),
        )
        for member in members
    )
    return PulledTable(view=names.view, table=str(names.target), columns=tuple(columns), keys=tuple(keys), parts=parts)
