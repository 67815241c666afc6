"""Checksums of many files, packed: a CRC is kept as the number that it is, nine bytes instead of eighty.

What belongs here: holding them. Where they come from, `aws/s3/gateway.py` says.
"""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from binascii import Error as Base64Error

_BYTES = {"CRC64NVME": 8, "CRC32C": 4, "CRC32": 4}
_ALGORITHMS = ("", *_BYTES)


class Checksums:
    """`ALGORITHM:base64` by position, of `count` files at first; None where none is known."""

    def __init__(self, count: int = 0) -> None:
        self._crc = array("Q", [0]) * count
        self._algorithm = bytearray(count)
        self._long: dict[int, str] = {}  # of other kinds

    def append(self, checksum: str | None) -> None:
        """One more file's."""
        self._crc.append(0)
        self._algorithm.append(0)
        self.set(len(self._crc) - 1, checksum)

    def set(self, at: int, checksum: str | None) -> None:
        """Remember a checksum, or that there is none."""
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

    def get(self, at: int) -> str | None:
        """The checksum where one is known."""
        name = _ALGORITHMS[self._algorithm[at]]
        if not name:
            return self._long.get(at)
        return f"{name}:{b64encode(self._crc[at].to_bytes(_BYTES[name])).decode()}"


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except Base64Error:
        return b""
