"""DynamoDB's numbers, up to 38 digits and exponents of 125, as Parquet can hold them exactly.

One integer says which format a number needs, so that the format of many numbers is their maximum:

    INTEGER (-1)   fits int64
    0 … 38         decimal(38, that many digits after the point)
    TEXT (99)      fits neither: its text, as DynamoDB wrote it

What belongs here: the format of one number. No number passes through float unless the user asks for `double`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

INTEGER = -1
TEXT = 99
PRECISION = 38
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INT64 = range(-(2**63), 2**63)


@lru_cache(maxsize=65536)
def scale_of(text: str) -> int | None:
    """The format this number needs; None if it is no number."""
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return INTEGER
    if not _NUMBER.fullmatch(text):
        return None
    _, digits, exponent = Decimal(text).as_tuple()
    assert isinstance(exponent, int)
    significant = len("".join(map(str, digits)).rstrip("0"))
    exponent += len(digits) - significant
    if significant == 0:
        return INTEGER
    whole = len("".join(map(str, digits)).strip("0")) + exponent
    if exponent >= 0:
        if whole <= 19 and int(Decimal(text)) in _INT64:
            return INTEGER
        return 0 if whole <= PRECISION else TEXT
    return -exponent if max(whole, 0) - exponent <= PRECISION else TEXT


def json_number(text: str) -> str:
    """The number as JSON allows it: no plus sign, no leading zeros or point."""
    return str(Decimal(text))
