"""What a statement costs in Athena.

https://aws.amazon.com/athena/pricing/: by the bytes read, rounded up to a megabyte, at least 10 MB a statement.
"""

from __future__ import annotations

USD_PER_TB = 5.0
_LEAST_BYTES = 10_000_000


def athena_usd(bytes_scanned: int, statements: int = 1) -> float:
    """About what so many statements cost that together read so many bytes, in USD, at the price of most Regions."""
    return billed_bytes(bytes_scanned, statements) / 1e12 * USD_PER_TB


def billed_bytes(bytes_scanned: int, statements: int = 1) -> int:
    """About how many bytes are charged for so many statements that together read so many."""
    return max(bytes_scanned, statements * _LEAST_BYTES)
