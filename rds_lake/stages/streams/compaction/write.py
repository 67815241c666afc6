"""Writes changes of one table as a Parquet file: their meta columns, and both images with the raw table's types.

What belongs here: the file. The caller decides which changes it has; a value's type is `values.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from rds_lake.model.streams.compacted import Unparsed
from rds_lake.model.streams.event import ChangeEvent, Image, Op
from rds_lake.sql.changes.table import ChangedColumn, ChangedTable
from rds_lake.stages.streams.compaction.states import micros_of, shape_of, state_of
from rds_lake.stages.streams.compaction.values import arrow_type, to_array

# Limits of a group of rows, which is held as Python values: changes, and bytes of their lines.
_ROWS, _BYTES = 20_000, 32 * 1024**2
NO_KEY = "(key)"  # in place of a column name, if a change has no key
_META = {
    "bigint": pa.int64(),
    "string": pa.string(),
    "timestamp": pa.timestamp("us"),
    "array<string>": pa.list_(pa.string()),
}


@dataclass(slots=True)
class ChangeWriter:
    """Writes changes into an open file, group by group. `rows` and `unparsed`: of the written changes.

    A change without a key in its image is written; it gives no live row.
    """

    table: ChangedTable
    file: BinaryIO
    rows: int = 0
    _writer: pq.ParquetWriter | None = None
    _bad: dict[str, Unparsed] = field(default_factory=dict)

    @property
    def unparsed(self) -> tuple[Unparsed, ...]:
        """Returns columns with texts that do not fit the type, and columns that are in no snapshot and no capture."""
        return tuple(self._bad.values())

    def write(self, events: Iterable[tuple[int, ChangeEvent, int]]) -> None:
        """Writes all changes, each with its cut and the length of its line. Writes no file if there are no changes."""
        group: list[tuple[int, ChangeEvent]] = []
        held = 0
        for cut, event, length in events:
            group.append((cut, event))
            held += length
            if len(group) >= _ROWS or held >= _BYTES:
                self._write(group)
                group, held = [], 0
        if group:
            self._write(group)
        if self._writer is not None:
            self._writer.close()

    def _write(self, group: Sequence[tuple[int, ChangeEvent]]) -> None:
        schema = schema_of(self.table)
        arrays = self._meta(group)
        events = [event for _, event in group]
        for column in self.table.columns:
            arrays += [self._values([event.new for event in events], column, events)]
            arrays += [self._values([event.old for event in events], column, events)]
        self._note_unknown(events)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.file, schema, compression="zstd")
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        self.rows += len(group)

    def _meta(self, group: Sequence[tuple[int, ChangeEvent]]) -> list[pa.Array]:
        rows = [_meta_of(cut, event) for cut, event in group]
        return [pa.array([row[name] for row in rows], _META[kind]) for name, kind, _ in self.table.meta]

    def _values(self, images: Sequence[Image | None], column: ChangedColumn, events: Sequence[ChangeEvent]) -> pa.Array:
        name = column.column.name
        array, bad = to_array([None if image is None else image.get(name) for image in images], column.column)
        if bad:
            self._note(name, len(bad), events[bad[0]].seq)
        return array

    def _note_unknown(self, events: Sequence[ChangeEvent]) -> None:
        known = {column.column.name for column in self.table.columns}
        for event in events:
            if event.op is not Op.TRUNCATE and not self._has_key(event):
                self._note(NO_KEY, 1, event.seq)
            for name in event.unread or ():
                self._note(name, 1, event.seq)
            for image in (event.new, event.old):
                for name in (image or {}).keys() - known:
                    self._note(name, 1, event.seq)

    def _has_key(self, event: ChangeEvent) -> bool:
        images = (
            [event.old] if event.op is Op.DELETE else [event.new] if event.op is Op.INSERT else [event.old, event.new]
        )
        names = [column.column.name for column in self.table.columns if column.raw in self.table.key]
        return all(image is not None and image.get(name) is not None for image in images for name in names)

    def _note(self, name: str, count: int, seq: int) -> None:
        old = self._bad.get(name)
        self._bad[name] = Unparsed(
            column=name, count=count + (old.count if old else 0), seq=min(seq, old.seq) if old else seq
        )


def physical_type(hive_type: str) -> pa.DataType:
    """Returns the Arrow type of a column of such a file, from Glue's type."""
    return _META.get(hive_type) or arrow_type(hive_type)


def schema_of(table: ChangedTable) -> pa.Schema:
    """Returns the file's columns, which are those of `raw_columns`."""
    meta = [(name, _META[kind]) for name, kind, _ in table.meta]
    return pa.schema(
        [
            *meta,
            *(
                (name, arrow_type(changed.column.hive_type))
                for changed in table.columns
                for name in (changed.new, changed.old)
            ),
        ]
    )


def _meta_of(cut: int, event: ChangeEvent) -> dict[str, Any]:
    """Returns the values of META_COLUMNS and ARRIVED_COLUMNS."""
    arrival = event.arrival
    return {
        "seq": event.seq,
        "cut": cut,
        "op": event.op.value,
        "at": event.at.astimezone(UTC).replace(tzinfo=None),
        "xid": event.xid,
        "omitted": list(event.omitted) or None,
        "id": arrival and arrival.id,
        "arrived": arrival and arrival.hour.astimezone(UTC).replace(tzinfo=None),
        "micros": arrival and micros_of(event.at),
        "new_state": arrival and state_of(event.new),
        "old_state": arrival and state_of(event.old),
        "new_shape": arrival and shape_of(event.new),
        "old_shape": arrival and shape_of(event.old),
    }
