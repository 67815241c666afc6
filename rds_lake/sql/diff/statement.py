"""The statements that compare a table at two dates, by its key or by whole rows. Each reads both dates once.

By a key:

    before, after   the rows of the two dates: the key, and the values that are compared (`columns.py`)
    pairs           both, joined by the key, and which columns differ
    kinds           each pair is added, removed, changed or the same

By whole rows, each row is counted at either date, and the surplus of one of them is added or removed.

The answer has one row per kind: how many rows, how many without a key, the first few rows as JSON, and how many differ in each
column. Rows that are the same leave Athena as one number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from rds_lake.model.tables.names import AthenaTable
from rds_lake.sql.diff.columns import ComparedColumn, DatedColumn, as_text
from rds_lake.sql.quoting import identifier, literal, qualified
from rds_lake.sql.view_columns import ViewColumn

_DISTINCT = " IS DISTINCT FROM "
ADDED, REMOVED, CHANGED, SAME = "added", "removed", "changed", "same"
# A longer text is shown by its beginning and says so: a row of an answer has at most 32 MB.
# https://docs.aws.amazon.com/athena/latest/ug/other-notable-limitations.html
SHOWN_CHARACTERS = 2_000
# A lambda's parameter hides a column of its name, and no column of a view has a space in its name.
_TEXT = identifier("shown text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One date of the table. `view`: its columns as readers know them."""

    names: AthenaTable
    day: date
    view: tuple[ViewColumn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is compared. `keys`: names among `columns`, none to compare whole rows; `where`: a condition on the view's columns."""

    database: str
    before: Side
    after: Side
    columns: tuple[ComparedColumn, ...]
    keys: tuple[str, ...] = ()
    where: str | None = None
    most_rows: int = 0

    @property
    def key_columns(self) -> tuple[ComparedColumn, ...]:
        by_name = {column.name: column for column in self.columns}
        return tuple(by_name[name] for name in self.keys)

    @property
    def others(self) -> tuple[ComparedColumn, ...]:
        """The columns that are not of the key, in order."""
        return tuple(column for column in self.columns if column.name not in self.keys)

    def dated(self, column: ComparedColumn, side: str) -> DatedColumn:
        """The column at the date of `side`, which is `before` or `after`."""
        return column.before if side == "before" else column.after


def _own(name: str, at: int | None = None) -> str:
    """The quoted name of something of the statement itself. No view's column has a space in its name, and no exported one."""
    return identifier(f"the {name}" if at is None else _numbered(name, at))


def _numbered(name: str, at: int) -> str:
    return f"{name} {at}"


def render_comparison(compare: Comparison) -> str:
    """Rows of (kind, rows, rows without a key, the first rows as JSON or NULL, rows that differ in each of `others`)."""
    return _by_key(compare) if compare.keys else _by_whole_rows(compare)


def render_unusable_keys(compare: Comparison, side: str, *, most: int = 5) -> str:
    """Rows of (how many rows have the key, its columns as text) for keys that occur more than once, or that lack a value.

    `side` is `before` or `after`.
    """
    keys = [_own("key", at) for at in range(len(compare.keys))]
    texts = ", ".join(_key_texts(compare))
    listed = ", ".join(keys)
    no_key = " OR ".join(f"{key} IS NULL" for key in keys)
    return (
        f"WITH {_side(compare, side)}\nSELECT count(*), {texts}\nFROM {side}\nGROUP BY {listed}\n"
        f"HAVING count(*) > 1 OR {no_key}\nORDER BY {listed} LIMIT {most}"
    )


def render_rows_meant(compare: Comparison) -> str:
    """One row: how many rows of the earlier date, and of the later, fulfil the condition."""
    return (
        f"WITH {_side(compare, 'before')},\n{_side(compare, 'after')}\n"
        "SELECT (SELECT count(*) FROM before), (SELECT count(*) FROM after)"
    )


def _by_key(compare: Comparison) -> str:
    differs = [_own("differs", at) for at in range(len(compare.others))]
    changed = f"WHEN {' OR '.join(differs)} THEN {literal(CHANGED)} " if differs else ""
    keys = [_own("key", at) for at in range(len(compare.keys))]
    join = " AND ".join(f"b.{key} = a.{key}" for key in keys)
    no_key = " OR ".join(f"{key} IS NULL" for key in keys)
    kind, order = _own("kind"), keys[0] if len(keys) == 1 else f"ROW({', '.join(keys)})"
    among = f"{kind} <> {literal(SAME)} AND NOT ({no_key})"
    counts = "".join(f",\n  count_if({name})" for name in differs)
    return (
        f"WITH {_side(compare, 'before')},\n{_side(compare, 'after')},\n"
        f"pairs AS (\n  SELECT {_listed(_pair(compare))}\n  FROM before b FULL OUTER JOIN after a ON {join}\n),\n"
        f"differences AS (\n  SELECT *,\n    {_listed(_differences(compare)) or 'true'}\n  FROM pairs\n),\n"
        f"kinds AS (\n  SELECT *, CASE WHEN {_own('row before')} IS NULL THEN {literal(ADDED)} "
        f"WHEN {_own('row after')} IS NULL THEN {literal(REMOVED)} {changed}ELSE {literal(SAME)} END AS {kind}\n"
        "  FROM differences\n)\n"
        f"SELECT {kind}, count(*), count_if({no_key}),\n"
        f"  {_first_rows(compare, _pair_texts(compare), order=order, among=among)}{counts}\n"
        f"FROM kinds GROUP BY {kind}"
    )


def _by_whole_rows(compare: Comparison) -> str:
    values = ", ".join(
        name
        for at, column in enumerate(compare.columns)
        for name in (_own("value", at), *(() if column.is_exact else (_own("lost", at),)))
    )
    surplus, kind, side = _own("surplus"), _own("kind"), _own("side")
    texts = [f"CAST(abs({surplus}) AS varchar)", *_whole_texts(compare)]
    order = f"array_join(ARRAY[{', '.join(texts[1:])}], ',', '')"
    return (
        f"WITH {_side(compare, 'before')},\n{_side(compare, 'after')},\n"
        f"both_dates AS (\n  SELECT {values}, -1 AS {side} FROM before\n  UNION ALL SELECT {values}, 1 FROM after\n),\n"
        f"kinds AS (\n  SELECT {values}, sum({side}) AS {surplus},\n"
        f"    CASE WHEN sum({side}) > 0 THEN {literal(ADDED)} ELSE {literal(REMOVED)} END AS {kind}\n"
        f"  FROM both_dates GROUP BY {values} HAVING sum({side}) <> 0\n)\n"
        f"SELECT {kind}, sum(abs({surplus})), 0,\n  {_first_rows(compare, texts, order=order, among='true')}\n"
        f"FROM kinds GROUP BY {kind}"
    )


def _side(compare: Comparison, name: str) -> str:
    """The rows of one date as a named query: that there is one, its key, and its values."""
    side = compare.before if name == "before" else compare.after
    values = _side_values if compare.keys else _whole_values
    listed = [f"true AS {_own(f'row {name}')}", *values(compare, name)]
    source = (
        f"FROM {qualified(compare.database, side.names.raw)}\n"
        f"  WHERE {identifier(side.names.partition_key)} = {literal(side.day.isoformat())}"
    )
    if compare.where is None:
        return f"{name} AS (\n  SELECT {_listed(listed)}\n  {source}\n)"
    view = [f"{column.expression} AS {identifier(column.alias)}" for column in side.view]
    return (
        f"{name} AS (\n  SELECT * FROM (\n  SELECT {_listed([*listed, *view])}\n  {source}\n  )\n"
        f"  WHERE ({compare.where})\n)"
    )


def _side_values(compare: Comparison, side: str) -> Iterator[str]:
    """The key's values, and of the other columns what is in the files: most pairs are equal by that already."""
    for at, column in enumerate(compare.key_columns):
        one = compare.dated(column, side)
        # Texts of equal values are equal, whether the view's type loses them or not.
        yield f"{column.value(one) if column.is_exact else column.text(one)} AS {_own('key', at)}"
    for at, column in enumerate(compare.others):
        yield f"{identifier(compare.dated(column, side).raw_name.lower())} AS {_own('raw', at)}"


def _whole_values(compare: Comparison, side: str) -> Iterator[str]:
    for at, column in enumerate(compare.columns):
        one = compare.dated(column, side)
        yield f"{column.value(one)} AS {_own('value', at)}"
        if not column.is_exact:
            yield f"{column.lost(one)} AS {_own('lost', at)}"


def _whole_texts(compare: Comparison) -> Iterator[str]:
    for at, column in enumerate(compare.columns):
        text = as_text(_own("value", at), column.kind)
        yield text if column.is_exact else f"COALESCE({_own('lost', at)}, {text})"


def _pair(compare: Comparison) -> Iterator[str]:
    """What is known of a pair of rows, of which one may be missing."""
    for side in ("before", "after"):
        yield f"{side[0]}.{_own(f'row {side}')} AS {_own(f'row {side}')}"
    for at in range(len(compare.keys)):
        key = _own("key", at)
        yield f"COALESCE(b.{key}, a.{key}) AS {key}"
    for at in range(len(compare.others)):
        for side in ("before", "after"):
            yield f"{side[0]}.{_own('raw', at)} AS {_own(side, at)}"


def _differences(compare: Comparison) -> Iterator[str]:
    """Whether the values differ. Those of equal raw values are not even computed."""
    for at, column in enumerate(compare.others):
        names = (_numbered("before", at), _numbered("after", at))
        dated = tuple(zip((column.before, column.after), names, strict=True))
        differs = _DISTINCT.join(column.value(one, name) for one, name in dated)
        if not column.is_exact:
            differs += f" OR {_DISTINCT.join(column.lost(one, name) for one, name in dated)}"
        if column.is_raw_alike:
            raw = _DISTINCT.join(map(identifier, names))
            differs = raw if differs == raw else f"CASE WHEN {raw} THEN {differs} ELSE false END"
        yield f"({differs}) AS {_own('differs', at)}"


def _pair_texts(compare: Comparison) -> list[str]:
    """What is shown of a pair: which columns differ (their places, with commas), the key, values before, values after."""
    differs = [f"CASE WHEN {_own('differs', at)} THEN {literal(str(at))} END" for at in range(len(compare.others))]
    return [
        f"array_join(ARRAY[{', '.join(differs)}], ',')" if differs else literal(""),
        *_key_texts(compare),
        *(column.text(column.before, _numbered("before", at)) for at, column in enumerate(compare.others)),
        *(column.text(column.after, _numbered("after", at)) for at, column in enumerate(compare.others)),
    ]


def _key_texts(compare: Comparison) -> list[str]:
    return [
        as_text(_own("key", at), column.kind if column.is_exact else "varchar")
        for at, column in enumerate(compare.key_columns)
    ]


def _first_rows(compare: Comparison, texts: Sequence[str], *, order: str, among: str) -> str:
    """The first rows of a kind in the key's order, as JSON: an array of arrays of texts and NULLs."""
    if not compare.most_rows:
        return "CAST(NULL AS varchar)"
    cut = (
        f"CASE WHEN length({_TEXT}) > {SHOWN_CHARACTERS} THEN substr({_TEXT}, 1, {SHOWN_CHARACTERS}) || {literal(' … (')} || "
        f"CAST(length({_TEXT}) AS varchar) || {literal(' characters)')} ELSE {_TEXT} END"
    )
    # Only for rows that differ: all others would be made texts for nothing.
    row = f"CASE WHEN {among} THEN transform(ARRAY[{', '.join(texts)}], {_TEXT} -> {cut}) END"
    return f"json_format(CAST(min_by({row}, {order}, {compare.most_rows}) FILTER (WHERE {among}) AS JSON))"


def _listed(parts: Sequence[str] | Iterator[str]) -> str:
    return ",\n    ".join(parts)
