"""The text of a COPY: its table, its source, and its options with AWS's exclusions. What is not here is refused.

(https://docs.aws.amazon.com/redshift/latest/dg/r_COPY.html)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here
from rds_lake.localcloud.redshift.loading.words import after_as, role_of, text_of, tokens

_HEAD = re.compile(r"\s*copy\s", re.IGNORECASE)
_FLAGS = (
    "GZIP",
    "MANIFEST",
    "EMPTYASNULL",
    "BLANKSASNULL",
    "REMOVEQUOTES",
    "TRIMBLANKS",
    "FILLRECORD",
    "IGNOREBLANKLINES",
)
# Without effect here: what a load does beside loading.
_SETTINGS = ("COMPUPDATE", "STATUPDATE")
_NUMBERS = {"IGNOREHEADER": "ignoreheader", "MAXERROR": "maxerror"}
_COLUMNAR = frozenset({"MANIFEST", "FILLRECORD", "STATUPDATE"})


@dataclass(slots=True, kw_only=True)
class Copy:
    """One COPY. `role`: an ARN or `default`; `columns`: None for all; `flags`: capital words."""

    schema: str
    table: str
    columns: list[str] | None
    source: str
    role: str = ""
    format: str = "TEXT"
    delimiter: str = ""
    quote: str = '"'
    null: str = "\\N"
    ignoreheader: int = 0
    maxerror: int = 0
    flags: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)


def is_copy(sql: str) -> bool:
    return _HEAD.match(sql) is not None


def read_copy(sql: str) -> Copy:
    """The COPY; StatementFailedError where it is none, or where its options do not go together."""
    words = tokens(sql)
    next(words)
    schema, _, table = next(words, "").replace('"', "").lower().rpartition(".")
    word = next(words, "")
    columns = None
    if word == "(":
        columns = []
        while (word := next(words, ")")) != ")":
            if word != ",":
                columns.append(word.strip('"').lower())
        word = next(words, "")
    source = text_of(next(words, ""))
    if word.upper() != "FROM" or not source.startswith("s3://"):
        raise not_here("COPY from anything but s3:// is not there")
    copy = Copy(schema=schema, table=table, columns=columns, source=source)
    for word in words:
        _option(copy, word.upper(), words)
    _check(copy)
    return copy


def _option(copy: Copy, word: str, words: Iterator[str]) -> None:
    copy.given.add(word)
    if word in _FLAGS:
        copy.flags.add(word)
    elif word == "IAM_ROLE":
        copy.role = role_of(next(words, ""))
    elif word in ("FORMAT", "PARQUET", "CSV"):
        copy.format = after_as(words).upper() if word == "FORMAT" else word
        copy.given.add(copy.format)
    elif word in ("DELIMITER", "QUOTE"):
        setattr(copy, word.lower(), text_of(after_as(words)).replace("\\t", "\t"))
    elif word == "NULL":
        copy.null = text_of(after_as(words))
    elif word in _NUMBERS:
        setattr(copy, _NUMBERS[word], int(after_as(words)))
    elif word in _SETTINGS:
        next(words, "")
    elif word not in (";", ""):
        raise not_here(f"{word} of COPY is not there")


def _check(copy: Copy) -> None:
    if copy.format not in ("TEXT", "CSV", "PARQUET"):
        raise not_here(f"COPY FORMAT {copy.format} is not there")
    if not copy.role:
        raise StatementFailedError("COPY needs credentials: IAM_ROLE default or IAM_ROLE 'arn'")
    if copy.format == "PARQUET":
        wrong = sorted(copy.given - _COLUMNAR - {"IAM_ROLE", "FORMAT", "PARQUET"})
        if wrong:
            raise StatementFailedError(f"COPY with FORMAT PARQUET does not take {', '.join(wrong)}")
    if copy.format == "CSV" and "REMOVEQUOTES" in copy.flags:
        raise StatementFailedError("CSV is not compatible with REMOVEQUOTES")
    if copy.format != "CSV" and "QUOTE" in copy.given:
        raise StatementFailedError("QUOTE belongs to CSV")
    copy.delimiter = copy.delimiter or ("," if copy.format == "CSV" else "|")
    if len(copy.delimiter) != 1:
        raise StatementFailedError("COPY delimiter must be a single character")
