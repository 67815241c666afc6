"""`rds-lake streams …`: the arguments. Commands are imported when called, as in `cli.py`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from rds_lake.console.arguments import FILE, FOLDER, config_option, lake_parameters, load_config


@click.group()
def streams() -> None:
    """Changes of tables, captured by triggers in the database and forwarded to the lake."""


_dsn_option = click.option("--dsn", metavar="URL", help="URL of the database, instead of the one in `streams.secret`.")
_database_option = click.option(
    "--database", "databases", multiple=True, help="Only this database of the source; may be repeated."
)


@streams.command()
@click.argument("source")
@click.option(
    "--install", is_flag=True, help="Run the SQL in the database, in one transaction if the engine allows it."
)
@click.option("--drop", is_flag=True, help="Remove the triggers, the functions, and the outbox if it is empty.")
@click.option(
    "--reader",
    metavar="USER",
    help="Database user that forwards, and gets the grants. Default: that of `streams.secret`.",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="TABLE=COLUMN,…",
    help="Key columns of a table, to print the SQL without a database, from the newest snapshot; once per table.",
)
@_dsn_option
@config_option
def triggers(source: str, config_path: Path, **asked: Any) -> None:
    """Print the SQL that captures changes of SOURCE's tables in the database, or run it: this changes the production database."""
    from rds_lake.console.streams.triggers import Asked
    from rds_lake.console.streams.triggers import triggers as run

    run(load_config(config_path), Asked(source=source, **asked), show=click.echo, say=partial(click.echo, err=True))


@streams.command()
@click.argument("source")
@click.option("--forever", is_flag=True, help="Repeat until Ctrl-C; after a failure, with longer and longer pauses.")
@click.option(
    "--every",
    "every_seconds",
    type=click.FloatRange(0.1),
    help="Seconds between two turns. Default: `forward_minutes`.",
)
@_database_option
@_dsn_option
@config_option
def forward(forever: bool, config_path: Path, **asked: Any) -> None:
    """Read the changes in SOURCE's outbox, write them to the lake as one cut, and delete them from the outbox."""
    from rds_lake.console.streams.forward import Asked
    from rds_lake.console.streams.forward import forward as run

    run(load_config(config_path), Asked(**asked), forever=forever, say=click.echo)


@streams.command()
@click.argument("source")
@_database_option
@_dsn_option
@config_option
def reset(config_path: Path, **asked: Any) -> None:
    """Begin a new epoch of SOURCE, after its database was restored, or before a copy of it is captured."""
    from rds_lake.console.streams.forward import Asked
    from rds_lake.console.streams.forward import reset as run

    run(load_config(config_path), Asked(**asked), say=click.echo)


@streams.command()
@click.option("--output", type=FILE, default="rds-lake-streams.zip", show_default=True, help="The ZIP file to write.")
@click.option("--upload", is_flag=True, help="Upload it to the lake instead, for the function of the template.")
@click.option(
    "--forwarder", is_flag=True, help="Package the function that forwards outboxes on a schedule, with lake.yaml."
)
@click.option("--packages", type=FOLDER, help="With --forwarder: a folder of packages for another Python or processor.")
@lake_parameters
def package(output: Path, config_path: Path, *, upload: bool, forwarder: bool, packages: Path | None) -> None:
    """Write the Lambda function that triggers of `capture: lambda` invoke, or the one that forwards outboxes."""
    from rds_lake.console.streams.package import package as write
    from rds_lake.console.streams.package import upload as put
    from rds_lake.console.streams.package_forwarder import package_forwarder

    if forwarder:
        text = config_path.read_text(encoding="utf-8") if config_path.exists() else ""
        package_forwarder(load_config(config_path), text, None if upload else output, packages, say=click.echo)
    elif upload:
        put(load_config(config_path), say=click.echo)
    else:
        write(output, say=click.echo)
