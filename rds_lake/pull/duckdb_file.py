"""Writes a snapshot date into a DuckDB file.

    shop.duckdb.partial        exists while tables are written; the next pull continues an interrupted one
    shop.duckdb                the renamed .partial file, once all tables are complete
    shop.duckdb.partial.lock   exists while a pull writes to either file

One transaction writes a table and its row in the table `_rds_lake_pull`. A table without such a row is not complete.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from rds_lake.errors import PullError
from rds_lake.pull.engine import Room, connect, fitting, translated
from rds_lake.pull.found_file import (
    MAKE_RECORD,
    TABLES,
    FoundFile,
    find_begun,
    find_file,
    read_loaded,
    refuse_other,
    require_place,
    unusable,
)
from rds_lake.pull.lock_file import alone_at
from rds_lake.pull.plan import MakeColumn, Plan, PulledTable
from rds_lake.pull.target import RECORD, Loaded, kinds_of, refuse_own_name, require_rows
from rds_lake.sql.pull.duckdb_columns import duckdb_column
from rds_lake.sql.pull.select import Reading, column_list, select_values
from rds_lake.sql.quoting import identifier
from rds_lake.threads import check


@dataclass(frozen=True, slots=True, kw_only=True)
class DuckDbFile:
    """The DuckDB file to write. `replace`: also replace a file that no pull made, or that has tables of other programs."""

    path: Path
    room: Room
    replace: bool = False

    @property
    def make_column(self) -> MakeColumn:
        return duckdb_column

    @property
    def partial(self) -> Path:
        """The file that tables are written to until all are complete."""
        return self.path.with_name(f"{self.path.name}.partial")

    @contextmanager
    def open(self, plan: Plan) -> Iterator[OpenedFile]:
        """Open the partial file; it gets its final name when the block ends without an error."""
        problems = refuse_own_name(plan)
        if problems:
            raise PullError("these tables cannot be pulled; nothing was written:", problems)
        require_place(self.path)
        if there := self._has_all(plan):
            with duckdb.connect() as nothing:
                yield OpenedFile(plan=plan, connection=nothing, room=self.room, whole=there.whole)
            return
        with alone_at(self.path):
            self._begin(plan)
            with self._opened() as connection:
                with translated(str(self.partial), self.room.memory):
                    opened = OpenedFile(plan=plan, connection=connection, room=self.room, whole=_prepared(connection))
                yield opened
                with translated(str(self.partial), self.room.memory):
                    connection.execute("CHECKPOINT")
            # A killed process may have left a log of the old file, which DuckDB would replay into the new one.
            _log_of(self.path).unlink(missing_ok=True)
            self.partial.replace(self.path)

    def _has_all(self, plan: Plan) -> FoundFile | None:
        """Returns the existing file if it already has all tables of the plan, else None."""
        there = None if self.replace else find_file(self.path)
        return there if there is not None and there.has_all(plan) else None

    def _begin(self, plan: Plan) -> None:
        """Prepare the partial file: keep an unfinished one, or copy a final file of the same export, or start without a file."""
        there = None if self.replace else find_file(self.path)
        if there is not None and not there.is_of(plan):
            refuse_other(self.path, there, plan)
        begun = None if self.replace else find_begun(self.partial)
        if begun is not None and begun.whole:
            if not begun.is_of(plan):
                raise PullError(
                    f"{self.partial} is an unfinished pull of {begun.source} {begun.day}: continue it with --date "
                    f"{begun.day}, or start again with --replace"
                )
            return
        for path in (self.partial, _log_of(self.partial)):
            path.unlink(missing_ok=True)
        if there is not None and there.is_of(plan):
            self._copy()

    def _copy(self) -> None:
        """Copy the final file to the partial file, together with its write-ahead log."""
        beside = self.path.with_name(f"{self.path.name}.partial.copy")
        try:
            with beside.open("wb") as target, self.path.open("rb") as source:
                shutil.copyfileobj(source, target)
            if _log_of(self.path).exists():
                shutil.copyfile(_log_of(self.path), _log_of(self.partial))
            beside.replace(self.partial)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(beside)) from error  # errors of write() have no file name
        finally:
            beside.unlink(missing_ok=True)

    @contextmanager
    def _opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with translated(str(self.partial), self.room.memory):
            try:
                connection = connect(str(self.partial), self.room)
            except duckdb.IOException as error:
                raise unusable(self.partial, error) from error
        with connection:
            yield connection


def _log_of(path: Path) -> Path:
    """Returns the path of DuckDB's write-ahead log, which has the changes that are committed but not yet in the file."""
    return path.with_name(f"{path.name}.wal")


