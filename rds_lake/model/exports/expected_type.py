"""`expectedExportedType`: parses the Parquet type that AWS announces for a column.

    int32                               a physical type
    int32 (INT(16, true))               with a logical type; before 2026 AWS wrote `int32 (INT_16)`
    fixed_len_byte_array(9) (DECIMAL(20,0))

What belongs here: converting this text to a Hive type. The types in the files (`stages/databases/footers.py`) take precedence.
"""

from __future__ import annotations

import re

_PHYSICAL = {
    "int32": "int",
    "int64": "bigint",
    "int96": "timestamp",
    "double": "double",
    "float": "float",
    "boolean": "boolean",
    "binary": "binary",
    "byte_array": "binary",
    "fixed_len_byte_array": "binary",
}
_TEXTS = {"utf8", "string", "enum", "json", "bson"}
_INTEGERS = {8: "tinyint", 16: "smallint", 32: "int", 64: "bigint"}
# The physical type, its length if any, and the logical type in parentheses if any.
_FORM = re.compile(r"(?:(?:optional|required|repeated)\s+)?(\w+)\s*(?:\(\s*\d+\s*\))?\s*(?:\((.*)\))?")
_DIGITS = re.compile(r"\d{1,3}", re.ASCII)
_MEANING = re.compile(r"(\w+?)(?:_(\d+)|\s*\((.*)\))?")


def known_type_of_expected(expected: str) -> str | None:
    """Returns the Hive type of an `expectedExportedType`; None if it is unknown."""
    form = _FORM.fullmatch(expected.strip().lower())
    if form is None:
        return None
    word, meaning = form[1], form[2]
    if word not in _PHYSICAL:
        # A logical type without a physical type: `decimal(12,2)`.
        return _meant(expected.strip().lower())
    return (_meant(meaning.strip()) if meaning else None) or _PHYSICAL[word]


def hive_type_of_expected(expected: str) -> str:
    """Returns the Hive type, `string` if unknown. Only for a table without files, which has no other type."""
    return known_type_of_expected(expected) or "string"


def _meant(meaning: str) -> str | None:
    """Returns the Hive type of a logical type (`int(16, true)` or `int_16`); None if it is unknown or changes nothing."""
    form = _MEANING.fullmatch(meaning)
    if form is None:
        return None
    word, arguments = form[1], [part.strip() for part in (form[2] or form[3] or "").split(",")]
    if word in _TEXTS:
        return "string"
    if word == "date":
        return "date"
    if word.startswith("timestamp"):  # timestamp_micros, timestamp(micros,true)
        return "timestamp"
    if word == "decimal":
        digits = [part for part in arguments if _DIGITS.fullmatch(part)]
        return f"decimal({digits[0]},{digits[1] if len(digits) > 1 else 0})" if digits else None
    return _integer(word, arguments)


def _integer(word: str, arguments: list[str]) -> str | None:
    if word not in ("int", "uint", "integer") or not _DIGITS.fullmatch(arguments[0]):
        return None
    signed = word != "uint" and arguments[-1] != "false"
    # Unsigned values need the next width.
    return _INTEGERS.get(int(arguments[0]) if signed else min(int(arguments[0]) * 2, 64))
