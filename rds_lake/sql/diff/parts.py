"""Parts of the statements that compare two dates: their own names, the rows of a date, the rows that are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rds_lake.sql.diff.columns import as_text
from rds_lake.sql.diff.comparison import Comparison
from rds_lake.sql.quoting import identifier, literal, qualified

DISTINCT = " IS DISTINCT FROM "
# Only the beginning of a longer text is shown, with a note: a row of an answer has at most 32 MB.
# https://docs.aws.amazon.com/athena/latest/ug/other-notable-limitations.html
SHOWN_CHARACTERS = 2_000
# Athena's engine takes 254 elements between the brackets of one array (https://github.com/trinodb/trino/issues/16033).
MOST_ELEMENTS = 250
# A lambda's parameter hides a column of its name, and no column of a view has a space in its name.
_TEXT = identifier("shown text")


def own(name: str, at: int | None = None) -> str:
    """Returns a quoted name for the statement's own use. It has a space, as no column of a view or export has."""
    return identifier(f"the {name}" if at is None else numbered(name, at))


def numbered(name: str, at: int) -> str:
    """Returns the unquoted name with a number, for several names of one kind."""
    return f"{name} {at}"


def listed(items: Sequence[str] | Iterator[str]) -> str:
    """Returns the items, one per line."""
    return ",\n    ".join(items)


def array_of(items: Sequence[str]) -> str:
    """Returns an array expression of any number of elements."""
    chunks = [items[at : at + MOST_ELEMENTS] for at in range(0, len(items), MOST_ELEMENTS)] or [[]]
    return " || ".join(f"ARRAY[{', '.join(chunk)}]" for chunk in chunks)


def rows_of_side(compare: Comparison, name: str, values: Callable[[Comparison, str], Iterator[str]]) -> str:
    """Renders the rows of one date as a named query with `values`; `name` is `before` or `after`."""
    side = compare.before if name == "before" else compare.after
    select = [f"true AS {own(f'row {name}')}", *values(compare, name)]
    source = (
        f"FROM {qualified(compare.database, side.names.raw)}\n"
        f"  WHERE {identifier(side.names.partition_key)} = {literal(side.day.isoformat())}"
    )
    if compare.where is None:
        return f"{name} AS (\n  SELECT {listed(select)}\n  {source}\n)"
    view = [f"{column.expression} AS {identifier(column.alias)}" for column in side.view]
    return (
        f"{name} AS (\n  SELECT * FROM (\n  SELECT {listed([*select, *view])}\n  {source}\n  )\n"
        f"  WHERE ({compare.where})\n)"
    )


def keyed_values(compare: Comparison, side: str) -> Iterator[str]:
    """Yields the key's values, and the raw values of the other columns: most pairs are already equal by raw values."""
    yield from key_values(compare, side)
    for at, column in enumerate(compare.others):
        yield f"{identifier(compare.dated(column, side).raw_name.lower())} AS {own('raw', at)}"


def key_values(compare: Comparison, side: str) -> Iterator[str]:
    """Yields the values that rows are joined by."""
    for at, column in enumerate(compare.key_columns):
        dated = compare.dated(column, side)
        # Texts of equal values are equal, even if the view's type loses something.
        yield f"{column.value(dated) if column.is_exact else column.text(dated)} AS {own('key', at)}"


def key_texts(compare: Comparison) -> list[str]:
    """Returns the columns of the key as texts."""
    return [
        as_text(own("key", at), column.kind if column.is_exact else "varchar")
        for at, column in enumerate(compare.key_columns)
    ]


def first_rows(compare: Comparison, row: str, *, order: str, among: str) -> str:
    """Returns an expression for the first rows of a kind, in key order, as a JSON array of arrays of texts and NULLs.

    `row`: the array of one row.
    """
    if not compare.most_rows:
        return "CAST(NULL AS varchar)"
    shortened = (
        f"CASE WHEN length({_TEXT}) > {SHOWN_CHARACTERS} THEN substr({_TEXT}, 1, {SHOWN_CHARACTERS}) || {literal(' … (')} || "
        f"CAST(length({_TEXT}) AS varchar) || {literal(' characters)')} ELSE {_TEXT} END"
    )
    # Only for rows that differ, as texts of the others are not needed.
    short = f"CASE WHEN {among} THEN transform({row}, {_TEXT} -> {shortened}) END"
    return f"json_format(CAST(min_by({short}, {order}, {compare.most_rows}) FILTER (WHERE {among}) AS JSON))"
