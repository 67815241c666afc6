"""Makes a date's table from the files of an earlier date and the changes since: new files, every item once.

    new images of changed items   -> converted like a full export, into their own files
    files of the earlier date     -> written again without the rows whose key changed (`unchanged_rows.py`), small ones joined
    a file without such a row     -> kept; the caller copies it

DynamoDB spreads keys by hash: with one change in a hundred items, every row group has a changed row, and all files are written
again. That still costs less than a conversion, because nothing is parsed (docs/decisions/0013). Joining small files prevents that a
year of changes leaves hundreds of files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from rds_lake.convert.local.lines import InputFile
from rds_lake.convert.local.parts import Sink
from rds_lake.convert.local.plan import build_plan
from rds_lake.convert.local.table import ConvertOptions, convert_table, room_of, shares_of
from rds_lake.convert.merging.changes import Change, Windows, keep_latest, key_array, name_fault, read_changes
from rds_lake.convert.merging.unchanged_rows import Changed, PreviousFile, Rest, as_one, together, without
from rds_lake.convert.rules.columns import Rules
from rds_lake.convert.rules.converted import Converted
from rds_lake.convert.rules.tree import from_plain
from rds_lake.errors import ConversionError, FullExportDueError
from rds_lake.threads import Stop, in_threads

_KEY_BYTES = 400  # of memory for a changed key: its texts and its `Change`

Changes = dict[tuple[str, ...], Change]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """`converted` describes the date's table and its new files; `kept` names files of the earlier date to be copied.

    Counts of changed items: `inserted`, `deleted`, `updated`. `repeated`: items that the changes insert, but that the earlier date
    already has, because it had seen those changes.
    """

    converted: Converted
    kept: tuple[str, ...]
    inserted: int
    updated: int
    deleted: int
    repeated: int


def merge_changes(
    previous: Sequence[PreviousFile],
    windows: Windows,
    *,
    known: dict[str, Any],
    sink: Sink,
    options: ConvertOptions,
) -> Merged:
    """Merges changes, oldest window first, into the files of a table whose schema was `known`; `options.keys` are its keys.

    A full export is due after TypesChangedError (a change gives an attribute a type that the earlier files cannot be brought
    to) and FullExportDueError (the earlier files lack items that were changed or deleted, or cannot be read, or more keys
    changed than `options.memory_bytes` holds). Raises ConversionError for damaged changes. After an error no file is left in
    the sink.
    """
    if not options.keys or options.format != "parquet":
        raise ValueError("a merge needs `keys` and the format parquet")
    with tempfile.TemporaryDirectory(prefix="rds-lake-merge-") as folder:
        spool, images = Path(folder, "spool"), Path(folder, "images")
        changes = read_changes(windows, options.keys, spool, most=room_of(options) // _KEY_BYTES)
        written = keep_latest(changes, spool, images)
        spool.unlink()
        file = InputFile(name="new images", open=lambda: images.open("rb"), items=written)
        try:
            new = convert_table([file], sink=sink, options=replace(options, known=known))
        except ConversionError:
            name_fault(windows, options.limits)
            raise
    try:
        return _merged(previous, changes, new, sink, options)
    except BaseException:
        for made in new.files:
            sink.remove(made.name)
        raise


def _merged(
    previous: Sequence[PreviousFile], changes: Changes, new: Converted, sink: Sink, options: ConvertOptions
) -> Merged:
    results = _all_without(previous, _changed(changes, new, options), sink, options) if previous else []
    known = sum(rest.known for rest in results)
    lost = sum(change.existed for change in changes.values()) - known
    if lost:
        _remove(results, sink)
        raise FullExportDueError(
            f"{known + lost} items are changed or deleted by the changes, and the earlier date has {known} of these keys"
        )
    inserted = sum(bool(change.length) and not change.existed for change in changes.values())
    deleted = sum(change.existed and not change.length for change in changes.values())
    repeated = sum(rest.repeated for rest in results)
    items = sum(rest.rows for rest in results) + new.items
    files = [*(rest.file for rest in results if rest.file is not None), *new.files]
    return Merged(
        converted=replace(new, files=tuple(file for file in files if file.rows), items=items),
        kept=tuple(rest.kept for rest in results if rest.kept is not None),
        inserted=inserted,
        updated=new.items - inserted,
        deleted=deleted,
        repeated=repeated,
    )


def _changed(changes: Changes, new: Converted, options: ConvertOptions) -> Changed:
    plan = build_plan(from_plain(new.schema), Rules(keys=options.keys, numbers=options.numbers))
    types = {column.original: (column.name, column.type) for column in plan.columns}
    missing = [key for key in options.keys if key not in types]
    if missing:
        raise FullExportDueError(f"the types seen in the table lack its key {', '.join(missing)}")
    columns = tuple(types[key] for key in options.keys)
    ordered = sorted(changes, key=lambda key: not changes[key].existed)
    arrays = [key_array([key[place] for key in ordered], type_) for place, (_, type_) in enumerate(columns)]
    existed = sum(change.existed for change in changes.values())
    return Changed(keys=columns, values=as_one(arrays), existed=existed, plan=plan)


def _all_without(previous: Sequence[PreviousFile], changed: Changed, sink: Sink, options: ConvertOptions) -> list[Rest]:
    """Returns the earlier files without changed rows, several at a time; after an error no new file is left."""
    groups = list(enumerate(together(previous, options.part_bytes)))
    workers, row_group_bytes = shares_of(options)
    stop = Stop()
    made: list[Rest] = []

    def work(numbered: tuple[int, list[PreviousFile]]) -> Rest:
        number, group = numbered
        watched = [replace(file, open=_until(stop, file)) for file in group]
        rest = without(number, watched, changed, sink, options.compression, row_group_bytes, stop)
        made.append(rest)
        return rest

    try:
        return in_threads(work, groups, threads=workers, name="merge", stop=stop)
    except BaseException:
        _remove(made, sink)
        raise


def _until(stop: Stop, file: PreviousFile) -> Callable[[], BinaryIO]:
    """Open the file; StoppedError instead if `stop` is set."""

    def opened() -> BinaryIO:
        stop.check()
        return file.open()

    return opened


def _remove(results: Sequence[Rest], sink: Sink) -> None:
    for rest in results:
        if rest.file is not None and rest.file.rows:
            sink.remove(rest.file.name)
