"""How many rows of a source's tables differ from the date before, as stored in the lake, and limits for that.

    lake/_manifests/shop/2026-11-20.diff.json     written by the check `changed_rows_as_expected`, removed with its date

What belongs here: the record's values, and what a limit means. `stages/diff/of_date.py` compares the dates.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal

from rds_lake.model.records import read_record, render_record

# In a smaller table, each row is more than one percent.
SMALL_ROWS = 100
_LIMIT = re.compile(r"[0-9]+|([0-9]+(?:\.[0-9]+)?) ?%")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLimit:
    """A limit of `rows`, or of `percent` of a table's rows at the date before; exactly one is given."""

    rows: int | None = None
    percent: Decimal | None = None

    @classmethod
    def of(cls, text: str) -> RowLimit:
        """Returns the limit for `1000`, `5%` or `0.5%`. Raises ValueError if the text is not a limit."""
        match = _LIMIT.fullmatch(text)
        if match is None:
            raise ValueError(
                f"{text!r} is not a limit: write a number of rows, such as 1000, or a share of them, such as 5%"
            )
        return cls(percent=Decimal(match[1])) if match[1] is not None else cls(rows=int(text))

    def allows(self, count: int, *, rows_before: int) -> bool:
        """Whether `count` rows of a table may differ. Percentages do not apply to a table of fewer than 100 rows."""
        if self.rows is not None:
            return count <= self.rows
        return rows_before < SMALL_ROWS or count * 100 <= (self.percent or 0) * rows_before

    def __str__(self) -> str:
        return f"{self.percent}%" if self.percent is not None else f"{self.rows:,}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedTable:
    """A table at both dates; `table`: its name in the database.

    `keys`: the columns by which rows were joined. Without keys, `changed` is None, and each changed row counts as
    removed and added. `by_column`: changed rows in which the column differs.
    """

    table: str
    view: str
    rows_before: int
    rows_after: int
    added: int
    removed: int
    changed: int | None = None
    keys: tuple[str, ...] = ()
    by_column: Mapping[str, int] = field(default_factory=dict)

    @property
    def same(self) -> int:
        return self.rows_before - self.removed - (self.changed or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DateDiff:
    """Compares a source's snapshot date with the date `before`, with the exports that both were read from.

    `tables`: the compared tables. `not_compared`: the reason by view. `new` and `gone`: views that only one of the
    dates has.
    """

    source: str
    snapshot_date: date
    export_task: str
    before: date
    before_export_task: str
    compared_at: datetime
    tables: tuple[CountedTable, ...] = ()
    not_compared: Mapping[str, str] = field(default_factory=dict)
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    bytes_scanned: int = 0


def render_date_diff(diff: DateDiff) -> str:
    """Returns the record as JSON."""
    return render_record(asdict(diff), version=1)


def parse_date_diff(text: str, *, where: str) -> DateDiff:
    """Returns the record that `render_date_diff` wrote. Raises ManifestError if the text is damaged."""
    remedy = "delete it, and execute the check `changed_rows_as_expected` of the date again"
    return read_record(DateDiff, text, where=where, known=(1,), remedy=remedy)
