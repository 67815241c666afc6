"""Columns (`rules/columns.py`) with Arrow's types, and the type of the wrapped items that they are made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from rds_lake.convert.rules.columns import Column, Kind, Rules, build_columns
from rds_lake.convert.rules.numbers import PRECISION
from rds_lake.convert.rules.tree import Node


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """All columns, keys first, then by name. `wrapped` is the type of a parsed line, `{"Item": …}`.

    `raw`: some attribute becomes JSON text before parsing. `keeps_nulls`: NULL is parsed like other types.
    """

    columns: tuple[Column, ...]
    schema: pa.Schema
    wrapped: pa.Schema
    raw: bool
    keeps_nulls: bool

    def holds(self, schema: pa.Schema) -> bool:
        """Whether files of this schema can be kept: columns may be missing, but none may differ."""
        planned = {field.name: field.type for field in self.schema}
        return all(planned.get(field.name) == field.type for field in schema)


def build_plan(root: Node, rules: Rules, *, keeps_nulls: bool = False) -> Plan:
    """Returns the columns of all items seen so far."""
    columns = build_columns(root, rules, _arrow_type)
    keeps_nulls = keeps_nulls or any(_needs_nulls(column) for column in columns)
    nodes = {column.original: column.node for column in columns}
    item = pa.struct([(name, _wrapped(node, keeps_nulls)) for name, node in sorted(nodes.items())])
    return Plan(
        columns=columns,
        schema=pa.schema([pa.field(column.name, column.type) for column in columns]),
        wrapped=pa.schema([pa.field("Item", item)]),
        raw=any(_any_raw(node) for node in nodes.values()),
        keeps_nulls=keeps_nulls,
    )


def _arrow_type(kind: Kind, number: str, below: Sequence[Column]) -> pa.DataType:
    if kind is Kind.STRUCT:
        return pa.struct([pa.field(inner.name, inner.type) for inner in below])
    if kind is Kind.LIST:
        return pa.list_(below[0].type)
    if kind is Kind.NUMBER:
        return _number_type(number)
    return {Kind.BOOL: pa.bool_(), Kind.BINARY: pa.binary()}.get(kind, pa.string())


def _number_type(hive: str) -> pa.DataType:
    if hive.startswith("decimal"):
        return pa.decimal128(PRECISION, int(hive.rstrip(")").partition(",")[2]))
    return {"bigint": pa.int64(), "double": pa.float64()}.get(hive, pa.string())


def _wrapped(node: Node, keeps_nulls: bool) -> pa.DataType:
    """Returns the type of `{"S": …}` for pyarrow's JSON reader."""
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
        return pa.struct([(name, _wrapped(inner, keeps_nulls)) for name, inner in sorted((node.fields or {}).items())])
    return pa.list_(pa.string())


def _needs_nulls(column: Column) -> bool:
    """Whether NULL differs from an absent attribute: only in maps that become JSON text."""
    if column.kind is Kind.MIXED:
        return _has_maps(column.node)
    return any(_needs_nulls(below) for below in column.below)


def _has_maps(node: Node) -> bool:
    """Whether it contains a map, whether a NULL was seen or not: a later chunk may have one."""
    return bool(node.fields) or (node.element is not None and _has_maps(node.element))


def _any_raw(node: Node) -> bool:
    below = [*(node.fields or {}).values(), *([node.element] if node.element else [])]
    return node.text is not None or any(_any_raw(inner) for inner in below)
