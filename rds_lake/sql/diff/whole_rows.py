"""Compares two dates without a key: which rows occur more often at which date.

    before, after   the rows of the two dates, as they are in the files
    counted         how much more often each occurs at one of the dates; equal rows, mostly all, end here
    kinds           the values of the remaining rows (`columns.py`), and how much more often each of them occurs

Athena does not return equal rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rds_lake.sql.diff.columns import as_text
from rds_lake.sql.diff.comparison import ADDED, REMOVED, Comparison
from rds_lake.sql.diff.parts import array_of, first_rows, listed, numbered, own, rows_of_side
from rds_lake.sql.quoting import identifier, literal

TIMES = f"CAST(abs({own('surplus')}) AS varchar)"  # how much more often a row occurs


def render_by_whole_rows(compare: Comparison) -> str:
    """Renders the statement; its rows are (kind, rows, 0, the first rows)."""
    texts = [*_texts(compare)]
    return count_rows(
        compare,
        given=_given,
        names=[*_given_names(compare)],
        typed=[*_values(compare)],
        values=[*_value_names(compare)],
        order=array_of(texts),
        row=array_of([TIMES, *texts]),
    )


def count_rows(
    compare: Comparison,
    *,
    given: Callable[[Comparison, str], Iterator[str]],
    names: Sequence[str],
    typed: Sequence[str],
    values: Sequence[str],
    order: str,
    row: str,
) -> str:
    """Renders the statement from these parts.

    `given`: the raw values read from each date, called `names`; `typed`: the values computed from them, called
    `values`; `order`: their texts as an array; `row`: the array of a row that is shown.
    """
    surplus, kind, side = own("surplus"), own("kind"), own("side")
    rows, shown = ", ".join(names), ", ".join(values)
    first = first_rows(compare, row, order=f"array_join({order}, ',', '')", among="true")
    return (
        f"WITH {rows_of_side(compare, 'before', given)},\n{rows_of_side(compare, 'after', given)},\n"
        f"counted AS (\n  SELECT {rows}, sum({side}) AS {surplus} FROM (\n"
        f"    SELECT {rows}, -1 AS {side} FROM before UNION ALL SELECT {rows}, 1 FROM after\n  )\n"
        f"  GROUP BY {rows} HAVING sum({side}) <> 0\n),\n"
        f"kinds AS (\n  SELECT {shown}, sum({surplus}) AS {surplus},\n"
        f"    CASE WHEN sum({surplus}) > 0 THEN {literal(ADDED)} ELSE {literal(REMOVED)} END AS {kind}\n"
        f"  FROM (\n  SELECT {listed(typed)},\n    {surplus}\n  FROM counted\n  ) GROUP BY {shown} HAVING sum({surplus}) <> 0\n)\n"
        f"SELECT {kind}, sum(abs({surplus})), 0,\n  {first}\nFROM kinds GROUP BY {kind}"
    )


def _given(compare: Comparison, side: str) -> Iterator[str]:
    """Yields the values by which rows are counted first: raw ones, or computed ones if the type differs between the dates."""
    for at, column in enumerate(compare.columns):
        dated = compare.dated(column, side)
        if column.is_raw_alike:
            yield f"{identifier(dated.raw_name.lower())} AS {own('raw', at)}"
            continue
        yield f"{column.value(dated)} AS {own('value', at)}"
        if not column.is_exact:
            yield f"{column.lost(dated)} AS {own('lost', at)}"


def _given_names(compare: Comparison) -> Iterator[str]:
    for at, column in enumerate(compare.columns):
        if column.is_raw_alike:
            yield own("raw", at)
            continue
        yield own("value", at)
        if not column.is_exact:
            yield own("lost", at)


def _values(compare: Comparison) -> Iterator[str]:
    for at, column in enumerate(compare.columns):
        raw = numbered("raw", at)
        yield f"{column.value(column.after, raw)} AS {own('value', at)}" if column.is_raw_alike else own("value", at)
        if not column.is_exact:
            yield f"{column.lost(column.after, raw)} AS {own('lost', at)}" if column.is_raw_alike else own("lost", at)


def _value_names(compare: Comparison) -> Iterator[str]:
    for at, column in enumerate(compare.columns):
        yield own("value", at)
        if not column.is_exact:
            yield own("lost", at)


def _texts(compare: Comparison) -> Iterator[str]:
    for at, column in enumerate(compare.columns):
        text = as_text(own("value", at), column.kind)
        yield text if column.is_exact else f"COALESCE({own('lost', at)}, {text})"
