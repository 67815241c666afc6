"""Lines of incremental exports: which keys changed, and what the items are now.

    {"Metadata":{"WriteTimestampMicros":{"N":"17…"}},"Keys":{"pk":{"S":"1"}},"NewImage":{…},"OldImage":{…}}

Without `NewImage` the item is deleted. Of several changes of one key the latest counts, in any order of files and lines.

What belongs here: reading changes. Bringing them into a table is `merge.py`.
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

from rds_lake.convert.lines import Chunk, InputFile, chunks, damaged
from rds_lake.convert.numbers import INTEGER, scale_of, whole_digits
from rds_lake.convert.tree import Limits, Node, OddValueError, observe_item

_CHUNK = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Change:
    """The latest change of a key: when (microseconds), and where its image is in the spool; no length, deleted."""

    written: int
    offset: int
    length: int


def read_changes(changes: Sequence[InputFile], keys: Sequence[str], spool: Path) -> dict[tuple[str, ...], Change]:
    """The latest change by key (each attribute's text); images go to the spool. Raises ConversionError."""
    latest: dict[tuple[str, ...], Change] = {}
    with spool.open("wb") as images:
        for chunk, number, line in _lines(changes):
            try:
                found = json.loads(line)
                written = int(found["Metadata"]["WriteTimestampMicros"]["N"])
                key = tuple(_only(found["Keys"][name]) for name in keys)
            except (ValueError, KeyError, TypeError) as error:
                raise damaged(chunk.file, number, f"it is no line of an incremental export ({error!r})") from error
            known = latest.get(key)
            if known is not None and known.written >= written:
                continue
            image = found.get("NewImage")
            offset = images.tell()
            length = images.write(_item(image)) if image else 0
            latest[key] = Change(written, offset, length)
    return latest


def keep_latest(latest: dict[tuple[str, ...], Change], spool: Path, images: Path) -> int:
    """Writes the images that count, one line each, and gives their number."""
    count = 0
    with spool.open("rb") as source, images.open("wb") as target:
        for change in latest.values():
            if change.length:
                source.seek(change.offset)
                target.write(source.read(change.length))
                count += 1
    return count


def name_fault(changes: Sequence[InputFile], limits: Limits) -> None:
    """Raises ConversionError for the first image that is no item, with the file and line it came from."""
    for chunk, number, line in _lines(changes):
        try:
            if image := json.loads(line).get("NewImage"):
                observe_item(Node(fields={}), image, limits)
        except OddValueError as error:
            raise damaged(chunk.file, number, str(error)) from error


def key_array(texts: Sequence[str], type_: pa.DataType) -> pa.Array:
    """One key attribute of all changes, of the column's type; null if no row can have it."""
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


def _lines(changes: Sequence[InputFile]) -> Iterator[tuple[Chunk, int, bytes]]:
    for file in changes:
        for chunk in chunks(file, _CHUNK):
            for number, line in chunk.numbered():
                yield chunk, number, line


def _only(value: dict[str, str]) -> str:
    ((tag, content),) = value.items()
    if tag not in ("S", "N", "B") or not isinstance(content, str):
        raise ValueError(f"{tag} is no type of a key")
    return content


def _item(image: Any) -> bytes:
    return b'{"Item":' + json.dumps(image, ensure_ascii=False, separators=(",", ":")).encode() + b"}\n"
