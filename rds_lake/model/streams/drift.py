"""Drift: how a snapshot differs from the snapshot before it plus the changes since.

    lake/_compacted/shop/_drift.json     the newest comparison

What belongs here: its values. `stages/streams/live/drift.py` compares.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

from rds_lake.model.records import read_record, render_record
from rds_lake.model.words import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftedRow:
    """A row by its key (`id=7`). `columns`: those that differ; empty if the row is missing or unexpected."""

    key: str
    columns: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDrift:
    """Rows of one table: `missing` were expected but do not exist, `extra` exist without a change that created them.

    `lost` and `phantom` exist for `capture: lambda` only: breaks between two changes of a key, each for at least one
    lost change; and changes that were rolled back. `keys_beyond`: further keys with wrong changes, which were not
    examined. The lists contain some of the rows, by key; the numbers count all. `behind`: the table is compared once
    its changes are compacted.
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
        """The number of rows that are not as expected."""
        return self.missing + self.extra + self.different

    @property
    def is_clean(self) -> bool:
        """Whether there is no drift, and the comparison had no error."""
        return not (self.rows or self.error or self.lost or self.phantom or self.keys_beyond)

    def __str__(self) -> str:
        if self.error:
            return f"{self.table} could not be compared: {self.error}"
        kinds = (
            (self.missing, "missing", self.missing_rows),
            (self.extra, "not predicted", self.extra_rows),
            (self.different, "different", self.different_rows),
        )
        parts = [f"{count:,} {what} ({_listed(rows, count)})" for count, what, rows in kinds if count]
        if self.lost:
            parts.append(f"changes are lost at {self.lost:,} places ({_listed(self.lost_rows, 0)})")
        if self.phantom:
            parts.append(
                f"{counted(self.phantom, 'change', 'was', 'were')} rolled back ({_listed(self.phantom_rows, 0)})"
            )
        if self.keys_beyond:
            parts.append(f"{self.keys_beyond:,} keys more whose changes do not fit")
        return f"{self.table}: {'; '.join(parts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The comparison of two snapshot dates, `before` and `after`. `export_task`: of the later date. `tables`: those with drift.

    `compared`: the number of compared tables. `not_compared`: why nothing could be compared.
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
    """Returns the record as JSON."""
    return render_record(asdict(drift), version=1)


def parse_drift_record(text: str, *, where: str) -> Drift:
    """Returns the record that `render_drift_record` wrote. Raises ManifestError if the text is damaged."""
    return read_record(Drift, text, where=where, known=(1,), remedy="delete it: the snapshots are compared again")


def _listed(rows: tuple[DriftedRow, ...], count: int) -> str:
    shown = [f"{row.key}: {row.columns}" if row.columns else row.key for row in rows]
    more = [f"and {count - len(rows):,} more"] if count > len(rows) else []
    return ", ".join([*shown, *more])
