"""Executes a COPY, which loads all of its files or nothing. Only a part of each file is in memory as rows at a time.

A bad value ends the COPY, unless MAXERROR allows this number of bad rows. SYS_LOAD_ERROR_DETAIL shows its file, line and column.
(https://docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_ERROR_DETAIL.html)
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from rds_lake.localcloud.athena.relations import quote
from rds_lake.localcloud.redshift.engine.storing import stored_query
from rds_lake.localcloud.redshift.engine.tables import Column, TableName, Tables
from rds_lake.localcloud.redshift.errors import StatementFailedError
from rds_lake.localcloud.redshift.loading.arrow import arrow_type
from rds_lake.localcloud.redshift.loading.columnar import check_types, with_json
from rds_lake.localcloud.redshift.loading.converting import LoadError, value_of
from rds_lake.localcloud.redshift.loading.delimited import Line, lines_of, opened, rows_of, unreadable
from rds_lake.localcloud.redshift.loading.jsons import picking, rows_of_json
from rds_lake.localcloud.redshift.loading.objects import LoadedFile, Stores, files_of
from rds_lake.localcloud.redshift.loading.options import Copy
from rds_lake.localcloud.redshift.loading.quick import blocks, is_plain, table_of
from rds_lake.localcloud.redshift.sql.oracle import Oracle
from rds_lake.localcloud.redshift.sql.rules import AGGREGATE_NAMES
from rds_lake.localcloud.redshift.sql.translate import duck_text

_LOADED = "lc_loaded"
_EXTRA, _MISSING, _NO_ROW = 1202, 1213, 1214
_CHUNK = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BadValue:
    """One row of SYS_LOAD_ERROR_DETAIL. `position`: of the value in its line, from 0; `raw`: the line; `value`: the value's text."""

    url: str
    line: int
    code: int
    message: str
    column: str = ""
    kind: str = ""
    length: str = ""
    position: int = 0
    raw: str = ""
    value: str = ""


class _BadLineError(ValueError):
    def __init__(self, value: BadValue) -> None:
        super().__init__(value.message)
        self.value = value


