"""The raw tables of changes in Glue, and their partitions: one per compacted batch, by epoch and last cut.

Columns are only added or widened, like those of snapshots. If a type changes in another way, or the raw table was deleted, the
table gets its next version, into which all its cuts are compacted again; earlier compacted files stay, unread.

What belongs here: the objects in Glue. Which batches readers see is in `record.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rds_lake.aws.glue import GlueGateway
from rds_lake.errors import CatalogError, ConflictError
from rds_lake.model.exports.info import export_folder
from rds_lake.model.streams.compacted import Progress
from rds_lake.model.tables.evolution import reads_as
from rds_lake.model.tables.glue import ColumnSpec, GlueTable, PartitionSpec, TableSpec
from rds_lake.sql.changes.table import EPOCH_KEY, UNTIL_KEY, ChangedTable, until_text
from rds_lake.stages.lake.lake import Lake

_ATTEMPTS = 5


def raw_columns(table: ChangedTable) -> tuple[ColumnSpec, ...]:
    """Returns the columns of the table's raw changes, as in their files."""
    images = [
        (name, column.column.hive_type, f"{when}: {column.column.name}"[:255])
        for column in table.columns
        for name, when in ((column.new, "after"), (column.old, "before"))
    ]
    return (*table.meta, *images)


def fits(table: ChangedTable, existing: Mapping[str, GlueTable], *, has_rows: bool) -> bool:
    """Whether the raw table of this version can hold the changes. `has_rows`: it already has changes."""
    raw = existing.get(table.raw)
    if raw is None:
        return not has_rows
    known = {name: kind for name, kind, _ in raw.columns}
    return all(
        reads_as(known.get(name, kind), kind) or reads_as(kind, known[name]) for name, kind, _ in raw_columns(table)
    )


def is_catalogued(table: ChangedTable, existing: Mapping[str, GlueTable]) -> bool:
    """Whether Glue has the raw table with all current columns."""
    raw = existing.get(table.raw)
    return raw is not None and merged_columns(raw.columns, raw_columns(table)) == tuple(raw.columns)


def catalogue_changes(lake: Lake, database: str, table: ChangedTable, progress: Progress) -> None:
    """Brings the raw table's columns up to date, and creates a partition for every pending batch."""
    for attempt in range(_ATTEMPTS):
        try:
            _ensure_table(lake, database, table)
            break
        except ConflictError:  # another run created or changed it since it was read
            if attempt == _ATTEMPTS - 1:
                raise
    _ensure_partitions(lake.glue, database, table.raw, progress)


def _ensure_table(lake: Lake, database: str, table: ChangedTable) -> None:
    existing = lake.glue.find_table(database, table.raw)
    wanted = merged_columns(existing.columns if existing else (), raw_columns(table))
    spec = TableSpec(
        name=table.raw,
        columns=wanted,
        partition_keys=((EPOCH_KEY, "string"), (UNTIL_KEY, "string")),
        location=existing.location if existing else _location(lake, database, table),
        description=f"Changes of {table.names.target}, as captured",
    )
    if existing is None:
        lake.glue.create_table(database, spec)
    elif tuple(existing.columns) != wanted:
        lake.glue.update_table(database, spec, existing=existing)


def _location(lake: Lake, database: str, table: ChangedTable) -> str:
    folder = export_folder(table.names.target)
    return lake.layout.uri(lake.layout.compacted_table_folder(database, folder, table.version))


def merged_columns(known: Sequence[ColumnSpec], wanted: Sequence[ColumnSpec]) -> tuple[ColumnSpec, ...]:
    """Returns known columns, widened if the wanted type is wider, then new columns."""
    types = {name: kind for name, kind, _ in wanted}
    kept = [
        (name, types[name] if name in types and reads_as(kind, types[name]) else kind, comment)
        for name, kind, comment in known
    ]
    names = {name for name, _, _ in known}
    return (*kept, *(column for column in wanted if column[0] not in names))


def _ensure_partitions(glue: GlueGateway, database: str, raw: str, progress: Progress) -> None:
    wanted = {
        (progress.epoch, until_text(batch.until)): PartitionSpec(
            values=(progress.epoch, until_text(batch.until)),
            location=batch.folder,
            columns=tuple((name, kind, "") for name, kind in batch.columns),
        )
        for batch in progress.pending
    }
    if not wanted:
        return
    existing = glue.get_partitions(database, raw, list(wanted))
    missing = [spec for values, spec in wanted.items() if values not in existing]
    try:
        glue.create_partitions(database, raw, missing)
    except (CatalogError, ConflictError):  # another run made them meanwhile, from the same record
        seen = glue.get_partitions(database, raw, list(wanted))
        if seen.keys() != wanted.keys():
            raise
