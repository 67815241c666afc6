"""`rds-lake query`: a query in Athena, now or as of a date, and its result. As of a date: `sql/as_of.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import click
from rich.console import Console
from rich.filesize import decimal

from rds_lake.aws.athena import QueryResult
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.console.connect import Connected
from rds_lake.console.queries.answers import Layout, print_answer
from rds_lake.console.queries.programs import answer_json
from rds_lake.errors import ConfigError
from rds_lake.model.words import counted
from rds_lake.sql.as_of import render_as_of, views_read
from rds_lake.sql.statements import has_words, meant_by, reads_only, unknown_word
from rds_lake.stages.publish.as_of import readable_tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A statement for a source's views: now, or as of `day`. `write`: it may change something."""

    sql: str
    source: SourceSettings
    day: date | None = None
    write: bool = False


Run = Callable[[str], QueryResult]


def chosen_source(config: LakeConfig, name: str | None) -> SourceSettings:
    """Returns the named source, or the only one. UsageError if none is named and lake.yaml has several."""
    names = [source.name for source in config.sources]
    if name is None and len(names) > 1:
        raise click.UsageError(f"use --source with the source whose views the query reads: {', '.join(names)}")
    return config.source(name or names[0])


def print_query(
    connected: Connected,
    question: Question,
    *,
    console: Console,
    notes: Console,
    layout: Layout = Layout.AUTO,
    most_rows: int | None = None,
    run: Run | None = None,
) -> None:
    """Run the statement and print `most_rows` of its result. ConfigError if it changes something and `write` is not set.

    `run`: runs the statement instead of Athena, with at most this many rows. Messages about the result go to `notes`, so that
    CSV and JSON contain nothing else.
    """
    statement = _statement(connected, question)
    if run is None:
        answer = connected.lake.athena.run(statement, database=question.source.name, most_rows=most_rows)
    else:
        answer = run(statement)
    if layout is Layout.OBJECT:
        click.echo(answer_json(question.source.name, question.day, answer))
    elif answer.columns:
        print_answer(console, answer, layout)
    rows = counted(len(answer.rows), "row")
    if answer.more:
        rows = f"the first {rows}"
        whole = f"all of them are in {answer.output}; " if answer.output else ""
        notes.print(f"there are more rows: {whole}--rows shows more here", highlight=False)
    where = "scanned" if run is None else "read on this machine, without Athena"
    summary = f"{rows}, {decimal(answer.bytes_scanned)} {where}, {answer.milliseconds / 1000:.1f} s"
    day = question.day
    notes.print(summary if day is None else f"as of {day}: {summary}", style="dim", highlight=False)


def _statement(connected: Connected, question: Question) -> str:
    sql, source, day = question.sql.strip().rstrip(";"), question.source, question.day
    if not has_words(sql):
        raise ConfigError("there is no statement to run: it is empty, or nothing but a comment")
    if day is not None:
        tables = readable_tables(connected.lake, source, day, views_read(sql, source.name))
        return render_as_of(sql, source.name, [(table.names, table.columns) for table in tables], day)
    if not question.write and not reads_only(sql):
        raise ConfigError(f"the statement was not run{_why_not(sql)}")
    return sql


def _why_not(sql: str) -> str:
    """Returns the reason why a statement was not run, as the end of a sentence."""
    word = unknown_word(sql)
    if word is None:
        return ", since it may change or remove something. To run it, repeat the command with --write"
    if not word:
        return ": a quoted text, a quoted name or a comment in it has no end"
    meant = meant_by(word)
    perhaps = f" (did you mean {meant}?)" if meant else ""
    return f": rds-lake knows no statement that begins with {word}{perhaps}. To run it, repeat the command with --write"
