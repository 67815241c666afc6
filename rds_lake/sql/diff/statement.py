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
from rds_lake.sql.diff.columns import ComparedColumn, as_text
from rds_lake.sql.quoting import identifier, literal, qualified
from rds_lake.sql.view_columns import ViewColumn

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

    def own(self, name: str) -> str:
        """The quoted name of something of the statement itself, which no column has."""
        prefix, taken = "d_", [column.alias for side in (self.before, self.after) for column in side.view]
        while any(alias.startswith(prefix) for alias in taken):
            prefix = f"d{prefix}"
        return identifier(prefix + name)


def render_comparison(compare: Comparison) -> str:
    """Rows of (kind, rows, rows without a key, the first rows as JSON or NULL, rows that differ in each of `others`)."""
    return _by_key(compare) if compare.keys else _by_whole_rows(compare)


def render_unusable_keys(compare: Comparison, side: str, *, most: int = 5) -> str:
    """Rows of (how many rows have the key, its columns as text) for keys that occur more than once, or that lack a value.

    `side` is `before` or `after`.
    """
    keys = [compare.own(f"k{at}") for at in range(len(compare.keys))]
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
    own = compare.own
    differs = [own(f"d{at}") for at in range(len(compare.others))]
    changed = f"WHEN {' OR '.join(differs)} THEN {literal(CHANGED)} " if differs else ""
    keys = [own(f"k{at}") for at in range(len(compare.keys))]
    join = " AND ".join(f"b.{key} = a.{key}" for key in keys)
    no_key = " OR ".join(f"{key} IS NULL" for key in keys)
    order = keys[0] if len(keys) == 1 else f"ROW({', '.join(keys)})"
    shown = _first_rows(
        compare, _pair_texts(compare), order=order, among=f"{own('kind')} <> {literal(SAME)} AND NOT ({no_key})"
    )
    counts = "".join(f",\n  count_if({name})" for name in differs)
    return (
        f"WITH {_side(compare, 'before')},\n{_side(compare, 'after')},\n"
        f"pairs AS (\n  SELECT {_listed(_pair(compare))}\n  FROM before b FULL OUTER JOIN after a ON {join}\n),\n"
        f"kinds AS (\n  SELECT *, CASE WHEN {own('was')} IS NULL THEN {literal(ADDED)} "
        f"WHEN {own('is')} IS NULL THEN {literal(REMOVED)} {changed}ELSE {literal(SAME)} END AS {own('kind')}\n  FROM pairs\n)\n"
        f"SELECT {own('kind')}, count(*), count_if({no_key}),\n  {shown}{counts}\nFROM kinds GROUP BY {own('kind')}"
    )


def _by_whole_rows(compare: Comparison) -> str:
    own = compare.own
    values = ", ".join(name for at, column in enumerate(compare.others) for name in _value_names(compare, at, column))
    surplus, kind = own("surplus"), own("kind")
    texts = [
        f"CAST(abs({surplus}) AS varchar)",
        *(_shown(own(f"v{at}"), own(f"l{at}"), column) for at, column in enumerate(compare.others)),
    ]
    order = f"array_join(ARRAY[{', '.join(texts[1:])}], ',', '')"
    return (
        f"WITH {_side(compare, 'before')},\n{_side(compare, 'after')},\n"
        f"both_dates AS (\n  SELECT {values}, -1 AS {own('side')} FROM before\n"
        f"  UNION ALL SELECT {values}, 1 FROM after\n),\n"
        f"kinds AS (\n  SELECT {values}, sum({own('side')}) AS {surplus},\n"
        f"    CASE WHEN sum({own('side')}) > 0 THEN {literal(ADDED)} ELSE {literal(REMOVED)} END AS {kind}\n"
        f"  FROM both_dates GROUP BY {values} HAVING sum({own('side')}) <> 0\n)\n"
        f"SELECT {kind}, sum(abs({surplus})), 0,\n  {_first_rows(compare, texts, order=order, among='true')}\n"
        f"FROM kinds GROUP BY {kind}"
    )


def _side(compare: Comparison, name: str) -> str:
    """The rows of one date as a named query: whether there is one, the key, the values."""
    side = compare.before if name == "before" else compare.after
    listed = [f"true AS {compare.own('there')}", *_side_values(compare, name)]
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
    for at, column in enumerate(compare.key_columns):
        value, lost = _of_side(column, side)
        # Texts of equal values are equal, whether the view's type loses them or not.
        exact = value if lost is None else f"COALESCE({lost}, {as_text(value, column.kind)})"
        yield f"{exact} AS {compare.own(f'k{at}')}"
    for at, column in enumerate(compare.others):
        value, lost = _of_side(column, side)
        yield f"{value} AS {compare.own(f'v{at}')}"
        if lost is not None:
            yield f"{lost} AS {compare.own(f'l{at}')}"


def _of_side(column: ComparedColumn, side: str) -> tuple[str, str | None]:
    if side == "before":
        return column.before, column.lost_before
    return column.after, column.lost_after


def _value_names(compare: Comparison, at: int, column: ComparedColumn) -> tuple[str, ...]:
    names = (compare.own(f"v{at}"), compare.own(f"l{at}"))
    return names if column.lost_before is not None else names[:1]


def _pair(compare: Comparison) -> Iterator[str]:
    """What is known of a pair of rows, of which one may be missing."""
    own = compare.own
    yield f"b.{own('there')} AS {own('was')}"
    yield f"a.{own('there')} AS {own('is')}"
    for at in range(len(compare.keys)):
        key = own(f"k{at}")
        yield f"COALESCE(b.{key}, a.{key}) AS {key}"
    for at, column in enumerate(compare.others):
        names = _value_names(compare, at, column)
        yield f"({' OR '.join(f'b.{name} IS DISTINCT FROM a.{name}' for name in names)}) AS {own(f'd{at}')}"
        yield from (f"b.{name} AS {own(f'b{letter}{at}')}" for name, letter in zip(names, "vl", strict=False))
        yield from (f"a.{name} AS {own(f'a{letter}{at}')}" for name, letter in zip(names, "vl", strict=False))


def _pair_texts(compare: Comparison) -> list[str]:
    """What is shown of a pair: which columns differ (their places, with commas), the key, values before, values after."""
    own = compare.own
    differs = [f"CASE WHEN {own(f'd{at}')} THEN {literal(str(at))} END" for at in range(len(compare.others))]
    places = f"array_join(ARRAY[{', '.join(differs)}], ',')" if differs else literal("")
    return [
        places,
        *_key_texts(compare),
        *(_shown(own(f"bv{at}"), own(f"bl{at}"), column) for at, column in enumerate(compare.others)),
        *(_shown(own(f"av{at}"), own(f"al{at}"), column) for at, column in enumerate(compare.others)),
    ]


def _key_texts(compare: Comparison) -> list[str]:
    return [
        as_text(compare.own(f"k{at}"), "varchar" if column.lost_before is not None else column.kind)
        for at, column in enumerate(compare.key_columns)
    ]


def _shown(value: str, lost: str, column: ComparedColumn) -> str:
    text = as_text(value, column.kind)
    return text if column.lost_before is None else f"COALESCE({lost}, {text})"


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
