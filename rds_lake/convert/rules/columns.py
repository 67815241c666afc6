"""Makes columns from the attributes that were seen: kinds, names, Hive types.

    one type             that type: N -> bigint, decimal(38,s) or text; M -> struct; L and sets -> array; B -> binary
    several types        JSON text, in which `10` and `"10"` stay different
    NULL and a type      that type; NULL is null
    NULL alone           string, all null
    `text` in the tree   JSON text (too deep, too many keys)
    a type too long      JSON text, all of the attribute

The same tree gives the same columns for every engine, in any order of the items. Arrow's types of the columns are
`local/plan.py`, Spark's expressions `spark/columns.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, Literal

from rds_lake.convert.rules.names import path_to
from rds_lake.convert.rules.numbers import INTEGER, PRECISION, TEXT, decimal_scale, with_whole_digits
from rds_lake.convert.rules.tree import Node, names_of

Numbers = Literal["exact", "double"]
# Glue's ColumnTypeString: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-tables.html
LONGEST_TYPE = 131_072


class Kind(Enum):
    """How the values of a column are made from wrapped values."""

    TEXT = auto()
    NUMBER = auto()
    BOOL = auto()
    BINARY = auto()
    LIST = auto()
    STRUCT = auto()
    MIXED = auto()  # several types: JSON text made from the parsed values
    RAW = auto()  # too deep, too many keys or too long a type: JSON text made before parsing
    NOTHING = auto()


_HIVE = {Kind.BOOL: "boolean", Kind.BINARY: "binary"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """One column, field of a struct, or element of a list.

    `original`: the attribute's name; `path`: from the item down, `items[].sku`. `tag`: DynamoDB's type of the values; `below`:
    the columns of a struct or list; `of_set`: the values are those of a set. `scale`: what its numbers need (`numbers.py`),
    `number`: the Hive type of that. `type`: the engine's own type, Arrow's in a `Plan`, else None.
    """

    original: str
    name: str
    path: str
    kind: Kind
    node: Node
    type: Any
    tag: str = ""
    scale: int = INTEGER
    number: str = "string"
    of_set: bool = False
    below: tuple[Column, ...] = ()

    @property
    def hive(self) -> str:
        """Returns the type in Glue's notation: `struct<a:bigint,b:array<string>>`."""
        if self.kind is Kind.STRUCT:
            return f"struct<{','.join(f'{field.name}:{field.hive}' for field in self.below)}>"
        if self.kind is Kind.LIST:
            return f"array<{self.below[0].hive}>"
        return self.number if self.kind is Kind.NUMBER else _HIVE.get(self.kind, "string")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The user's settings for columns. `keys`: the key attributes; `flat`: no nested columns, binary as base64, for CSV."""

    keys: Sequence[str] = ()
    numbers: Numbers = "exact"
    flat: bool = False


# The engine's own type for a kind, the Hive type of numbers, and the columns below.
Typing = Callable[[Kind, str, Sequence[Column]], Any]


def build_columns(root: Node, rules: Rules, typing: Typing = lambda *_: None) -> tuple[Column, ...]:
    """Returns the columns of all items: keys first, then by name. A column whose type is too long for Glue is JSON text."""
    builder = _Builder(rules, typing)
    columns = [builder.short(column) for column in builder.columns(root.fields or {}, "")]
    first = {name: place for place, name in enumerate(rules.keys)}
    return tuple(sorted(columns, key=lambda column: (first.get(column.original, len(first)), column.name)))


def widen_decimals(columns: Sequence[Column]) -> None:
    """Widens the nodes of decimals that cannot hold all their numbers, though each number fits one; build the columns again.

    For a tree that saw every item (the Spark job's). The local engine learns the same from a cast that fails.
    """
    for column in columns:
        if column.kind is Kind.NUMBER and column.number.startswith("decimal"):
            node = column.node
            if column.of_set:
                node.numbers = with_whole_digits(node.numbers, node.wholes)
            else:
                node.number = with_whole_digits(node.number, node.whole)
        widen_decimals(column.below)


