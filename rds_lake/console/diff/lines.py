"""What two dates differ by, for a person at a terminal: changes of columns first, then counts, then rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.filesize import decimal
from rich.text import Text

from rds_lake.console.tables import Cell, print_values
from rds_lake.model.athena_price import athena_usd
from rds_lake.stages.diff.compare import Asked
from rds_lake.stages.diff.result import RowDiff, SchemaChange, TableDiff
from rds_lake.stages.diff.source import SourceDiff

_NULL = Text("NULL", style="dim")


def print_table_lines(console: Console, diff: TableDiff, asked: Asked) -> None:
    """Everything about one table."""
    console.print(f"{diff.source}.{diff.view}, {diff.before} to {diff.after}", style="bold", highlight=False)
    for line in schema_lines(diff.schema):
        console.print(line, markup=False, highlight=False)
    console.print(counts(diff), markup=False, highlight=False)
    if not diff.keys and not asked.whole_rows:
        console.print(
            f"whole rows were compared, as no key is known: name it with --key, or in lake.yaml under `keys:` of {diff.source}",
            style="yellow", markup=False, highlight=False,
        )  # fmt: skip
    if diff.by_column:
        rows = [[name, f"{many:,}"] for name, many in sorted(diff.by_column.items(), key=lambda item: -item[1])]
        print_values(console, ["column", "changed in rows"], rows, right=frozenset({1}))
    for kind in ("added", "removed"):
        _print_whole(console, diff, [row for row in diff.rows if row.kind == kind], kind)
    _print_changed(console, diff, [row for row in diff.rows if row.kind == "changed"])
    console.print(scanned(diff.bytes_scanned, 1, diff.milliseconds), style="dim", highlight=False)


def print_source_lines(console: Console, found: SourceDiff) -> None:
    """A line for every table that differs, and the number of those that do not."""
    console.print(f"{found.source}, {found.before} to {found.after}", style="bold", highlight=False)
    for view in found.only_before:
        console.print(f"{view}: only at {found.before}", markup=False, highlight=False)
    for view in found.only_after:
        console.print(f"{view}: only at {found.after}", markup=False, highlight=False)
    differing = [table for table in found.tables if not table.is_same]
    columns = ["view", "rows before", "rows after", "added", "removed", "changed", "most changed columns", "schema"]
    if differing:
        rows = [_summary_row(table) for table in differing]
        print_values(console, columns, rows, right=frozenset({1, 2, 3, 4, 5}))
    same = len(found.tables) - len(differing)
    console.print(f"{same} of {len(found.tables)} tables are the same", highlight=False)
    spent = sum(table.milliseconds for table in found.tables)
    console.print(scanned(found.bytes_scanned, len(found.tables), spent), style="dim", highlight=False)


def counts(diff: TableDiff) -> str:
    """`3 rows added, 1 removed, 2 changed, 40 the same (by id): 46 before, 48 after`."""
    how = f"by {', '.join(diff.keys)}" if diff.keys else "whole rows"
    changed = f" {diff.changed:,} changed," if diff.keys else ""
    return (
        f"{diff.added:,} row{'' if diff.added == 1 else 's'} added, {diff.removed:,} removed,{changed} {diff.same:,} the same "
        f"({how}): {diff.rows_before:,} before, {diff.rows_after:,} after"
    )


def schema_lines(schema: SchemaChange) -> Iterator[str]:
    """What became of the columns, a sentence each."""
    if schema.added:
        yield f"new columns, not compared: {', '.join(schema.added)}"
    if schema.dropped:
        yield f"columns that are gone, not compared: {', '.join(schema.dropped)}"
    for name, (before, after) in schema.retyped.items():
        why = schema.not_compared.get(name)
        yield f"{name}: {before} became {after}{f'; not compared: {why}' if why else ''}"


def scanned(bytes_scanned: int, statements: int, milliseconds: int) -> str:
    """What it took: `1.2 GB scanned by 1 statement, 3.1 s, about 0.006 USD`."""
    usd = athena_usd(bytes_scanned, statements)
    many = f"{statements} statement{'' if statements == 1 else 's'}"
    return f"{decimal(bytes_scanned)} scanned by {many}, {milliseconds / 1000:.1f} s of Athena, about {usd:.4f} USD"


def _summary_row(table: TableDiff) -> list[Cell]:
    most = sorted(table.by_column.items(), key=lambda item: -item[1])[:3]
    return [
        table.view,
        f"{table.rows_before:,}",
        f"{table.rows_after:,}",
        f"{table.added:,}",
        f"{table.removed:,}",
        f"{table.changed:,}" if table.keys else "no key",
        ", ".join(f"{name} ({many:,})" for name, many in most),
        "; ".join(schema_lines(table.schema)),
    ]


def _print_whole(console: Console, diff: TableDiff, rows: Sequence[RowDiff], kind: str) -> None:
    if not rows:
        return
    total = diff.added if kind == "added" else diff.removed
    shown = [_cells({**row.key, **(row.after or row.before or {})}) for row in rows]
    columns = [*rows[0].key, *(rows[0].after or rows[0].before or {})]
    if not diff.keys:
        columns, shown = (
            ["times", *columns],
            [[f"{row.times:,}", *cells] for row, cells in zip(rows, shown, strict=True)],
        )
    print_values(console, columns, shown, title=_title(kind, len(rows), total if diff.keys else None))


def _print_changed(console: Console, diff: TableDiff, rows: Sequence[RowDiff]) -> None:
    if not rows:
        return
    shown: list[list[Cell]] = []
    for row in rows:
        before, after = row.before or {}, row.after or {}
        key = _cells(row.key)
        shown += [[*key, name, *_cells({"before": before[name], "after": after[name]})] for name in before]
    title = _title("changed", len(rows), diff.changed)
    print_values(console, [*diff.keys, "column", str(diff.before), str(diff.after)], shown, title=title)


def _title(kind: str, shown: int, total: int | None) -> str:
    return kind if total in (None, shown) else f"{kind}: the first {shown:,} of {total:,} (--rows shows more)"


def _cells(values: Mapping[str, str | None]) -> list[Cell]:
    return [_NULL if value is None else value for value in values.values()]
