"""Tables that Glue or Athena cannot hold: they are left out and named, and the source's other tables are published.

    a column type beyond Glue's limit            the table is not catalogued, so it has neither raw table nor view
    a column name with a character Glue refuses  the same; a file with Windows line ends leaves `total\\r` as its last column
    columns that differ only in case             the same: Glue and Athena take them for one
    a view beyond Glue's or Athena's             the table is catalogued; it has no view, and one it had is dropped

Such a view is dropped, like that of a table that no longer exists: if it stayed, it would show an older date than the others.

What belongs here: which tables. The sizes themselves are `model/tables/nested_types.py` and `sql/views.py`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rds_lake.config.source import SourceSettings
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.tables.nested_types import MAX_TYPE_CHARACTERS
from rds_lake.model.tables.table import Column
from rds_lake.sql.views import view_excess
from rds_lake.stages.catalogue.naming import TypedTable, name_tables, type_tables
from rds_lake.stages.catalogue.raw_tables import NamedTable

# Not in the pattern of a column's name (https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html).
_REFUSED_IN_NAMES = re.compile(r"[\x00-\x08\x0a-\x1f\ufffe\uffff]")
_NOT_CATALOGUED = "the table is neither catalogued nor published, but its files are in the lake"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A table without a view, and why, as a sentence that says what to do."""

    table: str
    view: str
    reason: str

    def __str__(self) -> str:
        return f"{self.table}: {self.reason}"


def with_legal_types(tables: Sequence[NamedTable]) -> tuple[tuple[NamedTable, ...], tuple[LeftOut, ...]]:
    """Returns the tables that Glue can hold, and the others with the reason."""
    reasons = [(table.names, _why_not_in_glue(table)) for table in tables]
    left_out = [
        LeftOut(table=str(names.target), view=names.view, reason=reason)
        for names, reason in reasons
        if reason is not None
    ]
    views = {table.view for table in left_out}
    return tuple(table for table in tables if table.names.view not in views), tuple(left_out)


def _why_not_in_glue(table: NamedTable) -> str | None:
    """Returns why Glue cannot hold the table; None if it can."""
    for part in (*table.members, table.manifest):
        for names in _alike(part.columns):
            return (
                f"columns {' and '.join(map(repr, names))} of {part.target} differ only in case, and Glue and Athena take them for "
                f"one; {_NOT_CATALOGUED}. Rename one in the database"
            )
    for column in table.manifest.columns:
        if len(column.hive_type) > MAX_TYPE_CHARACTERS:
            return (
                f"the type of column {column.name!r} has {len(column.hive_type):,} characters, and Glue allows "
                f"{MAX_TYPE_CHARACTERS:,}; {_NOT_CATALOGUED}"
            )
        if _REFUSED_IN_NAMES.search(column.name):
            return (
                f"the name of column {column.name!r} has a character that Glue does not allow; {_NOT_CATALOGUED}. Rename the "
                "column in the database"
            )
    return None


def _alike(columns: Sequence[Column]) -> list[list[str]]:
    """Returns the groups of names that differ only in case."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for column in columns:
        by_name[column.name.lower()].append(column.name)
    return [names for names in by_name.values() if len(names) > 1]


def with_legal_views(
    tables: Sequence[TypedTable], source: SourceSettings, day: date
) -> tuple[tuple[TypedTable, ...], tuple[LeftOut, ...]]:
    """Returns the tables whose view can be created, and the others with the reason."""
    left_out: list[LeftOut] = []
    for table in tables:
        excess = view_excess(source.name, table.names, table.columns, day)
        if excess is not None:
            reason = (
                f"{excess}; it has no view, but its rows are in {table.names.raw}. Use shorter column names, split the table, "
                "or set `types: {…: varchar}` for columns that need no cast"
            )
            left_out.append(LeftOut(table=str(table.names.target), view=table.names.view, reason=reason))
    names = {table.view for table in left_out}
    return tuple(table for table in tables if table.names.view not in names), tuple(left_out)


def foreseen(manifest: Manifest, source: SourceSettings) -> tuple[LeftOut, ...]:
    """Returns the tables that will get no view, by an earlier date's tables, before the next export is paid for."""
    kept, too_long = with_legal_types(name_tables(manifest, source))
    _, too_wide = with_legal_views(type_tables(kept, source), source, manifest.snapshot_date)
    return (*too_long, *too_wide)
