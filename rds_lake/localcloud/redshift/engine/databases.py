"""The databases of all clusters and namespaces: one DuckDB each, locked as Athena's is."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import duckdb

from rds_lake.localcloud.athena.locked import open_locked
from rds_lake.localcloud.redshift.engine.session import Session
from rds_lake.localcloud.redshift.engine.system import make_views
from rds_lake.localcloud.redshift.sql.macros import MACROS


class Databases:
    """By warehouse (a cluster's or namespace's ARN) and name. `folder`: what COPY may read."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._open: dict[tuple[str, str], duckdb.DuckDBPyConnection] = {}
        self._lock = threading.Lock()

    def session(self, warehouse: str, database: str) -> Session:
        """A new connection; the database is made when it is first asked for."""
        with self._lock:
            key = (warehouse, database)
            if key not in self._open:
                self._open[key] = _made(self._folder)
            return Session(self._open[key].cursor(), database)

    def names(self, warehouse: str) -> list[str]:
        """The databases of a warehouse that were used."""
        with self._lock:
            return [database for owner, database in self._open if owner == warehouse]

    def forget(self, warehouse: str) -> None:
        """Drop the databases of a warehouse that is deleted."""
        with self._lock:
            gone = [self._open.pop(key) for key in list(self._open) if key[0] == warehouse]
        for database in gone:
            with suppress(duckdb.Error):  # busy: the statement that still runs holds it, and it goes with that
                database.close()

    def close(self) -> None:
        """Drop all."""
        for warehouse in {key[0] for key in self._open}:
            self.forget(warehouse)


def _made(folder: Path | None) -> duckdb.DuckDBPyConnection:
    database = open_locked(folder, MACROS)
    database.execute("CREATE SCHEMA public")
    make_views(database)
    return database
