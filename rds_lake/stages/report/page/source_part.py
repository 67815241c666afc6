"""The part of the page about one source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from rds_lake.model.words import counted
from rds_lake.stages.report.page import words
from rds_lake.stages.report.page.html import Html, element, joined, prose, table
from rds_lake.stages.report.page.plots import plot
from rds_lake.stages.report.values import DateFigures, MonthCost, SourceReport, Tables
from rds_lake.stages.watch.sentences import span

NEWEST_DATES = 60  # newest dates that each have a row; earlier months have only their last date
_SCHEMA_CHANGES = 50


def source_part(report: SourceReport, *, most_tables: int) -> Html:
    """Returns the part about the source, plots first. `most_tables`: how many of the biggest tables are shown."""
    needs = [element("li", prose(need.sentence), klass="bad") for need in report.needs]
    parts: list[str] = [element("ul", *needs) if needs else ""]
    if report.status is not None:
        parts += [*_paragraphs(report), _plots(report), _tables(report, most_tables), *_schema(report.tables)]
        parts += [_dates(report.dates), _costs(report.costs)]
    return element("section", element("h2", report.source, id=anchor(report.source)), *parts)


def anchor(source: str) -> str:
    """Returns the id of the source's part in the page."""
    return f"source-{source}"


def _paragraphs(report: SourceReport) -> Iterator[Html]:
    state = report.status
    assert state is not None
    took = (
        "" if state.export_seconds is None else f" The export of {state.shown} took {_seconds(state.export_seconds)}."
    )
    cost = "" if state.export_usd is None else f" It cost about {words.usd(state.export_usd)}."
    held = f"{words.dates(len(report.dates))} in the lake"
    if report.dates:
        held += f", from {report.dates[0].snapshot_date} to {report.dates[-1].snapshot_date}"
    growth = f" Growth: {words.grown(report.growth)}." if report.growth else ""
    yield element("p", prose(f"{held}.{growth}{took}{cost} {words.next_removal(report.retention)}"))
    for note in report.notes:
        yield element("p", prose(note))


def _seconds(seconds: float) -> str:
    return span(timedelta(seconds=seconds))


def _plots(report: SourceReport) -> Html:
    known = [date for date in report.dates if date.rows is not None]
    rows = plot("Rows", [(date.snapshot_date, date.rows or 0) for date in known], words.count)
    bytes = plot("Size", [(date.snapshot_date, date.bytes or 0) for date in known], words.size)
    return element("div", rows, bytes, klass="plots") if rows else Html()


def _tables(report: SourceReport, most: int) -> Html:
    tables = report.tables
    if not tables.figures:
        return Html()
    has_changed = tables.has_changed_rows
    heads = ["View", "Table", "Rows", "Size"]
    heads += [f"Rows since {day}" for day in _compared(tables)]
    heads += [f"Changed since {tables.before}"] if has_changed else []
    rows = (
        [
            figures.view,
            figures.original,
            words.count(figures.rows),
            words.size(figures.bytes),
            *([words.more_rows(figures.rows, figures.rows_before)] if tables.before else []),
            *([words.more_rows(figures.rows, figures.rows_earlier)] if tables.earlier != tables.before else []),
            *([words.changed(figures.changed)] if has_changed else []),
        ]
        for figures in tables.figures[:most]
    )
    left = len(tables.figures) - most
    more = (
        element("p", f"… and {left:,} smaller tables: rds-lake status {report.source} --all-tables") if left > 0 else ""
    )
    shown = table(heads, rows, cards=True, numbers=frozenset(range(2, 4 + len(_compared(tables)))))
    return element(
        "details",
        element("summary", counted(len(tables.figures), "table")),
        shown,
        more,
    )


def _compared(tables: Tables) -> list[str]:
    days = [tables.before, *([tables.earlier] if tables.earlier != tables.before else [])]
    return [str(day) for day in days if day is not None]


def _schema(tables: Tables) -> Iterator[Html]:
    if tables.before is None:
        return
    since = tables.earlier or tables.before
    if not tables.schema:
        yield element("p", f"Tables and columns have not changed since {since}.")
        return
    rows = (
        [f"{change.before} – {change.after}", change.table, change.what] for change in tables.schema[:_SCHEMA_CHANGES]
    )
    left = len(tables.schema) - _SCHEMA_CHANGES
    more = element("p", f"… and {left:,} more") if left > 0 else ""
    title = f"{counted(len(tables.schema), 'change')} of tables and columns since {since}"
    yield element("h3", title)
    yield joined([table(["Between", "Table", "Change"], rows, cards=True), more])


def shown_dates(dates: Sequence[DateFigures]) -> list[DateFigures]:
    """Returns the newest dates, and for earlier months the last date whose rows are known; newest first."""
    newest, older = list(dates[-NEWEST_DATES:]), dates[:-NEWEST_DATES]
    known = sorted(older, key=lambda date: (date.rows is not None, date.snapshot_date))
    last = {(date.snapshot_date.year, date.snapshot_date.month): date for date in known}
    return [*reversed(newest), *(last[month] for month in sorted(last, reverse=True))]


def _dates(dates: Sequence[DateFigures]) -> Html:
    if not dates:
        return Html()
    shown = shown_dates(dates)
    rows = (
        [
            str(date.snapshot_date),
            date.state or words.NONE,
            words.count(date.tables),
            words.count(date.rows),
            words.NONE if date.bytes is None else words.size(date.bytes),
        ]
        for date in shown
    )
    title = (
        words.dates(len(dates))
        if len(shown) == len(dates)
        else f"{len(shown)} of {counted(len(dates), 'date')}: the newest, then one a month"
    )
    body = table(["Date", "State", "Tables", "Rows", "Size"], rows, numbers=frozenset({2, 3, 4}))
    return element("details", element("summary", title), body)


def _costs(costs: Sequence[MonthCost]) -> Html:
    if not any(cost.usd is not None for cost in costs):
        return Html()
    rows = ([words.month(cost.month), words.count(cost.exports), words.usd(cost.usd)] for cost in costs)
    body = table(["Month", "Dates in the lake", "Exports, about"], rows, numbers=frozenset({1, 2}))
    return element("details", element("summary", "Cost by month"), body)
