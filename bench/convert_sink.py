"""A folder as the sink of a conversion: files appear when they are closed.

What belongs here: the local disk for benchmarks; the lake's sink writes to S3.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


class FolderFile:
    """One file below another name until it is closed."""

    def __init__(self, path: Path) -> None:
        self._path, self._open = path, path.with_suffix(".part")
        self._file = self._open.open("wb")

    def write(self, data: Any, /) -> int:
        return self._file.write(data)

    def close(self) -> None:
        self._file.close()
        self._open.rename(self._path)

    def abort(self) -> None:
        self._file.close()
        self._open.unlink()


@dataclass
class FolderSink:
    """Files in one folder."""

    folder: Path

    def create(self, name: str) -> FolderFile:
        self.folder.mkdir(parents=True, exist_ok=True)
        return FolderFile(self.folder / f"{name}.parquet")

    def remove(self, name: str) -> None:
        (self.folder / f"{name}.parquet").unlink()
