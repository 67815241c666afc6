"""A database's own descriptions of its tables: comments, enum names, declared types. Exports do not contain them.

    lake/_manifests/shop/_described.json

What belongs here: this record, and the description of a column as text. With `verify:`, `database/asked.py` reads the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property

from rds_lake.model.records import read_record, render_record
from rds_lake.model.tables.table import TableTarget

_MOST_COMMENT, _MOST_LABELS = 1000, 50  # characters and names per column that are passed to Dagster


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedColumn:
    """A column. `type`: as declared (`numeric(12,2)`, `order_state`); `labels`: an enum's names in its order."""

    type: str = ""
    comment: str = ""
    labels: tuple[str, ...] = ()

    def sentence(self, original: str | None) -> str:
        """Returns `What is still owed (numeric(12,2))` or `order_state: new, paid`. `original`: the type's name in the export."""
        shown = self.labels[:_MOST_LABELS]
        more = f" and {len(self.labels) - len(shown)} more" if len(shown) < len(self.labels) else ""
        kind = self.type or original or ""
        kind += f": {', '.join(shown)}{more}" if shown else ""
        comment = shortened(self.comment)
        return f"{comment} ({kind})" if comment and kind else comment or kind


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedTable:
    """A table with a comment or with described columns; other tables are not in the record."""

    target: TableTarget
    comment: str = ""
    columns: Mapping[str, DescribedColumn] = field(default_factory=dict[str, DescribedColumn])


@dataclass(frozen=True, kw_only=True)
class Described:
    """The newest descriptions of a source's tables."""

    tables: tuple[DescribedTable, ...] = ()

    @cached_property
    def _by_target(self) -> Mapping[TableTarget, DescribedTable]:
        return {table.target: table for table in self.tables}

    def of(self, target: TableTarget) -> DescribedTable:
        """Returns the table's description; an empty one if the record has none."""
        return self._by_target.get(target) or DescribedTable(target=target)


def shortened(comment: str) -> str:
    """Returns the comment, shortened for Dagster."""
    return comment if len(comment) <= _MOST_COMMENT else f"{comment[:_MOST_COMMENT]}…"


def described_of(tables: Iterable[DescribedTable]) -> Described:
    """Returns the record of these tables, sorted, so that the same content always gives the same bytes."""
    return Described(tables=tuple(sorted(tables, key=lambda table: table.target)))


def render_described(described: Described) -> str:
    """Returns the record as JSON."""
    return render_record(asdict(described), version=1)


def parse_described(text: str, *, where: str) -> Described:
    """Returns the record that `render_described` wrote. Raises ManifestError if the text is damaged."""
    remedy = "delete it: the check `rows_as_in_the_database` writes it again"
    return read_record(Described, text, where=where, known=(1,), remedy=remedy)
