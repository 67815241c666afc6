"""Reads tables of the lake for loads, from Glue and the manifest: once per source and date.

The columns and their types are those of the view in Athena (`stages/catalogue/naming.py`), so that a query has the same result
in both.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date

from rds_lake.config.source import SourceSettings
from rds_lake.errors import ConfigError
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.tables.names import RAW_PREFIX
from rds_lake.model.tables.nested_types import is_nested
from rds_lake.model.tables.table import Column
from rds_lake.model.warehouse.lake_rows import LakeRows, ViewedColumn
from rds_lake.sql.warehouse.columns import may_be_too_long
from rds_lake.stages.catalogue.dated import tables_of
from rds_lake.stages.catalogue.naming import TypedTable
from rds_lake.stages.catalogue.raw_tables import LONG_TEXT_FAILS
from rds_lake.stages.lake.lake import Lake

_UNION = "it is a `union:` table, and the partition key that names the member table is not in the files"
_LONG = "would make NULL of a text of more than 65,535 bytes: its raw table was catalogued by an earlier release"
_NESTED = "cannot load a column that has fields (a struct)"


def rows_of_lake(
    lake: Lake, sources: Mapping[str, SourceSettings]
) -> Callable[[str, date, Collection[str]], Mapping[str, LakeRows]]:
    """Returns a function from source, date and views to the rows of each view. Raises ConfigError for an unknown source."""

    def find(source: str, day: date, views: Collection[str]) -> Mapping[str, LakeRows]:
        if source not in sources:
            raise ConfigError(f"no source is named {source!r}; lake.yaml has: {', '.join(sorted(sources))}")
        dated = tables_of(lake, sources[source], day, views=views)
        raws = lake.glue.list_tables(source, beginning=RAW_PREFIX)
        return {
            table.names.view: _rows(table, dated.manifest, raws[table.names.raw].parameters)
            for table in dated.typed
            if table.names.raw in raws
        }

    return find


def _rows(table: TypedTable, manifest: Manifest, parameters: Mapping[str, str]) -> LakeRows:
    names, own = table.names, table.named.manifest
    there = {column.name.lower(): column for column in own.columns}
    seen = {seen_column.column.name: seen_column.column.hive_type for seen_column in table.named.seen}
    columns = tuple(
        ViewedColumn(
            name=column.alias, presto_type=column.presto_type, hive_type=seen.get(column.name, "string"),
            column=there.get(column.name.lower()),
        )
        for column in table.columns
    )  # fmt: skip
    return LakeRows(
        database=manifest.source,
        raw=names.raw,
        where=(names.partition_key, manifest.snapshot_date.isoformat()),
        columns=columns,
        file_columns=own.columns,
        bucket=manifest.data_bucket,
        files=own.files,
        rows=own.rows,
        bytes=own.bytes,
        spectrum=_unread(own.columns, parameters),
        copy=_UNION if table.named.members else "",
        member_key=names.member_key or "",
    )


def _unread(columns: Sequence[Column], parameters: Mapping[str, str]) -> str:
    """Returns why Spectrum cannot read the columns; empty if it can."""
    if any(is_nested(column.hive_type) for column in columns):
        return _NESTED
    says = all(parameters.get(key) == value for key, value in LONG_TEXT_FAILS.items())
    return "" if says or not any(may_be_too_long(column) for column in columns) else _LONG
