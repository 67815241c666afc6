"""The body of an answer of S3, read within a limit.

What belongs here: reading it. Which limit an object has is said by who asks for it.
"""

from __future__ import annotations

from typing import Any

from rds_lake.errors import ManifestError


def read_within(answer: Any, most: int | None, where: str) -> bytes:
    """The whole body. ManifestError, unread where S3 says its length, for one of more than `most` bytes.

    Whoever can write a record could otherwise fill the memory of every run that reads it.
    """
    body, size = answer["Body"], answer.get("ContentLength")
    if most is None:
        return body.read()
    if size is None:  # sent in chunks, without a length
        found = body.read(most + 1)
        size = len(found)
        if size <= most:
            return found + body.read()  # to its end, where botocore compares the checksum
    elif size <= most:
        return body.read()
    body.close()
    raise ManifestError(
        f"{where} has {size:,} bytes or more, and no such object of ours or AWS's has more than {most:,}; it was not read. See "
        "who wrote it, then delete it and materialize the date again"
    )
