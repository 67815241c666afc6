"""Digests of rows for `capture: lambda`: the row before a change must equal the row after the previous change.

They are computed from the texts, which the triggers write in the same way for OLD and NEW. 0 means no row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from rds_lake.model.streams.event import Image

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def state_of(image: Image | None) -> int:
    """Returns the digest of names and values, in any order."""
    if image is None:
        return 0
    return _digest(f"{name}\0{'' if value is None else f'={value}'}" for name, value in sorted(image.items()))


def shape_of(image: Image | None) -> int:
    """Returns the digest of the names only. Rows with different shapes (ALTER TABLE, values that were too large) are not compared."""
    return 0 if image is None else _digest(sorted(image))


def micros_of(moment: datetime) -> int:
    """Returns the time in microseconds since 1970, as Athena's timestamps only have milliseconds."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _digest(parts: Iterable[str]) -> int:
    text = "\0\0".join(parts).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), signed=True) or 1
