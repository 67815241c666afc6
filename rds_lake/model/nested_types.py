"""Nested Hive types: `struct<name:string,address:struct<city:string>>` against another day's.

Parquet finds the fields of a struct by name, so a struct that lacks some can be read as one that has more. What was seen
keeps its place, new fields come last: that is the only order Athena can read older partitions in as well.

What belongs here: reading and merging those texts. What a change means for a table is `evolution.py`.
"""

from __future__ import annotations

from collections.abc import Callable

# Glue's ColumnTypeString (https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html).
MAX_TYPE_CHARACTERS = 131_072

Widest = Callable[[str, str], str | None]


def is_nested(hive_type: str) -> bool:
    """Whether the type holds others."""
    return hive_type.startswith(("struct<", "array<", "map<"))


def merge_nested(before: str, now: str, *, leaf: Widest) -> str | None:
    """The type both can be read as, fields of `before` first, or None. `leaf` says it of types that hold no others."""
    if not (is_nested(before) and is_nested(now)):
        return None if is_nested(before) or is_nested(now) else leaf(before, now)
    kind, inner = _opened(before)
    other_kind, other = _opened(now)
    if kind != other_kind:
        return None
    if kind != "struct":
        parts, others = _parts(inner), _parts(other)
        merged = [merge_nested(one, two, leaf=leaf) for one, two in zip(parts, others, strict=True)]
        return None if None in merged else f"{kind}<{','.join(map(str, merged))}>"
    fields, others = _fields(inner), _fields(other)
    for name, hive_type in others.items():
        merged = merge_nested(fields[name], hive_type, leaf=leaf) if name in fields else hive_type
        if merged is None:
            return None
        fields[name] = merged
    return f"struct<{','.join(f'{name}:{hive_type}' for name, hive_type in fields.items())}>"


def to_query_type(hive_type: str, *, leaf: Callable[[str], str], quote: Callable[[str], str]) -> str:
    """The word a query uses: `row("name" varchar)`, `array(bigint)`, `map(varchar, bigint)`."""
    if not is_nested(hive_type):
        return leaf(hive_type)
    kind, inner = _opened(hive_type)
    if kind != "struct":
        words = ", ".join(to_query_type(part, leaf=leaf, quote=quote) for part in _parts(inner))
        return f"{kind}({words})"
    fields = [f"{quote(name)} {to_query_type(part, leaf=leaf, quote=quote)}" for name, part in _fields(inner).items()]
    return f"row({', '.join(fields)})"


def _opened(hive_type: str) -> tuple[str, str]:
    kind, _, rest = hive_type.partition("<")
    return kind, rest.removesuffix(">")


def _fields(inner: str) -> dict[str, str]:
    pairs = (part.partition(":") for part in _parts(inner))
    return {name: hive_type for name, _, hive_type in pairs}


def _parts(inner: str) -> list[str]:
    """Split at the commas that are in no bracket."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(inner):
        depth += (character in "<(") - (character in ">)")
        if character == "," and depth == 0:
            parts.append(inner[start:place])
            start = place + 1
    return [*parts, inner[start:]]
