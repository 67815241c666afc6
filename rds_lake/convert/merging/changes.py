"""Lines of incremental exports: the changed keys, and their items now.

    {"Metadata":{"WriteTimestampMicros":{"N":"17…"}},"Keys":{"pk":{"S":"1"}},"NewImage":{…},"OldImage":{…}}

Without `NewImage` the item is deleted. Of several changes of one key the latest counts: the one of the latest window, and within
a window the one with the latest time, in any order of files and lines. The earliest change has an `OldImage` if the item existed
before all of them. The format:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from rds_lake.convert.local.lines import Chunk, InputFile, chunks, damaged
from rds_lake.convert.rules.numbers import INTEGER, scale_of, whole_digits
from rds_lake.convert.rules.tree import Limits, Node, OddValueError, observe_item
from rds_lake.errors import FullExportDueError

_CHUNK = 2 * 1024 * 1024
_WINDOW = 1 << 63  # more than any time in microseconds
Windows = Sequence[Sequence[InputFile]]


@dataclass(slots=True)
class Change:
    """The changes of one key. `first` and `last` are their times, in microseconds plus the window's number times `_WINDOW`.

    `existed`: whether the item existed before `first`. The newest image is in the spool, `length` bytes from `offset` on;
    length 0: the item is deleted.
    """

    first: int
    existed: bool
    last: int
    offset: int
    length: int


def read_changes(windows: Windows, keys: Sequence[str], spool: Path, *, most: int) -> dict[tuple[str, ...], Change]:
    """Returns the changes by key (the text of each key attribute); images are written to the spool.

    `windows`: the files of each window, oldest window first. ConversionError names file and line of a damaged change,
    FullExportDueError if more than `most` keys changed.
    """
    changes: dict[tuple[str, ...], Change] = {}
    with spool.open("wb") as images:
        for window, chunk, number, line in _lines(windows):
            try:
                key, time, image, existed = _read(line, keys)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise damaged(chunk.file, number, f"it is not a line of an incremental export ({error!r})") from error
            time += window * _WINDOW
            known = changes.get(key)
            if known is None:
                if len(changes) == most:
                    raise FullExportDueError(f"more than {most:,} keys changed, which is the most that memory can hold")
                offset = images.tell()
                changes[key] = Change(time, existed, time, offset, images.write(_item(image)) if image else 0)
                continue
            if time < known.first:
                known.first, known.existed = time, existed
            if time > known.last:
                known.last, known.offset = time, images.tell()
                known.length = images.write(_item(image)) if image else 0
    return changes


def _read(line: bytes, keys: Sequence[str]) -> tuple[tuple[str, ...], int, dict[str, Any] | None, bool]:
    """Returns key, time, new image, and whether there is an old one. ValueError, KeyError or TypeError for anything else."""
    body = json.loads(line)
    if set(body["Keys"]) != set(keys):
        raise ValueError(f"its Keys are {sorted(body['Keys'])}, the table's {sorted(keys)}")
    key = tuple(_only(body["Keys"][name]) for name in keys)
    new, old = body.get("NewImage"), body.get("OldImage")
    for name, image in (("NewImage", new), ("OldImage", old)):
        if image is not None and tuple(_only(image[part]) for part in keys) != key:
            raise ValueError(f"{name} is of another key")
    return key, int(body["Metadata"]["WriteTimestampMicros"]["N"]), new, old is not None


def keep_latest(changes: dict[tuple[str, ...], Change], spool: Path, images: Path) -> int:
    """Copy the newest image of every key that still has an item to `images`, one line each; returns their number."""
    count = 0
    with spool.open("rb") as source, images.open("wb") as target:
        for change in changes.values():
            if change.length:
                source.seek(change.offset)
                target.write(source.read(change.length))
                count += 1
    return count


def name_fault(windows: Windows, limits: Limits) -> None:
    """ConversionError for the first image that is not an item, with its file and line."""
    for _, chunk, number, line in _lines(windows):
        try:
            if image := json.loads(line).get("NewImage"):
                observe_item(Node(fields={}), image, limits)
        except OddValueError as error:
            raise damaged(chunk.file, number, str(error)) from error


def key_array(texts: Sequence[str], type_: pa.DataType) -> pa.Array:
    """Returns one key attribute of all changes, as an array of the column's type; null if that type cannot hold the value."""
    if pa.types.is_binary(type_):
        return pa.array([b64decode(text) for text in texts], pa.binary())
    if pa.types.is_int64(type_):
        return pa.array([int(Decimal(text)) if scale_of(text) == INTEGER else None for text in texts], type_)
    if isinstance(type_, pa.Decimal128Type):
        return pa.array([Decimal(text) if _fits(text, type_) else None for text in texts], type_)
    return pa.array(texts, pa.string())


def _fits(text: str, type_: pa.Decimal128Type) -> bool:
    need = scale_of(text)
    return need is not None and need <= type_.scale and whole_digits(text) <= type_.precision - type_.scale


def _lines(windows: Windows) -> Iterator[tuple[int, Chunk, int, bytes]]:
    for window, files in enumerate(windows):
        for file in files:
            for chunk in chunks(file, _CHUNK):
                for number, line in chunk.numbered():
                    yield window, chunk, number, line


def _only(value: dict[str, str]) -> str:
    ((tag, content),) = value.items()
    if tag not in ("S", "N", "B") or not isinstance(content, str):
        raise ValueError(f"{tag} is not a type of a key")
    return content


def _item(image: Any) -> bytes:
    return b'{"Item":' + json.dumps(image, ensure_ascii=False, separators=(",", ":")).encode() + b"}\n"
