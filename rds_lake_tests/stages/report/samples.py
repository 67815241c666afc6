"""Reports made up for tests of the page: as big, as bad or as strangely named as wanted."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from rds_lake.stages.report.tables import earlier_date
from rds_lake.stages.report.upcoming import growth
from rds_lake.stages.report.values import (
    ChangedRows,
    DateFigures,
    LakeReport,
    MonthCost,
    Need,
    NextRetention,
    SchemaChange,
    SourceReport,
    TableFigures,
    Tables,
)
from rds_lake.stages.watch.sentences import STALE
from rds_lake.stages.watch.status import SourceStatus, TableStatus

NOW = datetime(2026, 11, 29, 7, 0, tzinfo=UTC)
TODAY = NOW.date()


def made_report(*, sources: int = 3, tables: int = 6, dates: int = 60, name: str = "orders") -> LakeReport:
    """So many sources with so many tables each; `name` is in every name."""
    return LakeReport(
        lake="s3://acme-lake/lake",
        now=NOW,
        sources=tuple(made_source(f"shop{number}", tables, dates, name) for number in range(sources)),
        asked_dagster=True,
    )


def made_source(source: str, tables: int, dates: int, name: str) -> SourceReport:
    """A source that grew every day, with one date held and one that did not pass."""
    days = [TODAY - timedelta(days=ago) for ago in range(dates, 0, -1)]
    figures = tuple(_date(day, number, tables) for number, day in enumerate(days))
    shown = days[-1]
    found = tuple(_table(f"{name}_{n}", n, tables, figures[-1].rows or 0) for n in range(tables))
    state = SourceStatus(
        source=source,
        published=shown,
        shown=shown,
        snapshot_time=datetime(shown.year, shown.month, shown.day, 3, tzinfo=UTC),
        tables=_status_of(found),
        dates=len(days),
        export_seconds=1843,
        export_usd=1.25,
        running=(),
        gone=(f"shop.public.{name}_old",),
    )
    month = TODAY.replace(day=1)
    return SourceReport(
        source=source,
        kind="rds",
        status=state,
        dates=figures,
        tables=Tables(
            figures=found,
            before=days[-2],
            earlier=days[-31] if dates > 31 else days[0],
            schema=tuple(
                SchemaChange(
                    before=days[-2], after=shown, table=f"shop.public.{name}_{n}", what=f"column {name} added, text"
                )
                for n in range(min(tables, 3))
            ),
        ),
        growth=growth(figures, shown),
        missing=(days[0] - timedelta(days=1),),
        retention=NextRetention(schedule="20 6 * * *", then=days[0], on=TODAY + timedelta(days=3)),
        costs=(
            MonthCost(month=month, exports=28, usd=35.0),
            MonthCost(month=(month - timedelta(days=1)).replace(day=1), exports=31, usd=38.75),
        ),
        notes=(f"not in this snapshot, so their views were dropped: shop.public.{name}_old",),
    )


def _date(day: date, number: int, tables: int) -> DateFigures:
    rows = 1_000_000 + number * 12_345 + int(90_000 * math.sin(number / 3))
    return DateFigures(snapshot_date=day, state="published", tables=tables, rows=rows, bytes=rows * 143)


def _table(view: str, number: int, tables: int, total: int) -> TableFigures:
    """A table that has its part of the rows of all."""
    rows = total * 2 * (number + 1) // (tables * (tables + 1))
    return TableFigures(
        view=view,
        original=f"shop.public.{view}",
        rows=rows,
        bytes=rows * 143,
        rows_before=rows - 1_500,
        rows_earlier=None if number % 4 == 3 else rows - 40_000,
        changed=ChangedRows(added=1_600, removed=100, changed=250),
    )


def _two_dates_ago(report: SourceReport) -> SourceReport:
    """The same where readers see the date before the date before the newest, with that date's rows and changes."""
    assert report.status is not None
    *_, before, shown = report.dates[:-2]
    day, found = shown.snapshot_date, report.tables
    tables = [_table(one.view, at, len(found.figures), shown.rows or 0) for at, one in enumerate(found.figures)]
    changes = [replace(one, before=before.snapshot_date, after=day) for one in found.schema]
    earlier = earlier_date(day, [one.snapshot_date for one in report.dates])
    return replace(
        report,
        status=replace(
            report.status,
            published=day,
            shown=day,
            snapshot_time=datetime(day.year, day.month, day.day, 3, tzinfo=UTC),
            tables=_status_of(tables),
        ),
        tables=replace(
            found, figures=tuple(tables), before=before.snapshot_date, earlier=earlier, schema=tuple(changes)
        ),
    )


def _status_of(tables: Iterable[TableFigures]) -> tuple[TableStatus, ...]:
    return tuple(TableStatus(view=one.view, original=one.original, rows=one.rows, bytes=one.bytes) for one in tables)


def with_problems(report: LakeReport) -> LakeReport:
    """The same with everything that a person has to look at, in the first two sources. Of four dates at least."""
    first, second, *others = report.sources
    first = _two_dates_ago(first)
    shown, held, unchecked = (one.snapshot_date for one in first.dates[-3:])
    states = {held: "held", unchecked: "not through its checks"}
    lines = [
        (
            f"readers see {shown}, 3 d 4 h old, and `freshness_hours` allows 1 d 12 h ({STALE})",
            "rds-lake status shop0",
        ),
        (f"in the lake, but checks did not pass: {unchecked}; see the run of the date in Dagster", ""),
        (f"{held} waits: rds-lake publish shop0 {held}", ""),
    ]
    needs = tuple(Need(source=first.source, sentence=sentence, remedy=remedy) for sentence, remedy in lines)
    unread = Need(
        source=second.source,
        sentence="could not be read: s3 GetObject of s3://acme-lake/lake/_manifests/shop1/_published.json was refused (AccessDenied)",
        remedy="rds-lake doctor",
    )
    return replace(
        report,
        sources=(
            replace(
                first,
                dates=tuple(replace(one, state=states.get(one.snapshot_date, one.state)) for one in first.dates),
                growth=growth(first.dates, shown),
                needs=needs,
                is_stale=True,
            ),
            SourceReport(source=second.source, kind="rds", needs=(unread,)),
            *others,
        ),
    )
