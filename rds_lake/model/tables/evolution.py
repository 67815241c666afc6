"""How a table's columns change from one snapshot to the next, and which columns its raw table gets.

    previous (every column ever seen)  +  present (this snapshot)  ->  Changes(columns, changes)

`columns` are the wanted columns of the raw table: the known ones in their order, then the new ones. A column is never removed, so
each partition stays readable by name. A type is only widened, and only as Athena allows
(https://docs.aws.amazon.com/athena/latest/ug/types-of-updates.html); any other change of type makes
`incompatible` true, and `columns` are then those of the table's next version.

A table without files has announced types only (`export_tables_info`). They are kept as `announced` until a file shows the real
type, and never replace the type in a file: a table that is emptied and filled again keeps its types.

What belongs here: the comparison, without names, Glue or I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from rds_lake.model.tables.nested_types import MAX_TYPE_CHARACTERS, is_nested, merge_nested
from rds_lake.model.tables.table import Column

# Partition type -> the table types as which Athena can read it. Athena also allows `string` to integers, but a text that is
# not a number would fail queries of older dates, so that change needs a new version here.
_WIDER: Mapping[str, tuple[str, ...]] = {
    "tinyint": ("smallint", "int", "bigint"),
    "smallint": ("int", "bigint"),
    "int": ("bigint",),
    "float": ("double",),
}
# Views cast these to the type that the database declares, and show all other types unchanged.
_CAST_BY_WORD = ("string", "binary")


class Kind(StrEnum):
    """The kind of a change of a table or column."""

    NEW_TABLE = "new table"
    ADDED = "added"
    REMOVED = "removed"
    RETURNED = "returned"
    REORDERED = "reordered"
    RECASED = "spelled differently"
    KNOWN = "type known by now"
    RELABELLED = "changed in the database, type holds"
    RETYPED = "changed in the view"
    WIDENED = "widened"
    KEPT_APART = "older date kept apart"
    INCOMPATIBLE = "incompatible"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenColumn:
    """A column of the raw table. `column`: as last seen, with the table's type.

    `position`: its position in the newest snapshot, None if it does not exist there. `announced`: no file has ever had
    it.
    """

    column: Column
    position: int | None
    announced: bool = False

    @property
    def key(self) -> str:
        """The name by which Athena finds the column."""
        return self.column.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change; `column` is empty for a change of the whole table."""

    kind: Kind
    column: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The raw table's new columns, and the changes they contain."""

    columns: tuple[SeenColumn, ...]
    changes: tuple[Change, ...]

    @property
    def incompatible(self) -> bool:
        """Whether `columns` need a new version of the raw table."""
        return any(change.kind is Kind.INCOMPATIBLE for change in self.changes)


def compare(
    previous: Sequence[SeenColumn], present: Sequence[Column], *, empty: bool = False, older: bool = False
) -> Changes:
    """Returns the changes from the table `previous` to the table `present`.

    `empty`: the snapshot has no file of the table, so its types are only announced. `older`: the snapshot is not the
    newest one; it can add and widen columns, but does not define their current state.
    """
    wanted = {column.name.lower(): (index, column) for index, column in enumerate(present)}
    columns: list[SeenColumn] = []
    changes: list[Change] = []
    for seen in previous:
        index, column = wanted.pop(seen.key, (None, None))
        if column is None:
            columns.append(seen if older else replace(seen, position=None))
            if seen.position is not None and not older:
                changes.append(_change(Kind.REMOVED, seen.column.name, type_text(seen.column), ""))
            continue
        merged, made = _merge(seen, column, index, empty=empty)
        changes += [change for change in made if not older or change.kind in _OF_THE_TABLE]
        columns.append(_aged(seen, merged) if older else merged)
    for index, column in wanted.values():
        columns.append(SeenColumn(column=column, position=None if older else index, announced=empty))
        changes.append(_change(Kind.ADDED, column.name, "", type_text(column)))
    if not older:
        changes += _reordered(previous, present)
    return Changes(columns=tuple(columns), changes=tuple(changes))


