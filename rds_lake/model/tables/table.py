"""A table of a source database and its columns, as the export describes them.

What belongs here: the names and types in the database. Names in Athena are in `names.py`, files in `lake/manifest.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from rds_lake.model.calendars import Calendar


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class TableTarget:
    """The original name of a table, in its spelling: `database.schema.table`.

    For MySQL and MariaDB the schema equals the database. A table of DynamoDB has neither.
    """

    database: str
    schema: str
    table: str

    def __str__(self) -> str:
        return ".".join(filter(None, (self.database, self.schema, self.table)))


def dynamodb_table(name: str) -> TableTarget:
    """Returns the target of a table of DynamoDB, which has a name only."""
    return TableTarget(database="", schema="", table=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its type in the file, and its type in the database.

    `hive_type`: the physical type from the Parquet footer (for a table without files, from the info file).
    `original_type`: as the database writes it (`timestamp without time zone`); None if the info file does not have the
    column. Lengths and precisions: None if AWS gives none. `calendar`: the one by which the files count days before
    1582-10-15; None if they have none (`calendars.py`).
    """

    name: str
    hive_type: str
    original_type: str | None = None
    char_max_length: int | None = None
    num_precision: int | None = None
    datetime_precision: int | None = None
    calendar: Calendar | None = None
