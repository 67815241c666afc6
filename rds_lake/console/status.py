"""`rds-lake status`: shows on one screen which date readers see, how old it is, and what AWS works on.

The figures come from `stages/watch/status.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.console.connect import Connected
from rds_lake.console.schemas.status import VERSION
from rds_lake.console.sentences import EachSource
from rds_lake.model.words import counted
from rds_lake.stages.dynamodb.under_way import TableUnderWay
from rds_lake.stages.watch.records import read_records
from rds_lake.stages.watch.sentences import STALE, decisions, span
from rds_lake.stages.watch.status import SourceStatus, source_status

if TYPE_CHECKING:
    from rds_lake.defs.failed.runs import FailedRun  # imports Dagster, which takes a second

# How many of a source's biggest tables are shown: for all sources, and for named sources.
_TABLES_SHOWN, _TABLES_OF_NAMED = 10, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Failed runs by source. `error`: why Dagster could not be read; then the number of failed runs is unknown."""

    runs: Mapping[str, Sequence[FailedRun]] = field(default_factory=dict)
    error: str | None = None


def status(
    connected: Connected,
    names: tuple[str, ...],
    *,
    now: datetime,
    console: Console,
    all_tables: bool = False,
    as_json: bool = False,
    failed: Failures | None = None,
) -> bool:
    """Show every source, or the named ones with more of their tables. Returns whether the data of one of them is stale.

    A source that cannot be read hides no other: its error is raised when all others are shown.
    `as_json`: an array of objects, one for each source, with all tables (`docs/monitoring.md`).
    """
    failed = failed or Failures()
    config, rds, lake = connected.config, connected.rds, connected.lake
    # A lake with only DynamoDB has no permission to call RDS.
    running = rds.list_running_exports() if config.databases else []
    limit = None if all_tables else _TABLES_OF_NAMED if names else _TABLES_SHOWN
    stale, bodies, each = False, list[dict[str, Any]](), EachSource()
    for source in connected.sources(names):
        with each.source(source.name):
            state = source_status(config, read_records(lake, source), running, rds=rds)
            stale |= state.is_stale(source, now)
            if as_json:
                runs = {"failed_runs": _runs(failed.runs.get(source.name, ())), "failed_runs_error": failed.error}
                bodies.append(_body(source, state, connected, now=now) | runs)
                continue
            lines = [*_under_way(connected.under_way(source), now, limit), *map(str, connected.outboxes(source))]
            lines += map(str, failed.runs.get(source.name, ()))
            _show(console, source, state, lines, now=now, limit=limit)
    if as_json:
        console.print(json.dumps(bodies, indent=1), soft_wrap=True, markup=False, highlight=False)
    elif config.databases:
        console.print(
            f"AWS runs {len(running)} of the {counted(config.lake.export_quota, 'export')} that the account may have at once"
        )
    each.raise_errors()
    return stale


def failures_of(config: LakeConfig, dagster_home: str | None, *, now: datetime) -> Failures:
    """Returns failed runs by source, if `dagster_home` is set. If Dagster cannot be read, stderr gets a message."""
    if not dagster_home:
        return Failures()
    import dagster as dg
    from sqlalchemy.exc import SQLAlchemyError

    from rds_lake.defs.failed.runs import failed_runs

    try:
        with dg.DagsterInstance.get() as instance:
            return Failures(runs=failed_runs(instance, config, now=now))
    except (dg.DagsterError, SQLAlchemyError, OSError) as error:
        why = f"failed runs could not be read from the Dagster in DAGSTER_HOME: {error}"
        click.echo(why, err=True)
        return Failures(error=why)