def _prepared(connection: duckdb.DuckDBPyConnection) -> dict[str, Loaded]:
    """Create the record table if it is missing, and return the complete tables, which are those that the record names."""
    tables = {name for (name,) in connection.execute(TABLES).fetchall()}
    if RECORD not in tables:
        connection.execute(MAKE_RECORD)
    return read_loaded(connection)


@dataclass(slots=True)
class OpenedFile:
    """The open file. Each table is written over its own connection."""

    plan: Plan
    connection: duckdb.DuckDBPyConnection
    room: Room
    whole: Mapping[str, Loaded]
    refused: Mapping[str, str] = field(default_factory=dict)
    _at_work: set[duckdb.DuckDBPyConnection] = field(default_factory=set)

    def load(
        self,
        table: PulledTable,
        chosen: Mapping[str, int],
        readings: Iterator[Reading],
        *,
        moved: Callable[[int], None],
    ) -> Loaded:
        """Write the table, its rows, its primary key, and its row in the record, in one transaction."""
        connection = self.connection.cursor()
        self._at_work.add(connection)
        try:
            with connection, translated(table.view, self.room.memory):
                connection.begin()
                loaded = self._load(connection, table, chosen, readings, moved)
                connection.commit()
                return loaded
        finally:
            self._at_work.discard(connection)

    def interrupt(self) -> None:
        """Cancel all running statements."""
        for connection in tuple(self._at_work):
            with suppress(duckdb.ConnectionException):  # it was closed at the same moment
                connection.interrupt()

    def _load(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: PulledTable,
        chosen: Mapping[str, int],
        readings: Iterator[Reading],
        moved: Callable[[int], None],
    ) -> Loaded:
        name = identifier(table.view)
        connection.execute(f"CREATE TABLE {name} ({column_list(table.columns, chosen)})")
        rows = 0
        for reading in readings:
            check()
            with fitting(self.connection, table.columns, chosen, reading):
                inserted = connection.execute(f"INSERT INTO {name} {select_values(table.columns, chosen, reading)}")
            (count,) = inserted.fetchone() or (0,)
            rows += count
            moved(count)
        require_rows(table, rows)
        if table.keys:
            self._add_key(connection, table)
        loaded = Loaded(view=table.view, rows=rows, kinds=kinds_of(table, chosen))
        self._record(connection, table, loaded)
        return loaded

    def _record(self, connection: duckdb.DuckDBPyConnection, table: PulledTable, loaded: Loaded) -> None:
        connection.execute(
            f"INSERT OR REPLACE INTO {RECORD} VALUES (?, ?, ?, ?, ?, ?, ?, now())",
            [
                self.plan.source,
                self.plan.day,
                self.plan.export_task,
                table.view,
                table.table,
                loaded.rows,
                json.dumps(loaded.kinds),
            ],
        )

    def _add_key(self, connection: duckdb.DuckDBPyConnection, table: PulledTable) -> None:
        listed = ", ".join(map(identifier, table.keys))
        try:
            connection.execute(f"ALTER TABLE {identifier(table.view)} ADD PRIMARY KEY ({listed})")
        except duckdb.ConstraintException as error:
            raise PullError(
                f"({', '.join(table.keys)}) cannot be the primary key ({str(error).splitlines()[0]}): name other columns "
                "under `keys:` in lake.yaml, or pull without keys (--no-keys)"
            ) from error
