"""Catalogue: make Glue's tables and partitions say what the manifest says, without a crawler.

One raw table `snapshots_<table>` per source table, one partition per snapshot date whose location is the
relocated folder. What is equal is left alone; what differs is updated with SkipArchive and VersionId (aws-facts
5.1, 5.2), never deleted and created again: that would drop Lake Formation grants (traps 23).

What belongs here: applying the plan of `placement.py`, and finding again what was applied. Views are `publish/publisher.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from rds_lake.aws.glue import GlueGateway
from rds_lake.errors import CatalogError, ConfigError, ConflictError, RdsLakeError, all_together
from rds_lake.model.lake.manifest import Manifest, TableManifest
from rds_lake.model.tables.evolution import Change, reads_as
from rds_lake.model.tables.glue import ColumnSpec, GluePartition, GlueTable, PartitionSpec, TableSpec
from rds_lake.model.tables.names import AthenaTable
from rds_lake.model.tables.nested_types import is_nested
from rds_lake.stages.catalogue.placement import Placement, candidates, place
from rds_lake.stages.catalogue.raw_tables import NamedTable, RawTable, comment, group_versions, settle
from rds_lake.threads import cancelling_threads

Action = Literal["created", "updated", "unchanged"]

# Runs of several dates may write one table at once; each look at the fresh table lets one of them through.
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSync:
    """What was done to one raw table and its partitions of the date. `named` has its version and columns."""

    named: NamedTable
    table: Action
    partition: Action
    changes: tuple[Change, ...] = ()

    @property
    def raw(self) -> str:
        return self.named.names.raw


def sync_catalog(
    glue: GlueGateway,
    *,
    manifest: Manifest,
    tables: Sequence[NamedTable],
    log: Callable[[str], None],
    parallel: int = 8,
    existing: Mapping[str, GlueTable] | None = None,
) -> tuple[TableSync, ...]:
    """Create or update every raw table and its partition of the manifest's date. `existing`: as `existing_tables` read them.

    Raises CatalogError listing every table that could not be made to agree, UnavailableError where Glue was just away for
    all of them; the others are done, and a repetition finds them unchanged.
    """
    database = manifest.source
    existing = existing_tables(glue, database) if existing is None else existing
    versions = group_versions(existing)
    claimed = {name for table in tables for name in (table.names.raw, table.names.view)}
    work = _Work(glue=glue, database=database, day=manifest.snapshot_date, existing=existing, claimed=claimed)
    failed: dict[str, RdsLakeError] = {}
    done: list[TableSync] = []

    def sync(table: NamedTable) -> TableSync | RdsLakeError:
        try:
            return work.sync(table, versions.get(table.names.view, ()))
        except ConfigError:
            raise  # of this machine, and so the same of every table
        except RdsLakeError as error:
            return error

    with cancelling_threads(parallel, "catalog") as pool:
        for number, (table, outcome) in enumerate(zip(tables, pool.map(sync, tables), strict=True), start=1):
            if isinstance(outcome, RdsLakeError):
                failed[str(table.names.target)] = outcome
            else:
                done.append(outcome)
            if number % 50 == 0:
                log(f"catalogued {number} of {len(tables)} tables")
    if failed:
        summary = CatalogError(
            f"{len(failed)} of {len(tables)} tables of {database} could not be catalogued for "
            f"{manifest.snapshot_date}; no view moves. Materialize `catalog` again after the cause is gone:",
            [f"{target}: {_reason(error)}" for target, error in failed.items()],
        )
        raise all_together(summary, list(failed.values()))
    return tuple(done)


def _reason(error: RdsLakeError) -> str:
    return "; ".join(error.problems) if isinstance(error, CatalogError) and error.problems else str(error)


def existing_tables(glue: GlueGateway, database: str) -> dict[str, GlueTable]:
    """Every table and view of the source's database, which is made where it is missing."""
    glue.ensure_database(database, description=f"rds-lake source {database}")
    return glue.list_tables(database)


