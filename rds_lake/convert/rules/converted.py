"""What a conversion gives back, whichever engine made it.

What belongs here: results as values. They know no Arrow, so that the Spark job can ship them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rds_lake.convert.rules.columns import Column, Kind
from rds_lake.convert.rules.tree import Node, to_plain


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedColumn:
    """A column of the table, with the attribute it is and the DynamoDB types seen in it."""

    name: str
    hive: str
    original: str
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedFile:
    """A file that was written."""

    name: str
    bytes: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What came of it. `text` says which attributes are JSON text, and why; `renamed` which have other names now.

    Both are by path: `customer.phone`, `items[].sku`. `schema` is for the next date's `known`. `again` counts items read twice,
    `left` those that the parser `compiled` left to the portable one.
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
    """The result for these columns of the tree, and these files."""
    everything = [one for column in columns for one in _all(column)]
    return Converted(
        columns=tuple(
            ConvertedColumn(name=one.name, hive=one.hive, original=one.original, types=one.node.tags) for one in columns
        ),
        files=tuple(sorted(files, key=lambda file: file.name)),
        items=items,
        text=tuple((one.path, why) for one in everything if (why := _why_text(one))),
        renamed=tuple((one.path, one.name) for one in everything if one.name != one.original),
        schema=to_plain(root),
        again=again,
    )


def _all(column: Column) -> list[Column]:
    return [column, *(below for one in column.below for below in _all(one))]


def _why_text(column: Column) -> str | None:
    """Why the column is text although its values are something else."""
    if column.kind is Kind.RAW:
        return column.node.text
    tags = [tag for tag in column.node.tags if tag != "NULL"]
    if column.kind is Kind.MIXED:
        return f"has the types {', '.join(tags)}" if len(tags) > 1 else "is always empty" if tags == ["M"] else None
    if column.kind is Kind.NUMBER and column.hive == "string":
        return "has numbers that no decimal(38) holds together"
    return None
