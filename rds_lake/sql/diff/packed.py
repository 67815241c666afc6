"""Compares two dates of a table with hundreds of columns: same result as `by_key.py` and `whole_rows.py`, shorter SQL.

    "raw 3"       an array of columns that have one type and one rule, as they are in the files
    "differs 3"   whether each of them differs; the rule is written once for all of them

A statement of Athena has at most 262,144 bytes (https://docs.aws.amazon.com/athena/latest/ug/service-limits.html), which the
rules of about 180 columns of numbers in text exceed if each is written for its column. Making the arrays costs Athena time for
every row, so tables whose statement fits are compared without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rds_lake.sql.diff.by_key import count_kinds, name_kinds, pair
from rds_lake.sql.diff.columns import ComparedColumn, as_text
from rds_lake.sql.diff.comparison import Comparison
from rds_lake.sql.diff.parts import DISTINCT, MOST_ELEMENTS, array_of, key_texts, key_values, own
from rds_lake.sql.diff.whole_rows import TIMES, count_rows
from rds_lake.sql.quoting import identifier, literal

_SIDES = ("before", "after")
# Parameters of lambdas: no column of a view has a space in its name.
_VALUE, _LOST, _PLACE = "one value", "one lost", "one place"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Columns of the same type and rule. `first`: the position of the first one among all packed columns."""

    first: int
    columns: tuple[ComparedColumn, ...]

    @property
    def rule(self) -> ComparedColumn:
        return self.columns[0]


def packed(compare: Comparison) -> Comparison:
    """Returns the comparison with its columns in packed order, which is the order of the answer."""
    columns = [column for pack in _packs(compare.others) for column in pack.columns]
    return replace(compare, columns=(*compare.key_columns, *columns))


def render_packed(compare: Comparison) -> str:
    """Renders the statement for a comparison from `packed`. Its answer has the form of `render_comparison`'s."""
    packs = _packs(compare.others)
    return _by_key(compare, packs) if compare.keys else _by_whole_rows(compare, packs)


def _packs(columns: Sequence[ComparedColumn]) -> list[Pack]:
    by_rule: dict[tuple[str, ...], list[ComparedColumn]] = {}
    for column in columns:
        both = [
            (dated.raw_type, column.value(dated, "x"), column.lost(dated, "x"))
            for dated in (column.before, column.after)
        ]
        by_rule.setdefault((column.kind, *both[0], *both[1]), []).append(column)
    packs: list[Pack] = []
    first = 0
    for alike in by_rule.values():
        for at in range(0, len(alike), MOST_ELEMENTS):
            packs.append(Pack(first=first, columns=tuple(alike[at : at + MOST_ELEMENTS])))
            first += len(packs[-1].columns)
    return packs


def _by_key(compare: Comparison, packs: Sequence[Pack]) -> str:
    def values(compare: Comparison, side: str) -> Iterator[str]:
        yield from key_values(compare, side)
        yield from (f"{_raws(compare, pack, side)} AS {own('raw', at)}" for at, pack in enumerate(packs))

    differs = [own("differs", at) for at in range(len(packs))]
    kinds = name_kinds(
        compare,
        values=values,
        pairs=[*pair(compare, len(packs))],
        differences=[f"{_differs(pack, at)} AS {differs[at]}" for at, pack in enumerate(packs)],
        changed=[f"contains({each}, true)" for each in differs],
    )
    row = " || ".join([array_of([_places(packs), *key_texts(compare)]), *_texts_of_pairs(packs)])
    counted = [f"{differs[at]}[{place}]" for at, pack in enumerate(packs) for place in range(1, len(pack.columns) + 1)]
    return count_kinds(compare, kinds, row=row, counted=counted)


def _raws(compare: Comparison, pack: Pack, side: str) -> str:
    names = [identifier(compare.dated(column, side).raw_name.lower()) for column in pack.columns]
    return f"ARRAY[{', '.join(names)}]"


