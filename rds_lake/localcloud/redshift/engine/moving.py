"""COPY and UNLOAD in a session: between S3 and tables, each recorded in the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import duckdb

from rds_lake.localcloud.redshift.engine.monitoring.history import History, Row, moment
from rds_lake.localcloud.redshift.engine.monitoring.system import table_id
from rds_lake.localcloud.redshift.engine.tables import Column, Tables
from rds_lake.localcloud.redshift.loading.copying import BadValue, Copying
from rds_lake.localcloud.redshift.loading.objects import Stores
from rds_lake.localcloud.redshift.loading.options import Copy
from rds_lake.localcloud.redshift.unloading.options import Unload
from rds_lake.localcloud.redshift.unloading.unloading import write

_PART = 10_000


class Moving:
    """COPY and UNLOAD of one session. `about`: the user and the statement, as columns of the history."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, tables: Tables, history: History, now: Callable[[], int]
    ) -> None:
        self._connection, self._tables, self._history, self._now = connection, tables, history, now

    def load(self, copy: Copy, stores: Stores, about: Row) -> int:
        """Execute a COPY; returns the number of rows. Refused rows are recorded even if the transaction is rolled back."""
        row = self._history.add("sys_load_history", self._begun(about) | {
            "table_name": copy.table, "data_source": copy.source, "file_format": copy.format.capitalize()})  # fmt: skip
        copying = Copying(self._connection, self._tables, stores, lambda bad: self._report(copy, bad, about))
        try:
            row["loaded_rows"] = copying.run(copy)
            row["status"] = "completed"
        finally:
            self._end(row)
            row |= {
                "loaded_bytes": copying.bytes, "source_file_bytes": copying.bytes, "file_bytes_scanned": copying.bytes,
                "source_file_count": copying.files, "file_count_scanned": copying.files, "error_count": copying.errors,
                "copy_job_id": 0,
            }  # fmt: skip
        return int(row["loaded_rows"])

    def _report(self, copy: Copy, bad: list[BadValue], about: Row) -> None:
        name = self._tables.get(copy.table, copy.schema)
        table = table_id(self._connection, str(name))
        for each in bad:
            self._history.add("sys_load_error_detail", about | {
                "table_id": table, "start_time": moment(self._now()), "file_name": each.url, "line_number": each.line,
                "column_name": each.column, "column_type": each.kind, "column_length": each.length, "position": each.position,
                "error_code": each.code, "error_message": each.message, "raw_line": each.raw, "raw_field_value": each.value,
            })  # fmt: skip

    def unload(
        self, unload: Unload, columns: tuple[Column, ...], cursor: duckdb.DuckDBPyConnection, stores: Stores, about: Row
    ) -> int:
        """Execute an UNLOAD; returns the number of rows."""
        row = self._history.add("sys_unload_history", self._begun(about) | {
            "file_format": unload.format.capitalize(), "unloaded_location": unload.target,
            "compression_type": unload.packed.lower()})  # fmt: skip
        try:
            written = write(unload, columns, _rows(cursor), stores)
            row |= {"status": "completed", "unloaded_rows": written.rows, "unloaded_files_count": written.files,
                    "unloaded_files_size": written.bytes}  # fmt: skip
        finally:
            self._end(row)
        return written.rows

    def _begun(self, about: Row) -> Row:
        return about | {"status": "failed", "start_time": moment(self._now()), "end_time": None, "loaded_rows": 0}

    def _end(self, row: Row) -> None:
        row["end_time"] = moment(self._now())
        row["duration"] = round((row["end_time"] - row["start_time"]).total_seconds() * 1e6)


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    """Returns all rows, of which only a part is in memory at a time."""
    while part := cursor.fetchmany(_PART):
        yield from part
