"""The arguments of `rds-lake query`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from rds_lake.console.arguments import DAY, config_option, is_wide, load_config

_format = click.option(
    "--format",
    "layout",
    type=click.Choice(["auto", "table", "vertical", "csv", "json"]),
    default="auto",
    show_default=True,
    help="auto: a table where it fits the terminal, else one column a line.",
)


@click.command()
@click.argument("sql")
@click.option("--source", help="Whose views the query reads; needed where lake.yaml has several sources.")
@click.option("--as-of", type=DAY, help="Read the views as they were at this snapshot date.")
@click.option(
    "--rows", type=click.IntRange(1), help="Show at most so many rows.  [default: 200; all of them as csv and json]"
)
@_format
@click.option("--json", "as_json", is_flag=True, help="For programs: one object, with types and what was scanned.")
@click.option("--write", is_flag=True, help="Also a statement that changes something (DROP, CREATE, INSERT, …).")
@config_option
def query(
    sql: str,
    source: str | None,
    as_of: datetime | None,
    rows: int | None,
    layout: str,
    as_json: bool,
    write: bool,
    config_path: Path,
) -> None:
    """Run a query in Athena; show its answer and how many bytes it scanned. Reads only, unless --write is given."""
    from rds_lake.console.connect import connect
    from rds_lake.console.queries.answers import Layout, consoles
    from rds_lake.console.queries.query import Question, chosen_source, print_query

    config, chosen = load_config(config_path), Layout.OBJECT if as_json else Layout(layout)
    question = Question(sql=sql, source=chosen_source(config, source), day=as_of.date() if as_of else None, write=write)
    most = rows or (None if chosen.for_programs else 200)
    console, notes = consoles(for_programs=chosen.for_programs, wide=is_wide())
    print_query(connect(config), question, console=console, notes=notes, layout=chosen, most_rows=most)
