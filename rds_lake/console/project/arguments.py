"""`rds-lake init`, `validate` and `schema`: the arguments. Commands are imported when called, as in `cli.py`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from rds_lake.console.arguments import FILE, config_option


@click.command()
@config_option
def validate(config_path: Path) -> None:
    """Check lake.yaml: every problem with its line. Asks neither AWS nor Dagster."""
    from rds_lake.console.project.validate import validate as run

    run(config_path, say=click.echo)


@click.command()
@click.option("--out", type=FILE, help="Write it there, and say how an editor finds it.")
def schema(out: Path | None) -> None:
    """Print the JSON schema of lake.yaml, with which editors complete and check it."""
    from rds_lake.console.project.schema import schema as run

    run(out, show=click.echo, say=partial(click.echo, err=True))


@click.command()
def init() -> None:
    """x"""
