"""The files of a relocated table, kept packed (`packed.py`)."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from rds_lake.model.lake.packed import Checksums, Made, Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One Parquet object: its key in the manifest's `data_bucket`, size in bytes, rows from its footer.

    `checksum`: `ALGORITHM:value` of the whole object if S3 has one, otherwise None.
    """

    key: str
    bytes: int
    rows: int
    checksum: str | None = None


class DataFiles(Made[DataFile]):
    """Files in the order they were added; equal to any tuple of the same files."""

    def __init__(self, files: Iterable[DataFile] = ()) -> None:
        self._keys, self._sizes, self._rows, self._checksums = Texts(), array("q"), array("q"), Checksums()
        for file in files:
            self.add(file)

    @classmethod
    def of(cls, files: Iterable[DataFile]) -> DataFiles:
        """Returns the files packed; packed ones are returned unchanged."""
        return files if isinstance(files, cls) else cls(files)

    def add(self, file: DataFile) -> None:
        """Adds a file. Raises OverflowError for numbers that no file can have."""
        self._sizes.append(file.bytes)
        self._rows.append(file.rows)
        self._checksums.append(file.checksum)
        self._keys.append(file.key)

    def by_key(self) -> DataFiles:
        """Returns the same files ordered by key; if they already are, the object itself."""
        before = ""
        for key in self._keys:
            if key < before:
                return DataFiles(self.make(at) for at in sorted(range(len(self)), key=self._keys.make))
            before = key
        return self

    @property
    def bytes(self) -> int:
        """The size of all files, in bytes."""
        return sum(self._sizes)

    @property
    def rows(self) -> int:
        """The rows of all files."""
        return sum(self._rows)

    def __len__(self) -> int:
        return len(self._sizes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DataFiles | tuple):
            return NotImplemented
        return len(self) == len(other) and all(file == other_file for file, other_file in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"DataFiles({list(self)!r})"

    def make(self, at: int) -> DataFile:
        return DataFile(
            key=self._keys.make(at), bytes=self._sizes[at], rows=self._rows[at], checksum=self._checksums.make(at)
        )
