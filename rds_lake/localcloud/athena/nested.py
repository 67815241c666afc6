"""Structs, arrays and maps in Parquet: which leaf columns a declared type has, and which types read as which.

Parquet keeps a nested column as its leaves, with the levels of lists and maps in their paths:

    items array<struct<sku:string,qty:bigint>>      items.list.element.sku, items.list.element.qty
    totals map<string,double>                       totals.key_value.key, totals.key_value.value

What belongs here: nested types. Leaves themselves are compared in `physical.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rds_lake.localcloud.athena.types import split_top

Levels = tuple[str | None, ...]


def is_nested(hive: str) -> bool:
    """Whether a Hive type has parts."""
    return bool(re.match(r"\s*(array|map|struct)\s*<", hive, re.IGNORECASE))


def leaves(hive: str, levels: Levels) -> Iterator[tuple[Levels, str]]:
    """Every leaf of a type at `levels`: its path in lower case, None for a level whatever it is called, and its Hive type."""
    kind, parts = _parts(hive)
    if kind == "array":
        yield from leaves(parts[""], (*levels, None, None))
    elif kind == "map":
        for part in ("key", "value"):
            yield from leaves(parts[part], (*levels, None, part))
    elif kind == "struct":
        for name, part in parts.items():
            yield from leaves(part, (*levels, name))
    else:
        yield levels, hive.strip().lower()


def is_readable_as(own: str, declared: str, widened: Mapping[str, set[str]]) -> bool:
    """Whether a partition's type may be read as the table's: fields are added at the end, and parts widen."""
    own_kind, own_parts = _parts(own)
    kind, parts = _parts(declared)
    if kind != own_kind:
        return False
    if not kind:
        plain, wide = own.replace(" ", "").lower(), declared.replace(" ", "").lower()
        return plain == wide or wide in widened.get(plain, set())
    common = min(len(own_parts), len(parts))
    return list(own_parts)[:common] == list(parts)[:common] and all(
        is_readable_as(own_parts[name], parts[name], widened) for name in list(parts)[:common]
    )


def _parts(hive: str) -> tuple[str, dict[str, str]]:
    """`array`, `map`, `struct` or nothing, and the types inside by name (lower case)."""
    match = re.fullmatch(r"\s*(array|map|struct)\s*<(.*)>\s*", hive, re.IGNORECASE | re.DOTALL)
    if match is None:
        return "", {}
    kind, inner = match[1].lower(), split_top(match[2])
    if kind == "array":
        return kind, {"": match[2]}
    if kind == "map":
        return kind, dict(zip(("key", "value"), inner, strict=True))
    named = (field.split(":", 1) for field in inner)
    return kind, {name.strip(" `").lower(): part for name, part in named}
