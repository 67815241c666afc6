"""Structs, arrays and maps in Parquet: which leaf columns a declared type has, and which types read as which.

Parquet keeps a nested column as its leaves, with the levels of lists and maps in their paths:

    items array<struct<sku:string,qty:bigint>>      items.list.element.sku, items.list.element.qty
    totals map<string,double>                       totals.key_value.key, totals.key_value.value

Leaves themselves are compared in `physical.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rds_lake.localcloud.athena.sql.type_text import Type, read_hive

# A file's columns by the levels of their paths in lower case; at the end of a path is the column itself.
Group = dict[str, Any]


def pairs(declared: Type, physical: object) -> Iterator[tuple[Type, Any]]:
    """Returns pairs of a declared type and the file's column or Group, down to the level at which one of them has no parts.

    Fields are matched by name. Fields that only one of the two has are left out.
    """
    todo: list[tuple[Type, object]] = [(declared, physical)]
    while todo:
        kind, column = todo.pop()
        if not kind.is_nested or not isinstance(column, dict):
            yield kind, column
        elif kind.word == "row":
            inside = [(part, column[name]) for name, part in kind.fields() if name in column]
            todo.extend(reversed(inside))
        else:
            # Two levels whose names depend on the file's writer: `list.element`, `key_value.key` or others.
            names = ["key", "value"] if kind.word == "map" else [None]
            for repeated in reversed(list(column.values())):
                todo.extend(reversed(_inside(kind, repeated, names)))


def _inside(kind: Type, repeated: object, names: list[Any]) -> list[tuple[Type, object]]:
    if not isinstance(repeated, dict):
        return [(kind, repeated)]
    return [
        (part, column)
        for part, name in zip(kind.parts, names, strict=True)
        for key, column in repeated.items()
        if name in (None, key)
    ]


def is_readable_as(own: str, declared: str, widened: Mapping[str, set[str]]) -> bool:
    """Whether a partition's type may be read as the table's type, which may have wider parts, and more fields at the end."""
    todo = [(read_hive(own), read_hive(declared))]
    while todo:
        partition, table = todo.pop()
        if partition.is_nested != table.is_nested:
            return False
        if not partition.is_nested:
            plain, wide = partition.word.replace(" ", ""), table.word.replace(" ", "")
            if plain != wide and wide not in widened.get(plain, set()):
                return False
            continue
        common = min(len(partition.parts), len(table.parts))
        if partition.word != table.word or partition.names[:common] != table.names[:common]:
            return False
        todo.extend(zip(partition.parts[:common], table.parts[:common], strict=True))
    return True
