"""Two more commands on the demo's lake: the changes between its two dates, and the report page.

The output is that of `rds-lake diff` and `rds-lake report`.
"""

from __future__ import annotations

from datetime import date, datetime

from rich.console import Console

from rds_lake.config.source import SourceSettings
from rds_lake.console.connect import Connected
from rds_lake.console.diff.lines import print_source_lines, print_table_lines
from rds_lake.console.report.arguments import PAGE
from rds_lake.console.report.run import report
from rds_lake.stages.diff.compare import Asked, compare_table
from rds_lake.stages.diff.source import compare_source
from rds_lake.stages.lake.lake import Lake

_TABLE = "orders"


def show_changes(console: Console, lake: Lake, source: SourceSettings, before: date, after: date) -> None:
    """Show the summary of the source, and one row of each kind for one table."""
    diff = compare_source(lake, source, Asked(before=before, after=after), known_key=lambda _: ())
    console.print("\n[bold]What changed between the two dates[/]")
    console.print(f"rds-lake diff {source.name} {before} {after} --summary", style="dim", highlight=False)
    print_source_lines(console, diff)
    asked = Asked(before=before, after=after, most_rows=1)
    console.print(f"\nrds-lake diff {source.name}.{_TABLE} {before} {after} --rows 1", style="dim", highlight=False)
    print_table_lines(console, compare_table(lake, source, _TABLE, asked, known_key=lambda _: ()), asked)


def write_page(console: Console, connected: Connected, now: datetime) -> None:
    """Write the report into the folder in which the demo was started, to open afterwards."""
    console.print("\n[bold]A page about the lake[/]")
    console.print("rds-lake report", style="dim", highlight=False)
    report(connected, (), PAGE, dagster_home=None, now=now, console=console)
