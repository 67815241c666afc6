"""The result of a conversion, the same for both engines. Without Arrow, so that it can be shipped with the Spark job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rds_lake.convert.rules.columns import Column, Kind
from rds_lake.convert.rules.tree import Node, to_plain


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedColumn:
    """A column of the table: its Hive type, the attribute's own name, and the DynamoDB types seen in it."""

    name: str
    hive: str
    original: str
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedFile:
    """A file that was written. `bytes`: as stored."""

    name: str
    bytes: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """The columns, files and items (their number) of a converted table.

    `text`: attributes that are JSON text, and why; `renamed`: attributes with other names, and those names; both by path
    (`customer.phone`, `items[].sku`). `schema` is the next date's `known`. `again` counts items that were read twice, `left`
    those that the compiled parser left to the portable one.
    """

    columns: tuple[ConvertedColumn, ...]
    files: tuple[ConvertedFile, ...]
    items: int
    text: tuple[tuple[str, str], ...]
    renamed: tuple[tuple[str, str], ...]
    schema: dict[str, Any]
    again: int
    parser: str = field(default="portable", compare=False)
    left: int = field(default=0, compare=False)


def converted(
    columns: Sequence[Column], root: Node, files: Sequence[ConvertedFile], *, items: int, again: int = 0
) -> Converted:
    """Returns the result for these columns of the tree, and these files."""
    everything = [part for column in columns for part in _all(column)]
    return Converted(
        columns=tuple(
            ConvertedColumn(name=column.name, hive=column.hive, original=column.original, types=column.node.tags)
            for column in columns
        ),
        files=tuple(sorted(files, key=lambda file: file.name)),
        items=items,
        text=tuple((part.path, why) for part in everything if (why := _why_text(part))),
        renamed=tuple((part.path, part.name) for part in everything if part.name != part.original),
        schema=to_plain(root),
        again=again,
    )


def _all(column: Column) -> list[Column]:
    """Returns the column and everything below it."""
    return [column, *(part for below in column.below for part in _all(below))]


def _why_text(column: Column) -> str | None:
    """Returns why the column is text although its values have other types; None if it is not such a column."""
    if column.kind is Kind.RAW:
        return column.node.text
    tags = [tag for tag in column.node.tags if tag != "NULL"]
    if column.kind is Kind.MIXED:
        return f"has the types {', '.join(tags)}" if len(tags) > 1 else "is always empty" if tags == ["M"] else None
    if column.kind is Kind.NUMBER and column.hive == "string":
        return "has numbers that do not fit one type decimal(38)"
    return None
