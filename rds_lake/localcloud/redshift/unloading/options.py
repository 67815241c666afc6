"""The text of an UNLOAD: its query, its target, and its options with AWS's exclusions. What is not here is refused.

(https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here
from rds_lake.localcloud.redshift.loading.words import after_as, role_of, text_of, tokens

_HEAD = re.compile(r"\s*unload\s*\(", re.IGNORECASE)
_FORMATS = ("CSV", "PARQUET", "JSON")
_FLAGS = ("HEADER", "ADDQUOTES", "GZIP", "ALLOWOVERWRITE")
_KNOWN = (
    "FIXEDWIDTH",
    "ESCAPE",
    "BZIP2",
    "ZSTD",
    "CLEANPATH",
    "PARTITION",
    "ENCRYPTED",
    "KMS_KEY_ID",
    "REGION",
    "ROWGROUPSIZE",
)
# Format -> options that AWS refuses with it.
_EXCLUDED = {
    "PARQUET": {"DELIMITER", "FIXEDWIDTH", "ADDQUOTES", "ESCAPE", "NULL", "HEADER", "GZIP", "BZIP2", "ZSTD"},
    "JSON": {"DELIMITER", "HEADER", "FIXEDWIDTH", "ADDQUOTES", "ESCAPE", "NULL"},
    "CSV": {"FIXEDWIDTH", "ADDQUOTES"},
    "TEXT": set[str](),
}
_MB = 1024 * 1024
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(MB|GB)?", re.IGNORECASE)
_LEAST, _MOST = 5 * _MB, int(6.2 * 1024 * _MB)


@dataclass(slots=True, kw_only=True)
class Unload:
    """One UNLOAD. `manifest`: `""`, `plain` or `verbose`; `most`: bytes of a file."""

    query: str
    target: str
    role: str = ""
    format: str = "TEXT"
    delimiter: str = ""
    null: str = ""
    extension: str = ""
    manifest: str = ""
    parallel: bool = True
    most: int = _MOST
    flags: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)


def is_unload(sql: str) -> bool:
    return _HEAD.match(sql) is not None


def read_unload(sql: str) -> Unload:
    """The UNLOAD; StatementFailedError where it is none, or where its options do not go together."""
    words = iter(list(tokens(sql)))
    head = [next(words, "") for _ in range(6)]
    if [head[1], head[3], head[4].upper()] != ["(", ")", "TO"]:
        raise StatementFailedError("syntax error: UNLOAD ('query') TO 's3://…'")
    unload = Unload(query=text_of(head[2]), target=text_of(head[5]))
    if not unload.target.startswith("s3://"):
        raise StatementFailedError(f"Invalid S3 URI: {unload.target}")
    rest = list(words)
    while rest:
        word = rest.pop(0)
        _option(unload, word.upper(), rest)
    _check(unload)
    return unload


def _option(unload: Unload, word: str, rest: list[str]) -> None:
    unload.given.add(word)
    if word in _FLAGS:
        unload.flags.add(word)
    elif word == "IAM_ROLE":
        unload.role = role_of(rest.pop(0) if rest else "")
    elif word == "FORMAT" or word in _FORMATS:
        unload.format = _after_as(rest).upper() if word == "FORMAT" else word
    elif word == "DELIMITER":
        unload.delimiter = text_of(_after_as(rest)).replace("\\t", "\t")
    elif word in ("NULL", "EXTENSION"):
        setattr(unload, word.lower(), text_of(_after_as(rest)))
    elif word == "MANIFEST":
        verbose = bool(rest) and rest[0].upper() == "VERBOSE"
        unload.manifest = "verbose" if verbose else "plain"
        del rest[: int(verbose)]
    elif word == "PARALLEL":
        said = rest.pop(0).upper() if rest and rest[0].upper() in ("ON", "OFF", "TRUE", "FALSE") else "ON"
        unload.parallel = said in ("ON", "TRUE")
    elif word == "MAXFILESIZE":
        unload.most = _size(rest)
    elif word in _KNOWN:
        _refuse_excluded(unload)
        raise not_here(f"{word} of UNLOAD is not there")
    elif word != ";":
        raise StatementFailedError(f'syntax error at or near "{word}"')


def _size(rest: list[str]) -> int:
    text = _after_as(rest) + (f" {rest.pop(0)}" if rest and rest[0].upper() in ("MB", "GB") else "")
    match = _SIZE.fullmatch(text)
    if match is None:
        raise StatementFailedError(f"MAXFILESIZE {text} is no size")
    size = int(float(match[1]) * _MB * (1024 if (match[2] or "").upper() == "GB" else 1))
    if not _LEAST <= size <= _MOST:
        raise StatementFailedError("MAXFILESIZE must be between 5 MB and 6.2 GB")
    return size


def _check(unload: Unload) -> None:
    if unload.format not in _EXCLUDED:
        raise StatementFailedError(f"UNLOAD has no FORMAT {unload.format}")
    _refuse_excluded(unload)
    if not unload.role:
        raise StatementFailedError("UNLOAD needs credentials: IAM_ROLE default or IAM_ROLE 'arn'")
    unload.delimiter = unload.delimiter or ("," if unload.format == "CSV" else "|")


def _refuse_excluded(unload: Unload) -> None:
    wrong = sorted(unload.given & _EXCLUDED.get(unload.format, set()))
    if wrong:
        raise StatementFailedError(f"{', '.join(wrong)} is not supported with UNLOAD FORMAT {unload.format}")
    if {"HEADER", "FIXEDWIDTH"} <= unload.given:
        raise StatementFailedError("HEADER is not supported with FIXEDWIDTH")
    if {"CLEANPATH", "ALLOWOVERWRITE"} <= unload.given:
        raise StatementFailedError("CLEANPATH is not supported with ALLOWOVERWRITE")


def _after_as(rest: list[str]) -> str:
    words: Iterator[str] = iter(list(rest))
    taken = after_as(words)
    del rest[: 2 if rest and rest[0].upper() == "AS" else 1]
    return taken
