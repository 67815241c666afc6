"""Parses an UNLOAD: its query, its target, and its options with the combinations that AWS excludes. Unsupported options are refused.

(https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here
from rds_lake.localcloud.redshift.loading.words import Words, role_of, text_of, tokens

_HEAD = re.compile(r"\s*unload\s*\(", re.IGNORECASE)
_FORMATS = ("CSV", "PARQUET", "JSON")
_PACKED = ("GZIP", "BZIP2", "ZSTD")
_FLAGS = ("HEADER", "ADDQUOTES", "ESCAPE", "ALLOWOVERWRITE", "CLEANPATH", *_PACKED)
_NOT_HERE = ("FIXEDWIDTH", "MASTER_SYMMETRIC_KEY", "CREDENTIALS", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")
_SIZES = {"MAXFILESIZE": "most", "ROWGROUPSIZE": "group"}
_TEXTS = ("NULL", "EXTENSION", "KMS_KEY_ID", "REGION")
# Format -> options that AWS refuses with it.
_EXCLUDED = {
    "PARQUET": {"DELIMITER", "FIXEDWIDTH", "ADDQUOTES", "ESCAPE", "NULL", "HEADER", *_PACKED},
    "JSON": {"DELIMITER", "HEADER", "FIXEDWIDTH", "ADDQUOTES", "ESCAPE", "NULL"},
    "CSV": {"FIXEDWIDTH", "ADDQUOTES"},
    "TEXT": set[str](),
}
# Options that exclude each other.
_APART = (
    ("HEADER", "FIXEDWIDTH"),
    ("DELIMITER", "FIXEDWIDTH"),
    ("CLEANPATH", "ALLOWOVERWRITE"),
    ("KMS_KEY_ID", "CREDENTIALS"),
)
MB = 1024 * 1024
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(MB|GB)?", re.IGNORECASE)
_LEAST, _MOST = 5 * MB, int(6.2 * 1024 * MB)
_GROUP = range(32 * MB, 128 * MB + 1)


@dataclass(slots=True, kw_only=True)
class Unload:
    """One UNLOAD. `manifest`: `""`, `plain` or `verbose`; `most`, `group`: bytes of a file and of a row group.

    `encrypted`: `""` for S3's own key, `auto` for the bucket's, `key` for `kms_key_id`; `partition`: columns, which are written to
    the files only with `include`.
    """

    query: str
    target: str
    role: str = ""
    format: str = "TEXT"
    delimiter: str = ""
    null: str = ""
    extension: str = ""
    kms_key_id: str = ""
    region: str = ""
    manifest: str = ""
    encrypted: str = ""
    parallel: bool = True
    most: int = _MOST
    group: int = _GROUP[0]
    partition: list[str] = field(default_factory=list)
    include: bool = False
    flags: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)

    @property
    def packed(self) -> str:
        """Returns the compression: GZIP, BZIP2, ZSTD, or `""`."""
        return next((word for word in _PACKED if word in self.flags), "")


def is_unload(sql: str) -> bool:
    return _HEAD.match(sql) is not None


def read_unload(sql: str) -> Unload:
    """Returns the UNLOAD. StatementFailedError if it is not valid, or if its options exclude each other."""
    words = Words(list(tokens(sql)))
    head = [words.next() for _ in range(6)]
    if [head[1], head[3], head[4].upper()] != ["(", ")", "TO"]:
        raise StatementFailedError("syntax error: UNLOAD ('query') TO 's3://…'")
    unload = Unload(query=text_of(head[2]), target=text_of(head[5]))
    if not unload.target.startswith("s3://"):
        raise StatementFailedError(f"Invalid S3 URI: {unload.target}")
    unknown: list[str] = []
    while words.left:
        word = words.next().upper()
        unload.given.add(word)
        if word in _NOT_HERE:
            unknown.append(word)
            words.take_if("AS")
            words.next()
        else:
            _option(unload, word, words)
    _check(unload)
    if unknown:
        raise not_here(f"{unknown[0]} of UNLOAD is not supported")
    return unload


def _option(unload: Unload, word: str, words: Words) -> None:
    if word in _FLAGS:
        unload.flags.add(word)
    elif word == "IAM_ROLE":
        unload.role = role_of(words.next())
    elif word == "FORMAT" or word in _FORMATS:
        unload.format = words.after_as().upper() if word == "FORMAT" else word
    elif word == "DELIMITER":
        unload.delimiter = text_of(words.after_as()).replace("\\t", "\t")
    elif word in _TEXTS:
        setattr(unload, word.lower(), text_of(words.after_as()))
    elif word == "MANIFEST":
        unload.manifest = "verbose" if words.take_if("VERBOSE") else "plain"
    elif word == "PARALLEL":
        unload.parallel = words.take_if("ON", "OFF", "TRUE", "FALSE") not in ("OFF", "FALSE")
    elif word in _SIZES:
        setattr(unload, _SIZES[word], _size(words, word))
    elif word == "ENCRYPTED":
        unload.encrypted = "auto" if words.take_if("AUTO") else "key"
    elif word == "PARTITION":
        _partition(unload, words)
    elif word != ";":
        raise StatementFailedError(f'syntax error at or near "{word}"')


def _partition(unload: Unload, words: Words) -> None:
    if words.next().upper() != "BY" or words.next() != "(":
        raise StatementFailedError('syntax error at or near "PARTITION"')
    while (word := words.next() or ")") != ")":
        if word.startswith("'"):
            raise StatementFailedError("PARTITION BY takes names of columns, no literals")
        if word != ",":
            unload.partition.append(word.strip('"').lower())
    unload.include = bool(words.take_if("INCLUDE"))


def _size(words: Words, what: str) -> int:
    text = f"{words.after_as()} {words.take_if('MB', 'GB')}".strip()
    match = _SIZE.fullmatch(text)
    if match is None:
        raise StatementFailedError(f"{what} {text} is not a size")
    size = int(float(match[1]) * MB * (1024 if (match[2] or "").upper() == "GB" else 1))
    if what == "MAXFILESIZE" and not _LEAST <= size <= _MOST:
        raise StatementFailedError("MAXFILESIZE must be between 5 MB and 6.2 GB")
    if what == "ROWGROUPSIZE" and size not in _GROUP:
        raise StatementFailedError("ROWGROUPSIZE must be between 32 MB and 128 MB")
    return size


def _check(unload: Unload) -> None:
    if unload.format not in _EXCLUDED:
        raise StatementFailedError(f"UNLOAD has no FORMAT {unload.format}")
    wrong = sorted(unload.given & _EXCLUDED[unload.format])
    if wrong:
        raise StatementFailedError(f"{', '.join(wrong)} is not supported with UNLOAD FORMAT {unload.format}")
    for first, second in _APART:
        if {first, second} <= unload.given:
            raise StatementFailedError(f"{first} is not supported with {second}")
    if len(unload.flags & set(_PACKED)) > 1:
        raise StatementFailedError("UNLOAD takes one kind of compression")
    if "ROWGROUPSIZE" in unload.given and unload.format != "PARQUET":
        raise StatementFailedError("ROWGROUPSIZE is supported with FORMAT PARQUET only")
    if unload.kms_key_id and unload.encrypted != "key":
        raise StatementFailedError("KMS_KEY_ID needs ENCRYPTED, and does not go with ENCRYPTED AUTO")
    if unload.encrypted == "key" and not unload.kms_key_id and "MASTER_SYMMETRIC_KEY" not in unload.given:
        raise StatementFailedError("ENCRYPTED needs KMS_KEY_ID, MASTER_SYMMETRIC_KEY, or AUTO")
    if not unload.role:
        raise StatementFailedError("UNLOAD needs credentials: IAM_ROLE default or IAM_ROLE 'arn'")
    unload.delimiter = unload.delimiter or ("," if unload.format == "CSV" else "|")
    if len(unload.delimiter) != 1 or not unload.delimiter.isascii():
        raise StatementFailedError("UNLOAD delimiter must be a single ASCII character")
    if unload.partition and not unload.target.endswith("/"):
        unload.target += "/"
