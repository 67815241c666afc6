"""A table of a source database and its columns, as the export describes them.

What belongs here: what a table *is*. Its Athena names are in `names.py`, its files in `lake/manifest.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from rds_lake.model.calendars import Calendar


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class TableTarget:
    """The original, unfolded name of a table: `database.schema.table`.

    For MySQL and MariaDB the schema equals the database. A table of DynamoDB has neither.
    """

    database: str
    schema: str
    table: str

    def __str__(self) -> str:
        return ".".join(filter(None, (self.database, self.schema, self.table)))


def dynamodb_table(name: str) -> TableTarget:
    """A table of DynamoDB: a name and nothing around it."""
    return TableTarget(database="", schema="", table=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: what is really in the file, and what it was in the database.

    `hive_type` is the physical type from the Parquet footer (or, for a table without files, from the info
    file). `original_type` is the database's own word (`timestamp without time zone`); None when the info
    file does not know the column. Lengths and precisions are None where AWS gives none. `calendar`: by which one the files
    count the column's days before 1582-10-15; None where they have none (`calendars.py`).
    """

    name: str
    hive_type: str
    original_type: str | None = None
    char_max_length: int | None = None
    num_precision: int | None = None
    datetime_precision: int | None = None
    calendar: Calendar | None = None
