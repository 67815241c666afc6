"""A report of a lake, as values.

What belongs here: the values. They are read by `gather.py`, and made a page by `page/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from rds_lake.stages.watch.status import SourceStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFailures:
    """What Dagster knows, as sentences by source. Checks that only warn need no person.

    `was_asked` is false where no Dagster is known; `problem`: why one that is known could not be asked.
    """

    was_asked: bool = False
    problem: str = ""
    failed_runs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    failed_checks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    warned_checks: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DateFigures:
    """A date of the lake. `state`: what became of it, in the words of `_snapshots`; figures are None where nothing cheap has them."""

    snapshot_date: date
    state: str
    tables: int | None = None
    rows: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRows:
    """Rows of a table that differ from the date before; `changed` is None where no key is known."""

    added: int
    removed: int
    changed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFigures:
    """A table of the shown date. Rows of earlier dates are None where it was not there; `changed`: where it was counted."""

    view: str
    original: str
    rows: int
    bytes: int
    rows_before: int | None = None
    rows_earlier: int | None = None
    changed: ChangedRows | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaChange:
    """One change of a table or column, between the dates `before` and `after`."""

    before: date
    after: date
    table: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """The tables of the shown date, against the date before it (`before`) and one about a month earlier (`earlier`)."""

    figures: tuple[TableFigures, ...] = ()
    before: date | None = None
    earlier: date | None = None
    schema: tuple[SchemaChange, ...] = ()
    without_view: tuple[str, ...] = ()

    @property
    def has_changed_rows(self) -> bool:
        return any(table.changed for table in self.figures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How much more there is than at the date `since`."""

    since: date
    rows: int
    bytes: int
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthCost:
    """A month (its first day): dates of it that are in the lake, and what their exports cost; None where no size is known."""

    month: date
    exports: int
    usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRetention:
    """`due`: dates that the next run of `schedule` (cron, UTC) removes. Where none is due, `then` goes first, on the day `on`."""

    schedule: str
    due: tuple[date, ...] = ()
    then: date | None = None
    on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What needs a person: a sentence about a source, and what to do."""

    source: str
    sentence: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """One source. `status` is None where it could not be read, and `needs` says why.

    `notes`: sentences about what needs no action. `missing`: days without a date, between dates of which retention has removed none.
    `costs`: the newest month first.
    """

    source: str
    kind: str
    status: SourceStatus | None = None
    is_stale: bool = False
    dates: tuple[DateFigures, ...] = ()
    tables: Tables = field(default=Tables())
    growth: Growth | None = None
    missing: tuple[date, ...] = ()
    retention: NextRetention | None = None
    costs: tuple[MonthCost, ...] = ()
    needs: tuple[Need, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeReport:
    """All sources, at the instant `now`. `problems`: what else could not be read."""

    lake: str
    now: datetime
    sources: tuple[SourceReport, ...]
    asked_dagster: bool = False
    problems: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[Need, ...]:
        return tuple(need for source in self.sources for need in source.needs)

    @property
    def costs(self) -> tuple[MonthCost, ...]:
        """Of all sources together, the newest month first."""
        months = sorted({cost.month for source in self.sources for cost in source.costs}, reverse=True)
        return tuple(_sum(month, [cost for one in self.sources for cost in one.costs]) for month in months)


def _sum(month: date, costs: Sequence[MonthCost]) -> MonthCost:
    mine = [cost for cost in costs if cost.month == month]
    known = [cost.usd for cost in mine if cost.usd is not None]
    return MonthCost(month=month, exports=sum(cost.exports for cost in mine), usd=sum(known) if known else None)