def _differs(pack: Pack, at: int) -> str:
    """Returns an array: for each column, whether its values differ; NULL if the raw values are equal or a row is missing."""
    names = tuple(f"one {side}" for side in _SIDES)
    dated = tuple(zip((pack.rule.before, pack.rule.after), names, strict=True))
    differs = DISTINCT.join(pack.rule.value(column, name) for column, name in dated)
    if not pack.rule.is_exact:
        differs += f" OR {DISTINCT.join(pack.rule.lost(column, name) for column, name in dated)}"
    arrays = [own(side, at) for side in _SIDES]
    each = f"zip_with({', '.join(arrays)}, ({', '.join(map(identifier, names))}) -> ({differs}))"
    return f"CASE WHEN {DISTINCT.join(arrays)} THEN {each} END" if pack.rule.is_raw_alike else each


def _places(packs: Sequence[Pack]) -> str:
    """Returns an expression for the numbers of the columns that differ, separated by commas."""
    names = f"({identifier(_VALUE)}, {identifier(_PLACE)})"
    parts = [
        f"zip_with(COALESCE({own('differs', at)}, ARRAY[]), {_numbers(pack)}, "
        f"{names} -> CASE WHEN {identifier(_VALUE)} THEN {identifier(_PLACE)} END)"
        for at, pack in enumerate(packs)
    ]
    return f"array_join({' || '.join(parts)}, ',')" if parts else literal("")


def _numbers(pack: Pack) -> str:
    return f"ARRAY[{', '.join(literal(str(pack.first + at)) for at in range(len(pack.columns)))}]"


def _texts_of_pairs(packs: Sequence[Pack]) -> Iterator[str]:
    """Yields the values before, then the values after; NULLs for a row that is missing."""
    names = f"({identifier(_VALUE)}, {identifier(_PLACE)})"
    for side in _SIDES:
        for at, pack in enumerate(packs):
            text = pack.rule.text(pack.rule.before if side == "before" else pack.rule.after, _VALUE)
            yield f"zip_with(COALESCE({own(side, at)}, ARRAY[]), {_numbers(pack)}, {names} -> {text})"


def _by_whole_rows(compare: Comparison, packs: Sequence[Pack]) -> str:
    def given(compare: Comparison, side: str) -> Iterator[str]:
        for at, pack in enumerate(packs):
            raws = _raws(compare, pack, side)
            if pack.rule.is_raw_alike:
                yield f"{raws} AS {own('raw', at)}"
            else:
                yield from _typed(pack, raws, at, side)

    names: list[str] = []
    typed: list[str] = []
    for at, pack in enumerate(packs):
        raw, values = own("raw", at), _value_names(pack, at)
        names += [raw] if pack.rule.is_raw_alike else values
        typed += _typed(pack, raw, at, "after") if pack.rule.is_raw_alike else values
    texts = [_text_of_values(pack, at) for at, pack in enumerate(packs)]
    return count_rows(
        compare,
        given=given,
        names=names,
        typed=typed,
        values=[name for at, pack in enumerate(packs) for name in _value_names(pack, at)],
        order=" || ".join(texts),
        row=" || ".join([f"ARRAY[{TIMES}]", *texts]),
    )


def _value_names(pack: Pack, at: int) -> list[str]:
    return [own("value", at), *([] if pack.rule.is_exact else [own("lost", at)])]


def _typed(pack: Pack, raws: str, at: int, side: str) -> Iterator[str]:
    """Yields arrays made from an array of raw values: the typed values, and the raw texts of values that lost something."""
    column = pack.rule.before if side == "before" else pack.rule.after
    name = identifier(_VALUE)
    yield f"transform({raws}, {name} -> {pack.rule.value(column, _VALUE)}) AS {own('value', at)}"
    if not pack.rule.is_exact:
        yield f"transform({raws}, {name} -> {pack.rule.lost(column, _VALUE)}) AS {own('lost', at)}"


def _text_of_values(pack: Pack, at: int) -> str:
    text = as_text(identifier(_VALUE), pack.rule.kind)
    if pack.rule.is_exact:
        return f"transform({own('value', at)}, {identifier(_VALUE)} -> {text})"
    names = f"({identifier(_VALUE)}, {identifier(_LOST)})"
    return f"zip_with({own('value', at)}, {own('lost', at)}, {names} -> COALESCE({identifier(_LOST)}, {text}))"