def number_words(scale: int, numbers: Numbers) -> str:
    """Returns the Hive type for numbers that need this scale (`numbers.py`)."""
    if scale == INTEGER:
        return "bigint"
    if numbers == "double":
        return "double"
    return "string" if scale == TEXT else f"decimal({PRECISION},{decimal_scale(scale)})"


@dataclass(frozen=True, slots=True)
class _Shape:
    """A column without its name. `scale`: of numbers; `of_set`: the values are a set's; `below`: the columns inside."""

    kind: Kind
    tag: str = ""
    scale: int = 0
    of_set: bool = False
    below: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class _Builder:
    """Builds columns level by level, with one set of rules."""

    rules: Rules
    typing: Typing

    def columns(self, fields: dict[str, Node], path: str) -> tuple[Column, ...]:
        names = names_of(fields)
        # Keys never become double, because different keys could become equal.
        exact = replace(self, rules=replace(self.rules, numbers="exact"))
        builders = dict.fromkeys(self.rules.keys, exact) if not path else {}
        return tuple(
            builders.get(original, self)._column(original, names[original], node, path_to(path, original))
            for original, node in sorted(fields.items())
        )

    def short(self, column: Column) -> Column:
        """Returns the column, or one of JSON text if its type is longer than Glue allows. The tree is not changed."""
        if column.kind not in (Kind.STRUCT, Kind.LIST) or len(column.hive) <= LONGEST_TYPE:
            return column
        node = replace(
            column.node,
            text=f"has a type longer than the {LONGEST_TYPE:,} characters that Glue accepts",
            fields=None if column.node.fields is None else {},
            element=None if column.node.element is None else Node(),
        )
        return self._made(column.original, column.name, column.path, node, _Shape(Kind.RAW))

    def _column(self, original: str, name: str, node: Node, path: str) -> Column:
        return self._made(original, name, path, node, self._shape(node, path))

    def _shape(self, node: Node, path: str) -> _Shape:
        tags = [tag for tag in node.tags if tag != "NULL"]
        if node.text is not None:
            return _Shape(Kind.RAW)
        if not tags:
            return _Shape(Kind.NOTHING)
        tag = tags[0]
        nested = tag in ("L", "M", "SS", "NS", "BS")
        if len(tags) > 1 or (self.rules.flat and nested) or (tag == "M" and not node.fields):
            return _Shape(Kind.MIXED)
        if not nested:
            return self._scalar(tag, node.number)
        if tag == "M":
            return _Shape(Kind.STRUCT, tag, below=self.columns(node.fields or {}, path))
        return _Shape(Kind.LIST, tag, below=(self._element(tag, node, path),))

    def _scalar(self, tag: str, scale: int | None) -> _Shape:
        if tag == "S" or (tag == "B" and self.rules.flat):
            return _Shape(Kind.TEXT, tag)
        if tag == "B":
            return _Shape(Kind.BINARY, tag)
        if tag == "BOOL":
            return _Shape(Kind.BOOL, tag)
        return _Shape(Kind.NUMBER, tag, scale=INTEGER if scale is None else scale)

    def _element(self, tag: str, node: Node, path: str) -> Column:
        """Returns the column of a list's or set's values."""
        if tag == "L":
            assert node.element is not None
            return self._column("element", "element", node.element, path + "[]")
        shape = replace(self._scalar(tag[0], node.numbers), of_set=True)
        return self._made("element", "element", path + "[]", node, shape)

    def _made(self, original: str, name: str, path: str, node: Node, shape: _Shape) -> Column:
        number = number_words(shape.scale, self.rules.numbers)
        return Column(
            original=original, name=name, path=path, node=node, kind=shape.kind, tag=shape.tag, scale=shape.scale,
            number=number, type=self.typing(shape.kind, number, shape.below), of_set=shape.of_set, below=shape.below,
        )  # fmt: skip
