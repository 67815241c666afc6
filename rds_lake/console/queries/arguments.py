"""The arguments of `rds-lake query`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from rds_lake.console.arguments import DAY, config_option, is_wide, load_config
from rds_lake.console.pull.arguments import require_pull

if TYPE_CHECKING:
    from rds_lake.aws.athena import QueryResult
    from rds_lake.config.lake_yaml import LakeConfig

_format = click.option(
    "--format",
    "layout",
    type=click.Choice(["auto", "table", "vertical", "csv", "json"]),
    default="auto",
    show_default=True,
    help="auto: a table if it fits the terminal, else one line per column.",
)


@click.command()
@click.argument("sql")
@click.option("--source", help="Source whose views the query reads; required if lake.yaml has several.")
@click.option("--as-of", type=DAY, help="Read the views as they were at this snapshot date.")
@click.option(
    "--rows", type=click.IntRange(1), help="Show at most this many rows.  [default: 200; all with csv and json]"
)
@_format
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with types and scanned bytes.")
@click.option("--write", is_flag=True, help="Allow a statement that changes something (DROP, CREATE, INSERT, …).")
@click.option("--local", "here", is_flag=True, help="Run it on this machine, over the lake's files, without Athena.")
@config_option
def query(
    sql: str,
    source: str | None,
    as_of: datetime | None,
    rows: int | None,
    layout: str,
    as_json: bool,
    write: bool,
    here: bool,
    config_path: Path,
) -> None:
    """Run a query in Athena, or on this machine, and show its result. Statements that change something need --write."""
    from rds_lake.console.connect import connect
    from rds_lake.console.queries.answers import Layout, consoles
    from rds_lake.console.queries.query import Question, chosen_source, print_query

    config, chosen = load_config(config_path), Layout.OBJECT if as_json else Layout(layout)
    question = Question(sql=sql, source=chosen_source(config, source), day=as_of.date() if as_of else None, write=write)
    most = rows or (None if chosen.for_programs else 200)
    console, notes = consoles(for_programs=chosen.for_programs, wide=is_wide())
    with _runner(config, question.source.name, most, here=here, write=write) as run:
        print_query(connect(config), question, console=console, notes=notes, layout=chosen, most_rows=most, run=run)


@contextmanager
def _runner(
    config: LakeConfig, database: str, most_rows: int | None, *, here: bool, write: bool
) -> Iterator[Callable[[str], QueryResult] | None]:
    """Returns what runs the query instead of Athena, with a folder for the files it reads; None: Athena runs it."""
    if not here:
        yield None
        return
    if write:
        raise click.UsageError("--local only reads: leave --write out, or --local")
    require_pull("duckdb")
    from rds_lake.aws.session import open_clients
    from rds_lake.console.queries.on_this_machine import run_here

    clients = open_clients(region=config.lake.region)
    with TemporaryDirectory(prefix="rds-lake-query-") as folder:
        yield partial(
            run_here, clients, database=database, folder=Path(folder), most_rows=most_rows, clock=time.monotonic
        )
