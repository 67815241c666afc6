"""Redshift's types: how a column is declared, how it is shown, and what it is in DuckDB.

(https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html)
SUPER can only be loaded, stored and read as a whole; GEOMETRY and HLLSKETCH are not supported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp

from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here

T = exp.DataType.Type
VARBYTE = "binary varying"
_PLAIN = {
    T.SMALLINT: "smallint", T.INT: "integer", T.BIGINT: "bigint", T.FLOAT: "real", T.DOUBLE: "double precision",
    T.BOOLEAN: "boolean", T.DATE: "date", T.TIMESTAMP: "timestamp without time zone",
    T.TIMESTAMPNTZ: "timestamp without time zone", T.DATETIME: "timestamp without time zone",
    T.TIMESTAMPTZ: "timestamp with time zone", T.TIME: "time without time zone", T.SUPER: "super",
}  # fmt: skip
_DUCK = {
    "smallint": "SMALLINT", "integer": "INTEGER", "bigint": "BIGINT", "real": "FLOAT", "double precision": "DOUBLE",
    "boolean": "BOOLEAN", "date": "DATE", "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMPTZ", "time without time zone": "TIME", "super": "JSON", VARBYTE: "BLOB",
}  # fmt: skip
_SHORT = {
    "smallint": "int2", "integer": "int4", "bigint": "int8", "real": "float4", "double precision": "float8",
    "boolean": "bool", "date": "date", "timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz",
    "time without time zone": "time", "character varying": "varchar", "character": "bpchar", "numeric": "numeric",
    "super": "super", VARBYTE: "varbyte",
}  # fmt: skip
_TEXTS = {T.VARCHAR: 256, T.NVARCHAR: 256, T.TEXT: 256}
_CHARS = {T.CHAR: 1, T.NCHAR: 1, T.BPCHAR: 256}
LONGEST_VARCHAR, LONGEST_CHAR, LONGEST_VARBYTE = 65535, 4096, 1_024_000
_SIZED = re.compile(r"([a-z ]+)(?:\((\d+)(?:,(\d+))?\))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnType:
    """A declared type. `word`: as catalogues show it without its size; `size`: bytes of text or precision; `scale`: of numeric."""

    word: str
    size: int = 0
    scale: int = 0

    @property
    def is_text(self) -> bool:
        return self.word.startswith("character")

    @property
    def is_char(self) -> bool:
        return self.word == "character"

    @property
    def short(self) -> str:
        """`typeName` of the Data API: int4, varchar, …"""
        return _SHORT[self.word]

    @property
    def duck(self) -> str:
        if self.is_text:
            return "VARCHAR"
        return f"DECIMAL({self.size},{self.scale})" if self.word == "numeric" else _DUCK[self.word]

    def __str__(self) -> str:
        """As PG_TABLE_DEF shows it: `character varying(20)`, `numeric(12,2)`, `integer`."""
        if self.word == "numeric":
            return f"numeric({self.size},{self.scale})"
        return f"{self.word}({self.size})" if self.is_text or self.word == VARBYTE else self.word


def read_type(kind: exp.DataType) -> ColumnType:
    """Returns a type that is written in SQL. StatementFailedError for one that Redshift or the local cloud does not have."""
    sizes = [_size(part) for part in kind.expressions]
    if kind.this in _TEXTS:
        return _text("character varying", sizes, _TEXTS[kind.this], LONGEST_VARCHAR)
    if kind.this in _CHARS:
        return _text("character", sizes, _CHARS[kind.this], LONGEST_CHAR)
    if kind.this == T.VARBINARY:
        return _text(VARBYTE, sizes, 64_000, LONGEST_VARBYTE)
    if kind.this == T.DECIMAL:
        precision, scale = (*sizes, 18, 0)[:2] if len(sizes) != 1 else (sizes[0], 0)
        if not 1 <= precision <= 38 or scale > precision:
            raise StatementFailedError(f"DECIMAL precision {precision} must be between 1 and 38")
        return ColumnType(word="numeric", size=precision, scale=scale)
    if kind.this in _PLAIN and not kind.args.get("nested"):
        return ColumnType(word=_PLAIN[kind.this])
    raise not_here(f"the type {kind.sql('redshift').lower()} is not supported")


def _text(word: str, sizes: list[int], usual: int, longest: int) -> ColumnType:
    size = sizes[0] if sizes else usual
    if size == -1:
        size = longest
    if not 1 <= size <= longest:
        raise StatementFailedError(f"length for type {word} cannot exceed {longest}")
    return ColumnType(word=word, size=size)


def _size(part: exp.Expr) -> int:
    return -1 if part.name.lower() == "max" else int(part.name)


def shown_type(text: str) -> ColumnType:
    """Returns the type of its text (`str(type)`), which a column's comment in DuckDB contains."""
    match = _SIZED.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a type of a column")
    return ColumnType(word=match[1].strip(), size=int(match[2] or 0), scale=int(match[3] or 0))


def type_of_duck(duck: str) -> ColumnType:
    """Returns Redshift's type for a type of DuckDB; for a text the longest VARCHAR."""
    if match := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", duck):
        return ColumnType(word="numeric", size=int(match[1]), scale=int(match[2]))
    if duck == "BLOB":
        return ColumnType(word=VARBYTE, size=LONGEST_VARBYTE)
    if duck in ("HUGEINT", "UBIGINT", "UHUGEINT"):
        return ColumnType(word="numeric", size=38)
    small = {"TINYINT": "smallint", "UTINYINT": "smallint", "USMALLINT": "integer", "UINTEGER": "bigint"}
    known = (
        {value: word for word, value in _DUCK.items()}
        | {"TIMESTAMP WITH TIME ZONE": "timestamp with time zone"}
        | small
    )
    return ColumnType(word=known[duck]) if duck in known else ColumnType(word="character varying", size=LONGEST_VARCHAR)
