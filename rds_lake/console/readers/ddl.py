"""`rds-lake ddl`: a date's tables for another engine.

What belongs here: reading the tables. The SQL is `sql/readers/render.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path

from rds_lake.config.source import SourceSettings
from rds_lake.console.connect import Connected
from rds_lake.errors import AsOfError
from rds_lake.files import write_whole
from rds_lake.model.lake.manifest import TableManifest
from rds_lake.model.tables.table import Column
from rds_lake.sql.readers.render import BY_GLUE, render
from rds_lake.sql.readers.tables import ReadColumn, ReadDate, ReadFiles, ReadTable
from rds_lake.stages.catalogue.naming import TypedTable, column_sources
from rds_lake.stages.publish.as_of import published_date, readable_tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The arguments. `tables`: names of views, or patterns; empty: all."""

    engine: str
    tables: tuple[str, ...] = ()
    day: date | None = None
    schema: str | None = None
    out: Path | None = None


def ddl(
    connected: Connected,
    source: SourceSettings,
    wanted: Wanted,
    *,
    show: Callable[[str], None],
    say: Callable[[str], None],
) -> None:
    """Print the DDL, or write it. AsOfError for a date or a table that does not exist."""
    text = render(wanted.engine, read_date(connected, source, wanted))
    if wanted.out is None:
        show(text.rstrip("\n"))
        return
    write_whole(wanted.out, text)
    say(f"wrote {wanted.out}")


def read_date(connected: Connected, source: SourceSettings, wanted: Wanted) -> ReadDate:
    """Returns the date's tables. Checks that each table's partition and files exist, as a query as of that date does."""
    lake = connected.lake
    day = wanted.day or published_date(lake, source)
    # Tables that match no name or pattern are not read.
    named = None if any(set("*?[") & set(name) for name in wanted.tables) else frozenset(wanted.tables) or None
    chosen = _chosen(readable_tables(lake, source, day, named), wanted.tables, source, day)
    tables = [_table(table, source) for table in chosen]
    own_schema = wanted.engine in BY_GLUE and wanted.engine != "redshift-spectrum"
    return ReadDate(
        database=source.name,
        schema=wanted.schema or (f"{source.name}_views" if own_schema else source.name),
        day=day,
        region=connected.config.lake.region or lake.glue.region,
        folder=_folder(files.location for table in tables for files in table.files),
        tables=tuple(tables),
    )


def _chosen(
    tables: Sequence[TypedTable], patterns: Sequence[str], source: SourceSettings, day: date
) -> list[TypedTable]:
    names = [table.names.view for table in tables]
    unknown = [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in names)]
    if unknown:
        raise AsOfError(
            f"{source.name} {day} does not have these views (`rds-lake status {source.name} --all-tables` lists the views of "
            "the published date):",
            unknown,
        )
    return [
        table for table in tables if not patterns or any(fnmatchcase(table.names.view, pattern) for pattern in patterns)
    ]


def _table(table: TypedTable, source: SourceSettings) -> ReadTable:
    names, named = table.names, table.named
    columns = tuple(
        ReadColumn(raw=raw, view=view, present=present) for raw, view, present in column_sources(table, source)
    )
    parts = named.members or (named.manifest,)
    return ReadTable(
        view=names.view,
        raw=names.raw,
        original=str(names.target),
        partition_key=names.partition_key,
        columns=columns,
        files=tuple(_files(part, union=bool(named.members)) for part in parts),
        member_key=names.member_key or "",
    )


def _files(table: TableManifest, *, union: bool) -> ReadFiles:
    columns: Sequence[Column] = table.columns
    return ReadFiles(
        location=table.location,
        files=len(table.files),
        types={column.name.lower(): column.hive_type for column in columns},
        names={column.name.lower(): column.name for column in columns},
        member=table.target.table if union else "",
    )


def _folder(locations: Iterable[str]) -> str:
    """Returns the deepest folder that contains all of the files."""
    folders = [location.split("/")[:-1] for location in locations]
    # Only the common prefix: below it, tables also have the names of their dates in common.
    shared = takewhile(lambda parts: len(set(parts)) == 1, zip(*folders, strict=False))
    return "".join(f"{parts[0]}/" for parts in shared)
