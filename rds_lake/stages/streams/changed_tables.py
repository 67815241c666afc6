"""The captured tables of a published date, with the names and columns of their changes.

A table whose changes cannot be shown is left out and reported; the others continue.

What belongs here: combining the snapshot's tables with the captured ones. Statements are `sql/changes/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rds_lake.config.source import SourceSettings
from rds_lake.model.aws.engine import Engine
from rds_lake.model.streams.captured import Capture, CapturedTable
from rds_lake.model.tables.names import athena_name, meeting
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.changes.added import added_column
from rds_lake.sql.changes.table import ChangedColumn, ChangedTable
from rds_lake.stages.catalogue.dated import DatedTables
from rds_lake.stages.catalogue.naming import TypedTable


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedTables:
    """The captured tables of a date. `problems`: tables whose changes cannot be shown, each with the reason and what to do."""

    tables: tuple[ChangedTable, ...]
    problems: tuple[str, ...] = ()


def changed_tables(
    dated: DatedTables, captured: Sequence[CapturedTable], source: SourceSettings, versions: Mapping[TableTarget, int]
) -> ChangedTables:
    """Returns the captured tables of the date. `versions`: of the raw tables of changes."""
    typed = {table.names.target: table for table in dated.typed}
    taken = {name: table.names.target for table in dated.located for name in (table.names.view, table.names.raw)}
    tables: list[ChangedTable] = []
    problems: list[str] = []
    for captured_table in captured:
        table = typed.get(captured_table.target)
        if table is None:
            problems.append(f"{captured_table.target}: {_why_missing(dated, captured_table.target)}")
            continue
        made = _changed_table(captured_table, table, source, versions.get(captured_table.target, 1))
        wrong = _problems_of(captured_table, made, taken)
        problems += wrong
        if not wrong:
            tables.append(made)
            taken |= dict.fromkeys(_names_of(made), captured_table.target)
    return ChangedTables(tables=tuple(tables), problems=tuple(problems))


def _why_missing(dated: DatedTables, target: TableTarget) -> str:
    if any(member.target == target for table in dated.located for member in table.members):
        return "`union:` gathers it into another table, whose keys may repeat; captured tables need a view of their own"
    return f"it has no view of {dated.snapshot_date}; its changes are shown once a snapshot with it is published"


def _names_of(table: ChangedTable) -> dict[str, str]:
    """Returns the names in Athena for the table's changes, and the kind of each."""
    return {table.changes: "changes", table.live: "live", table.history: "history", table.raw: "raw"}


def _problems_of(captured_table: CapturedTable, table: ChangedTable, taken: Mapping[str, TableTarget]) -> list[str]:
    # A key column that was renamed or added since: the snapshot's rows cannot be distinguished from those that changed.
    known = {column.raw for column in table.columns if column.exported}
    gone = [name for name in table.key if name not in known]
    if gone:
        return [
            f"{captured_table.target}: its key column {', '.join(gone)} is not in the snapshot; see `rds-lake streams triggers`. "
            "If the key was changed since, its changes are shown once a snapshot with it is published"
        ]
    return [
        meeting(name, f"the {what} view of {captured_table.target}", taken[name], taken)
        for name, what in _names_of(table).items()
        if name in taken
    ]


def _changed_table(
    captured_table: CapturedTable, table: TypedTable, source: SourceSettings, version: int
) -> ChangedTable:
    present = {column.name.lower(): column for column in table.named.manifest.columns}
    seen = {seen.key: seen.column for seen in table.named.seen}
    columns: list[ChangedColumn] = []
    for view in table.columns:
        key = view.name.lower()
        column = present.get(key) or seen[key]
        asked = source.types.get(f"{captured_table.target}.{column.name}")
        raw_type = seen[key].hive_type if key in seen else column.hive_type
        columns.append(ChangedColumn(column=replace(column, hive_type=raw_type), alias=view.alias, presto_type=asked))
    columns += _added(captured_table, columns, source)
    key = tuple(name.lower() for name in captured_table.key)
    arrives = captured_table.capture is Capture.LAMBDA
    return ChangedTable(names=table.names, key=key, columns=tuple(columns), version=version, arrives=arrives)


def _added(
    captured_table: CapturedTable, known: Sequence[ChangedColumn], source: SourceSettings
) -> list[ChangedColumn]:
    """Returns columns that are captured but not in the snapshot yet, without those whose name in Athena is taken."""
    names, taken = {column.raw for column in known}, {column.alias for column in known}
    is_mysql = getattr(source, "captured_engine", None) is Engine.MYSQL
    added: list[ChangedColumn] = []
    for column in captured_table.columns:
        alias = source.rename.get(f"{captured_table.target}.{column.name}") or athena_name(column.name)
        if column.name.lower() in names or alias in taken:
            continue
        taken.add(alias)
        made = added_column(column, mysql=is_mysql)
        added.append(ChangedColumn(column=made, alias=alias, exported=False))
    return added
