"""Writes the files of an earlier date again, without the rows whose key changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from rds_lake.convert.local.kernels import pc
from rds_lake.convert.local.parts import Compression, Counted, Sink, Writer, writers
from rds_lake.convert.local.plan import Plan
from rds_lake.convert.local.worker import widened
from rds_lake.convert.rules.converted import ConvertedFile
from rds_lake.errors import FullExportDueError, TypesChangedError
from rds_lake.threads import Stop

_SMALL = 0.25  # part of a file's usual size; smaller files are joined with others
_MOST_ROWS = 1_000_000
_MOST_TOGETHER = 64  # all of them are open at once


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousFile:
    """A Parquet file of the earlier date. `open` returns a file that can seek; `bytes` is its size as stored."""

    name: str
    open: Callable[[], BinaryIO]
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The changed keys. `keys`: name and type of each key column; `values`: the keys, as `as_one` returns them.

    The first `existed` values are of items that existed before the changes. `plan`: the columns of the new files.
    """

    keys: tuple[tuple[str, pa.DataType], ...]
    values: pa.Array
    existed: int
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Files without their changed rows: `rows` in a new `file` (None if there are none), or in the file `kept`, which is unchanged.

    `known`: removed rows of items that existed before the changes; `repeated`: removed rows of items that the changes insert.
    """

    file: ConvertedFile | None
    kept: str | None
    rows: int
    known: int
    repeated: int


def together(files: Sequence[PreviousFile], part_bytes: int) -> Iterator[list[PreviousFile]]:
    """Returns groups of files that become one file each: large files alone, small ones joined up to a file's usual size."""
    group: list[PreviousFile] = []
    for file in files:
        if file.bytes >= part_bytes * _SMALL:
            yield [file]
        elif len(group) == _MOST_TOGETHER or (sum(small.bytes for small in (*group, file)) > part_bytes and group):
            yield group
            group = [file]
        else:
            group.append(file)
    if group:
        yield group


def without(
    number: int,
    files: Sequence[PreviousFile],
    changed: Changed,
    sink: Sink,
    compression: Compression,
    row_group_bytes: int,
    stop: Stop,
) -> Rest:
    """Write the files again as one file without rows of changed keys; a single file without such a row is kept.

    StoppedError once `stop` is set, without committing a file; FullExportDueError for a file that cannot be read,
    TypesChangedError for one whose types differ too much.
    """
    with ExitStack() as stack:
        opened = [stack.enter_context(_open(file)) for file in files]
        looked = [_look(parquet, file, changed, stop) for parquet, file in zip(opened, files, strict=True)]
        known, repeated = sum(rows.known for rows in looked), sum(rows.repeated for rows in looked)
        rows = sum(parquet.metadata.num_rows for parquet in opened) - known - repeated
        alone = len(files) == 1 and not known and not repeated and rows
        if alone and changed.plan.holds(opened[0].schema_arrow):
            return Rest(file=None, kept=files[0].name, rows=rows, known=0, repeated=0)
        if not rows:
            return Rest(file=None, kept=None, rows=0, known=known, repeated=repeated)
        name = f"rest-{number:05}"
        target = Counted(sink.create(name))
        try:
            out = _Out(target, changed, compression, row_group_bytes)
            for parquet, file, staying in zip(opened, files, looked, strict=True):
                _copy(parquet, file, staying, changed, out, stop)
            out.close()
            stop.check()
        except BaseException:
            target.file.abort()
            raise
        target.file.close()
    file = ConvertedFile(name=name, bytes=target.bytes, rows=rows)
    return Rest(file=file, kept=None, rows=rows, known=known, repeated=repeated)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Staying:
    """Which rows of a file stay: a mask per row group, None if all stay. The others are counted as in `Rest`."""

    stay: list[pa.ChunkedArray | None]
    known: int
    repeated: int


@contextmanager
def _open(file: PreviousFile) -> Iterator[pq.ParquetFile]:
    with file.open() as stream:
        with _readable(file):
            parquet = pq.ParquetFile(stream)
        with parquet:
            yield parquet


@contextmanager
def _readable(file: PreviousFile) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        raise FullExportDueError(f"{file.name} cannot be read ({error})") from error


def _look(parquet: pq.ParquetFile, file: PreviousFile, changed: Changed, stop: Stop) -> _Staying:
    stay: list[pa.ChunkedArray | None] = []
    known = repeated = 0
    for group in range(parquet.num_row_groups):
        stop.check()
        with _readable(file):
            table = parquet.read_row_group(group, columns=[name for name, _ in changed.keys]).combine_chunks()
        arrays = [table.column(name).cast(type_) for name, type_ in changed.keys]
        places: Any = pc.index_in(as_one(arrays), value_set=changed.values)
        hits = len(places) - places.null_count
        old = pc.sum(pc.less(places, changed.existed)).as_py() or 0
        known, repeated = known + old, repeated + hits - old
        stay.append(places.is_null() if hits else None)
    return _Staying(stay=stay, known=known, repeated=repeated)


def _copy(
    parquet: pq.ParquetFile, file: PreviousFile, staying: _Staying, changed: Changed, out: _Out, stop: Stop
) -> None:
    for group, stay in enumerate(staying.stay):
        stop.check()
        with _readable(file):
            table = parquet.read_row_group(group)
        table = table if stay is None else table.filter(stay)
        try:
            out.add(widened(table, changed.plan.schema))
        except (TypeError, pa.ArrowInvalid) as error:
            raise TypesChangedError(
                f"{file.name} cannot be converted to the types that the changes need ({error})"
            ) from error


class _Out:
    """A new file, which collects rows into row groups."""

    def __init__(self, target: Counted, changed: Changed, compression: Compression, row_group_bytes: int) -> None:
        self._target, self._room = target, row_group_bytes * 1.25
        self._new = writers("parquet", [name for name, _ in changed.keys], compression)
        self._writer: Writer | None = None
        self._pending: list[pa.Table] = []

    def add(self, table: pa.Table) -> None:
        """Add rows of the planned schema. A row group of the right size is kept."""
        size = table.nbytes + sum(pending.nbytes for pending in self._pending)
        rows = table.num_rows + sum(pending.num_rows for pending in self._pending)
        if size > self._room or rows > _MOST_ROWS:
            self._flush()
        if table.num_rows:
            self._pending.append(table)

    def close(self) -> None:
        """Write the remaining rows, and the end of the file."""
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        if not self._pending:
            return
        table = pa.concat_tables(self._pending)
        self._pending = []
        if self._writer is None:
            self._writer = self._new(self._target, table)
        self._writer.write(table)


def as_one(arrays: Sequence[Any]) -> Any:
    """Returns one or two key columns as one column; the length of the first key distinguishes ("a", "bc") from ("ab", "c")."""
    if len(arrays) == 1:
        return arrays[0]
    first, second = (
        array if pa.types.is_binary(array.type) else array.cast(pa.string()).cast(pa.binary()) for array in arrays
    )
    length = pc.binary_length(first).cast(pa.string()).cast(pa.binary())
    return pc.binary_join_element_wise(length, first, second, pa.scalar(b":", pa.binary()))
