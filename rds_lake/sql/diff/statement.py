"""The statements that compare a table at two dates, by its key (`by_key.py`) or by whole rows. Each reads both dates once.

The answer has one row per kind: how many rows, how many without a key, the first few rows as JSON, and how many differ in each
column.
"""

from __future__ import annotations

from rds_lake.sql.diff.by_key import render_by_key
from rds_lake.sql.diff.comparison import Comparison
from rds_lake.sql.diff.packed import packed, render_packed
from rds_lake.sql.diff.parts import key_texts, keyed_values, own, rows_of_side
from rds_lake.sql.diff.whole_rows import render_by_whole_rows


def render_comparison(compare: Comparison) -> str:
    """Renders a query for (kind, rows, rows without a key, first rows as JSON or NULL, rows that differ in each of `others`)."""
    return render_by_key(compare) if compare.keys else render_by_whole_rows(compare)


def render_fitting(compare: Comparison, *, most_bytes: int) -> tuple[Comparison, str]:
    """Returns the statement, packed if it would be too long, and the comparison with its columns in the answer's order."""
    statement = render_comparison(compare)
    if len(statement.encode()) <= most_bytes:
        return compare, statement
    return packed(compare), render_packed(compare)


def render_unusable_keys(compare: Comparison, side: str, *, most: int = 5) -> str:
    """Renders a query for (number of rows with the key, key columns as text), for keys that repeat or lack a value.

    `side` is `before` or `after`.
    """
    keys = [own("key", at) for at in range(len(compare.keys))]
    texts = ", ".join(key_texts(compare))
    listed = ", ".join(keys)
    no_key = " OR ".join(f"{key} IS NULL" for key in keys)
    return (
        f"WITH {rows_of_side(compare, side, keyed_values)}\nSELECT count(*), {texts}\nFROM {side}\nGROUP BY {listed}\n"
        f"HAVING count(*) > 1 OR {no_key}\nORDER BY {listed} LIMIT {most}"
    )


def render_rows_meant(compare: Comparison) -> str:
    """Renders a query for one row: how many rows of the earlier date, and of the later, fulfil the condition."""
    return (
        f"WITH {rows_of_side(compare, 'before', keyed_values)},\n{rows_of_side(compare, 'after', keyed_values)}\n"
        "SELECT (SELECT count(*) FROM before), (SELECT count(*) FROM after)"
    )
