"""`rds-lake init`, `validate` and `schema`: the arguments. Commands are imported when called, as in `cli.py`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from rds_lake.console.arguments import FILE, lake_parameters, region_option

# As in `console/schemas/all.py`.
JSON_COMMANDS = ("diff", "doctor", "prune", "query", "status")


@click.command()
@lake_parameters
def validate(config_path: Path) -> None:
    """Check lake.yaml and print every problem with its line. Asks neither AWS nor Dagster."""
    from rds_lake.console.project.validate import validate as run

    run(config_path, say=click.echo)


@click.command()
@click.option("--out", type=FILE, help="Write the schema to this file, and print how editors find it.")
@click.option(
    "--of", "command", type=click.Choice(JSON_COMMANDS), help="Schema of what this command prints with --json."
)
def schema(out: Path | None, command: str | None) -> None:
    """Print the JSON schema of lake.yaml, for completion and checks in editors, or of a command's output with --json."""
    from rds_lake.console.project.schema import schema as run

    run(out, command, show=click.echo, say=partial(click.echo, err=True))


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
@click.option("--yes", is_flag=True, help="Do not ask: choose everything that can be exported, and the defaults.")
@region_option("Region to look at. Default: that of the credentials.")
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="NAME",
    help="Instance, cluster or table to export, or a pattern; may be repeated.",
)
@click.option("--bucket", help="Bucket of the lake. Default: NAME-ACCOUNT-REGION.")
@click.option(
    "--name", default="rds-lake", show_default=True, help="Prefix of the names of role, key, queue and topic."
)
@click.option("--start-date", type=click.DateTime(["%Y-%m-%d"]), help="First date to export. Default: today (UTC).")
@click.option("--price", "prices", multiple=True, metavar="KEY=USD", help="A price for the estimate; may be repeated.")
@click.option(
    "--size", "sizes", multiple=True, metavar="NAME=GB", help="Size of a source, for the estimate; may be repeated."
)
@click.option("--only-lake-yaml", is_flag=True, help="Write only lake.yaml and its schema, for an existing project.")
def init(folder: Path, yes: bool, start_date: datetime | None, **asked: Any) -> None:
    """Look at the account, ask which databases and tables to export, and write a project into FOLDER. Creates nothing in AWS."""
    from rds_lake.console.project.init import Asked
    from rds_lake.console.project.init import init as run

    def ask(question: str, *, default: str) -> str:
        return click.prompt(question, default=default)

    day = (start_date or datetime.now(UTC)).date()
    run(Asked(folder=folder, start_date=day, ask=None if yes else ask, **asked), say=click.echo)
