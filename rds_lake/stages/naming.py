"""The Athena names and typed view columns of a manifest's tables, under a source's settings.

What belongs here: joining `model/names.py` and `sql/view_columns.py` with the configuration, in one place,
so that catalogue, checks and views cannot disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rds_lake.config import SourceSettings
from rds_lake.errors import CatalogError
from rds_lake.model.manifest import Manifest
from rds_lake.model.names import AthenaTable, assign_names
from rds_lake.model.table import TableTarget
from rds_lake.sql.view_columns import ViewColumn, view_column
from rds_lake.stages.catalog import NamedTable


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedTable:
    """A named table with the columns of its view."""

    named: NamedTable
    columns: tuple[ViewColumn, ...]

    @property
    def names(self) -> AthenaTable:
        return self.named.names


def name_tables(manifest: Manifest, source: SourceSettings) -> tuple[NamedTable, ...]:
    """Every table of the manifest with its names; raises NameCollisionError listing all collisions."""
    by_target = {table.target: table for table in manifest.tables}
    named = assign_names(
        [(table.target, [column.name for column in table.columns]) for table in manifest.tables],
        default_schema=source.default_schema,
        rename=source.rename,
    )
    return tuple(NamedTable(manifest=by_target[names.target], names=names) for names in named)


def type_tables(tables: Sequence[NamedTable], source: SourceSettings) -> tuple[TypedTable, ...]:
    """Every table with its view columns; raises CatalogError listing every `types:` entry that is no type."""
    problems: list[str] = []
    typed: list[TypedTable] = []
    for table in tables:
        aliases = dict(table.names.columns)
        columns: list[ViewColumn] = []
        for column in table.manifest.columns:
            override = source.types.get(f"{table.names.target}.{column.name}")
            try:
                columns.append(view_column(column, aliases[column.name], type_override=override))
            except ValueError as error:
                problems.append(f"types: {table.names.target}.{column.name}: {error}")
        typed.append(TypedTable(named=table, columns=tuple(columns)))
    if problems:
        raise CatalogError(f"lake.yaml's `types:` of source {source.name} do not fit:", problems)
    return tuple(typed)


def view_names(targets: Sequence[TableTarget], source: SourceSettings) -> dict[TableTarget, str]:
    """The view name of each table, when only the tables are known (at load, without columns)."""
    named = assign_names(
        [(target, []) for target in targets], default_schema=source.default_schema, rename=source.rename
    )
    return {table.target: table.view for table in named}


def unused_settings(manifest: Manifest, source: SourceSettings) -> list[str]:
    """`rename:` and `types:` entries that name nothing of this snapshot: a typing error, or something gone."""
    tables = {str(table.target) for table in manifest.tables}
    columns = {f"{table.target}.{column.name}" for table in manifest.tables for column in table.columns}
    return [
        f"rename: {key!r} names nothing of this snapshot" for key in source.rename if key not in tables | columns
    ] + [f"types: {key!r} names no column of this snapshot" for key in source.types if key not in columns]
