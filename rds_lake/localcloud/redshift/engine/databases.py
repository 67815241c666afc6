"""The databases of all clusters and namespaces: one DuckDB each, with the restrictions of Athena's (`athena/locked.py`)."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb

from rds_lake.localcloud.athena.locked import open_locked
from rds_lake.localcloud.redshift.engine.locking.transactions import Transactions
from rds_lake.localcloud.redshift.engine.monitoring.history import History
from rds_lake.localcloud.redshift.engine.monitoring.system import make_views
from rds_lake.localcloud.redshift.engine.results import Shared
from rds_lake.localcloud.redshift.engine.session import Session
from rds_lake.localcloud.redshift.sql.macros import MACROS


def _micros() -> int:
    return time.time_ns() // 1000


class Databases:
    """Databases by warehouse (a cluster's or namespace's ARN) and name. `now`: microseconds."""

    def __init__(self, now: Callable[[], int] = _micros) -> None:
        self._now = now
        self._open: dict[tuple[str, str], tuple[duckdb.DuckDBPyConnection, Shared]] = {}
        self._lock = threading.Lock()

    def session(self, warehouse: str, database: str, capacity: int = 0) -> Session:
        """Returns a new connection; the database is created on first use. `capacity`: RPUs of a workgroup."""
        with self._lock:
            key = (warehouse, database)
            if key not in self._open:
                # The isolation level of a new database: https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_DATABASE.html
                transactions = Transactions(snapshot="serverless" in warehouse)
                folder = Path(tempfile.mkdtemp(prefix="rds-lake-redshift-"))
                shared = Shared(now=self._now, transactions=transactions, history=History(), folder=folder)
                self._open[key] = (_made(folder), shared)
            connection, shared = self._open[key]
            shared.history.capacity = capacity
            return Session(connection.cursor(), database, shared)

    def names(self, warehouse: str) -> list[str]:
        """Returns the names of a warehouse's databases that have been used."""
        with self._lock:
            return [database for owner, database in self._open if owner == warehouse]

    def forget(self, warehouse: str) -> None:
        """Drop the databases of a deleted warehouse, and their copies of files."""
        with self._lock:
            gone = [self._open.pop(key) for key in list(self._open) if key[0] == warehouse]
        for database, shared in gone:
            with suppress(duckdb.Error):  # a running statement uses it: it is closed with that
                database.close()
            shutil.rmtree(shared.folder or "", ignore_errors=True)

    def close(self) -> None:
        """Drop all."""
        for warehouse in {key[0] for key in self._open}:
            self.forget(warehouse)


def _made(folder: Path) -> duckdb.DuckDBPyConnection:
    database = open_locked(folder, MACROS)
    database.execute("CREATE SCHEMA public")
    make_views(database)
    return database
