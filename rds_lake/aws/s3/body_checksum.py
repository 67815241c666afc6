"""The checksum of a body that is read in pieces, perhaps over several connections.

botocore compares the checksum of one answer read to its end; of a body that was taken up again after it broke it compares
nothing. What Python computes fast is therefore computed here over the whole.

What belongs here: which checksums can be compared. Reading is `stream.py`.
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64encode
from typing import Any, Self

from rds_lake.aws.s3.gateway import checksum_in


class _Crc32:
    """zlib's CRC32 in hashlib's form."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4)


_KINDS: dict[str, Any] = {
    "CRC32": _Crc32,
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
}


class BodyChecksum:
    """Of everything given to `update`; compares nothing where no `wanted` is given or its kind cannot be computed."""

    def __init__(self, wanted: str | None = None) -> None:
        """`wanted` is `ALGORITHM:base64`."""
        self._kind, _, self._wanted = (wanted or "").partition(":")
        self._sum: Any = _KINDS[self._kind]() if self._kind in _KINDS else None

    @classmethod
    def expected(cls, answer: Any) -> Self:
        """As the answer to GetObject announces it, where it is one of the whole object."""
        return cls(checksum_in(answer))

    def update(self, data: bytes) -> None:
        if self._sum is not None:
            self._sum.update(data)

    def difference(self) -> str | None:
        """How what came differs from what was announced, or None."""
        if self._sum is None:
            return None
        found = b64encode(self._sum.digest()).decode()
        return None if found == self._wanted else f"its {self._kind} is {found} instead of {self._wanted}"