def _body(source: SourceSettings, state: SourceStatus, connected: Connected, *, now: datetime) -> dict[str, Any]:
    """Returns the source for programs: dates as `2026-11-27`, times with their zone, unknown values as null."""
    age = state.age(now)
    return {
        "version": VERSION,
        "source": state.source,
        "published": _day(state.published),
        "shown": _day(state.shown),
        "snapshot_time": state.snapshot_time.isoformat() if state.snapshot_time else None,
        "age_hours": None if age is None else round(age.total_seconds() / 3600, 2),
        "stale": state.is_stale(source, now),
        "dates": state.dates,
        "waiting": [_day(day) for day in state.waiting],
        "unchecked": [_day(day) for day in state.unchecked],
        "dropped": list(state.gone),
        "rolled_back_from": _day(state.rolled_back_from),
        "moving": _day(state.moving),
        "export_seconds": state.export_seconds,
        "export_usd": state.export_usd,
        "exporting": [export.task.identifier for export in state.running],
        "under_way": [{"table": table.table, "what": table.what} for table in connected.under_way(source)],
        "outboxes": [str(outbox) for outbox in connected.outboxes(source)],
        "tables": [
            {"view": table.view, "table": table.original, "rows": table.rows, "bytes": table.bytes}
            for table in sorted(state.tables, key=lambda table: table.view)
        ],
    }


def _runs(failed: Sequence[FailedRun]) -> list[dict[str, str | None]]:
    return [
        {"run": run.run_id, "snapshot_date": run.day, "at": run.at.isoformat(), "cause": run.cause} for run in failed
    ]


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _show(
    console: Console,
    source: SourceSettings,
    state: SourceStatus,
    lines: Sequence[str],
    *,
    now: datetime,
    limit: int | None,
) -> None:
    console.print(f"[bold]{escape(state.source)}[/] {escape(_headline(source, state, now=now))}", highlight=False)
    for export in state.running:
        day, task = export.snapshot_date or "a date that AWS does not show yet", export.task
        console.print(
            f"  exporting {day}: {task.status.value}, {task.progress}%, {task.extracted_gb} GB so far "
            f"({escape(task.identifier)})",
            highlight=False,
        )
    for line in lines:
        console.print(f"  {escape(line)}", highlight=False)
    for line in decisions(state):
        console.print(f"  {escape(line)}", highlight=False)
    if state.tables:
        console.print(_tables(state, limit))
    console.print()


def _under_way(tables: Sequence[TableUnderWay], now: datetime, limit: int | None) -> list[str]:
    """Returns the tables in progress with their start; DynamoDB and Glue report no percentage."""
    lines: list[str] = []
    for table in tables[:limit]:
        what = {"export": "exporting", "conversion": "Glue converts"}[table.what]
        doing = (
            f"in progress for {span(now - table.since)} ({table.name})"
            if table.since and table.name
            else "waiting, as AWS allows no more at once"
        )
        lines.append(f"{what} {table.snapshot_date}: {table.table}, {doing}")
    if len(tables) > len(lines):
        lines.append(f"… and {counted(len(tables) - len(lines), 'table')} more")
    return lines


def _headline(source: SourceSettings, state: SourceStatus, *, now: datetime) -> str:
    age = state.age(now)
    if state.shown is None or age is None:
        return "nothing is in the lake yet"
    shown = f"published {state.published}" if state.published else f"newest Parquet {state.shown}, not published"
    stale = state.is_stale(source, now)
    parts = [
        f"{shown}, {span(age)} old" + (f" ({STALE})" if stale else ""),
        f"{counted(len(state.tables), 'table')}, {counted(sum(table.rows for table in state.tables), 'row')}, "
        + decimal(sum(table.bytes for table in state.tables)),
        f"{counted(state.dates, 'date')} in the lake",
    ]
    if state.export_seconds is not None:
        parts.append(f"its export took {span(timedelta(seconds=state.export_seconds))}")
    if state.export_usd is not None:
        parts.append(f"about ${state.export_usd:,.2f}")
    return "; ".join(parts)


def _tables(state: SourceStatus, limit: int | None) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for column in ("", "view", "original", "rows", "size"):
        table.add_column(column, justify="right" if column in ("rows", "size") else "left", overflow="fold")
    biggest = sorted(state.tables, key=lambda shown: (-shown.bytes, shown.view))
    for view in biggest[:limit]:
        table.add_row("", escape(view.view), escape(view.original), f"{view.rows:,}", decimal(view.bytes))
    if limit is not None and len(biggest) > limit:
        table.add_row("", f"… {len(biggest) - limit} more", f"rds-lake status {state.source} --all-tables", "", "")
    return table
