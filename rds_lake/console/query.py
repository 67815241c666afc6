"""`rds-lake query`: a question to Athena, now or as of a date, and its answer as a table.

What belongs here: asking and showing. As of a date: `sql/as_of.py`.
"""

from __future__ import annotations

from datetime import date

from rich.console import Console
from rich.filesize import decimal
from rich.text import Text

from rds_lake.config_source import SourceSettings
from rds_lake.console.connect import Connected
from rds_lake.console.tables import print_values
from rds_lake.sql.as_of import render_as_of
from rds_lake.stages.as_of import readable_tables


def query(
    connected: Connected,
    sql: str,
    *,
    source: SourceSettings,
    day: date | None,
    console: Console,
    most_rows: int | None = None,
) -> None:
    """Ask, and show `most_rows` of the answer."""
    sql = sql.strip().rstrip(";")
    if day is not None:
        tables = readable_tables(connected.lake, source, day)
        sql = render_as_of(sql, source.name, [(table.names, table.columns) for table in tables], day)
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
