"""`rds-lake diff`: compares two dates, and prints the result.

What belongs here: the command. The output formats are `lines.py`, `programs.py` and `page.py`.
"""

from __future__ import annotations

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from rds_lake.config.source import SourceSettings
from rds_lake.console.connect import Connected
from rds_lake.console.diff.lines import print_source_lines, print_table_lines
from rds_lake.console.diff.page import source_page, table_page
from rds_lake.console.diff.programs import source_csv, source_json, table_csv, table_json
from rds_lake.stages.diff.compare import Asked, compare_table
from rds_lake.stages.diff.keys import keys_of_dynamodb
from rds_lake.stages.diff.source import compare_source


def print_table(
    connected: Connected,
    source: SourceSettings,
    view: str,
    asked: Asked,
    layout: str,
    *,
    console: Console,
    notes: Console,
) -> None:
    """Compare one table and print the differences of its rows."""
    with notes.status(f"Athena compares {source.name}.{view} of {asked.before} and {asked.after}"):
        diff = compare_table(connected.lake, source, view, asked, known_key=keys_of_dynamodb(connected.dynamodb))
    if layout == "table":
        print_table_lines(console, diff, asked)
    else:
        click.echo({"csv": table_csv, "json": table_json, "html": table_page}[layout](diff), nl=False)


def print_source(
    connected: Connected, source: SourceSettings, asked: Asked, layout: str, *, console: Console, notes: Console
) -> int:
    """Compare all tables and print a line for each. Returns the exit code: 1 if a table could not be compared."""
    columns = (TextColumn("comparing"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=notes, transient=True) as progress:
        bar = progress.add_task("", total=None)
        diff = compare_source(
            connected.lake,
            source,
            asked,
            known_key=keys_of_dynamodb(connected.dynamodb),
            begun=lambda many: progress.update(bar, total=many),
            done=lambda: progress.advance(bar),
        )
    if layout == "table":
        print_source_lines(console, diff)
    else:
        click.echo({"csv": source_csv, "json": source_json, "html": source_page}[layout](diff), nl=False)
    for view, problem in diff.problems.items():
        notes.print(
            f"{source.name}.{view} could not be compared: {problem}", style="red", markup=False, highlight=False
        )
    return 1 if diff.problems else 0
