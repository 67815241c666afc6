"""What is known of each file of a relocation: rows, columns, checksum, by its position in the plan.

Packed, since there may be a million files: columns are kept once per shape of table, a CRC as the number that it is.

What belongs here: remembering. What it comes from: `relocate.py`, `in_place.py`.
"""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from binascii import Error as Base64Error

from rds_lake.stages.footers import Footer

_BYTES = {"CRC64NVME": 8, "CRC32C": 4, "CRC32": 4}
_ALGORITHMS = ("", *_BYTES)


class FileFacts:
    """Facts of `count` files; nothing is known at first."""

    def __init__(self, count: int) -> None:
        self._rows = array("q", [-1]) * count
        self._shape = array("I", [0]) * count
        self._shapes: list[tuple[tuple[str, str], ...]] = []
        self._shape_of: dict[tuple[tuple[str, str], ...], int] = {}
        self._crc = array("Q", [0]) * count
        self._algorithm = bytearray(count)
        self._long: dict[int, str] = {}  # checksums of other kinds

    def set_footer(self, at: int, footer: Footer) -> None:
        """Remember a file's rows and columns."""
        shape = self._shape_of.get(footer.columns)
        if shape is None:
            shape = self._shape_of[footer.columns] = len(self._shapes)
            self._shapes.append(footer.columns)
        self._rows[at], self._shape[at] = footer.rows, shape

    def footer(self, at: int) -> Footer:
        """A file's rows and columns; KeyError when its footer was not read."""
        if self._rows[at] < 0:
            raise KeyError(at)
        return Footer(rows=self._rows[at], columns=self._shapes[self._shape[at]])

    def set_checksum(self, at: int, checksum: str | None) -> None:
        """Remember `ALGORITHM:base64`, or that there is none."""
        name, _, text = (checksum or "").partition(":")
        raw = _decoded(text) if name in _BYTES else b""
        if raw and len(raw) == _BYTES[name] and b64encode(raw).decode() == text:
            self._algorithm[at] = _ALGORITHMS.index(name)
            self._crc[at] = int.from_bytes(raw)
            self._long.pop(at, None)
            return
        self._algorithm[at] = 0
        if checksum is None:
            self._long.pop(at, None)
        else:
            self._long[at] = checksum

    def checksum(self, at: int) -> str | None:
        """`ALGORITHM:base64` where one is known."""
        name = _ALGORITHMS[self._algorithm[at]]
        if not name:
            return self._long.get(at)
        return f"{name}:{b64encode(self._crc[at].to_bytes(_BYTES[name])).decode()}"


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except Base64Error:
        return b""
