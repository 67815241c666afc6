"""From what was seen to columns: kinds, Arrow and Hive types, names.

    one type             that type: N -> bigint, decimal(38,s) or text; M -> struct; L and sets -> array; B -> binary
    several types        JSON text, in which `10` and `"10"` stay different
    NULL and a type      that type; NULL is null
    NULL alone           string, all null
    `text` in the tree   JSON text (too deep, too many keys)

What belongs here: rules. The same tree gives the same plan, whatever the order in which it was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

import pyarrow as pa

from rds_lake.convert.names import column_names
from rds_lake.convert.numbers import INTEGER, PRECISION, TEXT
from rds_lake.convert.tree import Node

Numbers = Literal["exact", "double"]


class Kind(Enum):
    """How the values of a column are made from wrapped ones."""

    TEXT = auto()
    NUMBER = auto()
    BOOL = auto()
    BINARY = auto()
    LIST = auto()
    STRUCT = auto()
    MIXED = auto()  # several types: JSON text made from the parsed values
    RAW = auto()  # too deep or too many keys: JSON text made before parsing
    NOTHING = auto()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """One column, field or element. `tag` is the DynamoDB type of the values, `below` what a struct or list
    holds, `of_set` that the values are those of a set."""

    original: str
    name: str
    path: str
    kind: Kind
    type: pa.DataType
    node: Node
    tag: str = ""
    scale: int = INTEGER
    of_set: bool = False
    below: tuple[Column, ...] = ()

    @property
    def hive(self) -> str:
        """The type in Glue's words."""
        return hive_type(self.type)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """All columns, keys first, then by name; `wrapped` is the type of `{"Item": …}` as it is parsed."""

    columns: tuple[Column, ...]
    schema: pa.Schema
    wrapped: pa.Schema
    raw: bool
    keeps_nulls: bool

    def holds(self, schema: pa.Schema) -> bool:
        """Whether files of this schema can stay: columns may be missing, but none may differ."""
        mine = {field.name: field.type for field in self.schema}
        return all(mine.get(field.name) == field.type for field in schema)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the user decides about columns. `flat`: no nested columns, binary as base64, for CSV."""

    keys: Sequence[str] = ()
    numbers: Numbers = "exact"
    flat: bool = False


def build_plan(root: Node, rules: Rules, *, keeps_nulls: bool = False) -> Plan:
    """The columns of all items seen so far."""
    fields = root.fields or {}
    columns = _columns(fields, rules, "")
    first = {name: place for place, name in enumerate(rules.keys)}
    columns = tuple(sorted(columns, key=lambda one: (first.get(one.original, len(first)), one.name)))
    keeps_nulls = keeps_nulls or any(_needs_nulls(column) for column in columns)
    item = pa.struct([(name, _wrapped(node, keeps_nulls)) for name, node in _by_place(fields)])
    return Plan(
        columns=columns,
        schema=pa.schema([pa.field(column.name, column.type) for column in columns]),
        wrapped=pa.schema([pa.field("Item", item)]),
        raw=any(_any_raw(node) for node in fields.values()),
        keeps_nulls=keeps_nulls,
    )


def _columns(fields: dict[str, Node], rules: Rules, path: str) -> tuple[Column, ...]:
    names = column_names(list(fields))
    return tuple(
        _column(original, names[original], node, rules, f"{path}.{original}" if path else original)
        for original, node in sorted(fields.items())
    )


def _column(original: str, name: str, node: Node, rules: Rules, path: str) -> Column:
    def made(kind: Kind, type_: pa.DataType, tag: str = "", below: Sequence[Column] = (), scale: int = 0) -> Column:
        return Column(original=original, name=name, path=path, kind=kind, type=type_, node=node, tag=tag,
                      scale=scale, below=tuple(below))  # fmt: skip

    tags = [tag for tag in node.tags if tag != "NULL"]
    if node.text is not None:
        return made(Kind.RAW, pa.string())
    if not tags:
        return made(Kind.NOTHING, pa.string())
    tag = tags[0]
    if len(tags) > 1 or (rules.flat and tag in ("L", "M", "SS", "NS", "BS")) or (tag == "M" and not node.fields):
        return made(Kind.MIXED, pa.string())
    if tag in ("S", "B", "BOOL", "N"):
        return made(*_scalar(tag, node.number, rules))
    if tag == "M":
        below = _columns(node.fields or {}, rules, path)
        return made(Kind.STRUCT, pa.struct([pa.field(one.name, one.type) for one in below]), tag, below)
    element = _element(tag, node, rules, path)
    return made(Kind.LIST, pa.list_(element.type), tag, [element])


def _scalar(tag: str, scale: int | None, rules: Rules) -> tuple[Kind, pa.DataType, str, tuple[()], int]:
    if tag == "S" or (tag == "B" and rules.flat):
        return Kind.TEXT, pa.string(), tag, (), 0
    if tag == "B":
        return Kind.BINARY, pa.binary(), tag, (), 0
    if tag == "BOOL":
        return Kind.BOOL, pa.bool_(), tag, (), 0
    scale = INTEGER if scale is None else scale
    return Kind.NUMBER, number_type(scale, rules.numbers), tag, (), scale


def _element(tag: str, node: Node, rules: Rules, path: str) -> Column:
    """The column of a list's or set's values."""
    if tag == "L":
        assert node.element is not None
        return _column("element", "element", node.element, rules, path + "[]")
    kind, type_, inner, _, scale = _scalar(tag[0], node.numbers, rules)
    return Column(original="element", name="element", path=path + "[]", kind=kind, type=type_, node=node, tag=inner,
                  scale=scale, of_set=True)  # fmt: skip


def number_type(scale: int, numbers: Numbers) -> pa.DataType:
    """The type for numbers of this format (`numbers.py`)."""
    if scale == INTEGER:
        return pa.int64()
    if numbers == "double":
        return pa.float64()
    return pa.string() if scale == TEXT else pa.decimal128(PRECISION, scale)


def _wrapped(node: Node, keeps_nulls: bool) -> pa.DataType:
    """The type of `{"S": …}` for pyarrow's JSON reader."""
    if node.text is not None:
        return pa.struct([("J", pa.string())])
    inner = [(tag, _content(tag, node, keeps_nulls)) for tag in node.tags if tag != "NULL" or keeps_nulls]
    return pa.struct(inner or [("NULL", pa.bool_())])


