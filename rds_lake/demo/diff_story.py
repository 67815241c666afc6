"""What changed between the demo's two dates: every table in a line, then rows of one, as `rds-lake diff` prints them."""

from __future__ import annotations

from datetime import date

from rich.console import Console

from rds_lake.config.source import SourceSettings
from rds_lake.console.diff.lines import print_source_lines, print_table_lines
from rds_lake.stages.diff.compare import Asked, compare_table
from rds_lake.stages.diff.source import compare_source
from rds_lake.stages.lake.lake import Lake

_TABLE = "orders"


def show_changes(console: Console, lake: Lake, source: SourceSettings, before: date, after: date) -> None:
    """The summary of the source, and a row of each kind of one table."""
    found = compare_source(lake, source, Asked(before=before, after=after), known_key=lambda _: ())
    console.print("\n[bold]What changed between the two dates[/]")
    console.print(f"rds-lake diff {source.name} {before} {after} --summary", style="dim", highlight=False)
    print_source_lines(console, found)
    asked = Asked(before=before, after=after, most_rows=1)
    console.print(f"\nrds-lake diff {source.name}.{_TABLE} {before} {after} --rows 1", style="dim", highlight=False)
    print_table_lines(console, compare_table(lake, source, _TABLE, asked, known_key=lambda _: ()), asked)
