"""Checks through Athena itself, before anything is published: does the catalogue read what was relocated?

One query per table answers two questions in one scan: how many rows Athena sees in the new partition
(against the Parquet footers), and how many values the typed view would lose.

What belongs here: questions about one snapshot date. Completeness of the export is `model/completeness.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from rds_lake.aws.athena import AthenaGateway
from rds_lake.sql.views import render_quality_query
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
        render_quality_query(database, table.names, table.columns if casts else (), snapshot_date) for table in tables
    ]
    log(f"checking {len(tables)} tables of {snapshot_date} through Athena")
    results = athena.run_many([query.sql for query in queries], database=database)
    return tuple(
        TableQuality(
            table=str(table.names.target),
            rows_expected=table.named.manifest.rows,
            rows_read=int(result.rows[0][0] or 0),
            lost=tuple(
                (column, int(value or 0))
                for column, value in zip(query.columns, result.rows[0][1:], strict=True)
                if int(value or 0)
            ),
        )
        for table, query, result in zip(tables, queries, results, strict=True)
    )
