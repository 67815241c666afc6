"""The arguments of `rds-lake ddl`."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path

import click

from rds_lake.console.arguments import DAY, FILE, config_option, load_config

# As in `sql/readers/render.py`, which imports sqlglot.
ENGINES = ("snowflake", "databricks", "redshift-spectrum", "trino", "duckdb", "spark")


@click.command()
@click.argument("source")
@click.option("--for", "engine", type=click.Choice(ENGINES), required=True, help="Who is to read the files.")
@click.option("--tables", multiple=True, metavar="VIEW", help="Only this view, or views of a pattern; may be repeated.")
@click.option("--date", "day", type=DAY, help="Which snapshot date. Default: the published one.")
@click.option(
    "--schema",
    metavar="NAME",
    help="Where the views are made.  [default: SOURCE; SOURCE_views for Trino, which has SOURCE]",
)
@click.option("--out", type=FILE, help="Write it there.")
@config_option
def ddl(
    source: str,
    engine: str,
    tables: tuple[str, ...],
    day: datetime | None,
    schema: str | None,
    out: Path | None,
    config_path: Path,
) -> None:
    """Print the DDL by which another engine reads the files of SOURCE, with the types of the views in Athena. Runs none of it."""
    from rds_lake.console.connect import connect
    from rds_lake.console.readers.ddl import Wanted
    from rds_lake.console.readers.ddl import ddl as run

    connected = connect(load_config(config_path))
    wanted = Wanted(engine=engine, tables=tables, day=day.date() if day else None, schema=schema, out=out)
    run(connected, connected.config.source(source), wanted, show=click.echo, say=partial(click.echo, err=True))