def locate(
    glue: GlueGateway,
    *,
    manifest: Manifest,
    tables: Sequence[NamedTable],
    existing: Mapping[str, GlueTable],
    parallel: int = 8,
) -> tuple[NamedTable, ...]:
    """The tables with the raw tables that hold the manifest's date; CatalogError lists those that none holds.

    Glue is asked for the partition of each: one deleted by hand would have a view show an empty table.
    """
    database, day = manifest.source, manifest.snapshot_date
    versions = group_versions(existing)

    def find(named: NamedTable) -> NamedTable | None:
        mine = versions.get(named.names.view, ())
        fitting = [raw for raw in candidates(mine, named) if _holds(glue, database, day, named, raw.table)]
        return settle(named, fitting[0], mine) if fitting else None

    with cancelling_threads(parallel, "locate") as pool:
        found = list(pool.map(find, tables))
    missing = [str(named.names.target) for named, where in zip(tables, found, strict=True) if where is None]
    if missing:
        raise CatalogError(f"{database} is not catalogued for {day}; materialize `catalog` first:", missing)
    return tuple(named for named in found if named is not None)


def drop_elsewhere(glue: GlueGateway, *, manifest: Manifest, tables: Sequence[NamedTable]) -> None:
    """Forget the date in the versions that do not hold it: an earlier export of the date had other types.

    After publishing only, when no view reads them any more. A partition of a later export, which another run has just made,
    is none of those.
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
    """Forget the date in one raw table, of a union every member's; how many partitions there were. Files stay.

    With `within`, only partitions whose location has one of these in it.
    """
    stale = [
        partition.values
        for partition in glue.find_partitions(database, raw, _on(key, "=", day))
        if within is None or any(part in partition.location for part in within)
    ]
    return glue.delete_partitions(database, raw, stale)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One date's work in one database. `claimed` are the names that the date's tables have."""

    glue: GlueGateway
    database: str
    day: date
    existing: Mapping[str, GlueTable]
    claimed: set[str]

    def sync(self, named: NamedTable, versions: Sequence[RawTable]) -> TableSync:
        plan, action = self._planned_and_applied(named, versions)
        return TableSync(
            named=plan.named, table=action, partition=self._apply_partitions(plan.named), changes=plan.changes
        )

    def _planned_and_applied(self, named: NamedTable, versions: Sequence[RawTable]) -> tuple[Placement, Action]:
        for _ in range(_ATTEMPTS - 1):
            plan = self._place(named, versions)
            try:
                return plan, self._apply(plan)
            except ConflictError:
                # Another run created or changed the table since it was read: plan again from what it is now.
                fresh = self.glue.list_tables(self.database, beginning=named.names.raw)
                versions = group_versions(fresh).get(named.names.view, ())
        plan = self._place(named, versions)
        return plan, self._apply(plan)

    def _place(self, named: NamedTable, versions: Sequence[RawTable]) -> Placement:
        mine = {raw.table.name for raw in versions}
        return place(
            named,
            versions,
            self.day,
            taken=(self.existing.keys() | self.claimed - {named.names.raw}) - mine,
            is_older=lambda: any(self._is_older(raw) for raw in versions),
            holds=lambda raw: _holds(self.glue, self.database, self.day, named, raw.table),
        )

    def _is_older(self, raw: RawTable) -> bool:
        expression = _on(raw.table.partition_keys[0][0], ">", self.day)
        return next(self.glue.find_partitions(self.database, raw.table.name, expression), None) is not None

    def _apply(self, plan: Placement) -> Action:
        if plan.existing is None:
            self.glue.create_table(self.database, plan.spec)
            return "created"
        table = plan.existing.table
        if _same(table, plan.spec):
            return "unchanged"
        self._settle_partitions(table, plan.spec)
        self.glue.update_table(self.database, plan.spec, existing=table)
        return "updated"

    def _settle_partitions(self, table: GlueTable, spec: TableSpec) -> None:
        """Give partitions without files the types that the first file showed, where theirs could not be read as those.

        Before the table has them: after a crash in between this is found and done again.
        """
        types = {name: kind for name, kind, _ in spec.columns}
        turned = {name for name, kind, _ in table.columns if not reads_as(kind, types[name])}
        if not turned:
            return
        partitions = self.glue.find_partitions(self.database, table.name)
        settled = [_with_types(partition, turned, types) for partition in partitions]
        self.glue.update_partitions(self.database, table.name, [spec for spec in settled if spec is not None])

    def _apply_partitions(self, named: NamedTable) -> Action:
        """Make the date's partitions; one deleted by hand is made again.

        One that another run makes or deletes between the look and the call is looked at once more.
        """
        wanted = _partitions(named, self.day)
        existing = self._existing_partitions(named, wanted)
        for _ in range(_ATTEMPTS):
            try:
                return self._change_partitions(named, wanted, existing)
            except CatalogError:
                # What is refused because it is there already, or gone, is judged by what is there now.
                found = self._existing_partitions(named, wanted)
                if found.keys() == existing.keys():
                    raise
                existing = found
        return self._change_partitions(named, wanted, existing)

    def _change_partitions(
        self,
        named: NamedTable,
        wanted: Mapping[tuple[str, ...], PartitionSpec],
        existing: Mapping[tuple[str, ...], GluePartition],
    ) -> Action:
        raw = named.names.raw
        missing = [spec for values, spec in wanted.items() if values not in existing]
        different = [
            spec
            for values, spec in wanted.items()
            if (found := existing.get(values)) and (found.location, found.columns) != (spec.location, spec.columns)
        ]
        self.glue.create_partitions(self.database, raw, missing)
        self.glue.update_partitions(self.database, raw, different)
        stale = [values for values in existing if values not in wanted]
        self.glue.delete_partitions(self.database, raw, stale)
        if missing:
            return "created"
        return "updated" if different or stale else "unchanged"

    def _existing_partitions(
        self, named: NamedTable, wanted: Mapping[tuple[str, ...], PartitionSpec]
    ) -> dict[tuple[str, ...], GluePartition]:
        """The date's partitions; of a union also those of members that an earlier export of the date had."""
        names = named.names
        if not named.members:
            return self.glue.get_partitions(self.database, names.raw, list(wanted))
        expression = _on(names.partition_key, "=", self.day)
        return {found.values: found for found in self.glue.find_partitions(self.database, names.raw, expression)}


