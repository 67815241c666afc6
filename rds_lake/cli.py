"""`rds-lake …`: the arguments. Commands (`console/`) are imported when called, so that `--help` answers at once."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from rds_lake.console.arguments import (
    DAY,
    FILE,
    WHOSE,
    account_option,
    config_option,
    is_wide,
    lake_argument,
    lake_parameters,
    load_config,
    region_option,
)
from rds_lake.console.dbt.arguments import dbt
from rds_lake.console.diff.arguments import diff
from rds_lake.console.local import CLOUD_PORT, local_env, local_up, require_local
from rds_lake.console.project.arguments import init, schema, validate
from rds_lake.console.pull.arguments import pull
from rds_lake.console.queries.arguments import query
from rds_lake.console.readers.arguments import ddl
from rds_lake.console.report.arguments import report
from rds_lake.console.sentences import SentenceGroup
from rds_lake.console.streams.arguments import streams
from rds_lake.console.warehouse.arguments import warehouse


@click.group(cls=SentenceGroup)
@click.version_option(package_name="rds-lake")
def main() -> None:
    """Production databases, queryable in Athena every morning, without touching production."""


@main.command()
@click.option("--stack", metavar="NAME", help="Name of the stack. Default: `events_queue` without `-events`.")
@click.option(
    "--parameter", "parameters", multiple=True, metavar="KEY=VALUE", help="Parameter of the template; repeatable."
)
@click.option("--template-bucket", metavar="BUCKET", help="Bucket for templates over 51,200 bytes. Default: the lake.")
@click.option("--remove", is_flag=True, help="Delete the stack, and say what stays and what that costs.")
@lake_parameters
def setup(stack: str | None, config_path: Path, **asked: Any) -> None:
    """Create or update the AWS objects of lake.yaml: deploys `rds-lake template` as a CloudFormation stack.

    Existing objects are used: nothing is created twice, and nothing that others created is replaced.
    """
    from uuid import uuid4

    from rds_lake.console.account.stack import Pace, StackAsked
    from rds_lake.console.account.stack import setup as run

    config, pace = load_config(config_path), Pace(clock=time.monotonic, sleep=time.sleep)
    run(config, StackAsked(name=stack, **asked), pace=pace, token=lambda: str(uuid4()), say=click.echo)


@main.command()
@click.option("--out", type=FILE, help="Write the template to this file, and print how to deploy it.")
@click.option("--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
@click.option("--job-files", type=click.Path(path_type=Path), help="Also write the Glue job's files into this folder.")
@lake_parameters
def template(out: Path | None, form: str, job_files: Path | None, config_path: Path) -> None:
    """Print the CloudFormation template of all AWS objects that lake.yaml needs."""
    from rds_lake.console.account.template import Printed
    from rds_lake.console.account.template import template as run

    printed = Printed(out=out, form=form, job_files=job_files)
    run(load_config(config_path), printed, show=click.echo, say=partial(click.echo, err=True))


@main.command()
@click.option(
    "--for",
    "whose",
    type=click.Choice([*WHOSE, "all"]),
    default="pipeline",
    show_default=True,
    help="The role whose policy is printed.",
)
@click.option("--trust", is_flag=True, help="Print the trust policy of the export role or the job role.")
@click.option("--managed", is_flag=True, help="Shorten it to fit a managed policy (6,144 characters).")
@account_option
@region_option("Region in the ARNs. Default: that of lake.yaml, or of the credentials.")
@click.option("--partition", help="aws, aws-cn or aws-us-gov. Default: as in lake.yaml's ARNs, or of the credentials.")
@click.option("--name-prefix", help="For the deployer: the NamePrefix that `setup` gets as a parameter.")
@click.option("--template-bucket", help="For the deployer: the --template-bucket that `setup` gets.")
@lake_parameters
def policy(config_path: Path, **asked: Any) -> None:
    """Print the IAM policy that a role needs for exactly this lake.yaml. Creates nothing."""
    from rds_lake.console.policy import Asked
    from rds_lake.console.policy import policy as run

    run(load_config(config_path), Asked(**asked), show=click.echo, say=partial(click.echo, err=True))


@main.command()
@click.option("--only", multiple=True, metavar="ROW", help="Only this row or subject (docs/doctor.md); repeatable.")
@click.option("--as", "role", metavar="ARN", help="Role of the pipeline. Default: that of `setup`, or the caller's.")
@click.option("--json", is_flag=True, help="Print JSON for programs.")
@click.option("--all", "every", is_flag=True, help="Show every row, also those without a problem.")
@click.option("--fix", is_flag=True, help="Fix problems by adding or enabling what is missing; asks each time.")
@click.option("--yes", is_flag=True, help="With --fix: do not ask.")
@lake_parameters
def doctor(config_path: Path, **asked: Any) -> None:
    """Check the account, Dagster and databases before anything costs money: what is wrong, and what to do.

    Exit code: 0 all is well, 1 something has to be looked at, 2 something failed.
    """
    from rds_lake.console.doctor.command import Asked
    from rds_lake.console.doctor.command import doctor as run
    from rds_lake.console.doctor.surroundings import surroundings

    config = load_config(config_path)
    home = os.environ.get("DAGSTER_HOME")
    around = surroundings(config, home=home, now=lambda: datetime.now(UTC), clock=time.monotonic)
    sys.exit(run(config, Asked(**asked), around))


@main.command()
@click.argument("sources", nargs=-1)
@config_option
def refresh(sources: tuple[str, ...], config_path: Path) -> None:
    """Write the list of tables of SOURCES (default: all), from their newest manifest; Dagster loads it."""
    from rds_lake.console.refresh import refresh as run

    home = os.environ.get("DAGSTER_HOME")
    sys.exit(run(load_config(config_path), sources, dagster_home=home, say=click.echo))


@main.command()
@click.option("--test", is_flag=True, required=True, expose_value=False, help="Send a test message.")
@lake_parameters
def notify(config_path: Path) -> None:
    """Send a test message to the topic and the webhook of lake.yaml, which also get failures."""
    from rds_lake.console.notify import notify as run

    run(load_config(config_path), say=click.echo)


@main.command()
@click.argument("sources", nargs=-1)
@click.option("--apply", is_flag=True, help="Remove the listed items; without this option nothing is removed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for programs.")
@config_option
def prune(sources: tuple[str, ...], apply: bool, as_json: bool, config_path: Path) -> None:
    """Show the dates of SOURCES (default: all) that `retention:` does not keep, and leftovers of failed work."""
    from rich.console import Console

    from rds_lake.console.connect import connect
    from rds_lake.console.prune import prune as run

    notes = Console(stderr=True) if as_json else None
    connected, now = connect(load_config(config_path)), datetime.now(UTC)
    run(connected, sources, apply=apply, now=now, console=Console(), notes=notes)


@main.command()
@click.argument("sources", nargs=-1)
@click.option("--all-tables", is_flag=True, help="List every table, not only the largest.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array for programs: one object per source.")
@click.option(
    "--fail-if-stale",
    is_flag=True,
    help="Exit with code 3 if a source has no data, or data older than `freshness_hours`.",
)
@config_option
def status(sources: tuple[str, ...], all_tables: bool, as_json: bool, fail_if_stale: bool, config_path: Path) -> None:
    """Show which date of SOURCES (default: all) is published, its age and size, and which exports run."""
    from rich.console import Console

    from rds_lake.console.connect import connect
    from rds_lake.console.status import failures_of
    from rds_lake.console.status import status as run
    from rds_lake.console.tables import ANY_WIDTH

    connected, now = connect(load_config(config_path)), datetime.now(UTC)
    failed = failures_of(connected.config, os.environ.get("DAGSTER_HOME"), now=now)
    console = Console(width=ANY_WIDTH if is_wide() else None)
    stale = run(connected, sources, now=now, console=console, all_tables=all_tables, as_json=as_json, failed=failed)
    if stale and fail_if_stale:
        sys.exit(3)


@main.command()
@click.argument("source")
@click.argument("day", type=DAY, required=False, metavar="[DATE]")
@click.option("--accept-drop", is_flag=True, help="Publish although tables lost more rows than `max_drop` allows.")
@config_option
def publish(source: str, day: datetime | None, accept_drop: bool, config_path: Path) -> None:
    """Move the views of SOURCE to DATE, or to the newest date that `publish: manual` holds."""
    from rds_lake.console.connect import connect
    from rds_lake.console.publish import publish as run

    connected, home = connect(load_config(config_path)), os.environ.get("DAGSTER_HOME")
    run(
        connected, source, _date(day), accept_drop=accept_drop, now=datetime.now(UTC), dagster_home=home, say=click.echo
    )


@main.command()
@click.argument("source")
@click.argument("day", type=DAY, metavar="DATE")
@config_option
def rollback(source: str, day: datetime, config_path: Path) -> None:
    """Move the views of SOURCE back to an older DATE. They stay there until a new date is published."""
    from rds_lake.console.connect import connect
    from rds_lake.console.publish import rollback as run

    connected, home = connect(load_config(config_path)), os.environ.get("DAGSTER_HOME")
    run(connected, source, day.date(), now=datetime.now(UTC), dagster_home=home, say=click.echo)


main.add_command(query)
main.add_command(diff)
main.add_command(ddl)
main.add_command(report)
main.add_command(pull)
main.add_command(dbt)
main.add_command(streams)
main.add_command(init)
main.add_command(schema)
main.add_command(validate)
main.add_command(warehouse)


@main.command()
def demo() -> None:
    """A real PostgreSQL database becomes typed Athena views, twice, on this machine."""
    require_local()
    from rds_lake.demo.story import run_demo

    sys.exit(run_demo())


@main.command()
@click.option("--port", default=3000, show_default=True, help="Port of the Dagster UI.")
@lake_argument
@click.option(
    "--config",
    "config_path",
    type=FILE,
    is_eager=True,
    help="Run this lake.yaml on the local cloud instead of the demo's.",
)
def dev(port: int, config_path: Path | None) -> None:
    """The local cloud with the demo shop, and the Dagster UI, until Ctrl-C."""
    require_local()
    from rds_lake.demo.dev import run_dev

    sys.exit(run_dev(port=port, config_path=config_path))


@main.group()
def local() -> None:
    """The local cloud: AWS as this pipeline needs it, on this machine."""


@local.command()
@click.option("--port", default=CLOUD_PORT, show_default=True, help="Port to listen on; 0 chooses a free one.")
@click.option(
    "--database",
    "databases",
    multiple=True,
    metavar="IDENTIFIER=URL",
    help="An RDS instance and the postgresql:// or mysql:// database behind it. Once more with the same IDENTIFIER: "
    "another database of that instance. Default: the demo shop.",
)
@click.option("--cluster", "clusters", multiple=True, metavar="IDENTIFIER=URL", help="The same for an Aurora cluster.")
@click.option("--ready-file", type=FILE, help="File that is written once everything runs.")
def up(port: int, databases: tuple[str, ...], clusters: tuple[str, ...], ready_file: Path | None) -> None:
    """Start the local cloud and keep it until Ctrl-C."""
    local_up(port=port, databases=databases, clusters=clusters, ready_file=ready_file)


@local.command()
@click.option("--port", default=CLOUD_PORT, show_default=True)
def env(port: int) -> None:
    """Print the exports that make boto3 use the local cloud: eval "$(rds-lake local env)"."""
    local_env(port, say=click.echo)


def _date(day: datetime | None) -> date | None:
    return day.date() if day else None


if __name__ == "__main__":
    main(prog_name=os.environ.get("RDS_LAKE_PROGRAM", "rds-lake"))
