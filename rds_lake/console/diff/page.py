"""The differences of two dates as one self-contained HTML page, readable on a phone, on paper, and in dark mode."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rds_lake.console.diff.cells import changed_values, of_one_date, whole_rows
from rds_lake.console.diff.lines import counts, scanned, schema_lines
from rds_lake.model.words import counted
from rds_lake.stages.diff.result import TableDiff
from rds_lake.stages.diff.source import SourceDiff
from rds_lake.stages.report.page.html import Html, document, element, joined

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
th, td { border-bottom: 1px solid #8886; padding: .25rem .6rem; text-align: left; vertical-align: top; white-space: pre-wrap; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
.null { opacity: .6; font-style: italic; } footer { margin-top: 2rem; opacity: .7; font-size: .9rem; }
@media print { .wide { overflow: visible; } }
"""


def table_page(diff: TableDiff) -> str:
    """Returns the page of one table."""
    title = f"{diff.source}.{diff.view}, {diff.before} to {diff.after}"
    parts = [element("p", line) for line in (*schema_lines(diff.schema), counts(diff))]
    if diff.by_column:
        parts.append(_table(["column", "changed in rows"], [[name, f"{many:,}"] for name, many in diff.most_changed]))
    for kind in ("added", "removed", "changed"):
        rows = [row for row in diff.rows if row.kind == kind]
        if rows:
            parts.append(element("h2", kind))
            parts.append(_table(*(changed_values if kind == "changed" else whole_rows)(diff, rows)))
    return _page(title, parts, scanned(diff.bytes_scanned, 1, diff.milliseconds))


def source_page(diff: SourceDiff) -> str:
    """Returns the page of a source, with a line for each table."""
    header = ["view", "rows before", "rows after", "added", "removed", "changed", "schema"]
    rows = [
        [
            table.view,
            *(f"{number:,}" for number in (table.rows_before, table.rows_after, table.added, table.removed)),
            f"{table.changed:,}" if table.keys else "no key",
            "; ".join(schema_lines(table.schema)),
        ]
        for table in diff.tables
        if not table.is_same
    ]
    same = len(diff.tables) - len(rows)
    lines = [
        *of_one_date(diff),
        *(f"{view} could not be compared: {problem}" for view, problem in diff.problems.items()),
        f"{same} of {counted(len(diff.tables), 'table', 'is', 'are')} the same",
    ]
    parts = [*(element("p", line) for line in lines), *([_table(header, rows)] if rows else [])]
    spent = sum(table.milliseconds for table in diff.tables)
    return _page(
        f"{diff.source}, {diff.before} to {diff.after}",
        parts,
        scanned(diff.bytes_scanned, len(diff.tables), spent),
    )


def _page(title: str, parts: Iterable[Html], footer: str) -> str:
    return document(title, _STYLE, joined([element("h1", title), *parts, element("footer", footer)]))


def _table(header: Sequence[str], rows: Iterable[Sequence[str | None]]) -> Html:
    head = element("thead", element("tr", *(element("th", name) for name in header)))
    body = element("tbody", Html("\n".join(element("tr", *map(_cell, row)) for row in rows)))
    return element("div", element("table", head, body), klass="wide")


def _cell(value: str | None) -> Html:
    if value is None:
        return element("td", "NULL", klass="null")
    is_number = value.replace(",", "").replace(".", "").removeprefix("-").isdigit()
    return element("td", value, **({"klass": "n"} if is_number else {}))
