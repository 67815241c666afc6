"""The table of a date out of an earlier one and what changed since: new files, every item once.

Rows whose key is among the changes are left out of the files before; a file without such a row stays as it is, and the
caller copies it. Images go the way of a full export, into files of their own; small files are put together on the way, so
that a year of changes leaves no thousand files. DynamoDB spreads keys by hash, so one change in a hundred items touches
every row group, and all files are written again. That is still a fraction of a conversion, for nothing is parsed
(docs/decisions/0013).

What belongs here: merging. Which changes belong to a date is the caller's; rows are taken out in `rest.py`.
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
from rds_lake.convert.merging.rest import Changed, PreviousFile, Rest, as_one, together, without
from rds_lake.convert.rules.columns import Rules
from rds_lake.convert.rules.converted import Converted
from rds_lake.convert.rules.tree import from_plain
from rds_lake.errors import ConversionError, FullExportDueError
from rds_lake.threads import Stop, in_threads

_KEY_BYTES = 400  # of a changed key in memory, its texts and what became of it

Found = dict[tuple[str, ...], Change]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """`converted` describes the date's table and its new files; `kept` names files of the earlier date to be copied.

    Of the changed items, `inserted` were not there before and are now, `deleted` were there and are not, `updated` the rest.
    `repeated` items were told as new and were there already: the earlier date had seen those changes.
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
    """Merges changes, window after window, into the files of a table whose schema was `known`; `options.keys` are the keys.

    Raises TypesChangedError if a change gives an attribute a type that the files before cannot be brought to, and
    FullExportDueError if they lack items that the changes tell of, or cannot be read, or more keys changed than
    `options.memory_bytes` holds: a full export is due then. Raises ConversionError for damaged changes. Nothing stays in
    the sink after an error.
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
        for one in new.files:
            sink.remove(one.name)
        raise


def _merged(
    previous: Sequence[PreviousFile], changes: Found, new: Converted, sink: Sink, options: ConvertOptions
) -> Merged:
    results = _all_without(previous, _changed(changes, new, options), sink, options) if previous else []
    known = sum(rest.known for rest in results)
    lost = sum(change.existed for change in changes.values()) - known
    if lost:
        _remove(results, sink)
        raise FullExportDueError(
            f"the changes tell of {known + lost} items as changed or deleted, and the earlier date has {known} of these keys"
        )
    inserted = sum(bool(change.length) and not change.existed for change in changes.values())
    deleted = sum(change.existed and not change.length for change in changes.values())
    repeated = sum(rest.repeated for rest in results)
    items = sum(rest.rows for rest in results) + new.items
    files = [*(rest.file for rest in results if rest.file is not None), *new.files]
    return Merged(
        converted=replace(new, files=tuple(one for one in files if one.rows), items=items),
        kept=tuple(rest.kept for rest in results if rest.kept is not None),
        inserted=inserted,
        updated=new.items - inserted,
        deleted=deleted,
        repeated=repeated,
    )


def _changed(changes: Found, new: Converted, options: ConvertOptions) -> Changed:
    plan = build_plan(from_plain(new.schema), Rules(keys=options.keys, numbers=options.numbers))
    types = {column.original: (column.name, column.type) for column in plan.columns}
    missing = [key for key in options.keys if key not in types]
    if missing:
        raise FullExportDueError(f"what was seen of the table lacks its key {', '.join(missing)}")
    columns = tuple(types[key] for key in options.keys)
    ordered = sorted(changes, key=lambda key: not changes[key].existed)
    arrays = [key_array([key[place] for key in ordered], type_) for place, (_, type_) in enumerate(columns)]
    existed = sum(change.existed for change in changes.values())
    return Changed(keys=columns, values=as_one(arrays), existed=existed, plan=plan)


def _all_without(previous: Sequence[PreviousFile], changed: Changed, sink: Sink, options: ConvertOptions) -> list[Rest]:
    """The files before without changed rows, several at a time; after an error none of them is left."""
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
    def opened() -> BinaryIO:
        stop.check()
        return file.open()

    return opened


def _remove(results: Sequence[Rest], sink: Sink) -> None:
    for rest in results:
        if rest.file is not None and rest.file.rows:
            sink.remove(rest.file.name)
