"""Nested Hive types (`struct<name:string,address:struct<city:string>>`), and how two of them are merged.

Athena finds the fields of a Parquet struct by name, so a struct can be read as one with more fields. Known fields keep their
positions and new fields come last: in any other order Athena cannot read older partitions. A type is parsed once at any depth,
because Glue allows 131,072 characters.

What belongs here: parsing and merging these texts. `evolution.py` decides what a change means for a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

# Glue's ColumnTypeString (https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html).
MAX_TYPE_CHARACTERS = 131_072

_KINDS = ("struct", "array", "map")
_MARK = re.compile(r"[<>(),]")
Widest = Callable[[str, str], str | None]


def is_nested(hive_type: str) -> bool:
    """Whether the type contains other types."""
    return hive_type.startswith(("struct<", "array<", "map<"))


def merge_nested(before: str, now: str, *, leaf: Widest) -> str | None:
    """Returns the type in which both can be read, with fields of `before` first, or None. `leaf`: merges types without others."""
    if not (is_nested(before) and is_nested(now)):
        return None if is_nested(before) or is_nested(now) else leaf(before, now)
    return _merged(_parsed(before), _parsed(now), leaf)


def to_query_type(hive_type: str, *, leaf: Callable[[str], str], quote: Callable[[str], str]) -> str:
    """Returns the type for queries: `row("name" varchar)`, `array(bigint)`, `map(varchar, bigint)`."""
    return _query_word(_parsed(hive_type), leaf, quote)


def to_duckdb_type(hive_type: str, *, leaf: Callable[[str], str], quote: Callable[[str], str]) -> str:
    """Returns the type for DuckDB: `STRUCT("name" VARCHAR)`, `BIGINT[]`, `MAP(VARCHAR, BIGINT)`."""
    return _duckdb_word(_parsed(hive_type), leaf, quote)


@dataclass(slots=True)
class _Type:
    """A type that contains others by name (a struct) or by position; without a `kind` it contains none, and is its `text`."""

    kind: str = ""
    text: str = ""
    below: dict[str, _Type] = field(default_factory=dict)


def _merged(before: _Type, now: _Type, leaf: Widest) -> str | None:
    if before.kind != now.kind:
        return None
    if not before.kind:
        return leaf(before.text, now.text)
    if before.kind != "struct" and len(before.below) != len(now.below):
        return None
    parts: list[str] = []
    for name, part in {**before.below, **now.below}.items():
        earlier, later = before.below.get(name), now.below.get(name)
        merged = _text(part) if earlier is None or later is None else _merged(earlier, later, leaf)
        if merged is None:
            return None
        parts.append(f"{name}:{merged}" if before.kind == "struct" else merged)
    return f"{before.kind}<{','.join(parts)}>"


def _text(parsed: _Type) -> str:
    if not parsed.kind:
        return parsed.text
    named = parsed.kind == "struct"
    parts = [f"{name}:{_text(below)}" if named else _text(below) for name, below in parsed.below.items()]
    return f"{parsed.kind}<{','.join(parts)}>"


def _query_word(parsed: _Type, leaf: Callable[[str], str], quote: Callable[[str], str]) -> str:
    if not parsed.kind:
        return leaf(parsed.text)
    words = [(name, _query_word(below, leaf, quote)) for name, below in parsed.below.items()]
    if parsed.kind == "struct":
        return f"row({', '.join(f'{quote(name)} {word}' for name, word in words)})"
    return f"{parsed.kind}({', '.join(word for _, word in words)})"


def _duckdb_word(parsed: _Type, leaf: Callable[[str], str], quote: Callable[[str], str]) -> str:
    if not parsed.kind:
        return leaf(parsed.text)
    words = [(name, _duckdb_word(below, leaf, quote)) for name, below in parsed.below.items()]
    if parsed.kind == "struct":
        return f"STRUCT({', '.join(f'{quote(name)} {word}' for name, word in words)})"
    return f"{words[0][1]}[]" if parsed.kind == "array" else f"MAP({', '.join(word for _, word in words)})"


def _parsed(hive_type: str) -> _Type:
    """Returns the parsed type. A text with unbalanced brackets becomes a type that contains no others."""
    top = _Type(kind="array")
    # `within`: open brackets of a type that is not parsed further, such as decimal(38,2).
    open_types, start, within = [top], 0, 0

    def add(word: str, kind: str = "") -> _Type:
        parent = open_types[-1]
        name, _, rest = word.partition(":") if parent.kind == "struct" else (str(len(parent.below)), "", word)
        made = _Type(kind=kind, text="" if kind else rest)
        parent.below[name] = made
        return made

    for match in _MARK.finditer(hive_type):
        mark, word = match[0], hive_type[start : match.start()]
        if within or mark == "(" or (mark == "<" and word.rpartition(":")[2] not in _KINDS):
            within += (mark in "<(") - (mark in ">)")
            continue
        if mark == "<":
            open_types.append(add(word, word.rpartition(":")[2]))
        elif mark in ",>":
            if word:
                add(word)
            if mark == ">":
                open_types.pop()
        if not open_types or (mark == "," and len(open_types) == 1):
            return _Type(text=hive_type)
        start = match.end()
    if start < len(hive_type):
        add(hive_type[start:])
    return top.below["0"] if len(open_types) == 1 and len(top.below) == 1 else _Type(text=hive_type)
