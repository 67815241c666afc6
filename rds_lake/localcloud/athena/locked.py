"""The locked DuckDB that executes queries: it reads the copies of objects in one folder, and nothing else.

No query can use another file, the network, an extension or a variable of Python, or change a setting. The statements of a query
are checked before (`athena/sql/allowed.py`); the lock holds even if that check misses one.
(https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview)

What belongs here: creating, locking and closing databases. Queries are `engine.py`.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterable
from pathlib import Path

import duckdb

from rds_lake.localcloud.athena.sql.macros import MACROS

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": 2,
    "memory_limit": "2GB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
}
# One database for all queries over a folder, None for queries without tables: creating a database takes a hundred times as long as
# connecting to it. Queries share nothing else, because all that they define is temporary.
_databases: dict[Path | None, duckdb.DuckDBPyConnection] = {}
_making = threading.Lock()


def locked_connection(folder: Path | None) -> duckdb.DuckDBPyConnection:
    """Returns a new connection to the database that may read `folder`."""
    with _making:
        if folder not in _databases:
            if not _databases:
                # Registered only now, so that it runs before what DuckDB itself registered for the end.
                atexit.register(_end_all)
            _databases[folder] = open_locked(folder, MACROS)
        return _databases[folder].cursor()


def end_database(folder: Path | None) -> None:
    """Close the database of a folder, if it has one."""
    with _making:
        database = _databases.pop(folder, None)
    if database is not None:
        database.close()


def open_locked(folder: Path | None, macros: Iterable[str]) -> duckdb.DuckDBPyConnection:
    """Returns a new, locked database with these macros, which may read `folder`. The caller closes it."""
    spill = "" if folder is None else str(folder / "spill")
    database = duckdb.connect(config=_CONFIG)
    database.execute(";".join(f"CREATE OR REPLACE MACRO {macro}" for macro in macros))
    database.execute("SET GLOBAL TimeZone = 'UTC'; SET GLOBAL integer_division = true")
    database.execute(f"SET temp_directory = {_text(spill)}")
    if folder is not None:
        database.execute(f"SET allowed_directories = [{_text(str(folder))}]")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")
    return database


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _end_all() -> None:
    """Close everything before Python ends: DuckDB prints a list of open objects."""
    for folder in tuple(_databases):
        end_database(folder)
