"""The history of a database: the rows of Redshift's monitoring views. Users see their own, superusers all.

(https://docs.aws.amazon.com/redshift/latest/dg/serverless_views-monitoring.html)
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rds_lake.localcloud.redshift.errors import StatementFailedError

Row = dict[str, Any]
_KEPT = 20_000
_MICROS = 1_000_000
# The shortest time, in seconds, that is charged for a use of a serverless workgroup.
_LEAST = 60
_WHO = "user_id i, query_id l, transaction_id l, session_id i, database_name v, "
_WHEN = "start_time t, end_time t, "
# By view: its columns with the letters of their types (i integer, l bigint, v varchar, t timestamp, b boolean).
COLUMNS = {
    "sys_query_history": "user_id i, query_id l, query_label v, transaction_id l, session_id i, database_name v, query_type v, "
    f"status v, result_cache_hit b, {_WHEN}elapsed_time l, queue_time l, execution_time l, error_message v, returned_rows l, "
    "returned_bytes l, query_text v, lock_wait_time l",
    "sys_load_history": f"{_WHO}status v, table_name v, {_WHEN}duration l, data_source v, file_format v, loaded_rows l, "
    "loaded_bytes l, source_file_count i, source_file_bytes l, file_count_scanned i, file_bytes_scanned l, error_count i, "
    "copy_job_id l",
    "sys_unload_history": f"{_WHO}status v, {_WHEN}duration l, file_format v, compression_type v, unloaded_location v, "
    "unloaded_rows l, unloaded_files_count i, unloaded_files_size l, error_message v",
    "sys_load_error_detail": f"{_WHO}table_id i, start_time t, file_name v, line_number l, column_name v, column_type v, "
    "column_length v, position i, error_code i, error_message v",
    "stl_load_errors": "userid i, slice i, tbl i, starttime t, session i, query l, filename v, line_number l, colname v, type v, "
    "col_length v, position i, raw_line v, raw_field_value v, err_code i, err_reason v",
    "sys_serverless_usage": f"{_WHEN}compute_seconds l, compute_capacity l, data_storage l, cross_region_transferred_data l, "
    "charged_seconds l",
}
_STL = {
    "userid": "user_id", "tbl": "table_id", "starttime": "start_time", "session": "session_id", "query": "query_id",
    "filename": "file_name", "line_number": "line_number", "colname": "column_name", "type": "column_type",
    "col_length": "column_length", "position": "position", "err_code": "error_code", "err_reason": "error_message",
    "raw_line": "raw_line", "raw_field_value": "raw_field_value",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """The user who runs statements."""

    name: str = "admin"
    superuser: bool = True


class History:
    """The rows of one database. `capacity`: RPUs of a workgroup, 0 for a cluster."""

    def __init__(self) -> None:
        self.capacity = 0
        self._rows: dict[str, deque[Row]] = {view: deque(maxlen=_KEPT) for view in COLUMNS}
        self._users: list[str] = ["admin"]
        self._lock = threading.Lock()

    def add(self, view: str, row: Row) -> Row:
        """Add a row; returns it, so that it can be completed later."""
        with self._lock:
            self._rows[view].append(row)
        return row

    def user_id(self, user: User) -> int:
        """Returns a user's number, from 100."""
        with self._lock:
            if user.name not in self._users:
                self._users.append(user.name)
            return 100 + self._users.index(user.name)

    def rows(self, view: str, user: User) -> list[Row]:
        """Returns the rows of a view that a user may see."""
        if view == "sys_serverless_usage":
            if not user.superuser:
                raise StatementFailedError("permission denied for relation sys_serverless_usage")
            return self._usage()
        user_id = self.user_id(user)
        with self._lock:
            rows = list(self._rows["sys_load_error_detail" if view == "stl_load_errors" else view])
        seen = [row for row in rows if user.superuser or row.get("user_id") == user_id]
        if view == "stl_load_errors":
            return [{name: row.get(own) for name, own in _STL.items()} | {"slice": 0} for row in seen]
        return seen

    def _usage(self) -> list[Row]:
        """Returns the times in which statements ran, merged if they overlap; each is charged for at least a minute."""
        with self._lock:
            queries = [row for row in self._rows["sys_query_history"] if row["end_time"] is not None]
        if not self.capacity:
            return []
        least = timedelta(seconds=_LEAST)
        spans: list[tuple[datetime, datetime]] = []
        for begin, end in sorted((q["start_time"], max(q["end_time"], q["start_time"] + least)) for q in queries):
            if spans and begin <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((begin, end))
        seconds = [(begin, end, round((end - begin).total_seconds()) * self.capacity) for begin, end in spans]
        return [
            {"start_time": begin, "end_time": end, "compute_seconds": paid, "compute_capacity": self.capacity,
             "data_storage": 0, "cross_region_transferred_data": 0, "charged_seconds": paid}
            for begin, end, paid in seconds
        ]  # fmt: skip


def moment(micros: int) -> datetime:
    """Returns a time of the local cloud's clock as a TIMESTAMP."""
    return datetime.fromtimestamp(micros / _MICROS, UTC).replace(tzinfo=None)


def columns_of(view: str) -> list[tuple[str, str]]:
    """Returns the names of a view's columns, with the letters of their types."""
    return [(part.split()[0], part.split()[1]) for part in COLUMNS[view].split(", ")]


def as_tuples(view: str, rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    """Returns rows in the order of their view's columns; unknown values are NULL."""
    names = [name for name, _ in columns_of(view)]
    return [tuple(row.get(name) for name in names) for row in rows]
