"""Two dates compared by the table's key.

    before, after   the rows of the two dates: the key, and the other columns as they are in the files
    pairs           both, joined by the key
    differences     which columns differ by their values (`columns.py`)
    kinds           each pair is added, removed, changed or the same

Rows that are the same leave Athena as one number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rds_lake.sql.diff.comparison import ADDED, CHANGED, REMOVED, SAME, Comparison
from rds_lake.sql.diff.parts import (
    DISTINCT,
    array_of,
    first_rows,
    key_texts,
    keyed_values,
    listed,
    numbered,
    own,
    rows_of_side,
)
from rds_lake.sql.quoting import identifier, literal


def render_by_key(compare: Comparison) -> str:
    """The statement; rows of (kind, rows, rows without a key, the first rows, rows that differ in each of `others`)."""
    keys = [own("key", at) for at in range(len(compare.keys))]
    no_key = " OR ".join(f"{key} IS NULL" for key in keys)
    kind, order = own("kind"), keys[0] if len(keys) == 1 else f"ROW({', '.join(keys)})"
    among = f"{kind} <> {literal(SAME)} AND NOT ({no_key})"
    counts = "".join(f",\n  count_if({own('differs', at)})" for at in range(len(compare.others)))
    return (
        f"{render_kinds(compare)}\n"
        f"SELECT {kind}, count(*), count_if({no_key}),\n"
        f"  {first_rows(compare, array_of(_pair_texts(compare)), order=order, among=among)}{counts}\n"
        f"FROM kinds GROUP BY {kind}"
    )


def render_kinds(
    compare: Comparison,
    *,
    values: Callable[[Comparison, str], Iterator[str]] = keyed_values,
    more: Sequence[str] = (),
) -> str:
    """The named queries up to `kinds`. `values`: what is read of each date; `more`: what a pair has beside its own, of `b` and `a`."""
    differs = [own("differs", at) for at in range(len(compare.others))]
    changed = f"WHEN {' OR '.join(differs)} THEN {literal(CHANGED)} " if differs else ""
    join = " AND ".join(f"b.{key} = a.{key}" for key in (own("key", at) for at in range(len(compare.keys))))
    return (
        f"WITH {rows_of_side(compare, 'before', values)},\n{rows_of_side(compare, 'after', values)},\n"
        f"pairs AS (\n  SELECT {listed([*_pair(compare), *more])}\n  FROM before b FULL OUTER JOIN after a ON {join}\n),\n"
        f"differences AS (\n  SELECT *,\n    {listed(_differences(compare)) or 'true'}\n  FROM pairs\n),\n"
        f"kinds AS (\n  SELECT *, CASE WHEN {own('row before')} IS NULL THEN {literal(ADDED)} "
        f"WHEN {own('row after')} IS NULL THEN {literal(REMOVED)} {changed}ELSE {literal(SAME)} END AS {own('kind')}\n"
        "  FROM differences\n)"
    )


def _pair(compare: Comparison) -> Iterator[str]:
    """What is known of a pair of rows, of which one may be missing."""
    for side in ("before", "after"):
        yield f"{side[0]}.{own(f'row {side}')} AS {own(f'row {side}')}"
    for at in range(len(compare.keys)):
        key = own("key", at)
        yield f"COALESCE(b.{key}, a.{key}) AS {key}"
    for at in range(len(compare.others)):
        for side in ("before", "after"):
            yield f"{side[0]}.{own('raw', at)} AS {own(side, at)}"


def _differences(compare: Comparison) -> Iterator[str]:
    """Whether the values differ. Those of equal raw values are not even computed."""
    for at, column in enumerate(compare.others):
        names = (numbered("before", at), numbered("after", at))
        dated = tuple(zip((column.before, column.after), names, strict=True))
        differs = DISTINCT.join(column.value(one, name) for one, name in dated)
        if not column.is_exact:
            differs += f" OR {DISTINCT.join(column.lost(one, name) for one, name in dated)}"
        if column.is_raw_alike:
            raw = DISTINCT.join(map(identifier, names))
            differs = raw if differs == raw else f"CASE WHEN {raw} THEN {differs} ELSE false END"
        yield f"({differs}) AS {own('differs', at)}"


def _pair_texts(compare: Comparison) -> list[str]:
    """What is shown of a pair: which columns differ (their places, with commas), the key, values before, values after."""
    differs = [f"CASE WHEN {own('differs', at)} THEN {literal(str(at))} END" for at in range(len(compare.others))]
    return [
        f"array_join({array_of(differs)}, ',')" if differs else literal(""),
        *key_texts(compare),
        *(column.text(column.before, numbered("before", at)) for at, column in enumerate(compare.others)),
        *(column.text(column.after, numbered("after", at)) for at, column in enumerate(compare.others)),
    ]
