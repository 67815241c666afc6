r"""Unions: tables of one schema with one shape, gathered under one name (`union: {events: 'events_\d{4}_\d{2}'}`).

PostgreSQL exports each partition of a partitioned table as a separate table; readers want the partitioned table.

What belongs here: the member tables of a union, and its columns. Keys and views are in `stages/catalogue`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rds_lake.errors import CatalogError, NameCollisionError
from rds_lake.model.calendars import together
from rds_lake.model.lake.data_files import DataFiles
from rds_lake.model.lake.manifest import TableManifest
from rds_lake.model.tables.evolution import cast_alike, type_text, widest
from rds_lake.model.tables.table import Column, TableTarget


def gather(targets: Iterable[TableTarget], union: Mapping[str, str]) -> dict[TableTarget, tuple[TableTarget, ...]]:
    """Returns every table to catalogue with its member tables; no members for a table that is in no union.

    Raises NameCollisionError, which lists tables that match two unions, and tables that have a union's name.
    """
    gathered: dict[TableTarget, list[TableTarget]] = defaultdict(list)
    alone: list[TableTarget] = []
    problems: list[str] = []
    for target in targets:
        names = [name for name, pattern in union.items() if re.fullmatch(pattern, target.table)]
        if not names:
            alone.append(target)
        for name in names[:1]:
            gathered[replace(target, table=name)].append(target)
        if len(names) > 1:
            wanting = " and ".join(map(repr, names))
            problems.append(f"table {target} matches several unions ({wanting}): let only one of the patterns match it")
    problems += [
        f"table {target} has the name of the union that gathers {gathered[target][0].table!r} and others: give the union "
        "another name, or let its pattern match the table too"
        for target in alone
        if target in gathered
    ]
    if problems:
        raise NameCollisionError("the source's `union:` in lake.yaml cannot be applied:", problems)
    return dict.fromkeys(alone, ()) | {target: tuple(sorted(members)) for target, members in gathered.items()}


def combine(target: TableTarget, members: Sequence[TableManifest]) -> TableManifest:
    """Returns the members as one table. Raises CatalogError, which lists every column that cannot be combined.

    Members without files only have announced types, which count only if no member has files.
    """
    held: dict[str, list[tuple[TableManifest, Column]]] = defaultdict(list)
    for member in sorted(members, key=lambda member: not member.files):
        for column in member.columns:
            known = held[column.name.lower()]
            if not known or member.files or not known[0][0].files:
                known.append((member, column))
    problems: list[str] = []
    columns = [_column(owners, problems) for owners in held.values()]
    if problems:
        raise CatalogError(f"the tables that `union:` gathers into {target} differ:", problems)
    return TableManifest(
        target=target,
        location=members[0].location,
        home=members[0].home,
        columns=tuple(columns),
        files=DataFiles(file for member in members for file in member.files),
        schema_notes=tuple(note for member in members for note in member.schema_notes),
    )


def _column(owners: Sequence[tuple[TableManifest, Column]], problems: list[str]) -> Column:
    """Returns one column for all members: the widest type and the greatest precision."""
    first, merged = owners[0]
    for member, column in owners[1:]:
        hive_type = widest(merged.hive_type, column.hive_type)
        if hive_type is None or not cast_alike(merged, column):
            problems.append(
                f"column {column.name!r} is {type_text(merged)} in {first.target} and {type_text(column)} in "
                f"{member.target}: leave one of them out of the pattern, or give both one type in the database"
            )
            continue
        wider = column if hive_type == column.hive_type else merged
        merged = replace(
            wider,
            num_precision=_greater(merged.num_precision, column.num_precision),
            char_max_length=_greater(merged.char_max_length, column.char_max_length),
            calendar=together((merged.calendar, column.calendar)),
        )
    return merged


def _greater(first: int | None, second: int | None) -> int | None:
    return max(first, second) if first is not None and second is not None else None
