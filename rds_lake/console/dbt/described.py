"""The tables and columns of the lake as dbt sources, with the keys of their Dagster assets.

The columns are those of the published date, or of the newest date if nothing is published. Without AWS (`offline_source`) only the
names of tables are known, from `include:` or `tables/<source>.json`, as Dagster loads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlglot.dialects.trino import Trino

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.console.dbt.merge import DbtColumn, DbtSource, DbtTable, column_description
from rds_lake.defs.keys import table_keys
from rds_lake.model.lake.publication import State
from rds_lake.model.tables.names import PARTITION_KEY
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.quoting import identifier, literal, qualified
from rds_lake.stages.catalogue.dated import tables_of
from rds_lake.stages.catalogue.naming import TypedTable, name_tables, type_tables, view_names
from rds_lake.stages.lake.handover import get_manifest, list_dates
from rds_lake.stages.lake.known_tables import find_known_tables
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.pointer import find_pointer
from rds_lake.stages.lake.snapshot_log import SNAPSHOTS_TABLE

Adapter = Literal["athena", "duckdb"]
_PLAIN = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED: frozenset[str] = frozenset(Trino.Generator.RESERVED_KEYWORDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A source of the lake, and messages about missing information."""

    source: DbtSource
    notes: tuple[str, ...] = ()


def offline_source(config: LakeConfig, source: SourceSettings, adapter: Adapter) -> Described:
    """Returns the source with its known tables, without columns and without a call to AWS."""
    known = find_known_tables(config, source)
    if known is None:
        note = f"{source.name}: its tables are not known without AWS; run `rds-lake refresh {source.name}`, or leave --offline out"
        return Described(source=_source(source, (), adapter), notes=(note,))
    keys = _keys(source, known)
    views = view_names(known, source)
    tables = [
        DbtTable(name=view, original=str(target), asset_key=keys.get(target, keys.get(None)))
        for target, view in views.items()
    ]
    return Described(source=_source(source, tables, adapter))


def online_source(config: LakeConfig, source: SourceSettings, lake: Lake, adapter: Adapter) -> Described | None:
    """Returns the source as published, or as its newest date would be; None if the lake has no date of it."""
    pointer = find_pointer(lake.s3, lake.layout, source.name)
    notes: list[str] = []
    if pointer is not None:
        dated = tables_of(lake, source, pointer.snapshot_date, published=pointer)
        typed = dated.typed
        notes += [f"{source.name}: {left.table} has no view: {left.reason}" for left in dated.left_out]
    else:
        newest = max(list_dates(lake.s3, lake.layout, source.name), default=None)
        if newest is None:
            return None
        typed = type_tables(name_tables(get_manifest(lake.s3, lake.layout, source.name, newest), source), source)
        notes.append(f"{source.name}: nothing is published yet; its tables are those of {newest}")
    keys = _keys(source, find_known_tables(config, source))
    tables: list[DbtTable] = []
    for table in typed:
        key = keys.get(table.names.target, keys.get(None))
        if key is None:
            notes.append(
                f"{source.name}.{table.names.view} has no asset in Dagster: run `rds-lake refresh {source.name}`"
            )
        tables.append(_table(table, key))
    return Described(source=_source(source, tables, adapter), notes=tuple(notes))


def _keys(source: SourceSettings, known: Sequence[TableTarget] | None) -> Mapping[TableTarget | None, tuple[str, ...]]:
    return {target: tuple(key.path) for target, key in table_keys(source, known).items()}


def _table(table: TypedTable, key: tuple[str, ...] | None) -> DbtTable:
    originals = {column.name: column.original_type for column in table.named.manifest.columns}
    columns = [
        _column(column.alias, column.presto_type, column_description(originals.get(column.name)))
        for column in table.columns
    ]
    if table.names.member_key:
        columns.append(_column(table.names.member_key, "varchar", "The table of the database that the row is of."))
    columns.append(_column(PARTITION_KEY, "date", "UTC date of the snapshot."))
    return DbtTable(name=table.names.view, original=str(table.names.target), columns=tuple(columns), asset_key=key)


def _column(name: str, kind: str, description: str) -> DbtColumn:
    is_plain = _PLAIN.fullmatch(name) is not None and name not in _RESERVED
    return DbtColumn(name=name, type=kind, description=description, quote=not is_plain)


def _source(source: SourceSettings, tables: Sequence[DbtTable], adapter: Adapter) -> DbtSource:
    return DbtSource(
        name=source.name,
        description=f"Source {source.name} of the lake: {source.described}, as of its published snapshot date.",
        tables=tuple(sorted(tables, key=lambda table: table.name)),
        database="awsdatacatalog" if adapter == "athena" else None,
        config=_freshness(source, adapter),
    )


def _freshness(source: SourceSettings, adapter: Adapter) -> dict[str, Any]:
    """Returns the permitted age of the published snapshot, from lake.yaml. DuckDB has only views or copies, and no `_snapshots`."""
    if source.freshness is None:
        return {}
    minutes = max(1, round(source.freshness.total_seconds() / 60))
    age = {"count": minutes // 60, "period": "hour"} if minutes % 60 == 0 else {"count": minutes, "period": "minute"}
    return {"freshness": {"error_after": age}} | (
        {
            "loaded_at_query": f"select max(snapshot_time) from {qualified(source.name, SNAPSHOTS_TABLE)} "
            f"where state = {literal(State.PUBLISHED.value)}"
        }
        if adapter == "athena"
        else {"loaded_at_field": f"cast({identifier(PARTITION_KEY)} as timestamp)"}
    )
