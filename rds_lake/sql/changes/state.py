"""The rows of a table after changes that a snapshot does not have: the newest image of each key, or the snapshot's own row.

    later      the changes to apply, each once
    touched    every key that one of them has before or after it: the newest change of the key, and whether it leaves a row
    rows       rows of the snapshot whose key is not touched, and for touched keys the image after their newest change

A change of a key ends the old key and begins the new one. A TRUNCATE ends the snapshot's rows and every older image. Nothing is
ordered by time: `seq` ascends for each key as the database committed.

What belongs here: the rows, with the names and types of raw tables. Whole views are `views.py`, the comparison `drift.py`.
"""

from __future__ import annotations

from datetime import date

from rds_lake.sql.calendars import native
from rds_lake.sql.changes.table import ChangedColumn, ChangedTable, Watermark
from rds_lake.sql.quoting import identifier, literal, qualified
from rds_lake.sql.types import hive_to_presto

# Columns of the rows beside the table's own; no raw column of Athena has a capital letter or a space.
CUT, OMITTED = "row cut", "row omitted"


def render_rows(database: str, table: ChangedTable, mark: Watermark, later: str) -> tuple[str, str]:
    """Renders the WITH clause and the SELECT of the rows: every column under its raw name, then CUT and OMITTED.

    `later`: the condition on the raw table of changes that selects the changes to apply.
    """
    keys = [f"k{number}" for number in range(len(table.key))]
    join = " AND ".join(f"s.{identifier(column.raw)} = t.{key}" for column, key in zip(table.keys, keys, strict=True))
    from_snapshot = ", ".join(of_snapshot(column) for column in table.columns)
    of_image = ", ".join(f"e.{identifier(column.new)} AS {identifier(column.raw)}" for column in table.columns)
    clause = (
        f"WITH later AS (\n  SELECT * FROM {qualified(database, table.raw)}\n  WHERE {table.counted}\n    AND {later}\n),\n"
        f"touched AS (\n{_touched(table, keys)}\n),\n"
        f'cleared AS (\n  SELECT COALESCE(max("seq"), -1) AS "seq" FROM later WHERE "op" = \'T\'\n)'
    )
    select = (
        f"SELECT {from_snapshot}, CAST(NULL AS bigint) AS {identifier(CUT)}, "
        f"CAST(NULL AS array(varchar)) AS {identifier(OMITTED)}\n"
        f"FROM ({snapshot_rows(database, table, mark.day)}) s LEFT JOIN touched t ON {join}\n"
        'WHERE t."seq" IS NULL AND (SELECT "seq" FROM cleared) < 0\n'
        "UNION ALL\n"
        f'SELECT {of_image}, e."cut", e."omitted"\n'
        'FROM later e JOIN touched t ON e."seq" = t."seq"\n'
        'WHERE t.remains AND t."seq" > (SELECT "seq" FROM cleared)'
    )
    return clause, select


def _touched(table: ChangedTable, keys: list[str]) -> str:
    """Renders the newest change of each key. A change that keeps the key counts once, with its new image."""
    begun = ", ".join(f"{identifier(c.new)} AS {key}" for c, key in zip(table.keys, keys, strict=True))
    ended = ", ".join(f"{identifier(c.old)} AS {key}" for c, key in zip(table.keys, keys, strict=True))
    moved = " OR ".join(f"{identifier(c.new)} IS DISTINCT FROM {identifier(c.old)}" for c in table.keys)
    listed = ", ".join(keys)
    known = f"{keys[0]} IS NOT NULL"  # except for an event whose images could not be read
    return (
        f'  SELECT {listed}, max("seq") AS "seq", max_by(remains, "seq") AS remains FROM (\n'
        f"    SELECT {begun}, \"seq\", true AS remains FROM later WHERE \"op\" IN ('I', 'U')\n"
        f"    UNION ALL\n"
        f'    SELECT {ended}, "seq", false AS remains FROM later WHERE "op" = \'D\' OR ("op" = \'U\' AND ({moved}))\n'
        f"  ) each_key WHERE {known} GROUP BY {listed}"
    )


def snapshot_rows(database: str, table: ChangedTable, day: date) -> str:
    """Renders a SELECT of the date's rows from the raw table, with early days corrected."""
    listed = ", ".join(
        f"{native(column.column, identifier(column.raw)).expression} AS {identifier(column.raw)}"
        for column in table.columns
        if column.exported
    )
    where = f"{identifier(table.names.partition_key)} = {literal(day.isoformat())}"
    return f"SELECT {listed} FROM {qualified(database, table.names.raw)} WHERE {where}"


def of_snapshot(column: ChangedColumn) -> str:
    """Returns the column of `snapshot_rows`; NULL if the snapshot does not have the column yet."""
    if column.exported:
        return f"s.{identifier(column.raw)}"
    return f"CAST(NULL AS {hive_to_presto(column.column.hive_type)}) AS {identifier(column.raw)}"
