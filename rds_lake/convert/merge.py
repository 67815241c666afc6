"""The table of a date out of the one before and what changed since: new files, every item once.

Rows whose key is among the changes are left out of the files before; a file without such a row stays as it is, and the
caller copies it. Images go the way of a full export, into files of their own. DynamoDB spreads keys by hash, so one
change in a hundred items touches every row group, and all files are written again. That is still a fraction of a
conversion, for nothing is parsed (docs/decisions/0013).

What belongs here: merging. Which changes belong to a date is the caller's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from rds_lake.convert.changes import keep_latest, key_array, name_fault, read_changes
from rds_lake.convert.columns import Rules
from rds_lake.convert.converted import Converted, ConvertedFile
from rds_lake.convert.kernels import pc
from rds_lake.convert.lines import InputFile
from rds_lake.convert.parts import Counted, Sink, writers
from rds_lake.convert.plan import Plan, build_plan
from rds_lake.convert.table import ConvertOptions, convert_table, cores
from rds_lake.convert.tree import from_plain
from rds_lake.convert.worker import widened
from rds_lake.errors import ConversionError, TypesChangedError


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousFile:
    """A Parquet file of the date before; `open` gives a file that can seek."""

    name: str
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """`converted` describes the date's table and its new files; `kept` names files of the date before to be copied."""

    converted: Converted
    kept: tuple[str, ...]
    written: int
    deleted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changed:
    """The changed keys, and how rows are compared with them."""

    keys: tuple[tuple[str, pa.DataType], ...]
    values: pa.Array
    plan: Plan


def merge_changes(
    previous: Sequence[PreviousFile],
    changes: Sequence[InputFile],
    *,
    known: dict[str, Any],
    sink: Sink,
    options: ConvertOptions,
) -> Merged:
    """Merges changes into the files of a table whose schema was `known`; `options.keys` names the key attributes.

    Raises TypesChangedError if a change gives an attribute a type that the files before cannot be brought to: a full
    export is due then. Raises ConversionError for damaged changes. Nothing stays in the sink after an error. All changed
    keys are held in memory, about 300 bytes each.
    """
    if not options.keys or options.format != "parquet":
        raise ValueError("a merge needs `keys` and the format parquet")
    with tempfile.TemporaryDirectory(prefix="rds-lake-merge-") as folder:
        spool, images = Path(folder, "spool"), Path(folder, "images")
        latest = read_changes(changes, options.keys, spool)
        written = keep_latest(latest, spool, images)
        file = InputFile(name="new images", open=lambda: images.open("rb"), items=written)
        try:
            found = convert_table([file], sink=sink, options=replace(options, known=known))
        except ConversionError:
            name_fault(changes, options.limits)
            raise
    if not previous:
        return Merged(converted=found, kept=(), written=written, deleted=len(latest) - written)
    try:
        return _merged(previous, list(latest), written, found, sink, options)
    except BaseException:
        for one in found.files:
            sink.remove(one.name)
        raise


def _merged(
    previous: Sequence[PreviousFile],
    keys: Sequence[tuple[str, ...]],
    written: int,
    found: Converted,
    sink: Sink,
    options: ConvertOptions,
) -> Merged:
    changed = _changed(keys, found, options)
    numbered = list(enumerate(previous))
    with ThreadPoolExecutor(cores(options)) as pool:
        futures = [pool.submit(_without, number, file, changed, sink, options) for number, file in numbered]
        failures = [failure for future in futures if (failure := future.exception()) is not None]
        results = [future.result() for future in futures if future.exception() is None]
    rest = [one for one, _, _ in results if one is not None]
    if failures:
        for one in rest:
            sink.remove(one.name)
        raise failures[0]
    kept = [name for one, name, _ in results if one is None]
    items = sum(rows for _, _, rows in results) + found.items
    files = tuple(one for one in (*rest, *found.files) if one.rows)
    converted = replace(found, files=files, items=items)
    return Merged(converted=converted, kept=tuple(kept), written=written, deleted=len(keys) - written)


def _changed(keys: Sequence[tuple[str, ...]], found: Converted, options: ConvertOptions) -> _Changed:
    plan = build_plan(from_plain(found.schema), Rules(keys=options.keys, numbers=options.numbers))
    types = {column.original: (column.name, column.type) for column in plan.columns}
    columns = tuple(types[key] for key in options.keys)
    arrays = [key_array([key[place] for key in keys], type_) for place, (_, type_) in enumerate(columns)]
    return _Changed(keys=columns, values=_as_one(arrays), plan=plan)


def _without(
    number: int, file: PreviousFile, changed: _Changed, sink: Sink, options: ConvertOptions
) -> tuple[ConvertedFile | None, str, int]:
    """The file without rows of changed keys, written anew; None if it has no such row. With its name and the rows left."""
    with file.open() as stream, pq.ParquetFile(stream) as parquet:
        masks = [_mask(parquet, group, changed) for group in range(parquet.num_row_groups)]
        rows = parquet.metadata.num_rows - sum(pc.sum(mask).as_py() or 0 for mask in masks)
        if rows == parquet.metadata.num_rows and changed.plan.holds(parquet.schema_arrow):
            return None, file.name, rows
        name = f"rest-{number:05}"
        if not rows:
            return ConvertedFile(name=name, bytes=0, rows=0), file.name, 0
        target = Counted(sink.create(name))
        try:
            _copy(parquet, masks, changed, target, options, file.name)
        except BaseException:
            target.file.abort()
            raise
        target.file.close()
    return ConvertedFile(name=name, bytes=target.bytes, rows=rows), file.name, rows


def _copy(
    parquet: pq.ParquetFile,
    masks: Sequence[pa.ChunkedArray],
    changed: _Changed,
    target: Counted,
    options: ConvertOptions,
    name: str,
) -> None:
    writer, names = None, [column for column, _ in changed.keys]
    for group, mask in enumerate(masks):
        table = parquet.read_row_group(group).filter(pc.invert(mask))
        try:
            table = widened(table, changed.plan.schema)
        except (TypeError, pa.ArrowInvalid) as error:
            raise TypesChangedError(
                f"{name} cannot be brought to the types the changes need ({error}): a full export is due"
            ) from error
        if writer is None:
            writer = writers("parquet", names, options.compression)(target, table)
        if table.num_rows:
            writer.write(table)
    if writer is not None:
        writer.close()


def _mask(parquet: pq.ParquetFile, group: int, changed: _Changed) -> pa.ChunkedArray:
    """True where the row's key changed."""
    table = parquet.read_row_group(group, columns=[name for name, _ in changed.keys]).combine_chunks()
    arrays = [table.column(name).cast(type_) for name, type_ in changed.keys]
    return pc.is_in(_as_one(arrays), value_set=changed.values)


def _as_one(arrays: Sequence[Any]) -> Any:
    """Several key columns as one of bytes; the length of the first keeps ("a", "bc") and ("ab", "c") apart."""
    if len(arrays) == 1:
        return arrays[0]
    first, second = (
        array if pa.types.is_binary(array.type) else array.cast(pa.string()).cast(pa.binary()) for array in arrays
    )
    length = pc.binary_length(first).cast(pa.string()).cast(pa.binary())
    return pc.binary_join_element_wise(length, first, second, pa.scalar(b":", pa.binary()))
