"""Digests by which images of `capture: lambda` are compared: the row before a change has to be the row after the one before it.

They are of the texts, which the triggers write the same way for OLD and for NEW. 0 means no row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from rds_lake.model.streams.event import Image

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def state_of(image: Image | None) -> int:
    """Of names and values, in whatever order."""
    if image is None:
        return 0
    return _digest(f"{name}\0{'' if value is None else f'={value}'}" for name, value in sorted(image.items()))


def shape_of(image: Image | None) -> int:
    """Of the names alone: rows of two shapes are not compared, as ALTER TABLE or a value that is too large comes in between."""
    return 0 if image is None else _digest(sorted(image))


def micros_of(moment: datetime) -> int:
    """Since 1970; Athena's timestamps have milliseconds."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _digest(parts: Iterable[str]) -> int:
    text = "\0\0".join(parts).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), signed=True) or 1
