"""What a COPY does: all of its files, or nothing.

A bad value ends it, unless MAXERROR allows so many rows; either way SYS_LOAD_ERROR_DETAIL names file, line and column.
(https://docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_ERROR_DETAIL.html)
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from rds_lake.localcloud.athena.relations import quote
from rds_lake.localcloud.redshift.engine.storing import stored_query
from rds_lake.localcloud.redshift.engine.tables import Column, TableName, Tables
from rds_lake.localcloud.redshift.errors import StatementFailedError
from rds_lake.localcloud.redshift.loading.arrow import arrow_type
from rds_lake.localcloud.redshift.loading.converting import LoadError, value_of
from rds_lake.localcloud.redshift.loading.delimited import Line, lines_of
from rds_lake.localcloud.redshift.loading.objects import LoadedFile, Stores, files_of
from rds_lake.localcloud.redshift.loading.options import Copy
from rds_lake.localcloud.redshift.sql.oracle import Oracle
from rds_lake.localcloud.redshift.sql.rules import AGGREGATE_NAMES
from rds_lake.localcloud.redshift.sql.translate import duck_text

_LOADED = "lc_loaded"
_EXTRA, _MISSING = 1202, 1213


@dataclass(frozen=True, slots=True, kw_only=True)
class BadValue:
    """One row of SYS_LOAD_ERROR_DETAIL."""

    url: str
    line: int
    column: str
    kind: str
    code: int
    message: str


class Copying:
    """Loads in one session. `report`: called with the bad values, whatever becomes of the COPY's transaction."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: Tables,
        stores: Stores,
        report: Callable[[list[BadValue]], None],
    ) -> None:
        self._connection, self._tables, self._stores, self._report = connection, tables, stores, report

    def run(self, copy: Copy) -> int:
        """Rows that were loaded."""
        name = self._tables.get(copy.table, copy.schema)
        there = {column.name: column for column in self._tables.columns(name)}
        missing = [column for column in copy.columns or () if column not in there]
        if missing:
            raise StatementFailedError(f'column "{missing[0]}" of relation "{copy.table}" does not exist')
        columns = list(there.values()) if copy.columns is None else [there[column] for column in copy.columns]
        files = files_of(copy, self._stores)
        if copy.format == "PARQUET":
            return sum(self._parquet(name, columns, file, fill="FILLRECORD" in copy.flags) for file in files)
        return self._lines(name, columns, copy, (line for file in files for line in lines_of(copy, file)))

    def _parquet(self, name: TableName, columns: list[Column], file: LoadedFile, *, fill: bool) -> int:
        """Columns by position, as they are typed in the file."""
        try:
            table = pq.read_table(io.BytesIO(file.content))
        except (pa.ArrowException, OSError) as error:
            raise StatementFailedError(f"{file.url} is no Parquet file: {error}") from error
        given = table.num_columns
        if given != len(columns) and not (fill and given < len(columns)):
            raise StatementFailedError(f"Unmatched number of columns between table and file. Table columns: {len(columns)}, "
                                       f"Data columns: {given}, File name: {file.url}")  # fmt: skip
        return self._insert(name, columns[:given], table.rename_columns([f"c{number}" for number in range(given)]))

    def _lines(self, name: TableName, columns: list[Column], copy: Copy, lines: Iterator[Line]) -> int:
        rows: list[list[Any]] = []
        bad: list[BadValue] = []
        for line in lines:
            try:
                rows.append(_row(line, columns, copy))
            except _BadLineError as error:
                bad.append(error.value)
                if len(bad) > copy.maxerror:
                    break
        self._report(bad)
        if len(bad) > copy.maxerror:
            first = bad[-1]
            raise StatementFailedError(
                f"Load into table '{name.name}' failed. Check 'sys_load_error_detail' system table for details: {first.url} "
                f"line {first.line} column {first.column}: {first.message}"
            )
        types = [arrow_type(column.kind) for column in columns]
        arrays = [pa.array([row[number] for row in rows], type=kind) for number, kind in enumerate(types)]
        return self._insert(name, columns, pa.table(arrays, names=[f"c{number}" for number in range(len(columns))]))

    def _insert(self, name: TableName, columns: list[Column], table: pa.Table) -> int:
        self._connection.register(_LOADED, table)
        try:
            query = exp.select("*").from_(exp.table_(_LOADED))
            rows = stored_query(query, columns, Oracle(self._connection, AGGREGATE_NAMES))
            names = ", ".join(quote(column.name) for column in columns)
            row = self._connection.execute(f"INSERT INTO {name.sql} ({names}) {duck_text(rows)}").fetchone()
        finally:
            with contextlib.suppress(duckdb.Error):  # the transaction has failed: it takes the name with it
                self._connection.unregister(_LOADED)
        return int(row[0]) if row else 0


class _BadLineError(ValueError):
    def __init__(self, value: BadValue) -> None:
        super().__init__(value.message)
        self.value = value


def _row(line: Line, columns: list[Column], copy: Copy) -> list[Any]:
    values = list(line.values)
    if copy.format == "TEXT" and len(values) == len(columns) + 1 and values[-1] == "":
        values.pop()  # a delimiter at the line's end
    if len(values) < len(columns) and "FILLRECORD" in copy.flags:
        values += [None] * (len(columns) - len(values))
    if len(values) != len(columns):
        code, message = (
            (_EXTRA, "Extra column(s) found") if len(values) > len(columns) else (_MISSING, "Delimiter not found")
        )
        raise _BadLineError(BadValue(url=line.url, line=line.number, column="", kind="", code=code, message=message))
    made: list[Any] = []
    for value, column in zip(values, columns, strict=True):
        try:
            made.append(value_of(value, column.kind, copy.flags))
            if made[-1] is None and not column.nullable:
                raise LoadError(1213, "Missing data for not-null field")
        except LoadError as error:
            about = {"column": column.name, "kind": column.kind.short, "code": error.code, "message": str(error)}
            raise _BadLineError(BadValue(url=line.url, line=line.number, **about)) from error  # type: ignore[arg-type]
    return made
