"""Checks through Athena itself, before anything is published: does the catalogue read what was relocated?

One query per table answers two questions in one scan: how many rows Athena sees in the new partition
(against the Parquet footers), and how many values the typed view would lose.

What belongs here: questions about one snapshot date. Completeness of the export is `model/completeness.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from rds_lake.aws.athena import AthenaGateway
from rds_lake.sql.views import render_quality_queries
from rds_lake.stages.naming import TypedTable


@dataclass(frozen=True, slots=True, kw_only=True)
class TableQuality:
    """What Athena read of one table: rows against the footers' rows, and lost values per column."""

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
    """Read every table's partition of the date through Athena; QueryError if a query fails.

    With `casts` off only rows are counted, which reads footers and no column.
    """
    queries = [
        (table, query)
        for table in tables
        for query in render_quality_queries(database, table.names, table.columns if casts else (), snapshot_date)
    ]
    log(f"checking {len(tables)} tables of {snapshot_date} through Athena")
    results = athena.run_many([query.sql for _, query in queries], database=database)
    read: dict[str, int] = {}
    lost: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for (table, query), result in zip(queries, results, strict=True):
        name = str(table.names.target)
        rows, *counts = (int(value or 0) for value in result.rows[0])
        read[name] = rows
        lost[name] += [(column, count) for column, count in zip(query.columns, counts, strict=True) if count]
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
