"""The input of a comparison: a table at two dates, its columns and key, and how many rows are shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from rds_lake.model.tables.names import AthenaTable
from rds_lake.sql.diff.columns import ComparedColumn, DatedColumn
from rds_lake.sql.view_columns import ViewColumn

ADDED, REMOVED, CHANGED, SAME = "added", "removed", "changed", "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One date of the table. `view`: its columns as in the view."""

    names: AthenaTable
    day: date
    view: tuple[ViewColumn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A comparison of two dates. `keys`: names of `columns`; empty: whole rows. `where`: a condition on the view's columns."""

    database: str
    before: Side
    after: Side
    columns: tuple[ComparedColumn, ...]
    keys: tuple[str, ...] = ()
    where: str | None = None
    most_rows: int = 0

    @property
    def key_columns(self) -> tuple[ComparedColumn, ...]:
        by_name = {column.name: column for column in self.columns}
        return tuple(by_name[name] for name in self.keys)

    @property
    def others(self) -> tuple[ComparedColumn, ...]:
        """The columns that do not belong to the key, in order."""
        return tuple(column for column in self.columns if column.name not in self.keys)

    def dated(self, column: ComparedColumn, side: str) -> DatedColumn:
        """The column at the date of `side`, which is `before` or `after`."""
        return column.before if side == "before" else column.after
