"""Drift as one query per table: the differences of a snapshot from the snapshot before it plus the changes since.

    predicted    the earlier snapshot, with the changes that are in the later one and not in it
    found        the later snapshot's own rows
    drift        predicted rows that are not found, found rows that were not predicted, and rows that differ

What belongs here: the query. Choosing the snapshots, and evaluating the answer, is `stages/streams/live/drift.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from rds_lake.sql.changes.state import OMITTED, render_rows
from rds_lake.sql.changes.table import EPOCH_KEY, ChangedColumn, ChangedTable, Watermark, array_of
from rds_lake.sql.quoting import identifier, literal, qualified

MISSING, EXTRA, DIFFERENT = "missing", "extra", "different"


def render_drift(
    database: str,
    table: ChangedTable,
    before: Watermark,
    after: Watermark,
    *,
    compared: Sequence[ChangedColumn],
    found_raw: tuple[str, str],
    most: int,
) -> str:
    """Renders a query for (kind, rows of the kind, key, differing columns); it returns at most `most` rows per kind, by key.

    `compared`: the columns that both snapshots have. `found_raw`: the raw table of the later snapshot, and its
    partition key. Values that were too large to be captured are not compared.
    """
    later = f"{before.outside(database)}\n    AND {after.inside(database)}"
    clause, rows = render_rows(database, table, before, later)
    raw, partition_key = found_raw
    at_date = f"{identifier(partition_key)} = {literal(after.day.isoformat())}"
    listed = ", ".join(identifier(column.raw) for column in compared)
    found_rows = f"SELECT {listed} FROM {qualified(database, raw)} WHERE {at_date}"
    join = " AND ".join(f"p.{identifier(key)} = f.{identifier(key)}" for key in table.key)
    differs = [_differs(column) for column in compared if column.raw not in table.key]
    columns = f"array_join({array_of(differs)}, ', ')" if differs else "''"
    return (
        f"{clause},\npredicted AS (\n{rows}\n),\n"
        f"compared AS (\n"
        f"  SELECT {_kind(table)} AS kind, {_key_text(table)} AS key_text, {columns} AS differing\n"
        f"  FROM predicted p FULL OUTER JOIN ({found_rows}) f ON {join}\n"
        "),\n"
        "numbered AS (\n"
        "  SELECT kind, key_text, differing, count(*) OVER (PARTITION BY kind) AS total,\n"
        "    row_number() OVER (PARTITION BY kind ORDER BY key_text) AS place\n"
        f"  FROM compared WHERE kind <> {literal(DIFFERENT)} OR differing <> ''\n"
        ")\n"
        f"SELECT kind, total, key_text, differing FROM numbered WHERE place <= {most} ORDER BY kind, place"
    )


def _kind(table: ChangedTable) -> str:
    """Returns an expression for the kind of drift of a pair of a predicted and a found row."""
    first = identifier(table.key[0])
    return (
        f"CASE WHEN f.{first} IS NULL THEN {literal(MISSING)} WHEN p.{first} IS NULL THEN {literal(EXTRA)} "
        f"ELSE {literal(DIFFERENT)} END"
    )


def _differs(column: ChangedColumn) -> str:
    """Returns an expression that is the column's name if its values differ and were captured, otherwise NULL."""
    raw, name = identifier(column.raw), literal(column.column.name)
    captured = f"NOT COALESCE(contains(p.{identifier(OMITTED)}, {name}), false)"
    return f"CASE WHEN p.{raw} IS DISTINCT FROM f.{raw} AND {captured} THEN {name} END"


def render_not_compacted(database: str, tables: Sequence[ChangedTable], mark: Watermark) -> str:
    """Renders a query for one number: changes of these tables in the snapshot's outbox that no raw table of changes has yet."""
    names = " OR ".join(
        f'("table_schema" = {literal(table.names.target.schema)} AND "table_name" = {literal(table.names.target.table)})'
        for table in tables
    )
    where = f"WHERE {identifier(EPOCH_KEY)} = {literal(mark.epoch)}"
    known = " UNION ALL ".join(f'SELECT "seq" FROM {qualified(database, table.raw)} {where}' for table in tables)
    outbox = mark.outbox
    return (
        f"SELECT count(*) FROM {qualified(database, outbox.raw)}\n"
        f"WHERE {identifier(outbox.partition_key)} = {literal(mark.day.isoformat())} AND ({names})\n"
        f'  AND "seq" NOT IN ({known})'
    )


def _key_text(table: ChangedTable) -> str:
    """Returns an expression for the key as readable text: `id=7`, `a=1, b=x`; bytes as hexadecimal digits."""
    parts: list[str] = []
    for column in table.keys:
        name = identifier(column.raw)
        value = f"COALESCE(p.{name}, f.{name})"
        text = f"to_hex({value})" if column.column.hive_type == "binary" else f"CAST({value} AS varchar)"
        parts.append(f"{literal(column.column.name + '=')} || {text}")
    return " || ', ' || ".join(parts)