def _content(tag: str, node: Node, keeps_nulls: bool) -> pa.DataType:
    if tag in ("BOOL", "NULL"):
        return pa.bool_()
    if tag in ("S", "N", "B"):
        return pa.string()
    if tag == "L":
        assert node.element is not None
        return pa.list_(_wrapped(node.element, keeps_nulls))
    if tag == "M":
        return pa.struct([(name, _wrapped(one, keeps_nulls)) for name, one in _by_place(node.fields or {})])
    return pa.list_(pa.string())


def _by_place(fields: dict[str, Node]) -> list[tuple[str, Node]]:
    return sorted(fields.items(), key=lambda one: (one[1].place, one[0]))


def _needs_nulls(column: Column) -> bool:
    """Whether JSON text has to tell a NULL in a map from an absent key; nowhere else does it make a difference."""
    if column.kind is Kind.MIXED:
        return _nulls_in_maps(column.node)
    return any(_needs_nulls(below) for below in column.below)


def _nulls_in_maps(node: Node) -> bool:
    fields = (node.fields or {}).values()
    below = [*fields, *([node.element] if node.element else [])]
    return any("NULL" in one.plain for one in fields) or any(_nulls_in_maps(one) for one in below)


def _any_raw(node: Node) -> bool:
    below = [*(node.fields or {}).values(), *([node.element] if node.element else [])]
    return node.text is not None or any(_any_raw(one) for one in below)


def hive_type(type_: pa.DataType) -> str:
    """The Arrow type in Glue's words: `struct<a:bigint,b:array<string>>`."""
    if isinstance(type_, pa.StructType):
        return f"struct<{','.join(f'{field.name}:{hive_type(field.type)}' for field in type_)}>"
    if isinstance(type_, pa.ListType):
        return f"array<{hive_type(type_.value_type)}>"
    if isinstance(type_, pa.Decimal128Type):
        return f"decimal({type_.precision},{type_.scale})"
    names = {pa.int64(): "bigint", pa.float64(): "double", pa.bool_(): "boolean", pa.binary(): "binary"}
    return names.get(type_, "string")
