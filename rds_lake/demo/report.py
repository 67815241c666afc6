"""Prints the end of the demo: stages with timings, and Athena's answers beside PostgreSQL's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rich.console import Console
from rich.text import Text

from rds_lake.aws.athena import AthenaGateway, QueryResult
from rds_lake.console.tables import Cell, print_values
from rds_lake.demo.watch import Step
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.quoting import identifier, literal, qualified


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStory:
    """One snapshot date: PostgreSQL's row counts at the snapshot, and the steps after it."""

    day: date
    taken_at: float
    counts: dict[TableTarget, int]
    steps: tuple[Step, ...]


def print_timings(console: Console, stories: Sequence[DayStory]) -> None:
    """Seconds from the snapshot to each stage, a column per date."""
    rows = [
        [steps[0].name, *(f"{step.at - story.taken_at:.1f}" for step, story in zip(steps, stories, strict=True))]
        for steps in zip(*(story.steps for story in stories), strict=True)
    ]
    columns = ["stage", *(str(story.day) for story in stories)]
    title = "From snapshot to views: seconds after the snapshot"
    print_values(console, columns, rows, title=title, right=frozenset(range(1, len(columns))))


def print_counts(
    console: Console,
    athena: AthenaGateway,
    source: str,
    views: dict[TableTarget, str],
    stories: Sequence[DayStory],
) -> bool:
    """Print the rows per table and date, PostgreSQL's beside Athena's, and return whether all are equal.

    The newest date is read from the views, older ones from the raw tables' partitions.
    """
    queries = {
        (target, story.day): _count_query(source, view, story.day, newest=story is stories[-1])
        for target, view in views.items()
        for story in stories
    }
    answers = dict(zip(queries, athena.run_many(list(queries.values()), database=source), strict=True))
    equal = True
    rows: list[list[Cell]] = []
    for target, view in sorted(views.items(), key=lambda item: item[1]):
        cells: list[Cell] = []
        for story in stories:
            read, held = int(answers[target, story.day].rows[0][0] or 0), story.counts[target]
            equal &= read == held
            sign = Text("=", style="green") if read == held else Text("≠", style="red")
            cells.append(Text(f"{held:,} ").append_text(sign).append(f" {read:,}"))
        rows.append([f"{target.schema}.{target.table}", view, *cells])
    columns = ["table", "view", *(str(story.day) for story in stories)]
    title = "Rows: PostgreSQL at the snapshot = Athena now"
    print_values(console, columns, rows, title=title, right=frozenset(range(2, len(columns))))
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
    print_values(
        console, result.columns, [[value if value is not None else "NULL" for value in row] for row in result.rows]
    )
    console.print(f"{result.bytes_scanned:,} bytes scanned, {result.milliseconds} ms", style="dim")
