"""What a database itself says of its tables: comments, names of enums, declared types. No export has any of it.

    lake/_manifests/shop/_described.json

What belongs here: that record, and how it is said of a column. `database/asked.py` asks the database, where `verify:` is on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property

from rds_lake.model.records import read_record, render_record
from rds_lake.model.tables.table import TableTarget

_MOST_COMMENT, _MOST_LABELS = 1000, 50  # characters and names that Dagster is given of one column


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedColumn:
    """`type` as it is declared (`numeric(12,2)`, `order_state`), `labels`: the names of an enum in its order."""

    type: str = ""
    comment: str = ""
    labels: tuple[str, ...] = ()

    def sentence(self, original: str | None) -> str:
        """`What is still owed (numeric(12,2))`, `order_state: new, paid`. `original`: the type's name in the export."""
        shown = self.labels[:_MOST_LABELS]
        more = f" and {len(self.labels) - len(shown)} more" if len(shown) < len(self.labels) else ""
        kind = self.type or original or ""
        kind += f": {', '.join(shown)}{more}" if shown else ""
        comment = shortened(self.comment)
        return f"{comment} ({kind})" if comment and kind else comment or kind


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedTable:
    """A table with a comment, or with columns of which there is something to say; others are not in the record."""

    target: TableTarget
    comment: str = ""
    columns: Mapping[str, DescribedColumn] = field(default_factory=dict[str, DescribedColumn])


@dataclass(frozen=True, kw_only=True)
class Described:
    """What a source's database said last."""

    tables: tuple[DescribedTable, ...] = ()

    @cached_property
    def _by_target(self) -> Mapping[TableTarget, DescribedTable]:
        return {table.target: table for table in self.tables}

    def of(self, target: TableTarget) -> DescribedTable:
        """The table; an empty one where the database said nothing of it."""
        return self._by_target.get(target) or DescribedTable(target=target)


def shortened(comment: str) -> str:
    """A comment as Dagster is given it."""
    return comment if len(comment) <= _MOST_COMMENT else f"{comment[:_MOST_COMMENT]}…"


def described_of(tables: Iterable[DescribedTable]) -> Described:
    """The record of these tables; in one order, so that what did not change gives the same bytes."""
    return Described(tables=tuple(sorted(tables, key=lambda table: table.target)))


def render_described(described: Described) -> str:
    """The JSON of the record."""
    return render_record(asdict(described), version=1)


def parse_described(text: str, *, where: str) -> Described:
    """The record that `render_described` wrote; ManifestError if the text is damaged."""
    remedy = "delete it: the check `rows_as_in_the_database` writes it again"
    return read_record(Described, text, where=where, known=(1,), remedy=remedy)
