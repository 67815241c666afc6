"""Drift: what a snapshot has that the snapshot before it and the changes since do not explain.

    lake/_compacted/shop/_drift.json     the newest comparison

What belongs here: its values. Comparing is `stages/streams/live/drift.py`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

from rds_lake.model.records import read_record, render_record


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftedRow:
    """A row by its key (`id=7`). `columns` that differ; empty where the row is missing or was not predicted."""

    key: str
    columns: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDrift:
    """Rows of one table: `missing` were predicted and are not there, `extra` are there without a change that made them.

    `lost` and `phantom` are of `capture: lambda` only: breaks between two changes of a key, each of one lost change or several, and
    changes that were rolled back. `keys_beyond`: keys whose changes do not fit either, and were not looked at.
    The lists have some of the rows, by key; the numbers count all. `behind`: it is compared once its changes are compacted.
    """

    table: str
    missing: int = 0
    extra: int = 0
    different: int = 0
    missing_rows: tuple[DriftedRow, ...] = ()
    extra_rows: tuple[DriftedRow, ...] = ()
    different_rows: tuple[DriftedRow, ...] = ()
    error: str = ""
    lost: int = 0
    phantom: int = 0
    lost_rows: tuple[DriftedRow, ...] = ()
    phantom_rows: tuple[DriftedRow, ...] = ()
    keys_beyond: int = 0
    behind: bool = False

    @property
    def rows(self) -> int:
        """Rows that are not as predicted."""
        return self.missing + self.extra + self.different

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong, and nothing went wrong while it was compared."""
        return not (self.rows or self.error or self.lost or self.phantom or self.keys_beyond)

    def __str__(self) -> str:
        if self.error:
            return f"{self.table} could not be compared: {self.error}"
        found = (
            (self.missing, "missing", self.missing_rows),
            (self.extra, "not predicted", self.extra_rows),
            (self.different, "different", self.different_rows),
        )
        parts = [f"{count:,} {what} ({_listed(rows, count)})" for count, what, rows in found if count]
        if self.lost:
            parts.append(f"changes are lost at {self.lost:,} places ({_listed(self.lost_rows, 0)})")
        if self.phantom:
            parts.append(f"{self.phantom:,} changes were rolled back ({_listed(self.phantom_rows, 0)})")
        if self.keys_beyond:
            parts.append(f"{self.keys_beyond:,} keys more whose changes do not fit")
        return f"{self.table}: {'; '.join(parts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The comparison of two snapshot dates, `before` and `after`. `export_task`: of the later. `tables`: those that drifted.

    `compared`: how many tables were. `not_compared`: why there was nothing to compare with.
    """

    before: date | None
    after: date
    export_task: str
    compared: int = 0
    tables: tuple[TableDrift, ...] = ()
    not_compared: str = ""

    @property
    def problems(self) -> tuple[str, ...]:
        return tuple(map(str, self.tables))


def render_drift_record(drift: Drift) -> str:
    """The JSON of the record."""
    return render_record(asdict(drift), version=1)


def parse_drift_record(text: str, *, where: str) -> Drift:
    """The record that `render_drift_record` wrote; ManifestError if the text is damaged."""
    return read_record(Drift, text, where=where, known=(1,), remedy="delete it: the snapshots are compared again")


def _listed(rows: tuple[DriftedRow, ...], count: int) -> str:
    shown = [f"{row.key}: {row.columns}" if row.columns else row.key for row in rows]
    more = [f"and {count - len(rows):,} more"] if count > len(rows) else []
    return ", ".join([*shown, *more])
