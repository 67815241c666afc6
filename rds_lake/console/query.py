"""`rds-lake query`: a question to Athena, now or as of a date, and its answer as a table.

What belongs here: asking and showing. As of a date: `sql/as_of.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from rich.console import Console
from rich.filesize import decimal
from rich.text import Text

from rds_lake.config.source import SourceSettings
from rds_lake.console.connect import Connected
from rds_lake.console.tables import print_values
from rds_lake.errors import ConfigError
from rds_lake.sql.as_of import render_as_of, views_read
from rds_lake.sql.statements import reads_only
from rds_lake.stages.publish.as_of import readable_tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a source's views: now, or as of `day`. `write`: the statement may change something."""

    sql: str
    source: SourceSettings
    day: date | None = None
    write: bool = False


def query(connected: Connected, question: Question, *, console: Console, most_rows: int | None = None) -> None:
    """Ask, and show `most_rows` of the answer; ConfigError for a statement that changes something, unless it may."""
    sql, source, day = question.sql.strip().rstrip(";"), question.source, question.day
    if day is not None:
        tables = readable_tables(connected.lake, source, day, views_read(sql, source.name))
        sql = render_as_of(sql, source.name, [(table.names, table.columns) for table in tables], day)
    elif not question.write and not reads_only(sql):
        raise ConfigError(
            "this statement may change or remove something, and `rds-lake query` only reads; nothing was asked. "
            "Repeat it with --write if it is what you want"
        )
    answer = connected.lake.athena.run(sql, database=source.name, most_rows=most_rows)
    if answer.columns:
        null = Text("NULL", style="dim")
        print_values(
            console, answer.columns, [[null if value is None else value for value in row] for row in answer.rows]
        )
    rows = f"{len(answer.rows):,} row{'' if len(answer.rows) == 1 else 's'}"
    if answer.more:
        rows = f"the first {rows}"
        console.print(
            f"there are more rows: all of them are in {answer.output}; --rows shows more here", highlight=False
        )
    told = f"{rows}, {decimal(answer.bytes_scanned)} scanned, {answer.milliseconds / 1000:.1f} s"
    console.print(told if day is None else f"as of {day}: {told}", style="dim", highlight=False)
