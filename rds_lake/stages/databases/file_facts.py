"""Stores rows, columns and checksum of each file of a relocation, by its position in the plan.

Packed, as there may be a million files: equal lists of columns are kept once.

What belongs here: storing them. They are read in `databases/relocation/relocate.py` and `databases/relocation/in_place.py`.
"""

from __future__ import annotations

from array import array

from rds_lake.model.calendars import Calendar
from rds_lake.model.lake.packed import Checksums
from rds_lake.stages.databases.footers import Footer

_Shape = tuple[tuple[tuple[str, str], ...], tuple[tuple[str, Calendar], ...]]


class FileFacts:
    """Facts of `count` files; empty at first."""

    def __init__(self, count: int) -> None:
        self._rows = array("q", [-1]) * count
        self._shape = array("I", [0]) * count
        self._shapes: list[_Shape] = []
        self._shape_of: dict[_Shape, int] = {}
        self._checksums = Checksums(count)

    def set_footer(self, at: int, footer: Footer) -> None:
        """Stores a file's rows and columns."""
        known = (footer.columns, footer.early)
        shape = self._shape_of.get(known)
        if shape is None:
            shape = self._shape_of[known] = len(self._shapes)
            self._shapes.append(known)
        self._rows[at], self._shape[at] = footer.rows, shape

    def footer(self, at: int) -> Footer:
        """Returns a file's rows and columns. Raises KeyError if its footer was not read."""
        if self._rows[at] < 0:
            raise KeyError(at)
        columns, early = self._shapes[self._shape[at]]
        return Footer(rows=self._rows[at], columns=columns, early=early)

    def set_checksum(self, at: int, checksum: str | None) -> None:
        """Store `ALGORITHM:base64`, or None."""
        self._checksums[at] = checksum

    def checksum(self, at: int) -> str | None:
        """Returns `ALGORITHM:base64`, or None if it is unknown."""
        return self._checksums.make(at)
