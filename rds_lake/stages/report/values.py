"""A report of a lake, as values.

What belongs here: the values. They are read by `gather.py` and rendered by `page/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from rds_lake.stages.watch.status import SourceStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFailures:
    """Failures known to Dagster, as sentences by source, without checks that only warn.

    `was_asked`: False without Dagster; `problem`: why Dagster could not be read.
    """

    was_asked: bool = False
    problem: str = ""
    failed_runs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    failed_checks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    warned_checks: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DateFigures:
    """A date of the lake. `state`: as in `_snapshots`; figures are None if they are not cheaply available."""

    snapshot_date: date
    state: str
    tables: int | None = None
    rows: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRows:
    """Rows of a table that differ from the date before; `changed` is None without a key."""

    added: int
    removed: int
    changed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFigures:
    """A table of the published date. Rows of earlier dates: None if it did not exist; `changed`: if it was counted."""

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
    """The increase since the date `since`."""

    since: date
    rows: int
    bytes: int
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthCost:
    """A month (its first day): its dates in the lake and the cost of their exports; None without a known size."""

    month: date
    exports: int
    usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRetention:
    """`due`: dates that the next run of `schedule` (cron, UTC) removes. If none, `then` is removed first, on the day `on`."""

    schedule: str
    due: tuple[date, ...] = ()
    then: date | None = None
    on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a person has to do: a sentence about a source, and the remedy."""

    source: str
    sentence: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """One source. `status` is None if it could not be read; `needs` then has the reason.

    `notes`: sentences that need no action. `missing`: days without a date, where retention removed none. `costs`:
    newest month first.
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
    """All sources, at the time `now`. `problems`: other things that could not be read."""

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
        """The costs of all sources together, newest month first."""
        months = sorted({cost.month for source in self.sources for cost in source.costs}, reverse=True)
        return tuple(_sum(month, [cost for source in self.sources for cost in source.costs]) for month in months)


def _sum(month: date, costs: Sequence[MonthCost]) -> MonthCost:
    of_month = [cost for cost in costs if cost.month == month]
    known = [cost.usd for cost in of_month if cost.usd is not None]
    return MonthCost(month=month, exports=sum(cost.exports for cost in of_month), usd=sum(known) if known else None)
