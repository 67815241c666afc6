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
@click.option("--for", "engine", type=click.Choice(ENGINES), required=True, help="The engine that reads the files.")
@click.option(
    "--tables", multiple=True, metavar="VIEW", help="Only this view, or the views that match this pattern; repeatable."
)
@click.option("--date", "day", type=DAY, help="Snapshot date to read. Default: the published one.")
@click.option(
    "--schema",
    metavar="NAME",
    help="Schema to create the views in.  [default: SOURCE; for Trino SOURCE_views, as it has SOURCE already]",
)
@click.option("--out", type=FILE, help="Write the DDL to this file.")
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
    """Print the DDL with which another engine reads the files of SOURCE, with the types of the views in Athena. Nothing is run."""
    from rds_lake.console.connect import connect
    from rds_lake.console.readers.ddl import Wanted
    from rds_lake.console.readers.ddl import ddl as run

    connected = connect(load_config(config_path))
    wanted = Wanted(engine=engine, tables=tables, day=day.date() if day else None, schema=schema, out=out)
    run(connected, connected.config.source(source), wanted, show=click.echo, say=partial(click.echo, err=True))
