"""Checks through Athena, before anything is published, that it reads every relocated row and value.

One query per table answers two questions in one scan: how many rows Athena sees in the new partition
(against the Parquet footers), and how many values the typed view would lose. Many tables share a statement, since most of
a statement's time is its start and its end.

What belongs here: checks of one snapshot date. Completeness of the export is `model/exports/completeness.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from rds_lake.aws.athena import AthenaGateway, QueryResult
from rds_lake.errors import QueryError, RdsLakeError, TransientError, UnavailableError
from rds_lake.model.words import counted
from rds_lake.sql.views import QualityQuery, render_quality_queries, render_together, together
from rds_lake.stages.catalogue.naming import TypedTable


@dataclass(frozen=True, slots=True, kw_only=True)
class TableQuality:
    """Athena's result for one table: its rows, the footers' rows, and lost values per column."""

    table: str
    rows_expected: int
    rows_read: int
    lost: tuple[tuple[str, int], ...]

    @property
    def rows_match(self) -> bool:
        return self.rows_expected == self.rows_read


def check_tables(
    athena: AthenaGateway,
    *,
    database: str,
    snapshot_date: date,
    tables: Sequence[TypedTable],
    log: Callable[[str], None],
    casts: bool = True,
) -> tuple[TableQuality, ...]:
    """Reads every table's partition of the date through Athena. Raises QueryError with every table that cannot be read.

    Without `casts`, only rows are counted, which reads footers and no column.
    """
    queries = [
        _Asked(table, query)
        for table in tables
        for query in render_quality_queries(database, table.names, table.columns if casts else (), snapshot_date)
    ]
    log(f"checking {counted(len(tables), 'table')} of {snapshot_date} through Athena")
    read: dict[str, int] = {}
    lost: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for asked, (rows, *counts) in zip(queries, _answers(athena, database, queries, casts=casts), strict=True):
        read[asked.name] = rows
        lost[asked.name] += [
            (column, count) for column, count in zip(asked.query.columns, counts, strict=False) if count
        ]
    return tuple(
        TableQuality(
            table=name,
            rows_expected=table.named.manifest.rows,
            rows_read=read[name],
            lost=tuple(lost[name]),
        )
        for table in tables
        for name in [str(table.names.target)]
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query on one table; a table with hundreds of columns needs several."""

    table: TypedTable
    query: QualityQuery

    @property
    def name(self) -> str:
        return str(self.table.names.target)


def _answers(athena: AthenaGateway, database: str, queries: Sequence[_Asked], *, casts: bool) -> list[list[int]]:
    """Returns rows and lost values of every query, many to a statement.

    A failed statement does not show which of its tables is bad: each is then queried alone, and the error names those
    that fail.
    """
    sizes = [asked.table.named.manifest.bytes if casts else 0 for asked in queries]
    groups = together(sizes, [asked.query for asked in queries])
    statements = [render_together([queries[at].query for at in group]) for group in groups]
    counts_of: dict[int, list[int]] = {}
    alone: list[int] = []
    for group, outcome in zip(groups, athena.try_many(statements, database=database), strict=True):
        if isinstance(outcome, QueryResult):
            counts_of |= {group[number]: counts for number, *counts in _numbers(outcome)}
        elif isinstance(outcome, QueryError):
            alone += group
        else:
            raise outcome
    failed: list[tuple[str, RdsLakeError]] = []
    singly = [render_together([queries[at].query]) for at in alone]
    for at, outcome in zip(alone, athena.try_many(singly, database=database), strict=True):
        if isinstance(outcome, QueryResult):
            ((_, *counts_of[at]),) = _numbers(outcome)
        else:
            failed.append((queries[at].name, outcome))
    if failed:
        raise _unread(database, len(queries), failed)
    return [counts_of[at] for at in range(len(queries))]


def _numbers(result: QueryResult) -> list[list[int]]:
    return [[int(value or 0) for value in row] for row in result.rows]


def _unread(database: str, count: int, failed: Sequence[tuple[str, RdsLakeError]]) -> RdsLakeError:
    """Returns one error about all tables that could not be read, which is transient if a repetition may succeed for all."""
    text = f"{len(failed)} of {count} checks of {database} failed to run in Athena:" + "".join(
        f"\n  - {name}: {error}" for name, error in failed
    )
    if all(isinstance(error, TransientError) for _, error in failed):
        return UnavailableError(text)
    first = next(error for _, error in failed if not isinstance(error, TransientError))
    if not isinstance(first, QueryError):
        return first
    return QueryError(text, query_id=first.query_id, category=first.category, retryable=first.retryable)
