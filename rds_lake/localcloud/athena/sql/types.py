"""Translates types between Hive (Glue), Trino (queries) and DuckDB (the engine). `type_text.py` parses them."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from rds_lake.localcloud.athena.sql.type_text import Type, listed, read_duck, read_hive, read_trino, write

_HIVE_TO_DUCK = {
    "string": "VARCHAR",
    "int": "INTEGER",
    "integer": "INTEGER",
    "float": "FLOAT",
    "real": "FLOAT",
    "double": "DOUBLE",
    "binary": "BLOB",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "bigint": "BIGINT",
    "smallint": "SMALLINT",
    "tinyint": "TINYINT",
}
_DUCK_TO_TRINO = {
    "VARCHAR": "varchar",
    "TIMESTAMP": "timestamp(3)",
    "TIMESTAMP_MS": "timestamp(3)",
    "TIMESTAMP_S": "timestamp(3)",
    "TIMESTAMP_NS": "timestamp(3)",
    "TIMESTAMP WITH TIME ZONE": "timestamp(3) with time zone",
    "BLOB": "varbinary",
    "FLOAT": "real",
    "HUGEINT": "bigint",  # DuckDB's sum of integers; Trino's is bigint
    "UBIGINT": "bigint",
    "JSON": "json",
    '"NULL"': "unknown",
    "NULL": "unknown",
    "INTERVAL": "interval day to second",
}
# Types that a view or table can store; other types have no Hive type.
_TRINO_TO_HIVE = {
    "varchar": "string",
    "integer": "int",
    "varbinary": "binary",
    "real": "float",
    "timestamp": "timestamp",
    "timestamp(3)": "timestamp",
    "bigint": "bigint",
    "smallint": "smallint",
    "tinyint": "tinyint",
    "boolean": "boolean",
    "double": "double",
    "date": "date",
}
_DECIMAL = re.compile(r"decimal\s*(\(\s*\d+\s*(,\s*\d+\s*)?\))?")
_TEXT = re.compile(r"(var)?char\s*(\(\s*\d+\s*\))?")


@functools.lru_cache(maxsize=4096)
def hive_to_duck(hive: str) -> str:
    """Returns DuckDB's type for a Hive type. ValueError for a word that Hive does not have."""
    return write(read_hive(hive), _duck_pieces)


def _duck_pieces(kind: Type) -> Sequence[str | Type]:
    if kind.word == "array" and kind.is_nested:
        return [kind.parts[0], "[]"]
    if kind.word == "map" and kind.is_nested:
        return listed("MAP(", [("", part) for part in kind.parts], ", ", ")")
    if kind.word == "row" and kind.is_nested:
        return listed("STRUCT(", [(f"{quoted(name)} ", part) for name, part in kind.fields()], ", ", ")")
    return [_plain_duck(kind.word)]


def _plain_duck(word: str) -> str:
    if _DECIMAL.fullmatch(word):
        return word if "(" in word else "decimal(10,0)"
    if _TEXT.fullmatch(word):
        return "VARCHAR"
    if word not in _HIVE_TO_DUCK:
        raise ValueError(f"{word!r} is not a Hive type")
    return _HIVE_TO_DUCK[word]


def with_a_field_more(duck: str) -> str:
    """Returns a DuckDB type whose structs have one more field, which always differs from the type itself."""
    return duck.replace("STRUCT(", "STRUCT(lc_more BOOLEAN, ")


def hive_to_trino(hive: str) -> str:
    """Returns Trino's type for a Hive type."""
    return duck_to_trino(hive_to_duck(hive))


@functools.lru_cache(maxsize=4096)
def duck_to_trino(duck: str) -> str:
    """Returns Trino's type for a DuckDB type."""
    return write(read_duck(duck), _trino_pieces)


def _trino_pieces(kind: Type) -> Sequence[str | Type]:
    if kind.word == "row" and kind.is_nested:
        # sqlglot names the fields of a bare ROW `_0`, `_1`, …
        named = [(re.sub(r"^_(\d+)$", r"field\1", name), part) for name, part in kind.fields()]
        return listed("row(", [(f"{_name(name)} ", part) for name, part in named], ", ", ")")
    if kind.is_nested:
        return listed(f"{kind.word}(", [("", part) for part in kind.parts], ", ", ")")
    return [_DUCK_TO_TRINO.get(kind.word, kind.word.lower())]


def trino_to_duck(trino: str) -> str:
    """Returns DuckDB's type for a Trino type. ValueError for a type that a table cannot store."""
    return hive_to_duck(trino_to_hive(trino))


def trino_to_hive(trino: str) -> str:
    """Returns the Hive type that stores a Trino type. ValueError if there is none (time zones, time, json, unknown)."""
    return write(read_trino(trino), _hive_pieces)


def _hive_pieces(kind: Type) -> Sequence[str | Type]:
    if kind.word == "row" and kind.is_nested:
        return listed("struct<", [(f"{name}:", part) for name, part in kind.fields()], ",", ">")
    if kind.is_nested:
        return listed(f"{kind.word}<", [("", part) for part in kind.parts], ",", ">")
    word = re.sub(r"^varchar\(\d+\)$", "varchar", kind.word)
    if re.fullmatch(r"decimal\(\d+,\s*\d+\)", word):
        return [word.replace(" ", "")]
    if word not in _TRINO_TO_HIVE:
        raise ValueError(f"Unsupported Hive type: {kind.word}")
    return [_TRINO_TO_HIVE[word]]


def quoted(name: str) -> str:
    """Returns a name in double quotes, with quotes in it doubled."""
    return '"' + name.replace('"', '""') + '"'


def _name(name: str) -> str:
    return name if re.fullmatch(r"\w+", name) else quoted(name)
