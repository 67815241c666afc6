"""The Athena names and typed view columns of a manifest's tables, under a source's settings.

What belongs here: joining `model/tables/names.py` and `sql/view_columns.py` with the configuration, in one place,
so that catalogue, checks and views cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rds_lake.config.source import SourceSettings
from rds_lake.errors import CatalogError
from rds_lake.model.lake.manifest import Manifest, TableManifest
from rds_lake.model.lake.union import combine, gather
from rds_lake.model.tables.names import MEMBER_KEY, PARTITION_KEY, AthenaTable, assign_names, athena_name, free_key
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.sql.view_columns import ViewColumn, view_column
from rds_lake.stages.catalogue.raw_tables import NamedTable, Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedTable:
    """A named table with the columns of its view."""

    named: NamedTable
    columns: tuple[ViewColumn, ...]

    @property
    def names(self) -> AthenaTable:
        return self.named.names


def name_tables(
    manifest: Manifest, source: SourceSettings, published: Mapping[str, Sequence[str]] | None = None
) -> tuple[NamedTable, ...]:
    """Returns every table with its names, with `union:` applied. Raises CatalogError or NameCollisionError with all problems.

    `published`: the names in Glue (`published_names`), which are kept; other tables are named by the rule.
    """
    by_target = {table.target: table for table in manifest.tables}
    members = {
        target: tuple(by_target[member] for member in member_targets)
        for target, member_targets in gather(by_target, source.naming.unions).items()
    }
    whole = _combined(by_target, members)
    origin = Origin(
        source=source.name,
        owners=source.owners,
        snapshot_time=manifest.export.snapshot_time,
        export_task=manifest.export.export_task,
    )
    named = assign_names(
        [(table.target, [column.name for column in table.columns]) for table in whole.values()],
        default_schema=source.naming.default_schema,
        rename=source.rename,
        home=source.naming.home,
        published=published or {},
    )
    return tuple(
        NamedTable(
            manifest=whole[names.target],
            names=_with_member_key(names) if members[names.target] else names,
            origin=origin,
            members=members[names.target],
        )
        for names in named
    )


def type_tables(tables: Sequence[NamedTable], source: SourceSettings) -> tuple[TypedTable, ...]:
    """Returns every table with its view columns. Raises CatalogError with every invalid entry of `types:`.

    A catalogued table has all columns ever seen, in the raw table's order; those that no longer exist read as NULL.
    """
    problems: list[str] = []
    typed: list[TypedTable] = []
    for table in tables:
        columns: list[ViewColumn] = []
        for column, alias, present in _view_sources(table, source):
            override = source.types.get(f"{table.names.target}.{column.name}")
            try:
                made = view_column(column, alias, type_override=override)
                columns.append(made if present else replace(made, loss=None))
            except ValueError as error:
                problems.append(f"types: {table.names.target}.{column.name}: {error}")
        typed.append(TypedTable(named=table, columns=tuple(columns)))
    if problems:
        raise CatalogError(f"`types:` of source {source.name} in lake.yaml does not match the columns:", problems)
    return tuple(typed)


def columns_over(table: NamedTable, source: SourceSettings) -> tuple[tuple[Column, Callable[[str], ViewColumn]], ...]:
    """Returns the columns of the date's files, each with a function from a raw column's name to the view's column.

    Raises ValueError for an invalid entry of `types:`, which `type_tables` has already reported.
    """

    def made(column: Column, alias: str) -> Callable[[str], ViewColumn]:
        override = source.types.get(f"{table.names.target}.{column.name}")
        return lambda name: view_column(replace(column, name=name), alias, type_override=override)

    return tuple((column, made(column, alias)) for column, alias, present in _view_sources(table, source) if present)


def _view_sources(table: NamedTable, source: SourceSettings) -> list[tuple[Column, str, bool]]:
    """Returns the view's columns: the table's column, its name in the view, and whether the snapshot has it."""
    aliases = dict(table.names.columns)
    if not table.seen:
        return [(column, aliases[column.name], True) for column in table.manifest.columns]
    present = {column.name.lower(): column for column in table.manifest.columns}
    # An existing column and the keys take precedence for a name over a dropped column (`Order ID` became `order_id`).
    taken = {*aliases.values(), PARTITION_KEY, table.names.member_key}
    columns: list[tuple[Column, str, bool]] = []
    for seen in table.seen:
        column = present.get(seen.key)
        if column is not None:
            columns.append((replace(column, hive_type=seen.column.hive_type), aliases[column.name], True))
            continue
        name = seen.column.name
        alias = source.rename.get(f"{table.names.target}.{name}") or athena_name(name)
        if alias not in taken:
            taken.add(alias)
            columns.append((seen.column, alias, False))
    return columns


def _combined(
    by_target: Mapping[TableTarget, TableManifest], members: Mapping[TableTarget, Sequence[TableManifest]]
) -> dict[TableTarget, TableManifest]:
    """Returns each union as one table. Raises CatalogError with everything that cannot be combined."""
    whole: dict[TableTarget, TableManifest] = {}
    problems: list[str] = []
    for target, member_tables in members.items():
        try:
            whole[target] = combine(target, member_tables) if member_tables else by_target[target]
        except CatalogError as error:
            problems += [f"{target}: {problem}" for problem in error.problems]
    if problems:
        raise CatalogError("tables that `union:` combines have different columns; no view was moved:", problems)
    return whole


def _with_member_key(names: AthenaTable) -> AthenaTable:
    taken = [name for pair in names.columns for name in pair]
    return replace(names, member_key=free_key(MEMBER_KEY, taken))


def gathered(targets: Iterable[TableTarget], source: SourceSettings) -> set[TableTarget]:
    """Returns the tables as they are catalogued: a union in place of its members."""
    return set(gather(targets, source.naming.unions))


def view_names(targets: Sequence[TableTarget], source: SourceSettings) -> dict[TableTarget, str]:
    """Returns the view name of each table by lake.yaml only, when only the tables are known (at load, without Glue)."""
    named = assign_names(
        [(target, []) for target in gather(targets, source.naming.unions)],
        default_schema=source.naming.default_schema,
        rename=source.rename,
        home=source.naming.home,
    )
    return {table.target: table.view for table in named}


def unused_settings(manifest: Manifest, source: SourceSettings) -> list[str]:
    """Returns entries of `rename:`, `types:` and `union:` that match nothing in this snapshot: misspelt, or outdated."""
    by_target = {table.target: table for table in manifest.tables}
    members = gather(by_target, source.naming.unions)
    tables = {str(target) for target in members}
    columns = {
        f"{target}.{column.name}"
        for target, member_targets in members.items()
        for member in member_targets or (target,)
        for column in by_target[member].columns
    }
    unions = {target.table for target, member_targets in members.items() if member_targets}
    return [
        *[
            f"rename: {key!r} is not a table or column of this snapshot"
            for key in source.rename
            if key not in tables | columns
        ],
        *[f"types: {key!r} is not a column of this snapshot" for key in source.types if key not in columns],
        *[f"union: {key!r} matches no table of this snapshot" for key in source.naming.unions if key not in unions],
    ]


def column_sources(table: TypedTable, source: SourceSettings) -> tuple[tuple[Column, ViewColumn, bool], ...]:
    """Returns the raw column of each of the view's columns, and whether the date has it."""
    made = zip(_view_sources(table.named, source), table.columns, strict=True)
    return tuple((column, view, present) for (column, _, present), view in made)
