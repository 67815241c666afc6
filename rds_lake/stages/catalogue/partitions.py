"""The partitions of a table's date: those that the manifest needs, and whether Glue has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date

from rds_lake.aws.glue import GlueGateway
from rds_lake.model.lake.manifest import TableManifest
from rds_lake.model.tables.evolution import reads_as
from rds_lake.model.tables.glue import ColumnSpec, GluePartition, GlueTable, PartitionSpec
from rds_lake.model.tables.names import AthenaTable
from rds_lake.model.tables.nested_types import is_nested
from rds_lake.stages.catalogue.raw_tables import TABLE, NamedTable, comment

_SNAPSHOT_TIME, _EXPORT_TASK = "rds_lake.snapshot_time", "rds_lake.export_task"


def dated(key: str, operator: str, day: date) -> str:
    """Returns Glue's filter for partitions by date: `snapshot_date > '2026-11-20'`. Keys are rds-lake's names and need no quotes."""
    return f"{key} {operator} '{day.isoformat()}'"


def holds(glue: GlueGateway, database: str, day: date, named: NamedTable, table: GlueTable) -> bool:
    """Whether the table has the date's partition, at exactly the manifest's folder; one call to Glue."""
    first = next(iter(named.members), named.manifest)
    values = _values(day, named.names, first) if named.members else (day.isoformat(),)
    partition = glue.get_partitions(database, table.name, [values]).get(values)
    return partition is not None and partition.location == first.location


def wanted_partitions(named: NamedTable, day: date) -> dict[tuple[str, ...], PartitionSpec]:
    """Returns the partitions of the date, each with the types in its files, or the table's types if it has no files.

    Nested types are the table's: Athena finds fields by name, and compares the two declarations by position.
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
        specs[values] = PartitionSpec(
            values=values, location=table.location, columns=columns, parameters=_parameters(named, table)
        )
    return specs


def _parameters(named: NamedTable, table: TableManifest) -> dict[str, str]:
    """Returns the origin of the partition's rows, for data catalogues and people; rds-lake does not read it."""
    return {
        TABLE: str(table.target),
        _SNAPSHOT_TIME: named.origin.snapshot_time.astimezone(UTC).isoformat(),
        _EXPORT_TASK: named.origin.export_task,
    }


def _values(day: date, names: AthenaTable, table: TableManifest) -> tuple[str, ...]:
    return (day.isoformat(), table.target.table) if names.member_key else (day.isoformat(),)


def retyped(partition: GluePartition, turned: Iterable[str], types: Mapping[str, str]) -> PartitionSpec | None:
    """Returns the partition with the table's types for the columns in `turned`; None if it can be read unchanged."""
    columns: tuple[ColumnSpec, ...] = tuple(
        (name, types[name] if name in turned and not reads_as(kind, types[name]) else kind, text)
        for name, kind, text in partition.columns
    )
    if columns == partition.columns:
        return None
    return PartitionSpec(
        values=partition.values, location=partition.location, columns=columns, parameters=partition.parameters
    )
