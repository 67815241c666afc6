"""Lists of a million files in some hundred megabytes: contents are packed, and items are created on access.

One object per file, with key and checksum, would need four times as much. Texts are stored in groups of 32 without their common
beginning; a checksum is stored as a number, in nine bytes instead of eighty.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from array import array
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator, Sequence
from os.path import commonprefix
from typing import TypeVar, overload

T = TypeVar("T")

# Texts per group: larger groups make access slower, smaller groups need more memory.
_PACKED = 32
_CRC_BYTES = {"CRC64NVME": 8, "CRC32C": 4, "CRC32": 4}
_ALGORITHMS = ("", *_CRC_BYTES)


class Made(Sequence[T]):
    """A sequence that stores no items, but creates each on access."""

    @abstractmethod
    def make(self, at: int) -> T:
        """Returns the item at a position from 0 to the length."""

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        positions = range(len(self))[at]
        return self.make(positions) if isinstance(positions, int) else [self.make(position) for position in positions]

    def __iter__(self) -> Iterator[T]:
        return (self.make(position) for position in range(len(self)))


class MadeBy(Made[T]):
    """`count` items, each created by a function of its position."""

    def __init__(self, count: int, make: Callable[[int], T]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    def make(self, at: int) -> T:
        return self._make(at)


class Texts(Made[str]):
    """Texts in the order in which they were added; neighbours that begin alike need the least memory. Threads may read at once."""

    def __init__(self) -> None:
        self._packs: list[bytes] = []
        self._last: list[str] = []
        self._unpacked: tuple[int, list[str]] = (-1, [])

    def append(self, text: str) -> None:
        self._last.append(text)
        if len(self._last) == _PACKED:
            common = commonprefix(self._last)  # noqa: RUF071 - characters are meant
            self._packs.append(json.dumps([common, *(text[len(common) :] for text in self._last)]).encode())
            self._last = []

    def __len__(self) -> int:
        return len(self._packs) * _PACKED + len(self._last)

    def make(self, at: int) -> str:
        number, place = divmod(at, _PACKED)
        if number == len(self._packs):
            return self._last[place]
        known, texts = self._unpacked
        if known != number:
            common, *rest = json.loads(self._packs[number])
            texts = [common + ending for ending in rest]
            self._unpacked = (number, texts)  # replaced whole, for threads that read at the same time
        return texts[place]


class Checksums(Made[str | None]):
    """`ALGORITHM:base64` by position, for `count` files at first; None if there is no checksum."""

    def __init__(self, count: int = 0) -> None:
        self._crc = array("Q", [0]) * count
        self._algorithm = bytearray(count)
        self._others: dict[int, str] = {}  # of algorithms other than CRC

    def append(self, checksum: str | None) -> None:
        self._crc.append(0)
        self._algorithm.append(0)
        self[len(self) - 1] = checksum

    def __setitem__(self, at: int, checksum: str | None) -> None:
        name, _, text = (checksum or "").partition(":")
        raw = _decoded(text) if name in _CRC_BYTES else b""
        is_crc = bool(raw) and len(raw) == _CRC_BYTES[name] and b64encode(raw).decode() == text
        self._algorithm[at] = _ALGORITHMS.index(name) if is_crc else 0
        self._crc[at] = int.from_bytes(raw) if is_crc else 0
        self._others.pop(at, None)
        if checksum is not None and not is_crc:
            self._others[at] = checksum

    def __len__(self) -> int:
        return len(self._crc)

    def make(self, at: int) -> str | None:
        name = _ALGORITHMS[self._algorithm[at]]
        if not name:
            return self._others.get(at)
        return f"{name}:{b64encode(self._crc[at].to_bytes(_CRC_BYTES[name])).decode()}"


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except Base64Error:
        return b""
