"""The files of a relocated table, a million of them in some hundred megabytes.

As objects of their own, with their keys and checksums, they would take four times as much. Keys are kept by the thirty-two,
without what those have in common; sizes, rows and checksums as numbers. A file is made when asked for.

What belongs here: holding them. The manifest they are part of is `manifest.py`.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from os.path import commonprefix

from rds_lake.model.lake.checksums import Checksums
from rds_lake.model.lake.made import Made

# Keys packed together: more would make asking for one slower, fewer would cost memory.
_PACKED = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One Parquet object: its key in the manifest's `data_bucket`, size in bytes, rows from its footer.

    `checksum` is `ALGORITHM:value` of the whole object where S3 knows one, else None.
    """

    key: str
    bytes: int
    rows: int
    checksum: str | None = None


class DataFiles(Made[DataFile]):
    """Files in the order they were added; equal to any tuple of the same files."""

    def __init__(self, files: Iterable[DataFile] = ()) -> None:
        self._sizes, self._rows = array("q"), array("q")
        self._checksums = Checksums()
        self._packs: list[bytes] = []
        self._last: list[str] = []
        self._open: tuple[int, list[str]] = (-1, [])
        for file in files:
            self.add(file)

    @classmethod
    def of(cls, files: Iterable[DataFile]) -> DataFiles:
        """The files packed; those that are already, as they are."""
        return files if isinstance(files, cls) else cls(files)

    def add(self, file: DataFile) -> None:
        """One more file; OverflowError for numbers no file has."""
        self._sizes.append(file.bytes)
        self._rows.append(file.rows)
        self._checksums.append(file.checksum)
        self._last.append(file.key)
        if len(self._last) == _PACKED:
            common = commonprefix(self._last)  # noqa: RUF071 - characters are meant
            self._packs.append(json.dumps([common, *(key[len(common) :] for key in self._last)]).encode())
            self._last = []

    def by_key(self) -> DataFiles:
        """The same in the order of their keys, which they mostly have."""
        before = ""
        for at in range(len(self)):
            key = self._key(at)
            if key < before:
                return DataFiles(self.make(one) for one in sorted(range(len(self)), key=self._key))
            before = key
        return self

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(self._sizes)

    @property
    def rows(self) -> int:
        """Of all files."""
        return sum(self._rows)

    def __len__(self) -> int:
        return len(self._sizes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DataFiles | tuple):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"DataFiles({list(self)!r})"

    def make(self, at: int) -> DataFile:
        return DataFile(key=self._key(at), bytes=self._sizes[at], rows=self._rows[at], checksum=self._checksums.get(at))

    def _key(self, at: int) -> str:
        number, place = divmod(at, _PACKED)
        if number == len(self._packs):
            return self._last[place]
        known, keys = self._open
        if known != number:
            common, *rest = json.loads(self._packs[number])
            keys = [common + one for one in rest]
            self._open = (number, keys)  # swapped whole: threads may ask at once
        return keys[place]
