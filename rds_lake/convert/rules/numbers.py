"""DynamoDB's numbers, up to 38 digits and exponents of 125, as Parquet can hold them exactly.

One integer, the need, says what type holds the numbers of an attribute. `wider` joins two needs, in any order:

    INTEGER (-1)     fits int64
    0 … 38           decimal(38,s) with at least that many digits after the point; s is the next of `_STEPS`
    40 … 78          as above, but only with exactly that many: numbers with many digits before the point are among them
    TEXT (99)        no decimal holds them all: their text, as DynamoDB wrote it

Steps keep a column's type from changing whenever a date brings one more digit. No number passes through float unless the user
asks for `double`. DynamoDB's limits:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

INTEGER = -1
TEXT = 99
PRECISION = 38
_EXACT = 40
_STEPS = (0, 2, 4, 6, 9, 12, 18, 24, 30, PRECISION)
PATTERN = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_NUMBER = re.compile(PATTERN)
_JSON = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_INT64 = range(-(2**63), 2**63)


@lru_cache(maxsize=65536)
def scale_of(text: str) -> int | None:
    """Returns the need of this number: INTEGER, 0 … 38, or TEXT. None if it is not a number."""
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return INTEGER
    if not _NUMBER.fullmatch(text):
        return None
    whole, exponent = _extent(text)
    if exponent >= 0:
        if whole <= 19 and int(Decimal(text)) in _INT64:
            return INTEGER
        return 0 if whole <= PRECISION else TEXT
    return -exponent if max(whole, 0) - exponent <= PRECISION else TEXT


@lru_cache(maxsize=65536)
def whole_digits(text: str) -> int:
    """Returns how many digits the number has before the point."""
    if text.isascii() and text.isdigit():
        return len(text.lstrip("0"))
    return max(_extent(text)[0], 0) if _NUMBER.fullmatch(text) else 0


def _extent(text: str) -> tuple[int, int]:
    """Returns the digits before the point (negative: zeros after it), and the power of ten of the last digit."""
    _, digits, exponent = Decimal(text).as_tuple()
    assert isinstance(exponent, int)
    figures = "".join(map(str, digits)).lstrip("0")
    exponent += len(figures) - len(figures := figures.rstrip("0"))
    return (len(figures) + exponent, exponent) if figures else (0, 0)


def wider(first: int | None, second: int | None) -> int | None:
    """Returns the need of both together; None means that there is no number."""
    if first is None or second is None:
        return second if first is None else first
    if TEXT in (first, second) or max(first, second) < _EXACT:
        return max(first, second)
    return _EXACT + max(scale if scale < _EXACT else scale - _EXACT for scale in (first, second, 0))


def next_wider(need: int) -> int:
    """Returns the next need to try when numbers overflow: first the exact scale instead of the next step, then text."""
    return max(need, 0) + _EXACT if need < _EXACT else TEXT


def decimal_scale(need: int) -> int:
    """Returns the scale of the decimal for this need (0 … 78)."""
    return need - _EXACT if need >= _EXACT else next(step for step in _STEPS if step >= need)


def with_whole_digits(need: int | None, whole: int) -> int | None:
    """Returns the need of numbers of which one has `whole` digits before the point, and another may have the digits after it."""
    while need is not None and need not in (INTEGER, TEXT) and whole + decimal_scale(need) > PRECISION:
        need = next_wider(need)
    return need


def json_number(text: str) -> str:
    """Returns the number as JSON allows it (no plus sign, no leading zeros or point), unchanged if it already is.

    ValueError if it is not a number.
    """
    if _JSON.fullmatch(text):
        return text
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a number")
    return str(Decimal(text))
