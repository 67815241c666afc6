"""Precision and scale of results that are computed with DECIMALs.

(https://docs.aws.amazon.com/redshift/latest/dg/r_numeric_computations201.html)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_DIGITS, _LEAST_SCALE = 38, 4
_OF_INTEGERS = {"TINYINT": 5, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19, "HUGEINT": 38}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
INTEGERS = frozenset(_OF_INTEGERS)
FLOATS = frozenset({"FLOAT", "DOUBLE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """DECIMAL(precision, scale)."""

    precision: int
    scale: int

    def __str__(self) -> str:
        return f"DECIMAL({self.precision},{self.scale})"


def size_of(duck: str) -> Size | None:
    """Returns the size of DuckDB's DECIMAL, or of the DECIMAL to which Redshift converts an integer; None for other types."""
    if match := _DECIMAL.fullmatch(duck):
        return Size(precision=int(match[1]), scale=int(match[2]))
    digits = _OF_INTEGERS.get(duck)
    return Size(precision=digits, scale=0) if digits else None


def is_decimal(duck: str) -> bool:
    return _DECIMAL.fullmatch(duck) is not None


def of_sum(a: Size, b: Size) -> Size:
    """Returns the size of `a + b` and `a - b`."""
    scale = max(a.scale, b.scale)
    return Size(precision=min(_DIGITS, max(a.precision - a.scale, b.precision - b.scale) + scale + 1), scale=scale)


def of_product(a: Size, b: Size) -> Size:
    """Returns the size of `a * b`."""
    return Size(precision=min(_DIGITS, a.precision + b.precision + 1), scale=min(_DIGITS, a.scale + b.scale))


def of_quotient(a: Size, b: Size) -> Size:
    """Returns the size of `a / b`."""
    scale = max(_LEAST_SCALE, a.scale + b.precision - b.scale + 1)
    precision = a.precision - a.scale + b.scale + scale
    if precision > _DIGITS:
        return Size(precision=_DIGITS, scale=max(_DIGITS + scale - precision, _LEAST_SCALE))
    return Size(precision=precision, scale=scale)
