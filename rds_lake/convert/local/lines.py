"""Reads files of DynamoDB JSON in chunks of whole lines, while they are decompressed.

The chunks of a file depend only on its bytes, so a chunk can be found again by its number. Bytes, MD5 and the number of items are
compared with the manifest while the file is read.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from isal import isal_zlib

from rds_lake.convert.local.compiled import count_lines
from rds_lake.errors import ConversionError
from rds_lake.model.words import counted

_READ = 256 * 1024
_GZIP = b"\x1f\x8b"
_LONGEST_LINE = 64 * 1024 * 1024  # DynamoDB's own limit is 400 KB, which escapes can make 2.4 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """One file of lines, gz or plain. `open` may be called several times and returns the same bytes each time.

    `bytes` and `md5` (base64) are of the file as stored, `items` is the number of its lines. A value of None is not checked.
    """

    name: str
    open: Callable[[], BinaryIO]
    bytes: int | None = None
    items: int | None = None
    md5: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Whole lines of one file. `number` counts chunks from 0, `first_line` counts lines from 1."""

    file: InputFile
    number: int
    first_line: int
    lines: int
    data: bytes

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """Returns every line with its number."""
        return enumerate(self.data.rstrip(b"\n").split(b"\n") if self.data else [], self.first_line)

    def part(self, start: int, size: int) -> Chunk:
        """Returns about `size` bytes of lines, from the line that begins at offset `start`."""
        end = self.data.find(b"\n", start + size) + 1 or len(self.data)
        data, first = self.data[start:end], self.first_line + count_lines(self.data[:start])
        return Chunk(file=self.file, number=self.number, first_line=first, lines=count_lines(data), data=data)


def chunks(file: InputFile, size: int) -> Iterator[Chunk]:
    """Returns the file in chunks of about `size` bytes. ConversionError names a file that is damaged or differs from the manifest."""
    carry, line, number = b"", 1, 0
    for data in _blocks(file, size):
        end = data.rfind(b"\n") + 1
        if end:
            # Copied only once, because every byte of the table passes here.
            whole = b"".join((carry, memoryview(data)[:end]))
            carry = data[end:]
            yield (chunk := _chunk(file, number, line, whole))
            line, number = line + chunk.lines, number + 1
            continue
        carry += data
        if len(carry) > _LONGEST_LINE:
            raise damaged(file, line, f"a line is longer than {_LONGEST_LINE >> 20} MB; this is not DynamoDB JSON")
    if carry:
        yield (chunk := _chunk(file, number, line, carry))
        line += chunk.lines
    if file.items is not None and line - 1 != file.items:
        raise damaged(file, None, f"it has {counted(line - 1, 'item')}, the manifest says {file.items}")


def damaged(file: InputFile, line: int | None, what: str) -> ConversionError:
    """Returns the error for a file, or for one of its lines."""
    where = file.name if line is None else f"{file.name}, line {line}"
    return ConversionError(
        "input files differ from their manifest; nothing was published. Export again, or restore the files:",
        [f"{where}: {what}"],
    )


def _chunk(file: InputFile, number: int, line: int, data: bytes) -> Chunk:
    lines = count_lines(data) + (not data.endswith(b"\n"))
    return Chunk(file=file, number=number, first_line=line, lines=lines, data=data)


def _blocks(file: InputFile, size: int) -> Iterator[bytes]:
    """Returns decompressed bytes, `size` at a time, the last block shorter."""
    pending: list[bytes] = []
    length = 0
    for piece in _plain(file, size):
        pending.append(piece)
        length += len(piece)
        while length >= size:
            joined = b"".join(pending)
            yield joined[:size]
            pending, length = [joined[size:]], length - size
    if length:
        yield b"".join(pending)


def _plain(file: InputFile, size: int) -> Iterator[bytes]:
    """Returns decompressed pieces of at most `size` bytes."""
    stored = _stored(file)
    first = next(stored, b"")
    if not first.startswith(_GZIP):
        yield first
        yield from stored
        return
    unzip, waiting, empty = isal_zlib.decompressobj(31), first, False
    try:
        while True:
            yield unzip.decompress(waiting, size)
            if unzip.eof:
                waiting = unzip.unused_data or next(stored, b"")
                if not waiting:
                    return
                unzip = isal_zlib.decompressobj(31)
            elif unzip.unconsumed_tail:
                waiting = unzip.unconsumed_tail
            else:
                waiting, empty = next(stored, b""), not waiting
                if not waiting and empty:
                    raise damaged(file, None, "the gz file ends early; it is truncated")
    except isal_zlib.error as error:  # pyright: ignore[reportGeneralTypeIssues] - the stub names an instance
        raise damaged(file, None, f"the gz file is damaged ({error})") from error


def _stored(file: InputFile) -> Iterator[bytes]:
    """Returns the bytes as stored, compared with the manifest at the end."""
    size, sum_ = 0, hashlib.md5(usedforsecurity=False)
    try:
        stream = file.open()
    except FileNotFoundError as error:
        raise damaged(file, None, "the file is missing") from error
    with stream:
        while block := stream.read(_READ):
            size += len(block)
            if file.md5 is not None:
                sum_.update(block)
            yield block
    if file.bytes is not None and size != file.bytes:
        raise damaged(file, None, f"it has {size:,} bytes, the manifest says {file.bytes:,}")
    if file.md5 is not None and (md5 := b64encode(sum_.digest()).decode()) != file.md5:
        raise damaged(file, None, f"its MD5 is {md5}, the manifest says {file.md5}")