def _on(key: str, operator: str, day: date) -> str:
    """Glue's filter of partitions by date; keys are our own names and need no quotes."""
    return f"{key} {operator} '{day.isoformat()}'"


def _holds(glue: GlueGateway, database: str, day: date, named: NamedTable, table: GlueTable) -> bool:
    """Whether the table has the date's partition at the manifest's very folder."""
    first = next(iter(named.members), named.manifest)
    values = _values(day, named.names, first) if named.members else (day.isoformat(),)
    found = glue.get_partitions(database, table.name, [values]).get(values)
    return found is not None and found.location == first.location


def _values(day: date, names: AthenaTable, table: TableManifest) -> tuple[str, ...]:
    return (day.isoformat(), table.target.table) if names.member_key else (day.isoformat(),)


def _partitions(named: NamedTable, day: date) -> dict[tuple[str, ...], PartitionSpec]:
    """The partitions of the date: each with the types that really are in its files, or the table's without files.

    A nested type is the table's: fields are found by name, and Athena compares the two declarations place by place.
    """
    types = {seen.key: seen.column.hive_type for seen in named.seen}
    specs: dict[tuple[str, ...], PartitionSpec] = {}
    for table in named.members or (named.manifest,):
        columns = tuple(
            (
                column.name.lower(),
                column.hive_type if table.files and not is_nested(column.hive_type) else types[column.name.lower()],
                comment(column.name, column.original_type),
            )
            for column in table.columns
        )
        values = _values(day, named.names, table)
        specs[values] = PartitionSpec(values=values, location=table.location, columns=columns)
    return specs


def _with_types(partition: GluePartition, turned: Iterable[str], types: Mapping[str, str]) -> PartitionSpec | None:
    """The partition with the table's types for these columns; None where it can be read as it is."""
    columns: tuple[ColumnSpec, ...] = tuple(
        (name, types[name] if name in turned and not reads_as(kind, types[name]) else kind, text)
        for name, kind, text in partition.columns
    )
    if columns == partition.columns:
        return None
    return PartitionSpec(values=partition.values, location=partition.location, columns=columns)


def _same(existing: GlueTable, spec: TableSpec) -> bool:
    # Parameters that others added (Lake Formation, crawl marks) are theirs and no reason to write.
    return (
        tuple(existing.columns) == tuple(spec.columns)
        and tuple(existing.partition_keys) == tuple(spec.partition_keys)
        and existing.location == spec.location
        and all(existing.parameters.get(key) == value for key, value in spec.parameters.items())
    )
