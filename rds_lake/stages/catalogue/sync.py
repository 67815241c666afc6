"""Catalogues a date: updates Glue's tables and partitions from the manifest, without a crawler.

One raw table `snapshots_<table>` per source table, one partition per snapshot date whose location is the relocated folder.
What is equal is left alone. What differs is updated with SkipArchive, as Glue keeps at most 100,000 versions of a table
(https://docs.aws.amazon.com/general/latest/gr/glue.html), and with the VersionId that was read, so that no other writer's
change is lost. A table is never deleted and created again: its Lake Formation grants would be gone.

What belongs here: applying the plan of `placement.py`. Finding a date again is `locate.py`; views are
`publish/publisher.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from rds_lake.aws.glue import GlueGateway
from rds_lake.errors import CatalogError, ConfigError, ConflictError, RdsLakeError, all_together
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.tables.evolution import Change, reads_as
from rds_lake.model.tables.glue import GluePartition, GlueTable, PartitionSpec, TableSpec
from rds_lake.model.words import counted
from rds_lake.stages.catalogue.partitions import dated, holds, retyped, wanted_partitions
from rds_lake.stages.catalogue.placement import Placement, place
from rds_lake.stages.catalogue.raw_tables import NamedTable, RawTable, group_versions
from rds_lake.threads import cancelling_threads

Action = Literal["created", "updated", "unchanged"]

# Runs of several dates may write one table at once; each look at the fresh table lets one of them through.
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSync:
    """What was done to one raw table and its partitions of the date. `named`: with its version and columns."""

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
    is_new: bool = False,
) -> tuple[TableSync, ...]:
    """Creates or updates every raw table and its partition of the manifest's date.

    `existing`: from `existing_tables`. `is_new`: no partition of the date is expected, so each is created without a look in
    Glue; a wrong guess costs a refused call per table.

    Raises CatalogError with every table that could not be brought up to date, or UnavailableError if Glue did not
    answer; other tables are done, and a repetition finds them unchanged.
    """
    existing = existing_tables(glue, manifest.source) if existing is None else existing
    work = _Work(
        glue=glue,
        database=manifest.source,
        day=manifest.snapshot_date,
        existing=existing,
        claimed={name for table in tables for name in (table.names.raw, table.names.view)},
        is_new=is_new,
    )
    versions = group_versions(existing)
    with cancelling_threads(parallel, "catalog") as pool:
        syncs = pool.map(lambda table: work.try_sync(table, versions.get(table.names.view, ())), tables)
        outcomes = list(_logged(syncs, len(tables), log))
    failed = {
        str(table.names.target): outcome
        for table, outcome in zip(tables, outcomes, strict=True)
        if isinstance(outcome, RdsLakeError)
    }
    if failed:
        raise _not_catalogued(manifest, len(tables), failed)
    return tuple(outcome for outcome in outcomes if isinstance(outcome, TableSync))


def _logged(
    outcomes: Iterable[TableSync | RdsLakeError], count: int, log: Callable[[str], None]
) -> Iterator[TableSync | RdsLakeError]:
    for number, outcome in enumerate(outcomes, start=1):
        yield outcome
        if number % 50 == 0:
            log(f"catalogued {number} of {counted(count, 'table')}")


def _not_catalogued(manifest: Manifest, count: int, failed: Mapping[str, RdsLakeError]) -> RdsLakeError:
    """Returns one error about all failed tables, which is transient if a repetition may succeed for all."""
    summary = CatalogError(
        f"{len(failed)} of {counted(count, 'table')} of {manifest.source} could not be catalogued for {manifest.snapshot_date}; no "
        "view was moved. Fix the cause, then materialize `catalog` again:",
        [f"{target}: {_reason(error)}" for target, error in failed.items()],
    )
    return all_together(summary, list(failed.values()))


def _reason(error: RdsLakeError) -> str:
    return "; ".join(error.problems) if isinstance(error, CatalogError) and error.problems else str(error)


def existing_tables(glue: GlueGateway, database: str) -> dict[str, GlueTable]:
    """Returns every table and view of the source's database, which is created if it does not exist."""
    glue.ensure_database(database, description=f"rds-lake source {database}")
    return glue.list_tables(database)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One date's work in one database. `claimed`: the names of the date's tables; `is_new`: see `sync_catalog`."""

    glue: GlueGateway
    database: str
    day: date
    existing: Mapping[str, GlueTable]
    claimed: set[str]
    is_new: bool

    def try_sync(self, named: NamedTable, versions: Sequence[RawTable]) -> TableSync | RdsLakeError:
        """Brings one table in Glue up to date. Returns what was done, or the error."""
        try:
            return self.sync(named, versions)
        except ConfigError:
            raise  # an error of this machine, and so the same for every table
        except RdsLakeError as error:
            return error

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
        own = {raw.table.name for raw in versions}
        return place(
            named,
            versions,
            self.day,
            taken=(self.existing.keys() | self.claimed - {named.names.raw}) - own,
            is_older=lambda: any(self._is_older(raw) for raw in versions),
            holds=lambda raw: holds(self.glue, self.database, self.day, named, raw.table),
        )

    def _is_older(self, raw: RawTable) -> bool:
        expression = dated(raw.table.partition_keys[0][0], ">", self.day)
        return next(self.glue.find_partitions(self.database, raw.table.name, expression), None) is not None

    def _apply(self, plan: Placement) -> Action:
        if plan.existing is None:
            self.glue.create_table(self.database, plan.spec)
            return "created"
        table = plan.existing.table
        if _same(table, plan.spec):
            return "unchanged"
        self._retype_partitions(table, plan.spec)
        self.glue.update_table(self.database, plan.spec, existing=table)
        return "updated"

    def _retype_partitions(self, table: GlueTable, spec: TableSpec) -> None:
        """Gives partitions without files the types that the first file showed, if theirs cannot be read as those.

        This is done before the table gets them, so that a repetition after a crash still sees the difference.
        """
        types = {name: kind for name, kind, _ in spec.columns}
        turned = {name for name, kind, _ in table.columns if not reads_as(kind, types[name])}
        if not turned:
            return
        partitions = self.glue.find_partitions(self.database, table.name)
        changed = [retyped(partition, turned, types) for partition in partitions]
        self.glue.update_partitions(self.database, table.name, [spec for spec in changed if spec is not None])

    def _apply_partitions(self, named: NamedTable) -> Action:
        """Creates the date's partitions, also one that somebody deleted.

        If Glue refuses one, because another run changed it or the date is not new, it is read and tried again.
        """
        wanted = wanted_partitions(named, self.day)
        # Members of a union that only an earlier export of the date had are found by a look.
        existing = {} if self.is_new and not named.members else self._existing_partitions(named, wanted)
        for _ in range(_ATTEMPTS):
            try:
                return self._change_partitions(named, wanted, existing)
            except (CatalogError, ConflictError):
                seen = self._existing_partitions(named, wanted)
                if seen.keys() == existing.keys():
                    raise
                existing = seen
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
            replace(spec, parameters=old.parameters | spec.parameters)
            for values, spec in wanted.items()
            if (old := existing.get(values)) and (old.location, old.columns) != (spec.location, spec.columns)
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
        """Returns the date's partitions; for a union, also those of members that an earlier export of the date had."""
        names = named.names
        if not named.members:
            return self.glue.get_partitions(self.database, names.raw, list(wanted))
        expression = dated(names.partition_key, "=", self.day)
        return {old.values: old for old in self.glue.find_partitions(self.database, names.raw, expression)}


def _same(existing: GlueTable, spec: TableSpec) -> bool:
    # Parameters that other programs added (Lake Formation, crawlers) are kept, and are no reason to update the table.
    return (
        tuple(existing.columns) == tuple(spec.columns)
        and tuple(existing.partition_keys) == tuple(spec.partition_keys)
        and existing.location == spec.location
        and all(existing.parameters.get(key) == value for key, value in spec.parameters.items())
    )
