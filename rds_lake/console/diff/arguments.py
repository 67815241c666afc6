"""The arguments of `rds-lake diff`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rds_lake.console.arguments import DAY, config_option, is_wide, load_config

if TYPE_CHECKING:
    from rds_lake.stages.diff.compare import Asked


_format = click.option(
    "--format",
    "layout",
    type=click.Choice(["table", "csv", "json", "html"]),
    default="table",
    show_default=True,
    help="csv: one line per row and column; html: a page in one file.",
)


@click.command()
@click.argument("table", metavar="SOURCE[.VIEW]")
@click.argument("before", type=DAY, metavar="DATE")
@click.argument("after", type=DAY, metavar="DATE")
@click.option("--summary", is_flag=True, help="Compare all tables of the source, and show one line per table.")
@click.option("--key", "keys", multiple=True, metavar="COLUMN", help="Column of the primary key; may be repeated.")
@click.option("--whole-rows", is_flag=True, help="Compare without a key: show rows that one date has more often.")
@click.option("--columns", multiple=True, metavar="COLUMN", help="Compare only this column; may be repeated.")
@click.option(
    "--ignore", "ignored", multiple=True, metavar="COLUMN", help="Do not compare this column; may be repeated."
)
@click.option("--where", metavar="CONDITION", help="Compare only rows that match this condition: region = 'EU'.")
@click.option(
    "--rows", type=click.IntRange(0, 10_000), default=20, show_default=True, help="How many rows of each kind to show."
)
@_format
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@config_option
def diff(table: str, layout: str, as_json: bool, config_path: Path, **asked: Any) -> None:
    """Show which rows of a table were added, removed and changed between two snapshot dates.

    Rows are joined by the primary key that --key or `keys:` in lake.yaml names. Each date is read once, by one statement of Athena.
    """
    from rds_lake.console.connect import connect
    from rds_lake.console.diff.run import print_source, print_table
    from rds_lake.console.queries.answers import consoles

    source, _, view = table.partition(".")
    layout = "json" if as_json else layout
    summary: bool = asked.pop("summary")
    _refuse_contradictions(view, summary=summary, **asked)
    console, notes = consoles(for_programs=layout != "table", wide=is_wide())
    connected = connect(load_config(config_path))
    settings, question = connected.config.source(source), _question(summary=summary, **asked)
    if summary:
        sys.exit(print_source(connected, settings, question, layout, console=console, notes=notes))
    print_table(connected, settings, view, question, layout, console=console, notes=notes)


def _refuse_contradictions(view: str, *, summary: bool, keys: Sequence[str], whole_rows: bool, **others: Any) -> None:
    if bool(view) == summary:
        raise click.UsageError("name a view, as in `rds-lake diff shop.orders …`, or a source alone with --summary")
    if summary and (keys or any(others[name] for name in ("columns", "ignored", "where"))):
        raise click.UsageError("--key, --columns, --ignore and --where need one table; --summary compares all tables")
    if keys and whole_rows:
        raise click.UsageError("--key and --whole-rows cannot be used together; leave one out")


def _question(*, before: datetime, after: datetime, summary: bool, rows: int, **others: Any) -> Asked:
    from rds_lake.stages.diff.compare import Asked

    return Asked(before=before.date(), after=after.date(), most_rows=0 if summary else rows, **others)
