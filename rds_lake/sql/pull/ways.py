"""The ways to store a column in another database, best first; the last one loses nothing.

    numeric of PostgreSQL, into DuckDB     DECIMAL(38,18)    if every value fits
                                           VARCHAR           its text, if one does not (`NaN`, `1e30`)

The values decide on the way, for the whole column at once: no value is ever rounded or dropped.

What belongs here: the value, and SQL that all targets share. The ways are `duckdb_columns.py` and `postgres_columns.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rds_lake.model.calendars import GREGORIAN_FROM
from rds_lake.model.tables.nested_types import to_duckdb_type
from rds_lake.model.tables.table import Column
from rds_lake.sql.calendars import early_days
from rds_lake.sql.quoting import identifier, literal

_HIVE_TO_DUCKDB = {
    "string": "VARCHAR",
    "int": "INTEGER",
    "float": "FLOAT",
    "binary": "BLOB",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to store a column. `kind`: type in the target. `value`: DuckDB's expression over `{raw}`, the column in its file.

    `exact`: DuckDB's condition over `{raw}` that the value loses nothing; None: no value loses anything. A NULL loses
    nothing. `is_plain`: COPY never reads its text as something else.
    """

    kind: str
    value: str
    exact: str | None = None
    is_plain: bool = False

    def value_of(self, raw: str) -> str:
        return self.value.replace("{raw}", raw)

    def lossy(self, raw: str) -> str | None:
        """Returns DuckDB's condition that this value of `raw` does not fit this way."""
        return (
            None if self.exact is None else f"({raw} IS NOT NULL AND ({self.exact.replace('{raw}', raw)}) IS NOT TRUE)"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledColumn:
    """A column to pull: `column` in the lake, its `name` in the view and the target, and its ways."""

    column: Column
    name: str
    ways: tuple[Way, ...]
    notes: tuple[str, ...] = field(default=())


def duckdb_type(hive_type: str) -> str:
    """Returns DuckDB's name for a Hive type of any depth."""
    return to_duckdb_type(hive_type, leaf=lambda word: _HIVE_TO_DUCKDB.get(word, word.upper()), quote=identifier)


def raw_value(column: Column, name: str | None) -> str:
    """Returns the column as in its file, called `name` there, in the raw table's type; NULL if the file does not have it.

    Early days are as they were in the database; NULL if their calendar is unknown, as in the view.
    """
    kind = duckdb_type(column.hive_type)
    if name is None:
        return f"CAST(NULL AS {kind})"
    value = f"CAST({identifier(name)} AS {kind})"
    return early_days(
        column,
        value,
        lambda days: f"CAST({value} + to_days(CAST({days} AS INTEGER)) AS {kind})",
        moment=lambda day: f"CAST({literal(day.isoformat())} AS {kind})",
    )


def names_read(columns: Sequence[PulledColumn], file_columns: Sequence[str]) -> dict[str, str | None]:
    """Returns each column's name in the files, by its name in the target; None if the files do not have it."""
    by_folded = {name.lower(): name for name in file_columns}
    return {column.name: by_folded.get(column.column.name.lower()) for column in columns}


def early_days_unknown(column: Column) -> tuple[str, ...]:
    """Returns the note for a column whose early days are NULL."""
    if column.calendar != "mixed":
        return ()
    return (
        f"days before {GREGORIAN_FROM.isoformat()} are NULL, as in the view: its files count them by different calendars",
    )
