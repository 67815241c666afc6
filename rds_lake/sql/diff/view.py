"""The view `<view>_diff`: the rows that differ between two dates of a table, with the values of both, typed as in its view.

    change | <key> | changed_columns | total | total_before | … | snapshot_date | snapshot_date_before

The table's columns keep their names; on a conflict, an added column gets another (`lake_change`). Columns that only one date
has are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rds_lake.errors import CatalogError
from rds_lake.model.tables.names import PARTITION_KEY, free_key
from rds_lake.sql.diff.by_key import render_kinds
from rds_lake.sql.diff.columns import ComparedColumn
from rds_lake.sql.diff.comparison import SAME, Comparison
from rds_lake.sql.diff.parts import array_of, keyed_values, numbered, own
from rds_lake.sql.quoting import date_literal, identifier, literal, qualified
from rds_lake.sql.stored_view import mentions, why_not
from rds_lake.sql.views import MAX_STATEMENT_BYTES, MAX_STORED_CHARACTERS, stored_characters

SUFFIX = "_diff"
_MARK = "the row before"  # no user's view contains this name
_EACH = identifier("each name")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A column of the view."""

    name: str
    expression: str
    presto_type: str


def render_diff_view(compare: Comparison, view: str) -> str:
    """Renders the statement that creates the view; `compare` needs keys.

    Raises CatalogError if it is too long for Athena or Glue.
    """
    shown = _shown(compare)
    listed = ",\n".join(f"  {column.expression} AS {identifier(column.name)}" for column in shown)
    select = (
        f"{render_kinds(compare, values=_values, more=[*_pairs_of_keys(compare)])}\n"
        f"SELECT\n{listed}\nFROM kinds WHERE {own('kind')} <> {literal(SAME)}"
    )
    statement = f"CREATE OR REPLACE VIEW {qualified(compare.database, view)} AS\n{select}"
    size, stored = (
        len(statement.encode()),
        stored_characters(select, [(column.name, column.presto_type) for column in shown]),
    )
    if size > MAX_STATEMENT_BYTES or stored > MAX_STORED_CHARACTERS:
        raise CatalogError(
            f"its statement would have {size:,} bytes, and about {stored:,} characters in Glue; Athena allows "
            f"{MAX_STATEMENT_BYTES:,} and Glue {MAX_STORED_CHARACTERS:,}. `rds-lake diff` compares a table of any width"
        )
    return statement


def why_not_diff_view(text: str, compare: Comparison) -> str | None:
    """Returns why the stored view is not the view of this comparison; None if it is."""
    names = [column.name for column in _shown(compare)]
    sides = (compare.after, compare.before)
    reasons = [why_not(text, raw=side.names.raw, columns=names, day=side.day) for side in sides]
    return next((reason for reason in reasons if reason), None)


def is_diff_view(text: str) -> bool:
    """Whether rds-lake created the stored view for `diff_views:`, for any two dates."""
    return mentions(text, _MARK)


def _shown(compare: Comparison) -> list[_Shown]:
    taken = [column.alias for side in (compare.after, compare.before) for column in side.view]
    taken += [PARTITION_KEY, *(column.name for column in compare.columns)]

    def free(name: str) -> str:
        taken.append(free_key(name, taken))
        return taken[-1]

    change, changed, day_before = free("change"), free("changed_columns"), free(f"{PARTITION_KEY}_before")
    keys = (_key(at, column) for at, column in enumerate(compare.key_columns))
    values = (shown for at, column in enumerate(compare.others) for shown in _both(at, column, free))
    return [
        _Shown(name=change, expression=own("kind"), presto_type="varchar"),
        *keys,
        _Shown(name=changed, expression=_changed(compare), presto_type="array(varchar)"),
        *values,
        _Shown(name=PARTITION_KEY, expression=date_literal(compare.after.day), presto_type="date"),
        _Shown(name=day_before, expression=date_literal(compare.before.day), presto_type="date"),
    ]


def _both(at: int, column: ComparedColumn, free: Callable[[str], str]) -> Iterator[_Shown]:
    """Yields the column's value at the later date, and its value before."""
    names = {"after": column.name, "before": free(f"{column.name}_before")}
    for side, name in names.items():
        dated = (column.after if side == "after" else column.before).made_of(numbered(side, at))
        yield _Shown(name=name, expression=dated.expression, presto_type=dated.presto_type)


def _changed(compare: Comparison) -> str:
    """Returns an expression for the names of the columns that differ in a row of both dates, otherwise NULL."""
    both = f"{own('row before')} AND {own('row after')}"
    each = [
        f"CASE WHEN {own('differs', at)} THEN {literal(column.name)} END" for at, column in enumerate(compare.others)
    ]
    if not each:
        return "CAST(NULL AS array(varchar))"
    return f"CASE WHEN {both} THEN filter({array_of(each)}, {_EACH} -> {_EACH} IS NOT NULL) END"


def _key(at: int, column: ComparedColumn) -> _Shown:
    if _has_own_type(column):
        return _Shown(name=column.name, expression=own("shown key", at), presto_type=column.after.column.presto_type)
    return _Shown(
        name=column.name, expression=own("key", at), presto_type="varchar" if not column.is_exact else column.kind
    )


def _has_own_type(column: ComparedColumn) -> bool:
    """Whether the key has the view's type at both dates; otherwise it is shown in the type by which rows are joined."""
    return column.before.column.presto_type == column.after.column.presto_type


def _values(compare: Comparison, side: str) -> Iterator[str]:
    """Yields the values read from a date: those of every comparison, and the key's columns as in the view."""
    yield from keyed_values(compare, side)
    for at, column in enumerate(compare.key_columns):
        if _has_own_type(column):
            yield f"{compare.dated(column, side).column.expression} AS {own('shown key', at)}"


def _pairs_of_keys(compare: Comparison) -> Iterator[str]:
    for at, column in enumerate(compare.key_columns):
        if _has_own_type(column):
            key = own("shown key", at)
            yield f"COALESCE(a.{key}, b.{key}) AS {key}"
