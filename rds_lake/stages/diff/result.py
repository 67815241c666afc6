"""The difference between two dates of a table, as values.

What belongs here: the values. How they are found is `compare.py`, how they are printed `console/queries/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from rds_lake.sql.diff.columns import SchemaChange


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDiff:
    """One row that is added, removed or changed (`kind`), as texts; None is NULL.

    `before` and `after`: columns outside of the key; of a changed row only those that differ. `times`: how much more
    often the row occurs than at the other date; without a key only.
    """

    kind: str
    key: Mapping[str, str | None]
    before: Mapping[str, str | None] | None
    after: Mapping[str, str | None] | None
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDiff:
    """Two dates of a table; `table`: its name in the database. `keys`: its key columns; none: whole rows were counted.

    `rows_before`, `rows_after`: rows of either date (that fulfil the condition). `by_column`: changed rows in which the
    column differs. `rows`: the first rows of each kind. `bytes_scanned`: by Athena.
    """

    source: str
    table: str
    view: str
    before: date
    after: date
    keys: tuple[str, ...]
    rows_before: int
    rows_after: int
    added: int
    removed: int
    changed: int
    by_column: Mapping[str, int]
    schema: SchemaChange
    rows: tuple[RowDiff, ...] = ()
    bytes_scanned: int = 0
    milliseconds: int = 0

    @property
    def most_changed(self) -> tuple[tuple[str, int], ...]:
        """`by_column`, the columns that differ in the most rows first."""
        return tuple(sorted(self.by_column.items(), key=lambda item: -item[1]))

    @property
    def same(self) -> int:
        return self.rows_before - self.removed - self.changed

    @property
    def is_same(self) -> bool:
        return not (self.added or self.removed or self.changed) and self.schema.is_nothing
