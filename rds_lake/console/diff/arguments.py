"""The arguments of `rds-lake diff`."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path

import click

from rds_lake.console.arguments import DAY, config_option, load_config


@click.command()
@click.argument("table", metavar="SOURCE[.VIEW]")
@click.argument("before", type=DAY, metavar="DATE")
@click.argument("after", type=DAY, metavar="DATE")
@click.option("--summary", is_flag=True, help="All tables of the source, a line each.")
@click.option("--key", "keys", multiple=True, metavar="COLUMN", help="Of the primary key; may be repeated.")
@click.option("--whole-rows", is_flag=True, help="Compare without a key: which rows occur more often at which date.")
@click.option("--columns", multiple=True, metavar="COLUMN", help="Compare only this column; may be repeated.")
@click.option(
    "--ignore", "ignored", multiple=True, metavar="COLUMN", help="Do not compare this column; may be repeated."
)
@click.option("--where", metavar="CONDITION", help="Only rows that fulfil it, such as: region = 'EU'.")
@click.option(
    "--rows", type=click.IntRange(0, 10_000), default=20, show_default=True, help="Show so many rows of each kind."
)
@click.option(
    "--format",
    "layout",
    type=click.Choice(["table", "csv", "json", "html"]),
    default="table",
    show_default=True,
    help="csv: a line per row and column; html: a page that needs nothing else.",
)
@config_option
def diff(
    table: str,
    before: datetime,
    after: datetime,
    summary: bool,
    keys: tuple[str, ...],
    whole_rows: bool,
    columns: tuple[str, ...],
    ignored: tuple[str, ...],
    where: str | None,
    rows: int,
    layout: str,
    config_path: Path,
) -> None:
    """Show which rows of a table were added, removed and changed between two snapshot dates.

    Rows are joined by the primary key that --key or `keys:` in lake.yaml names. Each date is read once, by one statement of Athena.
    """
    from rds_lake.console.connect import connect
    from rds_lake.console.diff.run import print_source, print_table
    from rds_lake.console.queries.answers import consoles
    from rds_lake.stages.diff.compare import Asked

    source, _, view = table.partition(".")
    if bool(view) == summary:
        raise click.UsageError("name a view, as in `rds-lake diff shop.orders …`, or a source alone with --summary")
    if summary and (keys or columns or ignored or where):
        raise click.UsageError("--key, --columns, --ignore and --where are of one table, and --summary compares all")
    if keys and whole_rows:
        raise click.UsageError("--key and --whole-rows exclude each other")
    asked = Asked(
        before=before.date(),
        after=after.date(),
        keys=keys,
        whole_rows=whole_rows,
        columns=columns,
        ignored=ignored,
        where=where,
        most_rows=0 if summary else rows,
    )
    connected = connect(load_config(config_path))
    wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    console, notes = consoles(for_programs=layout != "table", wide=wide)
    settings = connected.config.source(source)
    if summary:
        sys.exit(print_source(connected, settings, asked, layout, console=console, notes=notes))
    print_table(connected, settings, view, asked, layout, console=console, notes=notes)
