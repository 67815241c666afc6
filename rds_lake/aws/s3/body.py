"""The body of an S3 answer: read within a size limit, and compared with its checksum if it is read in several requests.

botocore compares the checksum only of a body that is read in one request, not of one that was resumed after an error.
So rds-lake computes the checksums that Python computes fast, over the whole body.
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64encode
from contextlib import AbstractContextManager
from typing import Any, Self

from rds_lake.aws.budget import shut
from rds_lake.aws.s3.objects import checksum_in
from rds_lake.errors import ManifestError
from rds_lake.threads import breaking_off


def read_within(answer: Any, most: int | None, where: str) -> bytes:
    """Returns the whole body. ManifestError if it has more than `most` bytes, before reading if S3 reports the length.

    A person who can write a record could otherwise fill the memory of every run that reads it.
    """
    with ending(answer["Body"]):
        return _read_within(answer, most, where)


def _read_within(answer: Any, most: int | None, where: str) -> bytes:
    body, size = answer["Body"], answer.get("ContentLength")
    if most is None:
        return body.read()
    if size is None:  # a chunked answer has no length
        start = body.read(most + 1)
        size = len(start)
        if size <= most:
            return start + body.read()  # to its end, where botocore compares the checksum
    elif size <= most:
        return body.read()
    body.close()
    raise ManifestError(
        f"{where} has {size:,} bytes or more, and objects of this kind have at most {most:,}; it was not read. Find out who "
        "wrote it, then delete it and materialize the date again"
    )


def ending(body: Any) -> AbstractContextManager[None]:
    """Inside the block, reads of the body end when the caller of their thread ends."""

    def end() -> None:
        # urllib3 removes its connection from the answer once the body is read completely.
        shut(getattr(getattr(getattr(body, "_raw_stream", None), "_connection", None), "sock", None))

    return breaking_off(end)


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
    """The checksum of all bytes given to `update`. Without `wanted`, or with an unknown algorithm, nothing is compared."""

    def __init__(self, wanted: str | None = None) -> None:
        """`wanted` is `ALGORITHM:base64`."""
        self._kind, _, self._wanted = (wanted or "").partition(":")
        self._sum: Any = _KINDS[self._kind]() if self._kind in _KINDS else None

    @classmethod
    def expected(cls, answer: Any) -> Self:
        """Returns the checksum in the answer to GetObject if it is a checksum of the whole object."""
        return cls(checksum_in(answer))

    def update(self, data: bytes) -> None:
        if self._sum is not None:
            self._sum.update(data)

    def difference(self) -> str | None:
        """Returns in words how the content differs from the checksum of S3; None if it does not differ."""
        if self._sum is None:
            return None
        computed = b64encode(self._sum.digest()).decode()
        return None if computed == self._wanted else f"its {self._kind} is {computed} instead of {self._wanted}"
