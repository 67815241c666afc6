"""The differences of two dates for the terminal: changed columns first, then counts, then rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.filesize import decimal
from rich.text import Text

from rds_lake.console.diff.cells import changed_values, of_one_date, whole_rows
from rds_lake.console.tables import Cell, print_values
from rds_lake.model.athena_price import athena_usd
from rds_lake.model.words import counted
from rds_lake.sql.diff.columns import SchemaChange
from rds_lake.stages.diff.compare import Asked
from rds_lake.stages.diff.result import RowDiff, TableDiff
from rds_lake.stages.diff.source import SourceDiff

_NULL = Text("NULL", style="dim")


def print_table_lines(console: Console, diff: TableDiff, asked: Asked) -> None:
    """Print the differences of one table."""
    console.print(f"{diff.source}.{diff.view}, {diff.before} to {diff.after}", style="bold", highlight=False)
    for line in schema_lines(diff.schema):
        console.print(line, markup=False, highlight=False)
    console.print(counts(diff), markup=False, highlight=False, soft_wrap=True)
    if not diff.keys and not asked.whole_rows:
        console.print(
            f"no key is known, so whole rows were compared: name the key with --key, or under `keys:` of {diff.source} in lake.yaml",
            style="yellow", markup=False, highlight=False,
        )  # fmt: skip
    if diff.by_column:
        rows = [[name, f"{many:,}"] for name, many in diff.most_changed]
        print_values(console, ["column", "changed in rows"], rows, right=frozenset({1}))
    for kind in ("added", "removed"):
        _print_whole(console, diff, [row for row in diff.rows if row.kind == kind], kind)
    _print_changed(console, diff, [row for row in diff.rows if row.kind == "changed"])
    console.print(scanned(diff.bytes_scanned, 1, diff.milliseconds), style="dim", highlight=False)


def print_source_lines(console: Console, diff: SourceDiff) -> None:
    """Print a line for every table that differs, and the number of equal tables."""
    console.print(f"{diff.source}, {diff.before} to {diff.after}", style="bold", highlight=False)
    for line in of_one_date(diff):
        console.print(line, markup=False, highlight=False)
    differing = [table for table in diff.tables if not table.is_same]
    columns = ["view", "before", "after", "added", "removed", "changed", "most changed columns", "schema"]
    rows = [_summary_row(table) for table in differing]
    filled = [
        at for at in range(len(columns)) if at < 6 or any(row[at] for row in rows)
    ]  # a short form, which fits more terminals
    if differing:
        shown = [[row[at] for at in filled] for row in rows]
        print_values(console, [columns[at] for at in filled], shown, right=frozenset({1, 2, 3, 4, 5}))
    same = len(diff.tables) - len(differing)
    console.print(f"{same} of {counted(len(diff.tables), 'table', 'is', 'are')} the same", highlight=False)
    spent = sum(table.milliseconds for table in diff.tables)
    console.print(scanned(diff.bytes_scanned, len(diff.tables), spent), style="dim", highlight=False)


def counts(diff: TableDiff) -> str:
    """Returns `3 rows added, 1 removed, 2 changed, 40 the same (by id): 46 before, 48 after`."""
    how = f"by {', '.join(diff.keys)}" if diff.keys else "whole rows"
    changed = f" {diff.changed:,} changed," if diff.keys else ""
    return (
        f"{counted(diff.added, 'row')} added, {diff.removed:,} removed,{changed} {diff.same:,} the same "
        f"({how}): {diff.rows_before:,} before, {diff.rows_after:,} after"
    )


def schema_lines(schema: SchemaChange) -> Iterator[str]:
    """Returns a sentence for each column that is new, removed or of another type."""
    if schema.added:
        yield f"new columns, not compared: {', '.join(schema.added)}"
    if schema.dropped:
        yield f"columns that are gone, not compared: {', '.join(schema.dropped)}"
    for name, (before, after) in schema.retyped.items():
        why = schema.not_compared.get(name)
        yield f"{name}: {before} became {after}{f'; not compared: {why}' if why else ''}"


def scanned(bytes_scanned: int, statements: int, milliseconds: int) -> str:
    """Returns bytes, time and price: `1.2 GB scanned by 1 statement, 3.1 s of Athena, about 0.006 USD`."""
    usd = athena_usd(bytes_scanned, statements)
    many = counted(statements, "statement")
    return f"{decimal(bytes_scanned)} scanned by {many}, {milliseconds / 1000:.1f} s of Athena, about {usd:.4f} USD"


def _summary_row(table: TableDiff) -> list[Cell]:
    return [
        table.view,
        f"{table.rows_before:,}",
        f"{table.rows_after:,}",
        f"{table.added:,}",
        f"{table.removed:,}",
        f"{table.changed:,}" if table.keys else "no key",
        ", ".join(f"{name} ({many:,})" for name, many in table.most_changed[:3]),
        "; ".join(schema_lines(table.schema)),
    ]


def _print_whole(console: Console, diff: TableDiff, rows: Sequence[RowDiff], kind: str) -> None:
    if rows:
        total = diff.added if kind == "added" else diff.removed
        header, cells = whole_rows(diff, rows)
        title = _title(kind, len(rows), total if diff.keys else None)
        print_values(console, header, [_shown(row) for row in cells], title=title)


def _print_changed(console: Console, diff: TableDiff, rows: Sequence[RowDiff]) -> None:
    if rows:
        header, cells = changed_values(diff, rows)
        title = _title("changed", len(rows), diff.changed)
        print_values(console, header, [_shown(row) for row in cells], title=title)


def _title(kind: str, shown: int, total: int | None) -> str:
    return kind if total in (None, shown) else f"{kind}: the first {shown:,} of {total:,} (--rows shows more)"


def _shown(row: Sequence[str | None]) -> list[Cell]:
    return [_NULL if value is None else value for value in row]
