"""Placement: which raw table a snapshot goes to, and what that changes.

A snapshot goes to the version used last if Athena can read it together with that version's data; otherwise to an earlier
version that fits (a column got its former type back), otherwise to a new one.

What belongs here: the plan (pure). Applying it is `sync.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import count

from rds_lake.errors import CatalogError
from rds_lake.model.tables.evolution import Change, Changes, Kind, SeenColumn, compare
from rds_lake.model.tables.glue import TableSpec
from rds_lake.model.tables.names import AthenaTable, free_key
from rds_lake.model.words import counted
from rds_lake.stages.catalogue.raw_tables import NamedTable, RawTable, in_version, raw_spec

# Changes that cannot be seen by the comments of a table that an earlier release made.
_NOT_IN_COMMENTS = {Kind.RETYPED, Kind.RELABELLED, Kind.REORDERED, Kind.REMOVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a snapshot goes: `named` with the version's names and columns, the new definition of the table, and the changes."""

    named: NamedTable
    spec: TableSpec
    existing: RawTable | None
    changes: tuple[Change, ...]


def place(
    named: NamedTable,
    versions: Sequence[RawTable],
    day: date,
    *,
    taken: Collection[str],
    is_older: Callable[[], bool],
    holds: Callable[[RawTable], bool],
) -> Placement:
    """Returns the version that the snapshot goes to, and what changes.

    `taken`: names in Glue of other objects. `is_older`: whether a newer date is catalogued; `holds`: whether a version
    has a partition of this export. Both cost a call to Glue, and are called only if needed.
    """
    if not versions:
        changes = compare((), named.manifest.columns, empty=named.is_empty)
        new = Change(kind=Kind.NEW_TABLE, column="", before="", after=f"{counted(len(changes.columns), 'column')}")
        return _new_version(named, versions, day, replace(changes, changes=(new,)), taken)
    current = _current(versions)
    fitting = candidates(versions, named)
    if day < current.changed_on and len(versions) > 1:
        fitting.sort(key=lambda raw: not holds(raw))
    if fitting and fitting[0] is current:
        changes = _compare(named, current.columns)
        if changes.changes and is_older():
            changes = _compare(named, current.columns, older=True)
            return _same_version(named, versions, current, changes, None)
        return _same_version(named, versions, current, changes, day)
    older = is_older()
    moved = _moved(named, current, older=older)
    if not fitting:
        return _new_version(named, versions, day, moved, taken)
    back = fitting[0]
    if older:
        return _same_version(named, versions, back, _compare(named, back.columns, older=True), None)
    columns = _compare(named, _with_columns_of(back, current)).columns
    return _same_version(named, versions, back, Changes(columns=columns, changes=moved.changes), day)


def candidates(versions: Sequence[RawTable], named: NamedTable) -> list[RawTable]:
    """Returns the versions that can hold the snapshot: the one used last first, then the newest."""
    if not versions:
        return []
    current = _current(versions)
    rest = sorted((raw for raw in versions if raw is not current), key=lambda raw: -raw.version)
    return [raw for raw in (current, *rest) if _fits(raw, named)]


def _current(versions: Sequence[RawTable]) -> RawTable:
    return max(versions, key=lambda raw: (raw.changed_on, raw.version))


def _compare(named: NamedTable, columns: Sequence[SeenColumn], *, older: bool = False) -> Changes:
    return compare(columns, named.manifest.columns, empty=named.is_empty, older=older)


def _fits(raw: RawTable, named: NamedTable) -> bool:
    """Whether Athena can read the snapshot together with the version's data."""
    keys = [name for name, _ in raw.table.partition_keys]
    present = {column.name.lower() for column in named.manifest.columns}
    keyed = len(keys) == (2 if named.members else 1) and present.isdisjoint(keys)
    return keyed and not _compare(named, raw.columns, older=True).incompatible


def _moved(named: NamedTable, current: RawTable, *, older: bool) -> Changes:
    """Returns the changes that need another version. An older snapshot moves no view: its table is kept apart."""
    changes = _compare(named, current.columns, older=older)
    moved = changes.changes
    if not changes.incompatible:
        keys = ", ".join(name for name, _ in current.table.partition_keys)
        moved = (*moved, Change(kind=Kind.INCOMPATIBLE, column="", before=f"partitioned by {keys}", after="other keys"))
    if older:
        moved = tuple(
            replace(change, kind=Kind.KEPT_APART) if change.kind is Kind.INCOMPATIBLE else change for change in moved
        )
    return replace(changes, changes=moved)


def _with_columns_of(back: RawTable, current: RawTable) -> tuple[SeenColumn, ...]:
    """Returns the columns of an earlier version, and those that only the later one has, as a view never loses a column."""
    known = {seen.key for seen in back.columns} | {name for name, _ in back.table.partition_keys}
    return back.columns + tuple(seen for seen in current.columns if seen.key not in known)


def _same_version(
    named: NamedTable, versions: Sequence[RawTable], raw: RawTable, changes: Changes, day: date | None
) -> Placement:
    """Returns the version with the snapshot's columns; `day` is None if an older snapshot only adds to it."""
    changed = replace(raw, columns=changes.columns)
    if raw.changed_on == date.min:
        seen = tuple(change for change in changes.changes if change.kind not in _NOT_IN_COMMENTS)
        changes = replace(changes, changes=seen)
    if day is not None and (changes.changes or raw.changed_on == date.min):
        changed = replace(changed, changed_on=day, changes=changes.changes)
    report = changed.changes if changed.changed_on == day else changes.changes
    versioned = in_version(named, changed, versions)
    spec = raw_spec(versioned, changed.changed_on, changed.changes, location=raw.table.location)
    return Placement(named=versioned, spec=spec, existing=raw, changes=report)


def _new_version(
    named: NamedTable, versions: Sequence[RawTable], day: date, changes: Changes, taken: Collection[str]
) -> Placement:
    keys = [seen.key for seen in changes.columns]
    names = replace(named.names, partition_key=free_key(named.names.partition_key, keys))
    if names.member_key:
        names = replace(names, member_key=free_key(names.member_key, keys))
    version = _free_version(names, versions, taken)
    elsewhere = tuple((other.table.name, other.table.partition_keys[0][0]) for other in versions)
    versioned = replace(named, names=replace(names, version=version), seen=changes.columns, elsewhere=elsewhere)
    return Placement(
        named=versioned, spec=raw_spec(versioned, day, changes.changes), existing=None, changes=changes.changes
    )


def _free_version(names: AthenaTable, versions: Sequence[RawTable], taken: Collection[str]) -> int:
    first = max((raw.version for raw in versions), default=0) + 1
    if first == 1 and names.raw in taken:
        raise CatalogError(
            f"its raw table would be named {names.raw!r}, which is already a version of another table in Glue: add rename: "
            f"{{'{names.target}': {names.view}_table}} to the source in lake.yaml"
        )
    return next(number for number in count(first) if replace(names, version=number).raw not in taken)
