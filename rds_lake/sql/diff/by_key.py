"""Two dates compared by the table's key.

    before, after   the rows of the two dates: the key, and the other columns as they are in the files
    pairs           both, joined by the key
    differences     which columns differ by their values (`columns.py`)
    kinds           each pair is added, removed, changed or the same

Athena only returns the number of equal rows.
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
    """Renders the statement; its rows are (kind, rows, rows without a key, the first rows, rows that differ in each of `others`)."""
    counted = [own("differs", at) for at in range(len(compare.others))]
    return count_kinds(compare, render_kinds(compare), row=array_of(_pair_texts(compare)), counted=counted)


def render_kinds(
    compare: Comparison,
    *,
    values: Callable[[Comparison, str], Iterator[str]] = keyed_values,
    more: Sequence[str] = (),
) -> str:
    """Renders the named queries up to `kinds`.

    `values`: returns the columns read from each date. `more`: further columns of a pair, as expressions over `b`
    (before) and `a` (after).
    """
    others = len(compare.others)
    return name_kinds(
        compare,
        values=values,
        pairs=[*pair(compare, others), *more],
        differences=[*_differences(compare)],
        changed=[own("differs", at) for at in range(others)],
    )


def name_kinds(
    compare: Comparison,
    *,
    values: Callable[[Comparison, str], Iterator[str]],
    pairs: Sequence[str],
    differences: Sequence[str],
    changed: Sequence[str],
) -> str:
    """Renders the named queries up to `kinds` from these parts. `changed`: the pair differs if one of these conditions is true."""
    join = " AND ".join(f"b.{key} = a.{key}" for key in _keys(compare))
    is_changed = f"WHEN {' OR '.join(changed)} THEN {literal(CHANGED)} " if changed else ""
    return (
        f"WITH {rows_of_side(compare, 'before', values)},\n{rows_of_side(compare, 'after', values)},\n"
        f"pairs AS (\n  SELECT {listed(pairs)}\n  FROM before b FULL OUTER JOIN after a ON {join}\n),\n"
        f"differences AS (\n  SELECT *,\n    {listed(differences) or 'true'}\n  FROM pairs\n),\n"
        f"kinds AS (\n  SELECT *, CASE WHEN {own('row before')} IS NULL THEN {literal(ADDED)} "
        f"WHEN {own('row after')} IS NULL THEN {literal(REMOVED)} {is_changed}ELSE {literal(SAME)} END AS {own('kind')}\n"
        "  FROM differences\n)"
    )


def count_kinds(compare: Comparison, kinds: str, *, row: str, counted: Sequence[str]) -> str:
    """Renders the statement over the named queries. `row`: the array shown for a row; `counted`: one condition per column."""
    keys, kind = _keys(compare), own("kind")
    no_key = " OR ".join(f"{key} IS NULL" for key in keys)
    order = keys[0] if len(keys) == 1 else f"ROW({', '.join(keys)})"
    among = f"{kind} <> {literal(SAME)} AND NOT ({no_key})"
    counts = "".join(f",\n  count_if({each})" for each in counted)
    return (
        f"{kinds}\nSELECT {kind}, count(*), count_if({no_key}),\n"
        f"  {first_rows(compare, row, order=order, among=among)}{counts}\nFROM kinds GROUP BY {kind}"
    )


def pair(compare: Comparison, raws: int) -> Iterator[str]:
    """Yields the columns of a pair of rows, one of which may be missing; each row has `raws` raw values."""
    for side in ("before", "after"):
        yield f"{side[0]}.{own(f'row {side}')} AS {own(f'row {side}')}"
    yield from (f"COALESCE(b.{key}, a.{key}) AS {key}" for key in _keys(compare))
    for at in range(raws):
        for side in ("before", "after"):
            yield f"{side[0]}.{own('raw', at)} AS {own(side, at)}"


def _keys(compare: Comparison) -> list[str]:
    return [own("key", at) for at in range(len(compare.keys))]


def _differences(compare: Comparison) -> Iterator[str]:
    """Yields conditions that the values differ. Where raw values are equal, the values are not computed."""
    for at, column in enumerate(compare.others):
        names = (numbered("before", at), numbered("after", at))
        dated = tuple(zip((column.before, column.after), names, strict=True))
        differs = DISTINCT.join(column.value(dated_column, name) for dated_column, name in dated)
        if not column.is_exact:
            differs += f" OR {DISTINCT.join(column.lost(dated_column, name) for dated_column, name in dated)}"
        if column.is_raw_alike:
            raw = DISTINCT.join(map(identifier, names))
            differs = raw if differs == raw else f"CASE WHEN {raw} THEN {differs} ELSE false END"
        yield f"({differs}) AS {own('differs', at)}"


def _pair_texts(compare: Comparison) -> list[str]:
    """Returns the texts shown for a pair: numbers of the columns that differ, the key, values before, values after."""
    differs = [f"CASE WHEN {own('differs', at)} THEN {literal(str(at))} END" for at in range(len(compare.others))]
    return [
        f"array_join({array_of(differs)}, ',')" if differs else literal(""),
        *key_texts(compare),
        *(column.text(column.before, numbered("before", at)) for at, column in enumerate(compare.others)),
        *(column.text(column.after, numbered("after", at)) for at, column in enumerate(compare.others)),
    ]
