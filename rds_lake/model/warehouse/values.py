"""Validates texts of warehouses' settings. Each function returns the value, or raises ValueError."""

from __future__ import annotations

import re
from datetime import date

PUBLISHED = "published"
# https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html
_PLAIN = {
    *(
        "smallint",
        "int2",
        "integer",
        "int",
        "int4",
        "bigint",
        "int8",
        "real",
        "float4",
        "float8",
        "float",
        "boolean",
        "bool",
    ),
    *("date", "timestamp", "timestamptz", "time", "timetz", "super", "varbyte", "varbinary", "text"),
    "double precision",
    "timestamp without time zone",
    "timestamp with time zone",
    "time without time zone",
    "time with time zone",
}
_SIZED = re.compile(
    r"^(?:(?:varchar|char|character|nchar|nvarchar|bpchar|character varying|varbyte|varbinary)"
    r"(?:\s*\(\s*(?P<length>\d{1,7})\s*\))?"
    r"|(?:decimal|numeric)(?:\s*\(\s*(?P<precision>\d{1,3})\s*(?:,\s*(?P<scale>\d{1,3})\s*)?\))?)$"
)
_URI = re.compile(r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^\x00-\x1f\x7f]*$")
_LONGEST_URI = 1100
_MOST_DIGITS = 38
# The longest of each kind, in bytes.
_MOST_BYTES = {
    "char": 4096,
    "character": 4096,
    "nchar": 4096,
    "bpchar": 256,
    "varbyte": 16_777_216,
    "varbinary": 16_777_216,
}
_MOST_BYTES_OF_TEXT = 65535


def legal_type(text: str) -> str:
    """Returns a Redshift type in lower case, such as `varchar(200)` or `decimal(18,2)`."""
    word = " ".join(text.lower().split())
    if word in _PLAIN:
        return word
    match = _SIZED.match(word)
    if match is None:
        raise ValueError(
            f"{text[:60]!r} is not a type of Redshift; write one such as varchar(200), decimal(18,2), bigint, date or timestamp"
        )
    length, precision, scale = (int(match[name] or 0) for name in ("length", "precision", "scale"))
    most = _MOST_BYTES.get(word.partition("(")[0].strip(), _MOST_BYTES_OF_TEXT)
    if length > most:
        raise ValueError(f"{text!r}: the longest is {most:,} bytes; write less")
    if precision > _MOST_DIGITS or scale > max(precision, 0):
        raise ValueError(
            f"{text!r}: at most {_MOST_DIGITS} digits, and not more of them after the decimal point than in total"
        )
    return word


def legal_date(text: str) -> str:
    """Returns `published`, or a date such as 2026-11-20."""
    try:
        return text if text == PUBLISHED else date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(f"{text!r} is neither `published` nor a date such as 2026-11-20") from None


def legal_uri(text: str) -> str:
    """Returns `s3://bucket/key` or `s3://bucket/prefix/`."""
    if not _URI.match(text) or len(text) > _LONGEST_URI:
        raise ValueError(f"{text[:100]!r} is not an S3 URI; write s3://bucket/key, or s3://bucket/folder/")
    return text


def legal_folder(text: str) -> str:
    """Returns `s3://bucket/prefix/`."""
    if not text.endswith("/"):
        raise ValueError(f"{text!r} must end with `/`: it is a folder")
    if "//" in text.removeprefix("s3://") or text.count("/") == 3:
        raise ValueError(
            f"{text!r} must name a folder within the bucket, without empty parts; write s3://bucket/folder/"
        )
    return text
