"""Converts one text of a file to the value of a column, or says why it is not valid.

(https://docs.aws.amazon.com/redshift/latest/dg/r_Load_Error_Reference.html)
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from rds_lake.localcloud.redshift.loading.moments import day, moment
from rds_lake.localcloud.redshift.loading.options import Copy
from rds_lake.localcloud.redshift.sql.types import ColumnType

_RANGES = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
_SHOWN = {"smallint": "Short", "integer": "Integer", "bigint": "Long"}
_DIGITS = re.compile(r"[-+]?\d+")
# Bytes that are not UTF-8, as `delimited.py` decodes them.
_INVALID = re.compile("[\udc80-\udcff]")
_TRUE, _FALSE = ("t", "true", "y", "yes", "1"), ("f", "false", "n", "no", "0")


class LoadError(ValueError):
    """Why a value cannot be loaded, with the message of the load's errors. `code`: as in STL_LOAD_ERRORS."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def value_of(text: str | None, kind: ColumnType, copy: Copy) -> Any:
    """Returns the value. LoadError if it is not valid."""
    if text is None:
        return None
    if kind.is_text:
        return _text(text, kind, copy)
    text = text.strip()
    if not text:
        return None
    try:
        return _READERS[kind.word](text, kind, copy)
    except (ValueError, InvalidOperation) as error:
        if isinstance(error, LoadError):
            raise
        raise LoadError(1208, f"Invalid value '{text}', Type: {kind.word}") from error


def _text(text: str, kind: ColumnType, copy: Copy) -> str | None:
    if (not text and "EMPTYASNULL" in copy.flags) or (text and not text.strip() and "BLANKSASNULL" in copy.flags):
        return None
    text = text.rstrip(" ") if kind.is_char or "TRIMBLANKS" in copy.flags else text
    bad = _INVALID.search(text)
    if bad is not None and (not copy.accept or kind.is_char):
        raise LoadError(1220, "String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: "
                              f"{ord(bad[0]) - 0xDC00:02x} (error 3)")  # fmt: skip
    text = _INVALID.sub(copy.accept, text)
    if kind.is_char and not text.isascii():
        raise LoadError(1220, "Multibyte character not supported for CHAR (Hint: try using VARCHAR)")
    size = len(text.encode())
    if size > kind.size and "TRUNCATECOLUMNS" in copy.flags:
        return text.encode()[: kind.size].decode(errors="ignore")
    if size > kind.size:
        raise LoadError(1204, f"String length exceeds DDL length: {size} bytes in {kind}")
    return text


def _integer(text: str, kind: ColumnType, copy: Copy) -> int:
    if not _DIGITS.fullmatch(text):
        bad = next(
            at
            for at, letter in enumerate(text)
            if not (letter.isdigit() or (at == 0 and letter in "+-" and len(text) > 1))
        )
        raise LoadError(1207, f"Invalid digit, Value '{text[bad]}', Pos {bad}, Type: {_SHOWN[kind.word]}")
    number, most = int(text), _RANGES[kind.word]
    if not -most <= number < most:
        raise LoadError(1216, f"Overflow, Type: {_SHOWN[kind.word]}")
    return number


def _decimal(text: str, kind: ColumnType, copy: Copy) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise LoadError(1207, f"Invalid digit, Value '{text}', Type: Decimal")
    how = ROUND_HALF_UP if "ROUNDEC" in copy.flags else ROUND_DOWN
    number = number.quantize(Decimal(1).scaleb(-kind.scale), rounding=how)
    if abs(number) >= Decimal(10) ** (kind.size - kind.scale):
        raise LoadError(1216, f"Overflow for NUMERIC({kind.size},{kind.scale})")
    return number


def _boolean(text: str, kind: ColumnType, copy: Copy) -> bool:
    if text.lower() not in (*_TRUE, *_FALSE):
        raise LoadError(1210, "Unknown boolean format")
    return text.lower() in _TRUE


def _date(text: str, kind: ColumnType, copy: Copy) -> date | None:
    try:
        return day(text, copy.dateformat)
    except ValueError as error:
        if "ACCEPTANYDATE" in copy.flags:
            return None
        words = f" - expected: {copy.dateformat}" if copy.dateformat else " - length must be 10 or more"
        raise LoadError(1205, f"Invalid Date Format{words}") from error


def _timestamp(text: str, kind: ColumnType, copy: Copy) -> datetime | None:
    try:
        return moment(text, copy.timeformat, zoned="with time zone" in kind.word)
    except (ValueError, OverflowError) as error:
        if "ACCEPTANYDATE" in copy.flags:
            return None
        raise LoadError(
            1206, f"Invalid timestamp format or value [{copy.timeformat or 'YYYY-MM-DD HH24:MI:SS'}]"
        ) from error


_READERS: dict[str, Any] = {
    "smallint": _integer, "integer": _integer, "bigint": _integer, "numeric": _decimal, "boolean": _boolean, "date": _date,
    "real": lambda text, kind, copy: float(text), "double precision": lambda text, kind, copy: float(text),
    "timestamp without time zone": _timestamp, "timestamp with time zone": _timestamp,
    "time without time zone": lambda text, kind, copy: time.fromisoformat(text),
}  # fmt: skip
