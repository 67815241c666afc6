"""`rds-lake warehouse …`: the arguments. Commands are imported when called, as in `cli.py`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import click

from rds_lake.console.arguments import FILE, config_option, load_config


@click.group()
def warehouse() -> None:
    """Redshift that exists only while a run needs it: created, loaded, queried, unloaded and removed."""


@warehouse.command()
@click.option("--out", type=FILE, help="Write the schema to this file instead of printing it.")
def schema(out: Path | None) -> None:
    """Print the JSON schema of the JSON files that request a run."""
    from rds_lake.console.warehouse.schema import schema as run

    run(out=out, show=click.echo)


@warehouse.command()
@click.argument("name")
@click.option(
    "--input",
    "file",
    type=FILE,
    help="JSON file that asks for a run, as it would be put into S3, with full URIs of files.",
)
@click.option(
    "--parameter", "parameters", multiple=True, metavar="KEY=VALUE", help="A parameter of lake.yaml; repeatable."
)
@click.option("--check", is_flag=True, help="Only print what the run would do, or the problems.")
@click.option("--poll", "poll_seconds", type=click.FloatRange(0.1), default=10, show_default=True, help="Seconds.")
@config_option
def run(
    name: str, file: Path | None, parameters: tuple[str, ...], check: bool, poll_seconds: float, config_path: Path
) -> None:
    """Begin a run of warehouse NAME and wait for its end. Ctrl-C cancels it, and removes the AWS objects that it created."""
    from rds_lake.console.warehouse.run import Asked, Waiting
    from rds_lake.console.warehouse.run import run as run_it

    asked = Asked(name=name, file=file, parameters=parameters, check=check, run=f"command-{uuid4().hex[:12]}")
    waiting = Waiting(poll_seconds=poll_seconds, sleep=time.sleep, clock=lambda: datetime.now(UTC))
    run_it(load_config(config_path), asked, waiting, say=click.echo)


@warehouse.command()
@click.argument("names", nargs=-1)
@config_option
def status(names: tuple[str, ...], config_path: Path) -> None:
    """Show which run uses each of the warehouses NAMES (default: all), and the phase of their open runs."""
    from rds_lake.console.warehouse.status import status as run

    run(load_config(config_path), names, clock=lambda: datetime.now(UTC), say=click.echo)


@warehouse.command()
@click.argument("names", nargs=-1)
@click.option(
    "--apply",
    is_flag=True,
    help="Remove the listed items, and wait until they are gone; without this option nothing is removed.",
)
@config_option
def reap(names: tuple[str, ...], apply: bool, config_path: Path) -> None:
    """Show the AWS objects of expired leases of NAMES (default: all warehouses). With --apply, remove them and check this."""
    from rich.console import Console

    from rds_lake.aws.session import open_clients
    from rds_lake.console.warehouse.reap import Pace, reap_warehouses
    from rds_lake.defs.warehouse.opened import open_warehouse
    from rds_lake.stages.lake.lake import open_lake
    from rds_lake.stages.warehouse.reap import forgotten

    config = load_config(config_path)
    clients = open_clients(region=config.lake.region)
    lake = open_lake(clients, config.lake)
    known = [each.name for each in config.warehouses]
    chosen = [config.warehouse(name) for name in names] or [*config.warehouses, *forgotten(lake, known)]
    warehouses = [open_warehouse(config, each, clients, lake, clock=lambda: datetime.now(UTC)) for each in chosen]
    reap_warehouses(warehouses, apply=apply, pace=Pace(clock=time.monotonic, sleep=time.sleep), console=Console())
