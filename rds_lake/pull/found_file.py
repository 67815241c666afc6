"""What a DuckDB file has that is there before a pull: of which date it is, and whether it may be replaced."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from rds_lake.errors import PullError
from rds_lake.pull.engine import refuse_full
from rds_lake.pull.plan import Plan
from rds_lake.pull.target import RECORD, Loaded

MAKE_RECORD = (
    f"CREATE TABLE {RECORD} (source VARCHAR, snapshot_date DATE, export_task VARCHAR, view VARCHAR PRIMARY KEY, "
    "source_table VARCHAR, row_count BIGINT, other_types JSON, pulled_at TIMESTAMPTZ)"
)
# A person may have dropped a table since.
_RECORDED = (
    f"SELECT view, row_count, other_types FROM {RECORD} WHERE view IN "
    "(SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main')"
)
_OF_WHAT = f"SELECT DISTINCT source, CAST(snapshot_date AS VARCHAR), export_task FROM {RECORD}"
_OTHERS = (
    "SELECT table_name FROM system.information_schema.tables WHERE table_catalog = current_database() "
    f"AND table_name <> '{RECORD}' AND (table_schema <> 'main' OR table_name NOT IN (SELECT view FROM {RECORD})) ORDER BY ALL"
)
# Of the system's own schema: a lake may have a table of any name.
TABLES = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
_ELSE = "name another file, or replace it with --replace"
_HEAD_BYTES = 3 * 4_096  # of every DuckDB file (https://duckdb.org/docs/stable/internals/storage)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """Source, date and export of the tables that are whole in the file (empty where there are none), and tables of others."""

    source: str
    day: str
    export_task: str
    whole: Mapping[str, Loaded]
    others: tuple[str, ...]

    def is_of(self, plan: Plan) -> bool:
        """Whether its tables are of the plan's export."""
        return (self.source, self.day, self.export_task) == (plan.source, plan.day.isoformat(), plan.export_task)

    def has_all(self, plan: Plan) -> bool:
        """Whether nothing of the plan is left to do."""
        return self.is_of(plan) and all(table.view in self.whole for table in plan.tables)


def find_file(path: Path) -> FoundFile | None:
    """What the file has; None where there is none. PullError where it is not of a pull, or in use."""
    if not path.exists():
        return None
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            of_what = connection.execute(_OF_WHAT).fetchall()
            whole = read_loaded(connection)
            others = tuple(name for (name,) in connection.execute(_OTHERS).fetchall())
    except duckdb.IOException as error:
        raise unusable(path, error) from error
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise PullError(f"{path} was not made by rds-lake pull; {_ELSE}") from error
    source, day, export_task = of_what[0] if len(of_what) == 1 else ("", "", "")
    return FoundFile(source=source, day=day, export_task=export_task, whole=whole, others=others)


def find_begun(path: Path) -> FoundFile | None:
    """The same of a file that a pull writes to; None also where it was killed, or the disk full, before anything was in it."""
    if not path.exists() or path.stat().st_size < _HEAD_BYTES:
        return None
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            is_empty = not connection.execute(TABLES).fetchall()
    except duckdb.IOException as error:
        raise unusable(path, error) from error
    return None if is_empty else find_file(path)


def read_loaded(connection: duckdb.DuckDBPyConnection) -> dict[str, Loaded]:
    """The tables that are whole."""
    rows = connection.execute(_RECORDED).fetchall()
    return {view: Loaded(view=view, rows=count, kinds=json.loads(kinds)) for view, count, kinds in rows}


def refuse_other(path: Path, found: FoundFile, plan: Plan) -> None:
    """PullError where a new date must not take the place of what the file has."""
    if found.source != plan.source:
        raise PullError(f"{path} has tables of {found.source or 'several dates'}, not of {plan.source}; {_ELSE}")
    if found.others:
        more = ", …" if len(found.others) > 5 else ""
        raise PullError(
            f"{path} has more than pulled tables ({', '.join(found.others[:5])}{more}), which the new file would not have; {_ELSE}"
        )


def require_place(path: Path) -> None:
    """PullError where there can be no file of this name."""
    if path.is_dir():
        raise PullError(f"{path} is a folder: give --to the name of a file in it")
    if not path.parent.is_dir():
        raise PullError(f"there is no folder {path.parent}: make it, or name another file with --to")


def unusable(path: Path, error: duckdb.IOException) -> Exception:
    """What a person does about a file that DuckDB does not open."""
    refuse_full(error, str(path))
    if "Could not set lock" in str(error):
        return PullError(f"{path} is open in another process; wait for it or end it, and repeat")
    if os.strerror(errno.EACCES) in str(error):
        return PullError(
            f"this user may not read and write {path}; change its permissions, or name another file with --to"
        )
    return PullError(f"{path} is no DuckDB file that can be read here; {_ELSE}")
