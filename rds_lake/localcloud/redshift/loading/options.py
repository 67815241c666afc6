"""Parses a COPY: its table, its source, and its options with the combinations that AWS excludes. Unsupported options are refused.

(https://docs.aws.amazon.com/redshift/latest/dg/r_COPY.html)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here
from rds_lake.localcloud.redshift.loading.words import Words, role_of, text_of, tokens

_HEAD = re.compile(r"\s*copy\s", re.IGNORECASE)
COMPRESSIONS = ("GZIP", "BZIP2", "ZSTD")
_FLAGS = frozenset(
    {
        *COMPRESSIONS,
        "MANIFEST",
        "EMPTYASNULL",
        "BLANKSASNULL",
        "REMOVEQUOTES",
        "TRIMBLANKS",
        "FILLRECORD",
        "IGNOREBLANKLINES",
    }
    | {"ESCAPE", "TRUNCATECOLUMNS", "ROUNDEC", "ACCEPTANYDATE", "NOLOAD", "SERIALIZETOJSON"}
)
# Options without an effect here, with the words that may follow them.
_SETTINGS = {"COMPUPDATE": ("ON", "OFF", "TRUE", "FALSE", "PRESET"), "STATUPDATE": ("ON", "OFF", "TRUE", "FALSE")}
_NUMBERS = {
    "IGNOREHEADER": "ignoreheader",
    "MAXERROR": "maxerror",
    "MAXERRORS": "maxerror",
    "COMPROWS": "",
    "READRATIO": "",
}
_TEXTS = {"DELIMITER": "delimiter", "QUOTE": "quote", "DATEFORMAT": "dateformat", "TIMEFORMAT": "timeformat", "NULL": "null",
          "REGION": "region"}  # fmt: skip
_ENCODINGS = {"UTF8": "utf-8", "UTF16": "utf-16", "UTF16LE": "utf-16-le", "UTF16BE": "utf-16-be"}
_COLUMNAR = frozenset({"MANIFEST", "FILLRECORD", "STATUPDATE", "ACCEPTINVCHARS", "SERIALIZETOJSON"})
# Format -> options that AWS refuses with it.
_EXCLUDED = {
    "CSV": frozenset({"FIXEDWIDTH", "REMOVEQUOTES", "ESCAPE"}),
    "JSON": frozenset({"CSV", "DELIMITER", "ESCAPE", "FILLRECORD", "FIXEDWIDTH", "IGNOREBLANKLINES", "NULL", "READRATIO",
                       "REMOVEQUOTES"}),
}  # fmt: skip
_MOST_ERRORS = 100_000


@dataclass(slots=True, kw_only=True)
class Copy:
    """One COPY. `role`: an ARN or `default`; `columns`: None for all; `flags`: capital words; `json`: `auto` or a file's URL.

    `accept`: what replaces bytes that are not UTF-8, empty for an error; `region`: empty for the warehouse's own.
    """

    schema: str
    table: str
    columns: list[str] | None
    source: str
    role: str = ""
    format: str = "TEXT"
    delimiter: str = ""
    quote: str = '"'
    null: str = "\\N"
    json: str = ""
    dateformat: str = ""
    timeformat: str = ""
    encoding: str = "utf-8"
    accept: str = ""
    region: str = ""
    ignoreheader: int = 0
    maxerror: int = 0
    flags: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)


def is_copy(sql: str) -> bool:
    return _HEAD.match(sql) is not None


def read_copy(sql: str) -> Copy:
    """Returns the COPY. StatementFailedError if it is not valid, or if its options exclude each other."""
    words = Words(list(tokens(sql))[1:])
    schema, _, table = words.next().replace('"', "").lower().rpartition(".")
    word = words.next()
    columns = None
    if word == "(":
        columns = [name.strip('"').lower() for name in _listed(words)]
        word = words.next()
    source = text_of(words.next())
    if word.upper() != "FROM" or not source.startswith("s3://"):
        raise not_here("COPY from other sources than s3:// is not supported")
    copy = Copy(schema=schema, table=table, columns=columns, source=source)
    while words.left:
        _option(copy, words.next().upper(), words)
    _check(copy)
    return copy


def _listed(words: Words) -> Iterator[str]:
    while (word := words.next() or ")") != ")":
        if word != ",":
            yield word


def _option(copy: Copy, word: str, words: Words) -> None:
    copy.given.add(word)
    if word in _FLAGS:
        copy.flags.add(word)
    elif word == "IAM_ROLE":
        copy.role = role_of(words.next())
    elif word == "FORMAT":
        _format(copy, words.after_as().upper(), words)
    elif word in ("PARQUET", "CSV", "JSON"):
        _format(copy, word, words)
    elif word in _TEXTS:
        value = text_of(words.after_as())
        setattr(copy, _TEXTS[word], value if word in ("DATEFORMAT", "TIMEFORMAT", "NULL") else _sign(value))
    elif word in _NUMBERS:
        number = int(words.after_as())
        if _NUMBERS[word]:
            setattr(copy, _NUMBERS[word], number)
    elif word in _SETTINGS:
        words.take_if(*_SETTINGS[word])
    elif word in ("ENCODING", "ACCEPTINVCHARS"):
        _characters(copy, word, words)
    elif word not in (";", ""):
        raise not_here(f"{word} of COPY is not supported")


def _characters(copy: Copy, word: str, words: Words) -> None:
    if word == "ACCEPTINVCHARS":
        words.take_if("AS")
        copy.accept = text_of(words.next()) if words.peek().startswith("'") else "?"
        return
    name = words.after_as().strip("'").upper()
    if name not in _ENCODINGS:
        raise not_here(f"ENCODING {name} of COPY is not supported")
    copy.encoding = _ENCODINGS[name]


def _format(copy: Copy, word: str, words: Words) -> None:
    copy.format = word
    copy.given.add(word)
    if word == "JSON":
        words.take_if("AS")
        copy.json = text_of(words.next()) if words.peek().startswith("'") else "auto"


def _sign(text: str) -> str:
    r"""Returns a character of DELIMITER: itself, `\t`, or `\ddd` in octal."""
    octal = re.fullmatch(r"\\([0-7]{3})", text)
    return chr(int(octal[1], 8)) if octal else text.replace("\\t", "\t")


def _check(copy: Copy) -> None:
    if copy.format not in ("TEXT", "CSV", "PARQUET", "JSON"):
        raise not_here(f"COPY FORMAT {copy.format} is not supported")
    if copy.json.startswith("noshred"):
        raise not_here("COPY JSON 'noshred' is not supported")
    if not copy.role:
        raise StatementFailedError("COPY needs credentials: IAM_ROLE default or IAM_ROLE 'arn'")
    if copy.format == "PARQUET":
        wrong = sorted(copy.given - _COLUMNAR - {"IAM_ROLE", "FORMAT", "PARQUET", ";"})
        if wrong:
            raise StatementFailedError(f"COPY with FORMAT PARQUET does not take {', '.join(wrong)}")
    elif "SERIALIZETOJSON" in copy.flags:
        raise StatementFailedError("SERIALIZETOJSON belongs to columnar formats")
    wrong = sorted(copy.given & _EXCLUDED.get(copy.format, frozenset()))
    if wrong:
        raise StatementFailedError(f"{copy.format} is not compatible with {', '.join(wrong)}")
    _check_values(copy)


def _check_values(copy: Copy) -> None:
    if copy.format != "CSV" and "QUOTE" in copy.given:
        raise StatementFailedError("QUOTE belongs to CSV")
    if len(copy.flags & set(COMPRESSIONS)) > 1:
        raise StatementFailedError("COPY takes one kind of compression")
    if not 0 <= copy.maxerror <= _MOST_ERRORS:
        raise StatementFailedError(f"MAXERROR must be between 0 and {_MOST_ERRORS}")
    if "ACCEPTINVCHARS" in copy.given and (len(copy.accept) != 1 or not copy.accept.isascii()):
        raise StatementFailedError("ACCEPTINVCHARS takes one ASCII character")
    copy.delimiter = copy.delimiter or ("," if copy.format == "CSV" else "|")
    if len(copy.delimiter) != 1:
        raise StatementFailedError("COPY delimiter must be a single character")