class Copying:
    """One COPY. `report` is called with the bad values, also if the COPY fails. `files`, `bytes`, `errors`: counts so far."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: Tables,
        stores: Stores,
        report: Callable[[list[BadValue]], None],
    ) -> None:
        self._connection, self._tables, self._stores, self._report = connection, tables, stores, report
        self.files = self.bytes = self.errors = 0
        self._sql = ""

    def run(self, copy: Copy) -> int:
        """Execute the load; returns the number of loaded rows."""
        name = self._tables.get(copy.table, copy.schema)
        by_name = {column.name: column for column in self._tables.columns(name)}
        missing = [column for column in copy.columns or () if column not in by_name]
        if missing:
            raise StatementFailedError(f'column "{missing[0]}" of relation "{copy.table}" does not exist')
        left_out = (
            [] if copy.columns is None else [column for column in by_name.values() if column.name not in copy.columns]
        )
        needed = [column.name for column in left_out if not column.nullable and column.default is None]
        if needed:
            raise StatementFailedError(f"Cannot insert a NULL value into column {needed[0]}")
        columns = list(by_name.values()) if copy.columns is None else [by_name[column] for column in copy.columns]
        if "NOLOAD" in copy.flags:
            name = TableName(schema="", name="")
        if copy.format == "PARQUET":
            return sum(self._parquet(name, columns, file, copy) for file in self._files(copy))
        return self._texts(name, columns, copy)

    def _files(self, copy: Copy) -> Iterator[LoadedFile]:
        for file in files_of(copy, self._stores):
            self.files += 1
            self.bytes += len(file.content)
            yield file

    def _parquet(self, name: TableName, columns: list[Column], file: LoadedFile, copy: Copy) -> int:
        """Load the columns of a Parquet file by position, some rows at a time."""
        try:
            opened_file = pq.ParquetFile(io.BytesIO(file.content))
        except (pa.ArrowException, OSError) as error:
            raise StatementFailedError(f"{file.url} is not a Parquet file: {error}") from error
        given = len(opened_file.schema_arrow)
        if given != len(columns) and not ("FILLRECORD" in copy.flags and given < len(columns)):
            raise StatementFailedError(f"Unmatched number of columns between table and file. Table columns: {len(columns)}, "
                                       f"Data columns: {given}, File name: {file.url}")  # fmt: skip
        check_types(
            file.url,
            opened_file.schema,
            opened_file.schema_arrow,
            columns[:given],
            to_json="SERIALIZETOJSON" in copy.flags,
        )
        names = [f"c{number}" for number in range(given)]
        self._sql = ""
        try:
            parts = opened_file.iter_batches(batch_size=_CHUNK)
            return sum(
                self._insert(name, columns[:given], with_json(pa.Table.from_batches([part])).rename_columns(names))
                for part in parts
            )
        except (pa.ArrowException, OSError) as error:
            raise StatementFailedError(f"{file.url} cannot be read: {error}") from error

    def _texts(self, name: TableName, columns: list[Column], copy: Copy) -> int:
        bad: list[BadValue] = []
        pick = picking(copy, [column.name for column in columns], self._stores) if copy.format == "JSON" else None
        loaded = 0
        try:
            for file in self._files(copy):
                if pick is not None:
                    loaded += self._lines(name, columns, copy, rows_of_json(copy, file, pick), bad)
                elif is_plain(copy):
                    loaded += self._blocks(name, columns, copy, file, bad)
                else:
                    loaded += self._lines(name, columns, copy, lines_of(copy, file), bad)
        finally:
            self.errors = len(bad)
            self._report(bad)
        return loaded

    def _blocks(self, name: TableName, columns: list[Column], copy: Copy, file: LoadedFile, bad: list[BadValue]) -> int:
        loaded = 0
        try:
            for before, block in blocks(cast("io.BufferedIOBase", opened(copy, file))):
                table = table_of(copy, columns, block) if before >= copy.ignoreheader else None
                if table is None:
                    lines = rows_of(copy, file, io.BytesIO(block), before)
                    loaded += self._lines(name, columns, copy, lines, bad)
                else:
                    loaded += self._insert(name, columns, table)
        except (OSError, EOFError, pa.ArrowException) as error:
            raise unreadable(copy, file) from error
        return loaded

    def _lines(
        self, name: TableName, columns: list[Column], copy: Copy, lines: Iterable[Line], bad: list[BadValue]
    ) -> int:
        types = [arrow_type(column.kind) for column in columns]
        rest, loaded = iter(lines), 0
        while True:
            rows: list[list[Any]] = []
            given = 0
            for line in islice(rest, _CHUNK):
                given += 1
                try:
                    rows.append(_row(line, columns, copy))
                except _BadLineError as error:
                    bad.append(error.value)
                    if len(bad) > copy.maxerror:
                        raise self._stopped(copy, error.value) from error
            if not given:
                return loaded
            arrays = [pa.array([row[number] for row in rows], type=kind) for number, kind in enumerate(types)]
            loaded += self._insert(
                name, columns, pa.table(arrays, names=[f"c{number}" for number in range(len(columns))])
            )

    def _stopped(self, copy: Copy, last: BadValue) -> StatementFailedError:
        return StatementFailedError(
            f"Load into table '{copy.table}' failed. Check 'sys_load_error_detail' system table for details: {last.url} "
            f"line {last.line} column {last.column}: {last.message}"
        )

    def _insert(self, name: TableName, columns: list[Column], table: pa.Table) -> int:
        if not name.name:
            return 0  # NOLOAD: the files are only checked
        self._connection.register(_LOADED, table)
        try:
            if not self._sql:
                query = exp.select("*").from_(exp.table_(_LOADED))
                rows = stored_query(query, columns, Oracle(self._connection, AGGREGATE_NAMES))
                names = ", ".join(quote(column.name) for column in columns)
                self._sql = f"INSERT INTO {name.sql} ({names}) {duck_text(rows)}"
            row = self._connection.execute(self._sql).fetchone()
        finally:
            with contextlib.suppress(duckdb.Error):  # a failed transaction has removed the name
                self._connection.unregister(_LOADED)
        return int(row[0]) if row else 0


def _row(line: Line, columns: list[Column], copy: Copy) -> list[Any]:
    values = list(line.values)
    if line.bad:
        raise _BadLineError(BadValue(url=line.url, line=line.number, code=_NO_ROW, message=line.bad, raw=line.raw))
    if copy.format == "TEXT" and len(values) == len(columns) + 1 and values[-1] == "":
        values.pop()  # a delimiter at the line's end
    if len(values) < len(columns) and "FILLRECORD" in copy.flags:
        missing = columns[len(values) :]
        values += ["" if column.kind.is_text and not column.kind.is_char else None for column in missing]
    if len(values) != len(columns):
        code, message = (
            (_EXTRA, "Extra column(s) found") if len(values) > len(columns) else (_MISSING, "Delimiter not found")
        )
        raise _BadLineError(BadValue(url=line.url, line=line.number, code=code, message=message, raw=line.raw))
    row: list[Any] = []
    at = 0
    for value, column in zip(values, columns, strict=True):
        try:
            row.append(value_of(value, column.kind, copy))
            if row[-1] is None and not column.nullable:
                raise LoadError(1213, "Missing data for not-null field")
        except LoadError as error:
            raise _BadLineError(BadValue(
                url=line.url, line=line.number, column=column.name, kind=column.kind.short, code=error.code, message=str(error),
                length=str(column.kind.size or ""), position=at, raw=line.raw,
                value=(value or "").encode("utf-8", "replace").decode())) from error  # fmt: skip
        at += len(value or "") + 1
    return row
