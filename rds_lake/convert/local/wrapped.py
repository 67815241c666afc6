"""Converts chunks of lines to typed arrays: by pyarrow's JSON reader with the known types, then removing DynamoDB's wrapping.

DynamoDB wraps every value, `{"S": "x"}`, so a parsed attribute is a struct with one field per type seen. Removing the wrapping
costs nothing, because the inner arrays are used unchanged; only numbers and binaries are converted. `schema.py` decides what
happens to a chunk that does not fit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.json as pj

from rds_lake.convert.local.base64_array import decode_base64
from rds_lake.convert.local.json_text import mixed_text
from rds_lake.convert.local.kernels import pc
from rds_lake.convert.local.plan import Plan
from rds_lake.convert.rules.columns import Column, Kind
from rds_lake.convert.rules.items import read_item
from rds_lake.convert.rules.numbers import INTEGER, PATTERN, PRECISION, whole_digits
from rds_lake.convert.rules.raw_text import raw_text
from rds_lake.convert.rules.tree import Node, typed_value

_NULL = b'{"NULL":true}'


@dataclass(frozen=True, slots=True)
class Misfit:
    """Numbers that do not fit the planned type of their column."""

    column: Column
    values: pa.Array


def parse(data: bytes, plan: Plan, *, member: str = "Item") -> pa.StructArray:
    """Returns the lines' items, wrapped. ValueError if a line has something that is not in the plan, or is not JSON."""
    if plan.raw:
        data = _with_raw_text(data, plan, member)
    elif not plan.keeps_nulls and _NULL in data:
        # If NULL and absent give the same value, one field less per attribute saves a fifth of the time for wide tables.
        data = data.replace(_NULL, b"null")
    read = pj.ReadOptions(use_threads=False, block_size=len(data) + 1)
    options = pj.ParseOptions(explicit_schema=plan.wrapped, unexpected_field_behavior="error")
    table = pj.read_json(pa.BufferReader(pa.py_buffer(data)), read, options)
    items: Any = table.column(0)
    return items.chunk(0) if items.num_chunks == 1 else pa.concat_arrays(items.chunks)


def typed(items: pa.StructArray, plan: Plan) -> tuple[pa.RecordBatch, list[Misfit]]:
    """Returns the columns of the plan, and the numbers that did not fit (null in the columns)."""
    misfits: list[Misfit] = []
    arrays = [_column(items.field(column.original), column, misfits) for column in plan.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=plan.schema), misfits


def _column(array: pa.Array, column: Column, misfits: list[Misfit]) -> pa.Array:
    """Returns typed values of wrapped ones."""
    match column.kind:
        case Kind.NOTHING:
            return pa.nulls(len(array), pa.string())
        case Kind.RAW:
            text = array.field("J")
            return pc.if_else(pc.equal(text, "null"), pa.scalar(None, pa.string()), text)
        case Kind.MIXED:
            return mixed_text(array, column.node)
        case Kind.STRUCT:
            maps = array.field("M")
            below = [_column(maps.field(inner.original), inner, misfits) for inner in column.below]
            return _rebuilt(maps, column.type, [_validity(maps)], below)
        case Kind.LIST:
            lists, element = array.field(column.tag), column.below[0]
            values = lists.values
            inner = _column(values, element, misfits) if column.tag == "L" else _plain(values, element, misfits)
            return _rebuilt(lists, column.type, [_validity(lists), lists.buffers()[1]], [inner])
        case _:
            return _plain(array.field(column.tag), column, misfits)


def _plain(values: pa.Array, column: Column, misfits: list[Misfit]) -> pa.Array:
    if column.kind is Kind.BINARY:
        return decode_base64(values)
    if column.kind is not Kind.NUMBER:
        return values
    if column.type != pa.string():
        return _numbers(values, column, misfits)
    if pc.all(pc.match_substring_regex(values, f"^({PATTERN})$")).as_py() is False:
        raise ValueError("a value of type N is not a number")
    return values


def _numbers(values: pa.Array, column: Column, misfits: list[Misfit]) -> pa.Array:
    try:
        if not pa.types.is_decimal(column.type):
            return values.cast(column.type)
        if _fits(values, column.type.scale):
            return values.cast(column.type)
    except pa.ArrowInvalid:
        if column.scale == INTEGER and (integers := _odd_integers(values)) is not None:
            return integers
    misfits.append(Misfit(column, values))
    return pa.nulls(len(values), column.type)


def _odd_integers(values: pa.Array) -> pa.Array | None:
    """Returns integers that are written as `1E+2` or `1.0`; None if other numbers are among them."""
    try:
        return values.cast(pa.decimal128(PRECISION, 0)).cast(pa.int64()) if _fits(values, 0) else None
    except pa.ArrowInvalid:
        return None


def _fits(values: pa.Array, scale: int) -> bool:
    """Whether no number has too many digits before the point.

    pyarrow 26 checks this after multiplying in 128 bits: with enough digits the product wraps, and passes as another number.
    """
    room = PRECISION - scale
    long: Any = pc.greater(pc.binary_length(values), room)
    risky: Any = pc.or_(long, pc.match_substring(values, "e", ignore_case=True))
    if not pc.any(risky).as_py():
        return True
    return all(whole_digits(text) <= room for text in values.filter(risky).to_pylist())


def _validity(array: pa.Array) -> pa.Buffer | None:
    return array.buffers()[0] if array.null_count else None


def _rebuilt(array: pa.Array, type_: pa.DataType, buffers: list[Any], children: list[pa.Array]) -> pa.Array:
    assert array.offset == 0
    return pa.Array.from_buffers(type_, len(array), buffers, array.null_count, 0, children)


def _with_raw_text(data: bytes, plan: Plan, member: str) -> bytes:
    """Returns the lines with `{"J": text}` in place of values that become JSON text. Uses Python's parser: slow, any depth."""
    nodes = {column.original: column.node for column in plan.columns}
    lines: list[str] = []
    for line in data.rstrip(b"\n").split(b"\n"):
        _, item = typed_value({"M": read_item(line, member)})
        lines.append(json.dumps({member: _fields(item, nodes, plan.keeps_nulls)}, ensure_ascii=False))
    return "\n".join(lines).encode()


def _fields(values: dict[str, Any], nodes: dict[str, Node], keeps: bool) -> dict[str, Any]:
    return {name: _replaced(value, nodes.get(name), keeps) for name, value in values.items()}


def _replaced(value: Any, node: Node | None, keeps: bool) -> dict[str, Any] | None:
    typed_value(value)
    if node is not None and node.text is not None:
        return {"J": raw_text(value)}
    if node is not None and "M" in value:
        return {"M": _fields(value["M"], node.fields or {}, keeps)}
    if node is not None and "L" in value and node.element is not None:
        return {"L": [_replaced(element, node.element, keeps) for element in value["L"]]}
    return None if "NULL" in value and not keeps else value
