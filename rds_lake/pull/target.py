"""The interface of a pull's target, a DuckDB file or a PostgreSQL schema.

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
    """Values of these columns do not fit the chosen type; the table was not kept."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(f"the chosen types do not fit values of {', '.join(columns)}")
        self.columns = tuple(columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A complete table in the target. `kinds`: the type of each column that did not get its first choice of type."""

    view: str
    rows: int
    kinds: Mapping[str, str]


class Opened(Protocol):
    """An open target, ready to receive the tables of a plan."""

    @property
    def whole(self) -> Mapping[str, Loaded]:
        """Tables of this plan that an earlier pull completed."""
        ...

    @property
    def refused(self) -> Mapping[str, str]:
        """Tables of this plan that the target cannot store, and why."""
        ...

    def load(
        self,
        table: PulledTable,
        chosen: Mapping[str, int],
        readings: Iterator[Reading],
        *,
        moved: Callable[[int], None],
    ) -> Loaded:
        """Write the table completely or not at all. UnfitError if a value needs another type."""
        ...

    def interrupt(self) -> None:
        """Cancel all work of other threads on the target; each of them gets an error. Called again until all have ended."""
        ...


class Target(Protocol):
    """A database that a date can be pulled into."""

    @property
    def make_column(self) -> MakeColumn:
        """Chooses the types and expressions for a column in this target."""
        ...

    def open(self, plan: Plan) -> AbstractContextManager[Opened]:
        """Open the target for the plan. PullError lists everything that prevents the pull, before anything is changed.

        When the block ends without an error, all tables are complete.
        """
        ...


def kinds_of(table: PulledTable, chosen: Mapping[str, int]) -> dict[str, str]:
    """Returns the type of each column that did not get its first choice of type."""
    return {
        column.name: column.ways[chosen[column.name]].kind for column in table.columns if chosen.get(column.name, 0)
    }


def require_rows(table: PulledTable, rows: int) -> None:
    """PullError if the number of rows in the files differs from the manifest."""
    if rows != table.rows:
        raise PullError(
            f"{table.view}: its files have {rows:,} rows, but the manifest says {table.rows:,}; the table was not kept. "
            "Materialize `parquet` of the date again, or pull another date"
        )


def refuse_own_name(plan: Plan) -> list[str]:
    """Returns a problem for each table of the plan that has the name of the record table."""
    return [
        f"{table.table}: rds-lake reserves its name in the target; rename it with `rename:` in lake.yaml"
        for table in plan.tables
        if table.view == RECORD
    ]
