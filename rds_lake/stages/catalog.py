"""Catalogue: make Glue's tables and partitions say what the manifest says, without a crawler.

One raw table `snapshots_<table>` per source table, one partition per snapshot date whose location is the
relocated folder. What is equal is left alone; what differs is updated with SkipArchive and VersionId (aws-facts
5.1, 5.2), never deleted and created again: that would drop Lake Formation grants (traps 23).

What belongs here: the plan (pure) and its application. Views are `publish.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from rds_lake.aws.glue import GlueGateway, GlueTable, PartitionSpec, TableSpec
from rds_lake.errors import CatalogError, ConflictError, RdsLakeError
from rds_lake.model.manifest import Manifest, TableManifest
from rds_lake.model.names import AthenaTable

Action = Literal["created", "updated", "unchanged"]

# Athena casts a partition's type to the table's only along these lines (aws-facts 5.5).
_WIDER: Mapping[str, tuple[str, ...]] = {
    "tinyint": ("smallint", "int", "bigint"),
    "smallint": ("int", "bigint"),
    "int": ("bigint",),
    "float": ("double",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTable:
    """A table of the manifest together with its names in Athena."""

    manifest: TableManifest
    names: AthenaTable


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSync:
    """What was done to one raw table and its partition of the date.

    `replaced` is the folder the partition pointed to before, when that changed.
    """

    raw: str
    table: Action
    partition: Action
    replaced: str | None = None


def sync_catalog(
    glue: GlueGateway,
    *,
    manifest: Manifest,
    tables: Sequence[NamedTable],
    log: Callable[[str], None],
    parallel: int = 8,
) -> tuple[TableSync, ...]:
    """Create or update every raw table and its partition of the manifest's date.

    Raises CatalogError listing every table that could not be made to agree; the others are done, and a
    repetition finds them unchanged.
    """
    database = manifest.source
    glue.ensure_database(database, description=f"rds-lake source {database}")
    existing = glue.list_tables(database)
    problems: list[str] = []
    done: list[TableSync] = []

    def sync(table: NamedTable) -> TableSync | str:
        try:
            return _sync_table(glue, database, table, manifest, existing.get(table.names.raw))
        except CatalogError as error:
            return f"{table.names.target}: {'; '.join(error.problems) or error}"
        except RdsLakeError as error:
            return f"{table.names.target}: {error}"

    with ThreadPoolExecutor(parallel, thread_name_prefix="catalog") as pool:
        for number, outcome in enumerate(pool.map(sync, tables), start=1):
            (problems if isinstance(outcome, str) else done).append(outcome)  # type: ignore[arg-type]
            if number % 50 == 0:
                log(f"catalogued {number} of {len(tables)} tables")
    if problems:
        raise CatalogError(
            f"{len(problems)} of {len(tables)} tables of {database} could not be catalogued for "
            f"{manifest.snapshot_date}; no view moves. Materialize `catalog` again after the cause is gone:",
            problems,
        )
    return tuple(done)


def _sync_table(
    glue: GlueGateway, database: str, table: NamedTable, manifest: Manifest, existing: GlueTable | None
) -> TableSync:
    try:
        action = _apply_table(glue, database, table, existing)
    except ConflictError:
        # Another run created or changed the table since the listing: look again once, then let it speak.
        action = _apply_table(glue, database, table, glue.find_table(database, table.names.raw))
    partition, replaced = _apply_partition(glue, database, table, manifest)
    return TableSync(raw=table.names.raw, table=action, partition=partition, replaced=replaced)


def _apply_table(glue: GlueGateway, database: str, table: NamedTable, existing: GlueTable | None) -> Action:
    spec = plan_table(table, existing)
    if existing is None:
        glue.create_table(database, spec)
        return "created"
    if _same(existing, spec):
        return "unchanged"
    glue.update_table(database, spec, existing=existing)
    return "updated"


def plan_table(table: NamedTable, existing: GlueTable | None) -> TableSpec:
    """The raw table as it should be: what exists, with new columns appended and widened types (pure).

    Raises CatalogError naming every column whose old and new types Athena cannot read together.
    """
    wanted = {column.name.lower(): column for column in table.manifest.columns}
    columns: list[tuple[str, str, str]] = []
    problems: list[str] = []
    for name, hive_type, comment in existing.columns if existing else ():
        new = wanted.pop(name.lower(), None)
        if new is None:
            columns.append((name, hive_type, comment))
            continue
        merged = widest(hive_type, new.hive_type)
        if merged is None:
            problems.append(
                f"column {new.name!r} was {hive_type} and is now {new.hive_type}: Athena cannot read both in one "
                f"table; drop the raw table {table.names.raw!r} once older dates are not needed"
            )
        columns.append((name, merged or hive_type, _comment(new.name, new.original_type)))
    columns += [
        (name, column.hive_type, _comment(column.name, column.original_type)) for name, column in wanted.items()
    ]
    if existing and existing.partition_keys != ((table.names.partition_key, "string"),):
        problems.append(
            f"the raw table {table.names.raw!r} is partitioned by {existing.partition_keys}, and a column of the table now "
            "has that name: rename the column in the database, or drop the raw table once older dates are not needed"
        )
    if problems:
        raise CatalogError(f"{table.names.target} changed incompatibly:", problems)
    target = table.manifest.target
    return TableSpec(
        name=table.names.raw,
        columns=tuple(columns),
        partition_keys=((table.names.partition_key, "string"),),
        location=_table_location(table.manifest.location),
        description=f"Snapshots of {target}",
        parameters={"rds_lake.table": str(target)},
    )


def widest(one: str, other: str) -> str | None:
    """The type Athena reads both as, or None."""
    if one == other or one in _WIDER.get(other, ()):
        return one
    return other if other in _WIDER.get(one, ()) else None


def _comment(name: str, original_type: str | None) -> str:
    # Glue takes at most 255 characters of comment (aws-facts 5.1).
    return f"{name}: {original_type or 'unknown'}"[:255]


def _table_location(partition_location: str) -> str:
    """The table's own folder: the part of a partition's location before `snapshot_date=`."""
    return partition_location.split("/snapshot_date=", 1)[0] + "/"


def _same(existing: GlueTable, spec: TableSpec) -> bool:
    # Parameters that others added (Lake Formation, crawl marks) are theirs and no reason to write.
    return (
        tuple(existing.columns) == tuple(spec.columns)
        and tuple(existing.partition_keys) == tuple(spec.partition_keys)
        and existing.location == spec.location
        and all(existing.parameters.get(key) == value for key, value in spec.parameters.items())
    )


def _apply_partition(
    glue: GlueGateway, database: str, table: NamedTable, manifest: Manifest
) -> tuple[Action, str | None]:
    values = (manifest.snapshot_date.isoformat(),)
    wanted = PartitionSpec(
        values=values,
        location=table.manifest.location,
        columns=tuple(
            (column.name.lower(), column.hive_type, _comment(column.name, column.original_type))
            for column in table.manifest.columns
        ),
    )
    existing = glue.get_partitions(database, table.names.raw, [values]).get(values)
    if existing is None:
        glue.create_partitions(database, table.names.raw, [wanted])
        return "created", None
    if existing.location == wanted.location and tuple(existing.columns) == wanted.columns:
        return "unchanged", None
    glue.update_partitions(database, table.names.raw, [wanted])
    return "updated", existing.location if existing.location != wanted.location else None
