"""DynamoDB values as plain JSON text, for attributes that cannot be a typed column.

    {"N": "10"}                          10          the digits as they are, never through float
    {"S": "10%"}                         "10%"
    {"M": {"a": {"NULL": true}}}         {"a":null}
    {"SS": ["x"]}, {"L": [{"S": "x"}]}   ["x"]       a set looks like a list
    {"B": "aGk="}                        "aGk="      binary stays base64

Keys are sorted by their quoted text, so that equal items give equal text on every date. Three implementations give the same text:
`mixed_text` uses parsed arrays, a whole column at a time; `rules/raw_text.py` one value in Python, if it must not be parsed into
arrays; `native/json_text.h` makes it while it reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from rds_lake.convert.local.kernels import pc
from rds_lake.convert.rules.numbers import json_number
from rds_lake.convert.rules.raw_text import quoted
from rds_lake.convert.rules.tree import Node

_TO_ESCAPE = '["\\\\\\x00-\\x1f]'
_ODD_NUMBER = r"^(-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?)$"


def mixed_text(array: pa.Array, node: Node) -> pa.Array:
    """Returns wrapped values (a struct with a field per type) as JSON text; null for a missing value, or NULL."""
    if node.text is not None:
        return array.field("J")
    made = [_content(tag, array.field(tag), node) for tag in node.tags if tag != "NULL"]
    if not made:
        return pa.nulls(len(array), pa.string())
    return made[0] if len(made) == 1 else pc.coalesce(*made)


def _content(tag: str, values: pa.Array, node: Node) -> pa.Array:
    if tag in ("S", "B"):
        return strings_text(values)
    if tag == "N":
        return _numbers(values)
    if tag == "BOOL":
        return values.cast(pa.string())
    if tag == "M":
        return _objects(values, node)
    below = values.values
    if tag == "L":
        assert node.element is not None
        texts: Any = pc.fill_null(mixed_text(below, node.element), "null")
    else:
        texts = _numbers(below) if tag == "NS" else strings_text(below)
    return lists_text(values, texts)


def strings_text(values: pa.Array) -> pa.Array:
    """Returns texts in quotes, escaped; nulls stay null."""
    special: Any = pc.fill_null(pc.match_substring_regex(values, _TO_ESCAPE), False)
    if pc.any(special).as_py():
        escaped = pa.array([quoted(text) for text in values.filter(special).to_pylist()], pa.string())
        return pc.replace_with_mask(around(values, '"', '"'), special, escaped)
    return around(values, '"', '"')


def _numbers(values: pa.Array) -> pa.Array:
    odd: Any = pc.fill_null(pc.invert(pc.match_substring_regex(values, _ODD_NUMBER)), False)
    if pc.any(odd).as_py():
        fixed = pa.array([json_number(text) for text in values.filter(odd).to_pylist()], pa.string())
        return pc.replace_with_mask(values, odd, fixed)
    return values


def _objects(values: pa.Array, node: Node) -> pa.Array:
    parts: list[pa.Array] = []
    for name, below in sorted((node.fields or {}).items(), key=lambda pair: quoted(pair[0])):
        wrapped = values.field(name)
        text = mixed_text(wrapped, below)
        if "NULL" in below.plain and below.text is None:
            text = pc.if_else(pc.fill_null(wrapped.field("NULL"), False), "null", text)
        parts.append(around(text, f"{quoted(name)}:", ""))
    inside = joined(parts, len(values))
    return pc.if_else(values.is_valid(), around(inside, "{", "}"), pa.scalar(None, pa.string()))


def joined(parts: Sequence[pa.Array], length: int) -> pa.Array:
    """Returns the parts of each row joined by commas, without nulls; an empty text for a row without parts."""
    if not parts:
        return pa.array([""] * length, pa.string())
    # With null_handling="skip" pyarrow 26 gives no row at all where every part is null.
    ended = [around(part, "", ",") for part in parts]
    whole = pc.binary_join_element_wise(*ended, "", null_handling="replace", null_replacement="")
    return pc.ascii_rtrim(whole, ",")


def lists_text(values: pa.Array, texts: pa.Array) -> pa.Array:
    """Returns `[a,b]` for each list. `texts`: the texts of the values of all lists, one after the other."""
    mask = values.is_null() if values.null_count else None
    lists = pa.ListArray.from_arrays(values.offsets, texts, mask=mask)
    return around(pc.binary_join(lists, ","), "[", "]")


def around(values: pa.Array, before: str, after: str) -> pa.Array:
    """Returns each text with `before` and `after` around it; nulls stay null."""
    return pc.binary_join_element_wise(before, values, after, "")
