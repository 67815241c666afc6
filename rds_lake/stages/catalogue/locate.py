"""Finds the raw tables that hold a date, and removes the date from others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from rds_lake.aws.glue import GlueGateway
from rds_lake.errors import CatalogError
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.tables.glue import GlueTable
from rds_lake.stages.catalogue.partitions import dated, holds
from rds_lake.stages.catalogue.placement import candidates
from rds_lake.stages.catalogue.raw_tables import NamedTable, group_versions, in_version
from rds_lake.threads import cancelling_threads


def locate(
    glue: GlueGateway,
    *,
    manifest: Manifest,
    tables: Sequence[NamedTable],
    existing: Mapping[str, GlueTable],
    parallel: int = 8,
    is_shown: Callable[[NamedTable], bool] = lambda _: False,
) -> tuple[NamedTable, ...]:
    """Returns the tables with the raw tables that hold the manifest's date. Raises CatalogError that lists every table without one.

    Glue is asked for each partition, as a view over a partition that somebody deleted would show an empty table. It is
    not asked about a table that readers already see in this version (`is_shown`).
    """
    database, day = manifest.source, manifest.snapshot_date
    versions = group_versions(existing)

    def find(named: NamedTable) -> NamedTable | None:
        table_versions = versions.get(named.names.view, ())
        fitting = candidates(table_versions, named)
        versioned = [in_version(named, raw, table_versions) for raw in fitting]
        shown = next((table for table in versioned if is_shown(table)), None)
        if shown is not None:
            return shown
        return next(
            (
                table
                for raw, table in zip(fitting, versioned, strict=True)
                if holds(glue, database, day, named, raw.table)
            ),
            None,
        )

    with cancelling_threads(parallel, "locate") as pool:
        located = list(pool.map(find, tables))
    missing = [str(named.names.target) for named, where in zip(tables, located, strict=True) if where is None]
    if missing:
        raise CatalogError(f"{database} is not catalogued for {day}; materialize `catalog` first:", missing)
    return tuple(named for named in located if named is not None)


def drop_elsewhere(glue: GlueGateway, *, manifest: Manifest, tables: Sequence[NamedTable]) -> None:
    """Deletes the date's partitions in other versions, left by an earlier export of the date that had other types.

    Call it only after publishing, when no view reads them. A partition of a later export, created by another run,
    stays.
    """
    day = manifest.snapshot_date
    folders = [f"/snapshot_date={day}/{task}/" for task in (*manifest.earlier, manifest.export.export_task)]
    folders += [f"s3://{copy.bucket}/{copy.folder}" for copy in (*manifest.superseded, manifest.aws_copy)]
    for named in tables:
        for raw, key in named.elsewhere:
            drop_date(glue, manifest.source, raw, key, day, within=folders)


def drop_date(
    glue: GlueGateway, database: str, raw: str, key: str, day: date, *, within: Sequence[str] | None = None
) -> int:
    """Deletes the date's partitions in one raw table (for a union, every member's), and returns their number. Files stay.

    With `within`, only partitions whose location contains one of these texts.
    """
    stale = [
        partition.values
        for partition in glue.find_partitions(database, raw, dated(key, "=", day))
        if within is None or any(part in partition.location for part in within)
    ]
    return glue.delete_partitions(database, raw, stale)
