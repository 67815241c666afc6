"""Estimates the cost of Athena statements.

https://aws.amazon.com/athena/pricing/: AWS bills the bytes read, rounded up to a megabyte, at least 10 MB per statement.
"""

from __future__ import annotations

USD_PER_TB = 5.0
_LEAST_BYTES = 10_000_000


def athena_usd(bytes_scanned: int, statements: int = 1) -> float:
    """Returns the approximate cost in USD, at the price of most Regions, of `statements` that together read `bytes_scanned`."""
    return billed_bytes(bytes_scanned, statements) / 1e12 * USD_PER_TB


def billed_bytes(bytes_scanned: int, statements: int = 1) -> int:
    """Returns the approximate bytes that AWS charges for `statements` that together read `bytes_scanned`."""
    return max(bytes_scanned, statements * _LEAST_BYTES)
