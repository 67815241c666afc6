"""Tables of the published date, compared with the date before and one about a month earlier: rows, columns, changed rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise

from rds_lake.model.lake.publication import Pointer
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.stages.catalogue.naming import name_tables
from rds_lake.stages.catalogue.raw_tables import NamedTable
from rds_lake.stages.diff.record import find_date_diff
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.report.values import ChangedRows, SchemaChange, TableFigures, Tables
from rds_lake.stages.watch.records import SourceRecords

MONTH = timedelta(days=30)
_Named = Mapping[TableTarget, NamedTable]


def read_tables(records: SourceRecords, shown: date, days: Sequence[date]) -> Tables:
    """Returns the tables of `shown`. `days`: the dates to compare with, oldest first."""
    before = max((day for day in days if day < shown), default=None)
    earlier = earlier_date(shown, days)
    steps = sorted({day for day in (earlier, before, shown) if day is not None})
    tables = {day: _tables(records, day) for day in steps}
    now, rows_before, rows_earlier = tables[shown], _rows(tables, before), _rows(tables, earlier)
    changed = read_changed_rows(records.lake, records.source.name, shown, before)
    figures = [
        TableFigures(
            view=table.names.view,
            original=str(target),
            rows=table.manifest.rows,
            bytes=table.manifest.bytes,
            rows_before=rows_before.get(target),
            rows_earlier=rows_earlier.get(target),
            changed=changed.get(table.names.view),
        )
        for target, table in now.items()
    ]
    schema = [change for old, new in pairwise(steps) for change in schema_changes(old, tables[old], new, tables[new])]
    return Tables(
        figures=tuple(sorted(figures, key=lambda table: (-table.bytes, table.view))),
        before=before,
        earlier=earlier,
        schema=tuple(sorted(schema, key=lambda change: (-change.after.toordinal(), change.table, change.what))),
        without_view=_without_view(now, records.state.pointer, shown),
    )


def earlier_date(shown: date, days: Sequence[date]) -> date | None:
    """Returns the newest date at least a month earlier, or the oldest date."""
    older = [day for day in days if day < shown]
    return max((day for day in older if day <= shown - MONTH), default=min(older, default=None))


def _tables(records: SourceRecords, day: date) -> _Named:
    return {table.names.target: table for table in name_tables(records.manifest(day), records.source)}


def _rows(tables: Mapping[date, _Named], day: date | None) -> dict[TableTarget, int]:
    return {} if day is None else {target: table.manifest.rows for target, table in tables[day].items()}


def _without_view(tables: _Named, pointer: Pointer | None, shown: date) -> tuple[str, ...]:
    """Returns tables that were left out when the date was published: the pointer names every created view.

    A view may have an older name than lake.yaml gives now, so this applies only if there are fewer views than tables.
    """
    if pointer is None or pointer.snapshot_date != shown or len(pointer.views) >= len(tables):
        return ()
    return tuple(sorted(str(target) for target, table in tables.items() if table.names.view not in pointer.views))


def schema_changes(before: date, old: _Named, after: date, new: _Named) -> Iterator[SchemaChange]:
    """Yields the changes of tables and columns between two dates; column names are compared regardless of case."""
    for target in sorted(old.keys() | new.keys()):
        if target not in old:
            said = ["new table"]
        elif target not in new:
            said = ["the table is gone"]
        else:
            said = list(_columns(old[target].manifest.columns, new[target].manifest.columns))
        for what in said:
            yield SchemaChange(before=before, after=after, table=str(target), what=what)


def _columns(old: Sequence[Column], new: Sequence[Column]) -> Iterator[str]:
    was, now = ({column.name.lower(): column for column in columns} for columns in (old, new))
    for key, column in now.items():
        if key not in was:
            yield f"column {column.name} added, {_type(column)}"
        elif _type(was[key]) != _type(column):
            yield f"column {column.name} is {_type(column)}, before {_type(was[key])}"
    for key, column in was.items():
        if key not in now:
            yield f"column {column.name} is gone"


def _type(column: Column) -> str:
    """Returns the database's type with its lengths; for DynamoDB the type in the file."""
    sizes = [column.char_max_length, column.num_precision]
    size = next((f"({size})" for size in sizes if size is not None), "")
    return f"{column.original_type}{size}" if column.original_type else column.hive_type


def read_changed_rows(lake: Lake, source: str, day: date, before: date | None) -> Mapping[str, ChangedRows]:
    """Returns, by view, how many rows differ from the date before; empty if they were not counted (`changes:`).

    Also empty if they were compared with another date than `before`, which was rolled back or arrived later.
    """
    diff = find_date_diff(lake.s3, lake.layout, source, day)
    counted = () if diff is None or diff.before != before else diff.tables
    return {
        table.view: ChangedRows(added=table.added, removed=table.removed, changed=table.changed) for table in counted
    }
