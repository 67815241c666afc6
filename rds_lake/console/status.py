"""`rds-lake status`: one screen that says what readers see, how old it is, and what is under way.

What belongs here: showing. What is looked at is `stages/watch/status.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from rds_lake.config.source import SourceSettings
from rds_lake.console.connect import Connected
from rds_lake.stages.dynamodb.under_way import TableUnderWay
from rds_lake.stages.watch.status import SourceStatus, source_status

# Per source the biggest, so that one screen holds them: of all sources, and of those that were named.
_TABLES_SHOWN, _TABLES_OF_NAMED = 10, 40


def status(
    connected: Connected, names: tuple[str, ...], *, now: datetime, console: Console, all_tables: bool = False
) -> None:
    """Every source, or the named ones with more of their tables."""
    config, rds, lake = connected.config, connected.rds, connected.lake
    running = rds.list_running_exports()
    limit = None if all_tables else _TABLES_OF_NAMED if names else _TABLES_SHOWN
    for source in connected.sources(names):
        found = source_status(config, source, running, rds=rds, lake=lake)
        _show(console, source, found, connected.under_way(source), now=now, limit=limit)
    console.print(f"{len(running)} of the account's {config.lake.export_quota} places for exports are taken")


def _show(
    console: Console,
    source: SourceSettings,
    found: SourceStatus,
    under_way: Sequence[TableUnderWay],
    *,
    now: datetime,
    limit: int | None,
) -> None:
    console.print(f"[bold]{escape(found.source)}[/] {escape(_headline(source, found, now=now))}", highlight=False)
    for export in found.running:
        day, task = export.snapshot_date or "a date AWS has not said yet", export.task
        console.print(
            f"  exporting {day}: {task.status.value}, {task.progress}%, {task.extracted_gb} GB so far "
            f"({escape(task.identifier)})",
            highlight=False,
        )
    for line in _under_way(under_way, now, limit):
        console.print(f"  {escape(line)}", highlight=False)
    for line in _decisions(found):
        console.print(f"  {line}", highlight=False)
    if found.tables:
        console.print(_tables(found, limit))
    console.print()


def _under_way(tables: Sequence[TableUnderWay], now: datetime, limit: int | None) -> list[str]:
    """Tables in progress. Neither DynamoDB nor Glue says how far they are, so only since when."""
    lines: list[str] = []
    for one in tables[:limit]:
        what = {"export": "exporting", "conversion": "Glue converts"}[one.what]
        doing = (
            f"in progress for {_span(now - one.since)} ({one.name})"
            if one.since and one.name
            else "waiting for one of AWS's places"
        )
        lines.append(f"{what} {one.snapshot_date}: {one.table}, {doing}")
    if len(tables) > len(lines):
        lines.append(f"… and {len(tables) - len(lines)} tables more")
    return lines


def _decisions(found: SourceStatus) -> list[str]:
    """What a person decided, or has to."""
    lines = [f"{day} waits: rds-lake publish {found.source} {day}" for day in found.waiting[-_TABLES_SHOWN:]]
    if len(found.waiting) > len(lines):
        lines.insert(0, f"{len(found.waiting) - len(lines)} older dates wait as well")
    if found.rolled_back_from:
        lines.append(f"rolled back from {found.rolled_back_from}; the next newer date is published as usual")
    if found.moving:
        lines.append(f"views are being moved to {found.moving}, or a run that did was killed: then repeat it")
    return lines


def _headline(source: SourceSettings, found: SourceStatus, *, now: datetime) -> str:
    age = found.age(now)
    if found.shown is None or age is None:
        return "nothing is in the lake yet"
    state = f"published {found.published}" if found.published else f"newest Parquet {found.shown}, not published"
    stale = source.freshness is not None and age > source.freshness
    parts = [
        f"{state}, {_span(age)} old" + (" (STALE: no newer snapshot became readable)" if stale else ""),
        f"{len(found.tables)} tables, {sum(table.rows for table in found.tables):,} rows, "
        + decimal(sum(table.bytes for table in found.tables)),
        f"{found.dates} dates in the lake",
    ]
    if found.export_seconds is not None:
        parts.append(f"its export took {_span(timedelta(seconds=found.export_seconds))}")
    if found.export_usd is not None:
        parts.append(f"about ${found.export_usd:,.2f}")
    return "; ".join(parts)


def _tables(found: SourceStatus, limit: int | None) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for column in ("", "view", "original", "rows", "size"):
        table.add_column(column, justify="right" if column in ("rows", "size") else "left", overflow="fold")
    biggest = sorted(found.tables, key=lambda one: (-one.bytes, one.view))
    for one in biggest[:limit]:
        table.add_row("", escape(one.view), escape(one.original), f"{one.rows:,}", decimal(one.bytes))
    if limit is not None and len(biggest) > limit:
        table.add_row("", f"… {len(biggest) - limit} more", f"rds-lake status {found.source} --all-tables", "", "")
    return table


def _span(time: timedelta) -> str:
    """The two largest units."""
    # A clock of ours that is minutes behind AWS's makes a fresh date one of the future.
    minutes, seconds = divmod(max(0, int(time.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((n for n, (number, _) in enumerate(units) if number), len(units) - 1)
    return " ".join(f"{number} {unit}" for number, unit in units[first : first + 2] if number) or "0 s"
