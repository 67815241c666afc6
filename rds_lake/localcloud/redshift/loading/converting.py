"""One text of a file as the value of a column, or why it is none.

(https://docs.aws.amazon.com/redshift/latest/dg/r_Load_Error_Reference.html) Days and times are ISO 8601 here; DATEFORMAT and
TIMEFORMAT are not there.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any

from rds_lake.localcloud.redshift.sql.types import ColumnType

_RANGES = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
_SHOWN = {"smallint": "Short", "integer": "Integer", "bigint": "Long"}
_DIGITS = re.compile(r"[-+]?\d+")
_TRUE, _FALSE = ("t", "true", "y", "yes", "1"), ("f", "false", "n", "no", "0")


class LoadError(ValueError):
    """Why a value cannot be loaded, in the words of the load's errors; `code` as STL_LOAD_ERRORS has it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def value_of(text: str | None, kind: ColumnType, flags: set[str]) -> Any:
    """The value; LoadError."""
    if text is None:
        return None
    if kind.is_text:
        return _text(text, kind, flags)
    text = text.strip()
    if not text:
        return None
    try:
        return _READERS[kind.word](text, kind)
    except (ValueError, InvalidOperation) as error:
        if isinstance(error, LoadError):
            raise
        raise LoadError(1208, f"Invalid value '{text}', Type: {kind.word}") from error


def _text(text: str, kind: ColumnType, flags: set[str]) -> str | None:
    if (not text and "EMPTYASNULL" in flags) or (text and not text.strip(" ") and "BLANKSASNULL" in flags):
        return None
    text = text.rstrip(" ") if kind.is_char or "TRIMBLANKS" in flags else text
    if kind.is_char and not text.isascii():
        raise LoadError(1220, "Multibyte character not supported for CHAR (Hint: try using VARCHAR)")
    if len(text.encode()) > kind.size:
        raise LoadError(1204, f"String length exceeds DDL length: {len(text.encode())} bytes in {kind}")
    return text


def _integer(text: str, kind: ColumnType) -> int:
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


def _decimal(text: str, kind: ColumnType) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise LoadError(1207, f"Invalid digit, Value '{text}', Type: Decimal")
    # Without ROUNDEC what is too exact is cut.
    number = number.quantize(Decimal(1).scaleb(-kind.scale), rounding=ROUND_DOWN)
    if abs(number) >= Decimal(10) ** (kind.size - kind.scale):
        raise LoadError(1216, f"Overflow for NUMERIC({kind.size},{kind.scale})")
    return number


def _boolean(text: str, kind: ColumnType) -> bool:
    if text.lower() not in (*_TRUE, *_FALSE):
        raise LoadError(1210, "Unknown boolean format")
    return text.lower() in _TRUE


def _date(text: str, kind: ColumnType) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise LoadError(1205, "Invalid Date Format - length must be 10 or more") from error


def _timestamp(text: str, kind: ColumnType) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise LoadError(1206, "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]") from error
    if moment.tzinfo is not None and "without" in kind.word:
        raise LoadError(1206, "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]")
    return moment


_READERS: dict[str, Any] = {
    "smallint": _integer, "integer": _integer, "bigint": _integer, "numeric": _decimal, "boolean": _boolean, "date": _date,
    "real": lambda text, kind: float(text), "double precision": lambda text, kind: float(text),
    "timestamp without time zone": _timestamp, "timestamp with time zone": _timestamp,
    "time without time zone": lambda text, kind: time.fromisoformat(text),
}  # fmt: skip
