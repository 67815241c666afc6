"""Statements that create and check views.

What belongs here: whole statements. One column's expression is `view_columns.py`, a query as of another date
`stages/publish/as_of.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rds_lake.errors import CatalogError
from rds_lake.model.tables.names import PARTITION_KEY, AthenaTable
from rds_lake.sql.quoting import date_literal, identifier, literal, qualified
from rds_lake.sql.view_columns import ViewColumn

MAX_STATEMENT_BYTES = (
    262_144  # StartQueryExecution's limit, https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
)
# Glue's ViewTextString, https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
MAX_STORED_CHARACTERS = 409_600
# Athena reformats a statement before it stores it: brackets around conditions, spaces in decimal(38, 18).
_FORMATTED = 1.05
_LONGEST_QUERY = 200_000  # leaves room for the text that `render_together` adds
_MOST_TOGETHER = 40
_BYTES_TOGETHER = 8 * 1024**3  # at a gigabyte per second, as in a busy Region, far below the time limit


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityQuery:
    """A query: its first column is the number of rows, the others are lost values of `columns`, in order."""

    sql: str
    columns: tuple[str, ...]


def render_view(database: str, names: AthenaTable, columns: Sequence[ViewColumn], day: date) -> str:
    """Renders the view at one literal date: Athena then reads only that partition, and a query sees one snapshot."""
    excess = view_excess(database, names, columns, day)
    if excess is not None:
        raise CatalogError(
            f"view {database}.{names.view}: {excess}; split the table in the database, or read its raw table"
        )
    return _create(database, names, columns, day)


def view_excess(database: str, names: AthenaTable, columns: Sequence[ViewColumn], day: date) -> str | None:
    """Returns why the view is too long for Athena or Glue; None if it is not."""
    size = len(_create(database, names, columns, day).encode())
    if size > MAX_STATEMENT_BYTES:
        return f"its view would be a statement of {size:,} bytes, and Athena allows {MAX_STATEMENT_BYTES:,}"
    listed = [(column.alias, column.presto_type) for column in columns]
    listed += [(key, "varchar") for key in (names.member_key, PARTITION_KEY) if key]
    stored = stored_characters(render_select(database, names, columns, day), listed)
    if stored > MAX_STORED_CHARACTERS:
        return f"its view would be about {stored:,} characters in Glue, which allows {MAX_STORED_CHARACTERS:,}"
    return None


def _create(database: str, names: AthenaTable, columns: Sequence[ViewColumn], day: date) -> str:
    select = render_select(database, names, columns, day)
    return f"CREATE OR REPLACE VIEW {qualified(database, names.view)} AS\n{select}"


def stored_characters(select: str, columns: Sequence[tuple[str, str]]) -> int:
    """Returns the approximate length of the view in Glue (`stored_view.py`): base64 of JSON, four characters for three bytes.

    `columns`: name and type of each.
    """
    listed = [{"name": name, "type": presto_type} for name, presto_type in columns]
    body = {"originalSql": select, "catalog": "awsdatacatalog", "schema": "", "columns": listed}
    # Non-ASCII text may be escaped; \uXXXX is the longer form.
    longer = len(json.dumps(body)) + (_FORMATTED - 1) * len(select)
    return len("/* Presto View:  */") + round(longer * 4 / 3)


def render_select(database: str, names: AthenaTable, columns: Sequence[ViewColumn], day: date) -> str:
    """Renders the typed rows of a table at a date, with every column named."""
    listed = "".join(f"  {column.expression} AS {identifier(column.alias)},\n" for column in columns)
    if names.member_key:
        listed += f"  {identifier(names.member_key)},\n"
    return (
        f"SELECT\n{listed}  {date_literal(day)} AS {identifier(PARTITION_KEY)}\n"
        f"FROM {qualified(database, names.raw)}\n"
        f"WHERE {identifier(names.partition_key)} = {literal(day.isoformat())}"
    )


def render_quality_queries(
    database: str, names: AthenaTable, columns: Sequence[ViewColumn], day: date
) -> tuple[QualityQuery, ...]:
    """Renders queries for the partition's rows, and for how many values of each cast column lose something.

    They are several if hundreds of cast columns do not fit into one statement.
    """
    casts = [(column.name, column.loss) for column in columns if column.loss]
    query = _quality_query(database, names, casts, day)
    if len(query.sql.encode()) <= _LONGEST_QUERY or len(casts) <= 1:
        return (query,)
    middle = len(casts) // 2
    kept = [column for column in columns if column.loss]
    return (
        *render_quality_queries(database, names, kept[:middle], day),
        *render_quality_queries(database, names, kept[middle:], day),
    )


def together(sizes: Sequence[int], queries: Sequence[QualityQuery]) -> tuple[tuple[int, ...], ...]:
    """Returns groups of queries, by position, that one statement can ask. `sizes`: the bytes that each query may read.

    Athena takes 262,144 bytes of text, plans some 150 stages (two per query), and ends a statement after 30 minutes.
    """
    groups: list[list[int]] = []
    for position in range(len(queries)):
        grown = [*(groups[-1] if groups else ()), position]
        fits = (
            len(grown) <= _MOST_TOGETHER
            and sum(sizes[at] for at in grown) <= _BYTES_TOGETHER
            and len(render_together([queries[at] for at in grown]).encode()) <= MAX_STATEMENT_BYTES
        )
        if groups and fits:
            groups[-1] = grown
        else:
            groups.append([position])
    return tuple(map(tuple, groups))


def render_together(queries: Sequence[QualityQuery]) -> str:
    """Renders one statement for several queries: one row each, its number first, with zeros for columns that it does not have."""
    most = max(len(query.columns) for query in queries)
    parts: list[str] = []
    for number, query in enumerate(queries):
        own = [f"lost_{at}" for at in range(len(query.columns))]
        filled = [f"0 AS lost_{at}" for at in range(len(query.columns), most)]
        columns = ", ".join([f"{number} AS query_number", "row_count", *own, *filled])
        parts.append(f"SELECT {columns} FROM (\n{query.sql}\n) AS one ({', '.join(['row_count', *own])})")
    return "\nUNION ALL ".join(parts)


def render_view_counts(database: str, views: Sequence[str]) -> str:
    """Renders one row per view: its name and its number of rows. It reads footers, no column."""
    return "\nUNION ALL ".join(f"SELECT {literal(view)}, count(*) FROM {qualified(database, view)}" for view in views)


def _quality_query(database: str, names: AthenaTable, casts: Sequence[tuple[str, str]], day: date) -> QualityQuery:
    # Without names, which the table's own columns may have: answers are read by position.
    counts = "".join(f",\n  count_if({loss})" for _, loss in casts)
    sql = (
        f"SELECT\n  count(*){counts}\nFROM {qualified(database, names.raw)}\n"
        f"WHERE {identifier(names.partition_key)} = {literal(day.isoformat())}"
    )
    return QualityQuery(sql=sql, columns=tuple(name for name, _ in casts))
