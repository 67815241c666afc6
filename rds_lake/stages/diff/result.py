"""What two dates of a table differ by, as values.

What belongs here: the values. How they are found is `compare.py`, how they are printed `console/queries/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaChange:
    """Columns that only one date has, and types that changed: (before, after). `not_compared`: column -> why."""

    added: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    retyped: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    not_compared: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_nothing(self) -> bool:
        return not (self.added or self.dropped or self.retyped or self.not_compared)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDiff:
    """One row that is added, removed or changed (`kind`), by texts; None is NULL.

    `before` and `after` have the columns that are not of the key, of a changed row only those that differ. `times`: how often the
    row occurs more often than at the other date; without a key only.
    """

    kind: str
    key: Mapping[str, str | None]
    before: Mapping[str, str | None] | None
    after: Mapping[str, str | None] | None
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDiff:
    """Two dates of a table. `keys`: by which columns its rows were joined; none: whole rows were counted.

    `rows_before`, `rows_after`: rows of either date (that fulfil the condition). `by_column`: column -> changed rows in which it
    differs. `rows`: the first rows of each kind. `bytes_scanned` by Athena.
    """

    source: str
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
    def same(self) -> int:
        return self.rows_before - self.removed - self.changed

    @property
    def is_same(self) -> bool:
        return not (self.added or self.removed or self.changed) and self.schema.is_nothing
