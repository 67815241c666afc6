"""Decodes base64 text to bytes, a whole column at a time, in Arrow's buffers: without a Python object per value."""

from __future__ import annotations

import binascii
from typing import Any

import pyarrow as pa

from rds_lake.convert.local.kernels import pc


def decode_base64(texts: pa.Array) -> pa.Array:
    """Returns the string array's values decoded; nulls stay null. ValueError if a value is not base64 with padding."""
    if len(texts) == texts.null_count:
        return pa.nulls(len(texts), pa.binary())
    lengths: Any = pc.binary_length(texts)
    if pc.any(pc.not_equal(pc.bit_wise_and(lengths, 3), 0)).as_py():
        raise ValueError("a binary value is not base64 with padding")
    whole = _decode_whole(texts)
    two: Any = pc.ends_with(texts, "==")
    one_padding: Any = pc.ends_with(texts, "=")
    if not pc.any(one_padding).as_py():
        return whole
    cut = pc.if_else(two, pc.binary_slice(whole, 0, -2), pc.binary_slice(whole, 0, -1))
    return pc.if_else(one_padding, cut, whole)


def _decode_whole(texts: pa.Array) -> pa.Array:
    """Decodes with `A` in place of the padding, so that four characters are always three bytes."""
    valid, offsets, characters = texts.buffers()
    bounds = pa.Array.from_buffers(pa.int32(), len(texts) + 1, [None, offsets], offset=texts.offset)
    first, last = bounds[0].as_py(), bounds[len(texts)].as_py()
    plain = characters.slice(first, last - first).to_pybytes() if characters is not None else b""
    if plain.count(b"=") > 2 * len(texts):
        raise ValueError("a binary value has padding in its middle")
    decoded = binascii.a2b_base64(plain.replace(b"=", b"A"), strict_mode=True)
    moved: Any = pc.multiply(pc.shift_right(pc.subtract(bounds, first), pa.scalar(2, pa.int32())), 3)
    moved = moved.cast(pa.int32())
    mask = texts.is_valid().buffers()[1] if texts.null_count else None
    del valid
    return pa.Array.from_buffers(pa.binary(), len(texts), [mask, moved.buffers()[1], pa.py_buffer(decoded)])
