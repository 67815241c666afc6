"""The files of one exported table, packed: a million files take about 60 MB of memory.

A table of 3 TB in files of 5 MB has 600,000 files, whose Python objects would take a gigabyte. So only each key below the
table's folder and each size are kept, in packed form, and an object is made for a file when it is read.

What belongs here: that storage. Listing the files is `inspect.py`.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from rds_lake.model.lake.packed import Made, Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """One Parquet file that AWS wrote. `bytes`: its size; `index`: its folder's number (0 in the older layout)."""

    key: str
    bytes: int
    index: int
    name: str


class ExportedFiles(Made[ExportedFile]):
    """Files of a table in the order in which they were added. `folder`: the table's key prefix, with a trailing slash."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._sizes = array("Q")
        self._names = Texts()

    def add(self, below: str, size: int) -> None:
        """Adds a file by its key below the folder: `1/part-….parquet`, or `part-….parquet` in the older layout."""
        self._names.append(below)
        self._sizes.append(size)

    @property
    def bytes(self) -> int:
        """The size of all files, in bytes."""
        return sum(self._sizes)

    def __len__(self) -> int:
        return len(self._sizes)

    def make(self, at: int) -> ExportedFile:
        folder, _, name = (below := self._names.make(at)).rpartition("/")
        return ExportedFile(key=f"{self.folder}{below}", bytes=self._sizes[at], index=int(folder or 0), name=name)
