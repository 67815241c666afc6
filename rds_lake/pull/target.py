"""Where a date is pulled to: what a target can do, and what one has already.

What belongs here: the protocol and its values. The targets are `duckdb_file.py` and `postgres.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from rds_lake.errors import PullError, RdsLakeError
from rds_lake.pull.plan import MakeColumn, Plan, PulledTable
from rds_lake.sql.pull.select import Reading

RECORD = "_rds_lake_pull"


class UnfitError(RdsLakeError):
    """Values of these columns cannot go the way that was chosen; nothing of the table was kept."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(f"another way is needed for {', '.join(columns)}")
        self.columns = tuple(columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A table that is whole in the target. `kinds`: columns that did not get the type of their first way, and what they got."""

    view: str
    rows: int
    kinds: Mapping[str, str]


class Opened(Protocol):
    """A target that a plan is pulled into."""

    @property
    def whole(self) -> Mapping[str, Loaded]:
        """Tables of this plan that an earlier run left whole."""
        ...

    @property
    def refused(self) -> Mapping[str, str]:
        """Tables of this plan that the target cannot hold at all, and why."""
        ...

    def load(
        self,
        table: PulledTable,
        chosen: Mapping[str, int],
        readings: Iterator[Reading],
        *,
        moved: Callable[[int], None],
    ) -> Loaded:
        """Make the table of these rows, whole or not at all. UnfitError where a value needs another way."""
        ...

    def interrupt(self) -> None:
        """End what the target is doing in other threads; each of them gets an error. Called until they have ended."""
        ...


class Target(Protocol):
    """A database that a date can be pulled into."""

    @property
    def make_column(self) -> MakeColumn:
        """How a column goes there."""
        ...

    def open(self, plan: Plan) -> AbstractContextManager[Opened]:
        """The target, ready for the plan; PullError lists all that is in the way, before anything is changed.

        When the block is left without an error everything is there.
        """
        ...


def kinds_of(table: PulledTable, chosen: Mapping[str, int]) -> dict[str, str]:
    """The columns that go another way than their first, and the type they have there."""
    return {
        column.name: column.ways[chosen[column.name]].kind for column in table.columns if chosen.get(column.name, 0)
    }


def require_rows(table: PulledTable, rows: int) -> None:
    """PullError where the files had another number of rows than the manifest says."""
    if rows != table.rows:
        raise PullError(
            f"{table.view}: its files have {rows:,} rows, and the manifest says {table.rows:,}; the table was not kept. "
            "Materialize `parquet` of the date again, or pull another date"
        )


def refuse_own_name(plan: Plan) -> list[str]:
    """The problem that a table of the plan has the name of the record."""
    return [
        f"{table.table}: its name in the target is taken by rds-lake; give it another with `rename:`"
        for table in plan.tables
        if table.view == RECORD
    ]
