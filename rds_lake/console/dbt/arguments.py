"""The arguments of `rds-lake dbt …`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from rds_lake.console.arguments import FILE, config_option, load_config


@click.group()
def dbt() -> None:
    """The lake as sources of a dbt project."""


@dbt.command()
@click.argument("sources", nargs=-1)
@click.option(
    "--out",
    type=FILE,
    default="sources.yml",
    show_default=True,
    help="File to write, within the models of the dbt project.",
)
@click.option(
    "--for",
    "adapter",
    type=click.Choice(["athena", "duckdb"]),
    default="athena",
    show_default=True,
    help="Adapter of dbt. With duckdb, `database` comes from the profile.",
)
@click.option("--dry-run", is_flag=True, help="Show the changes without writing them.")
@click.option("--check", is_flag=True, help="Write nothing; exit with code 1 if the file would change.")
@click.option(
    "--offline",
    is_flag=True,
    help="Do not call AWS: use the tables that Dagster knows, and keep the columns of the file.",
)
@config_option
def sources(config_path: Path, **asked: Any) -> None:
    """Write the tables of SOURCES (default: all) as dbt sources into the file; what a person wrote there is kept."""
    from rds_lake.console.dbt.command import Asked
    from rds_lake.console.dbt.command import sources as run

    say = partial(click.echo, err=True)
    sys.exit(run(load_config(config_path), Asked(**asked), show=click.echo, say=say))
