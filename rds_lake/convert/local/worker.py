"""One worker thread: takes chunks, collects their rows into row groups, and writes files (parts)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pyarrow as pa

from rds_lake.convert.local.json_lines import json_lines
from rds_lake.convert.local.lines import Chunk
from rds_lake.convert.local.parts import Counted, Format, Sink, Writer
from rds_lake.convert.local.plan import Plan
from rds_lake.convert.local.schema import Schema
from rds_lake.convert.local.source import ChunkIds, Reader, Source

_MOST_ROWS = 1_000_000
Rows = TypeVar("Rows", pa.RecordBatch, pa.Table)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The number of workers, the limits of each, and the function that opens a file."""

    workers: int
    row_group_bytes: int
    part_bytes: int
    format: Format
    open: Callable[[Counted, pa.Table], Writer]


@dataclass(slots=True, kw_only=True)
class Part:
    """A file, while it is written and afterwards: its schema, and its chunks."""

    name: str
    schema: pa.Schema
    rows: int = 0
    bytes: int = 0
    chunks: ChunkIds = field(default_factory=dict)


def stays(schema: pa.Schema, plan: Plan, form: Format) -> bool:
    """Whether a file of this schema can be kept beside files of the plan. ORC and CSV must be equal: they are read by position."""
    return plan.holds(schema) if form in ("parquet", "json") else plan.schema == schema


def _all_widened(batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> list[pa.RecordBatch] | None:
    """Returns the batches converted to the schema by `widened`; None if that is not possible."""
    try:
        return [widened(batch, schema) for batch in batches]
    except (TypeError, pa.ArrowInvalid):
        return None


def widened(rows: Rows, schema: pa.Schema) -> Rows:
    """Returns the rows with their missing columns (null) and with wider numbers.

    TypeError if a column has another type or name in the schema, pa.ArrowInvalid if a number does not fit.
    """
    names = set(rows.schema.names)
    if not names <= set(schema.names):
        raise TypeError(f"{', '.join(sorted(names - set(schema.names)))} has another name now")
    arrays: list[Any] = []
    for column in schema:
        array = rows.column(column.name) if column.name in names else pa.nulls(len(rows), column.type)
        if array.type != column.type and array.null_count == len(array):
            array = pa.nulls(len(array), column.type)
        elif array.type != column.type:
            if not _wider(array.type, column.type):
                raise TypeError(f"{column.name} was {array.type} and is {column.type} now")
            array = array.cast(column.type)
        arrays.append(array)
    return type(rows).from_arrays(arrays, schema=schema)


def _wider(old: pa.DataType, new: pa.DataType) -> bool:
    if not isinstance(new, pa.Decimal128Type):
        return False
    return pa.types.is_integer(old) or (isinstance(old, pa.Decimal128Type) and old.scale <= new.scale)


class Worker:
    """The state of one thread. `parts` are committed files, `dropped` are chunks to be read again."""

    def __init__(self, source: Source, schema: Schema, sink: Sink, shares: Shares, number: int) -> None:
        self._source, self._schema, self._sink, self._shares = source, schema, sink, shares
        self._number = number
        self._made = 0
        self._plan: Plan | None = None
        self._pending: list[pa.RecordBatch] = []
        self._pending_bytes = 0
        self._pending_chunks: ChunkIds = {}
        self._file: Counted | None = None
        self._writer: Writer | None = None
        self._part: Part | None = None
        self.parts: list[Part] = []
        self.dropped: ChunkIds = {}

    def run(self) -> BaseException | None:
        """Work until no chunk is left. Returns the error if there is one, after stopping all workers.

        A worker that was stopped commits no more files.
        """
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - handed to the caller, which raises it
            self._source.stop.set()
            self._abandon()
            return error
        return None

    def _work(self) -> None:
        reader: Reader | None = None
        while (taken := self._source.take(reader)) is not None:
            chunk, reader = taken
            plan, batch = self._schema.convert(chunk)
            if plan is not self._plan:
                self._follow(plan)
            self._add(chunk, batch)
        self._flush()
        self._commit()

    def _add(self, chunk: Chunk, batch: pa.RecordBatch) -> None:
        self._pending.append(batch)
        self._pending_bytes += batch.nbytes
        self._pending_chunks.setdefault(chunk.file.name, set()).add(chunk.number)
        rows = sum(len(pending) for pending in self._pending)
        if self._pending_bytes >= self._shares.row_group_bytes or rows >= _MOST_ROWS:
            self._flush()
            if self._file is not None and self._file.bytes >= self._shares.part_bytes:
                self._commit()

    def _follow(self, plan: Plan) -> None:
        """Change to a new plan. Rows collected with the old plan get the new columns, or are written, or are read again later."""
        if self._plan is not None and plan.schema != self._plan.schema:
            if self._part is None and (widened := _all_widened(self._pending, plan.schema)) is not None:
                self._pending = widened
            elif not stays(self._plan.schema, plan, self._shares.format):
                self._drop()
            else:
                self._flush()
                self._commit()
        self._plan = plan

    def _flush(self) -> None:
        """Write the collected rows as one row group."""
        if not self._pending:
            return
        table = pa.Table.from_batches(self._pending)
        plan = self._plan
        assert plan is not None
        if self._shares.format == "json":
            table = json_lines(table, plan)
        if self._part is None:
            name = f"{self._number:05}-{self._made:04}"
            self._made += 1
            self._part = Part(name=name, schema=plan.schema)
            self._file = Counted(self._sink.create(name))
        assert self._file is not None
        if self._writer is None:
            self._writer = self._shares.open(self._file, table)
        self._writer.write(table)
        self._part.rows += table.num_rows
        for name, numbers in self._pending_chunks.items():
            self._part.chunks.setdefault(name, set()).update(numbers)
        self._pending, self._pending_bytes, self._pending_chunks = [], 0, {}

    def _commit(self) -> None:
        """Close the file, which creates it. StoppedError if the work was stopped."""
        self._source.stop.check()
        if self._part is not None and self._file is not None and self._writer is not None:
            self._writer.close()
            self._file.file.close()
            self._part.bytes = self._file.bytes
            self.parts.append(self._part)
        self._part = self._file = self._writer = None

    def _drop(self) -> None:
        """Abort the open file and drop the collected rows; their chunks are read again."""
        for chunks in (self._pending_chunks, self._part.chunks if self._part else {}):
            for name, numbers in chunks.items():
                self.dropped.setdefault(name, set()).update(numbers)
        self._abandon()

    def _abandon(self) -> None:
        if self._file is not None:
            self._file.file.abort()
        self._part = self._file = self._writer = None
        self._pending, self._pending_bytes, self._pending_chunks = [], 0, {}
