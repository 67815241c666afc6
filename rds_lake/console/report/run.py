"""`rds-lake report`: collects the report with a progress bar, and writes the page. `stages/report/` reads its content."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.console.connect import Connected
from rds_lake.errors import ConfigError
from rds_lake.files import write_whole
from rds_lake.stages.report.gather import gather
from rds_lake.stages.report.page.page import render_page
from rds_lake.stages.report.values import KnownFailures, LakeReport

_SHOWN = 20  # sentences that fit on a screen


def report(
    connected: Connected,
    names: tuple[str, ...],
    out: Path,
    *,
    dagster_home: str | None,
    now: datetime,
    console: Console,
) -> int:
    """Write the page to `out` and print what needs a person. Returns the exit code: 1 if a source could not be read."""
    sources, failures = connected.sources(names), ask_dagster(connected.config, dagster_home, now=now)
    columns = (TextColumn("reading sources"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=len(sources))
        gathered = gather(
            connected.config,
            sources,
            rds=connected.rds,
            lake=connected.lake,
            failures=failures,
            now=now,
            done=lambda: progress.advance(bar),
        )
    _write(out, render_page(gathered))
    _print(console, gathered, out)
    return 1 if any(source.status is None for source in gathered.sources) else 0


def ask_dagster(config: LakeConfig, dagster_home: str | None, *, now: datetime) -> KnownFailures:
    """Returns the failed runs and checks that the Dagster of `dagster_home` knows. If it cannot be read, the report says so."""
    if not dagster_home:
        return KnownFailures()
    import dagster as dg
    from sqlalchemy.exc import SQLAlchemyError

    from rds_lake.defs.failed.known import known_failures

    try:
        with dg.DagsterInstance.get() as instance:
            return known_failures(instance, config, now=now)
    except (dg.DagsterError, SQLAlchemyError, OSError) as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        return KnownFailures(
            problem=f"failed runs and checks are not listed: the Dagster of DAGSTER_HOME={dagster_home} could not be asked: {cause}"
        )


def _write(path: Path, page: str) -> None:
    try:
        write_whole(path, page)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}; give another place with --out") from error


def _print(console: Console, report: LakeReport, out: Path) -> None:
    for need in report.needs[:_SHOWN]:
        remedy = f" -> {need.remedy}" if need.remedy else ""
        console.print(f"{need.source}: {need.sentence}{remedy}", markup=False, highlight=False)
    if len(report.needs) > _SHOWN:
        console.print(f"… and {len(report.needs) - _SHOWN} more, on the page", highlight=False)
    for problem in report.problems:
        console.print(problem, markup=False, highlight=False)
    count = len(report.needs)
    some = "1 thing needs a person" if count == 1 else f"{count} things need a person"
    what = some if count else f"nothing needs a person{', as far as could be read' if report.problems else ''}"
    console.print(f"{out}: {what}", markup=False, highlight=False, soft_wrap=True)
