"""The arguments of `rds-lake report`."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from rds_lake.console.arguments import FILE, config_option, load_config

PAGE = Path("rds-lake-report.html")


@click.command()
@click.argument("sources", nargs=-1)
@click.option("--out", type=FILE, default=PAGE, show_default=True, help="File to write the page to.")
@config_option
def report(sources: tuple[str, ...], out: Path, config_path: Path) -> None:
    """Write one HTML page about SOURCES (default: all): problems that need a person, freshness, rows and bytes over time, cost.

    Exit code 1 if a source could not be read; the page has the reason, and the other sources.
    """
    from rich.console import Console

    from rds_lake.console.connect import connect
    from rds_lake.console.report.run import report as run

    connected, home = connect(load_config(config_path)), os.environ.get("DAGSTER_HOME")
    sys.exit(run(connected, sources, out, dagster_home=home, now=datetime.now(UTC), console=Console()))
