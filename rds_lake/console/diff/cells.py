"""The parts of a comparison that the terminal and the page share: sentences about a source, and rows as cells under a header."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rds_lake.stages.diff.result import RowDiff, TableDiff
from rds_lake.stages.diff.source import SourceDiff

Row = list[str | None]


def of_one_date(diff: SourceDiff) -> Iterator[str]:
    """Returns a sentence for each table that only one of the dates has."""
    yield from (f"{view}: only at {diff.before}" for view in diff.only_before)
    yield from (f"{view}: only at {diff.after}" for view in diff.only_after)


def whole_rows(diff: TableDiff, rows: Sequence[RowDiff]) -> tuple[list[str], list[Row]]:
    """Returns added or removed rows with all values; without a key, the first cell is how often the row occurs."""
    values = [{**row.key, **(row.after or row.before or {})} for row in rows]
    header, cells = list(values[0]), [list(each.values()) for each in values]
    if diff.keys:
        return header, cells
    return ["times", *header], [[f"{row.times:,}", *shown] for row, shown in zip(rows, cells, strict=True)]


def changed_values(diff: TableDiff, rows: Sequence[RowDiff]) -> tuple[list[str], list[Row]]:
    """Returns a line for every value that differs: the key, the column, before, after."""
    cells: list[Row] = []
    for row in rows:
        before, after = row.before or {}, row.after or {}
        cells += [[*row.key.values(), name, before[name], after[name]] for name in before]
    return [*diff.keys, "column", str(diff.before), str(diff.after)], cells
