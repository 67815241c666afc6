"""Reads row counts and descriptions of tables from a live database, in one session per database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rds_lake.database.counts import RowCount, count_rows
from rds_lake.database.described import describe_tables
from rds_lake.database.dsn import Dsn
from rds_lake.database.read_only import StatementError, by_database, read_only
from rds_lake.model.tables.described import Described, DescribedTable, described_of
from rds_lake.model.tables.table import TableTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Counts and descriptions. `not_described`: tables whose description could not be read, `why`: the reasons."""

    counts: Mapping[TableTarget, RowCount]
    described: Described
    not_described: frozenset[TableTarget]
    why: tuple[str, ...]


def ask_database(dsn: Dsn, targets: Sequence[TableTarget], *, exact_below: int, timeout_seconds: int) -> Answers:
    """Returns a count for every table, and descriptions of those that have one.

    If descriptions are refused or take longer than `timeout_seconds`, the result has the reason instead of an error, because
    `verify:` mainly needs the counts. Errors: as `read_only`.
    """
    counts: dict[TableTarget, RowCount] = {}
    described: list[DescribedTable] = []
    not_described: set[TableTarget] = set()
    why: list[str] = []
    for database, tables_of_database in by_database(dsn, targets).items():
        with read_only(dsn, database, timeout_seconds) as session:
            counts |= count_rows(session, tables_of_database, exact_below=exact_below)
            try:
                described += describe_tables(session, dsn.engine, tables_of_database)
            except StatementError as error:
                not_described |= set(tables_of_database)
                why.append(_sentence(tables_of_database, error, timeout_seconds))
    return Answers(
        counts=counts, described=described_of(described), not_described=frozenset(not_described), why=tuple(why)
    )


def _sentence(targets: Sequence[TableTarget], error: StatementError, timeout_seconds: int) -> str:
    databases = ", ".join(sorted({target.database for target in targets}))
    reason = f"the database took longer than timeout_seconds: {timeout_seconds}" if error.is_timeout else str(error)
    return f"{databases}: comments and enum names were not read, {reason}"
