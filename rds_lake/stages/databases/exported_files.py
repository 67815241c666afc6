"""The files of one exported table, a million of them in some sixty megabytes.

A table of 3 TB in files of 5 MB has 600,000 of them; as objects of their own, with their keys, they would take a gigabyte.
What differs between them - the key behind the table's folder, and the size - is kept packed, and a file is made when asked for.

What belongs here: holding them. Finding them is `inspect.py`.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from rds_lake.model.lake.made import Made

# Keys packed together: more would make asking for one slower, fewer would cost memory.
_PACKED = 32
_BETWEEN = "//"  # within `1/name` there is one slash at most


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """One Parquet file AWS wrote; `bytes` is its size, `index` its folder's number (0: the older layout has none)."""

    key: str
    bytes: int
    index: int
    name: str


class ExportedFiles(Made[ExportedFile]):
    """Files of a table in the order they were added. `folder` is the key prefix of the table, with trailing slash."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._sizes = array("Q")
        self._packs: list[bytes] = []
        self._last: list[str] = []
        self._open: tuple[int, list[str]] = (-1, [])

    def add(self, below: str, size: int) -> None:
        """A file by its key below the folder: `1/part-….parquet`, or in the older layout `part-….parquet`."""
        self._last.append(below)
        self._sizes.append(size)
        if len(self._last) == _PACKED:
            self._packs.append(_BETWEEN.join(self._last).encode())
            self._last = []

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(self._sizes)

    def __len__(self) -> int:
        return len(self._sizes)

    def make(self, at: int) -> ExportedFile:
        number, place = divmod(at, _PACKED)
        folder, _, name = (below := self._unpacked(number)[place]).rpartition("/")
        return ExportedFile(key=f"{self.folder}{below}", bytes=self._sizes[at], index=int(folder or 0), name=name)

    def _unpacked(self, number: int) -> list[str]:
        if number == len(self._packs):
            return self._last
        known, names = self._open
        if known != number:
            names = self._packs[number].decode().split(_BETWEEN)
            self._open = (number, names)  # swapped whole: threads may ask at once
        return names
