"""What the demo prints at the end: stages with timings, and Athena's answers beside PostgreSQL's.

What belongs here: queries and tables for a person's eyes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rich.console import Console
from rich.table import Table

from rds_lake.aws.athena import AthenaGateway, QueryResult
from rds_lake.demo.watch import Step
from rds_lake.model.table import TableTarget
from rds_lake.sql.quoting import identifier, literal, qualified


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStory:
    """One snapshot date: what PostgreSQL held when the snapshot was taken, and the steps after it."""

    day: date
    taken_at: float
    counts: dict[TableTarget, int]
    steps: tuple[Step, ...]


def print_timings(console: Console, stories: Sequence[DayStory]) -> None:
    """Seconds from the snapshot to each stage, a column per date."""
    table = Table(title="From snapshot to views: seconds after the snapshot", title_justify="left")
    table.add_column("stage")
    for story in stories:
        table.add_column(str(story.day), justify="right")
    for rows in zip(*(story.steps for story in stories), strict=True):
        times = [f"{step.at - story.taken_at:.1f}" for step, story in zip(rows, stories, strict=True)]
        table.add_row(rows[0].name, *times)
    console.print(table)


def print_counts(
    console: Console,
    athena: AthenaGateway,
    source: str,
    views: dict[TableTarget, str],
    stories: Sequence[DayStory],
) -> bool:
    """Rows per table and date, PostgreSQL's own beside Athena's; whether all are equal.

    The newest date is read from the views, older ones from the raw tables' partitions.
    """
    table = Table(title="Rows: PostgreSQL at the snapshot / Athena now", title_justify="left")
    table.add_column("table")
    table.add_column("view")
    for story in stories:
        table.add_column(str(story.day), justify="right")
    queries = {
        (target, story.day): _count_query(source, view, story.day, newest=story is stories[-1])
        for target, view in views.items()
        for story in stories
    }
    answers = dict(zip(queries, athena.run_many(list(queries.values()), database=source), strict=True))
    equal = True
    for target, view in sorted(views.items(), key=lambda item: item[1]):
        cells = []
        for story in stories:
            read, held = int(answers[target, story.day].rows[0][0] or 0), story.counts[target]
            equal &= read == held
            cells.append(f"{held:,} / {read:,} " + ("[green]=[/]" if read == held else "[red]≠[/]"))
        table.add_row(f"{target.schema}.{target.table}", view, *cells)
    console.print(table)
    return equal


def _count_query(source: str, view: str, day: date, *, newest: bool) -> str:
    if newest:
        return f"SELECT count(*) FROM {qualified(source, view)}"
    raw = qualified(source, f"snapshots_{view}")
    return f"SELECT count(*) FROM {raw} WHERE {identifier('snapshot_date')} = {literal(day.isoformat())}"


def print_answer(console: Console, title: str, sql: str, result: QueryResult) -> None:
    """A query, its rows, and what it cost."""
    console.print(f"\n[bold]{title}[/]")
    console.print(sql, style="dim", markup=False, highlight=False)
    table = Table()
    for column in result.columns:
        table.add_column(column)
    for row in result.rows:
        table.add_row(*(value if value is not None else "NULL" for value in row))
    console.print(table)
    console.print(f"{result.bytes_scanned:,} bytes scanned, {result.milliseconds} ms", style="dim")
