"""The arguments of `rds-lake pull`, and the packages that it needs."""

from __future__ import annotations

import importlib.util
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from rds_lake.console.arguments import DAY, config_option, load_config

_POSTGRES = ("postgresql://", "postgres://")

_to = click.option(
    "--to",
    "target",
    required=True,
    metavar="FILE|URL",
    help="Path of a DuckDB file, or postgresql://… (set the password in PGPASSWORD).",
)
_date = click.option("--date", "day", type=DAY, help="The snapshot date.  [default: the published date]")
_tables = click.option(
    "--tables",
    multiple=True,
    metavar="NAME",
    help="Pull only these tables, by view or database.schema.table; with commas, or repeated.",
)
_except = click.option("--except", "excepted", multiple=True, metavar="NAME", help="Leave these tables out.")
_schema = click.option(
    "--schema", default="public", show_default=True, help="Schema in PostgreSQL; created if it does not exist."
)
_replace = click.option("--replace", is_flag=True, help="Replace the file or tables even if no earlier pull made them.")
_no_keys = click.option("--no-keys", is_flag=True, help="Do not create primary keys.")
_parallel = click.option(
    "--parallel",
    type=click.IntRange(1, 32),
    default=4,
    show_default=True,
    help="Tables that are pulled at once, and connections to PostgreSQL.",
)


def _size(_context: click.Context, _option: click.Parameter, text: str) -> str:
    """Returns a size in DuckDB's notation."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)? ?([KMGT]i?B|%)", text, re.IGNORECASE):
        raise click.BadParameter(f"{text!r} is not a size: write for example 300MB or 2GB")
    return text


_memory = click.option(
    "--memory",
    default="300MB",
    show_default=True,
    metavar="SIZE",
    callback=_size,
    help="Memory for reading and sorting.",
)
_scratch = click.option(
    "--scratch",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Folder for the files from S3 while they are read.",
)


@click.command()
@click.argument("source")
@_to
@_date
@_tables
@_except
@_schema
@_replace
@_no_keys
@_parallel
@_memory
@_scratch
@config_option
def pull(source: str, target: str, day: datetime | None, config_path: Path, **asked: Any) -> None:
    """Copy the typed tables of a date of SOURCE into a DuckDB file or a PostgreSQL database, without Athena.

    Values are exact: a column whose values do not all fit its type becomes text. After an interruption, repeat the command to
    continue.
    """
    is_postgres = target.startswith(_POSTGRES)
    if "://" in target and not is_postgres:
        raise click.UsageError("--to takes the path of a DuckDB file, or a postgresql:// URL")
    require_pull("duckdb", *(("psycopg",) if is_postgres else ()))
    from rds_lake.console.connect import connect
    from rds_lake.console.pull.command import Wanted
    from rds_lake.console.pull.command import pull as run

    wanted = Wanted(
        target=target,
        is_postgres=is_postgres,
        day=day.date() if day else None,
        tables=_listed(asked.pop("tables")),
        excepted=_listed(asked.pop("excepted")),
        with_keys=not asked.pop("no_keys"),
        **asked,
    )
    run(connect(load_config(config_path)), source, wanted)


def require_pull(*packages: str) -> None:
    """ClickException with the packages that are not installed."""
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(f"this command needs {', '.join(missing)}: pip install 'rds-lake[pull]'")


def _listed(names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns names that were given in one option, separated by commas, or in several options."""
    return tuple(part.strip() for name in names for part in name.split(",") if part.strip())