def widest(one: str, other: str) -> str | None:
    """Returns the type in which Athena can read both, or None; for nested types the one with all fields, if Glue can store it."""
    if is_nested(one) or is_nested(other):
        merged = merge_nested(one, other, leaf=widest)
        return merged if merged is None or len(merged) <= MAX_TYPE_CHARACTERS else None
    if reads_as(one, other):
        return other
    return one if reads_as(other, one) else None


def reads_as(partition_type: str, table_type: str) -> bool:
    """Whether a table's column can read a partition's column of the other type."""
    return partition_type == table_type or table_type in _WIDER.get(partition_type, ())


def cast_alike(one: Column, other: Column) -> bool:
    """Whether a view casts both types by the same rule, regardless of their sizes."""
    return one.hive_type not in _CAST_BY_WORD or one.original_type == other.original_type


def type_text(column: Column) -> str:
    """Returns a column's type for reports: `numeric(12) as string`."""
    word = _word(column)
    return column.hive_type if word in ("", column.hive_type) else f"{word} as {column.hive_type}"


# The changes that an older snapshot can make: only changes of the raw table.
_OF_THE_TABLE = {Kind.KNOWN, Kind.WIDENED, Kind.INCOMPATIBLE}


def _merge(
    seen: SeenColumn, column: Column, index: int | None, *, empty: bool
) -> tuple[SeenColumn, tuple[Change, ...]]:
    table_type, kind = _type_and_kind(seen, column, empty=empty)
    merged = replace(column, hive_type=table_type)
    changes: list[Change] = []
    if seen.position is None:
        changes.append(_change(Kind.RETURNED, column.name, "", type_text(merged)))
    if seen.column.name != column.name:
        changes.append(_change(Kind.RECASED, column.name, seen.column.name, column.name))
    if kind is not None:
        # The type in this snapshot, if the table's type does not show it.
        after = column if kind in (Kind.INCOMPATIBLE, Kind.RELABELLED) else merged
        changes.append(_change(kind, column.name, type_text(seen.column), type_text(after)))
    return SeenColumn(column=merged, position=index, announced=seen.announced and empty), tuple(changes)


def _type_and_kind(seen: SeenColumn, column: Column, *, empty: bool) -> tuple[str, Kind | None]:
    """Returns the table's new type of the column, and the kind of the change."""
    before, now = seen.column.hive_type, column.hive_type
    if empty:
        return before, Kind.RETYPED if _cast_differently(seen.column, column) else None
    if seen.announced and before != now:
        return now, Kind.KNOWN
    merged = widest(before, now)
    if merged is None:
        return now, Kind.INCOMPATIBLE
    if merged != before:
        return merged, Kind.WIDENED
    if _cast_differently(seen.column, column):
        return merged, Kind.RETYPED
    return merged, Kind.RELABELLED if _word(seen.column) != _word(column) else None


def _cast_differently(before: Column, now: Column) -> bool:
    # The type in a view has a decimal's precision, but no length of a text.
    words = (before.original_type, before.num_precision) != (now.original_type, now.num_precision)
    return before.hive_type in _CAST_BY_WORD and words


def _aged(seen: SeenColumn, merged: SeenColumn) -> SeenColumn:
    """Returns a column after an older snapshot: the table's type, and everything else as in the newest snapshot."""
    column = replace(seen.column, hive_type=merged.column.hive_type)
    return replace(seen, column=column, announced=merged.announced)


def _word(column: Column) -> str:
    # If a number is exported as a number, the type in the file has its size.
    size = (column.num_precision or column.char_max_length) if column.hive_type in _CAST_BY_WORD else None
    word = (column.original_type or "").strip()
    return f"{word}({size})" if word and size else word


def _reordered(previous: Sequence[SeenColumn], present: Sequence[Column]) -> list[Change]:
    places = {seen.key: seen.position for seen in previous if seen.position is not None}
    now = [column.name for column in present if column.name.lower() in places]
    before = sorted(now, key=lambda name: places[name.lower()])
    return [_change(Kind.REORDERED, "", ", ".join(before), ", ".join(now))] if now != before else []


def _change(kind: Kind, column: str, before: str, after: str) -> Change:
    return Change(kind=kind, column=column, before=before, after=after)
