"""The compiled parser, if it was built: it reads chunks that fit the plan into columns, without pyarrow's JSON reader.

It is optional: `native/parser.c` is built when the package is installed on a machine with a C compiler. Without it `wrapped.py`
reads everything, with equal values at about half of the speed (docs/decisions/0016). `wrapped.py` also reads chunks that do not
fit the plan, so that only Python extends the schema and refuses input.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any
from weakref import finalize

import pyarrow as pa

from rds_lake.convert.local.plan import Plan
from rds_lake.convert.rules.columns import Column, Kind
from rds_lake.convert.rules.tree import TAGS, Node

_VERSION = 3
_LARGEST = 2**31 - 2**20  # offsets have 32 bits, and no column is longer than the chunk
_WORDS = 6  # bits of a `place` in columns.h
_DESCRIPTION = struct.Struct("=8i")  # `description` in columns.h
INSTALL = "pip install --editable . (or make setup) where a C compiler is: apt-get install gcc libc6-dev"


class Left(Enum):
    """Why Python has to read a chunk: it has an attribute or type that is not in the plan, or anything else."""

    NEW = -1
    ODD = -2


@dataclass(frozen=True, slots=True)
class _Described:
    """One node in the form that the library needs; its children follow. `name`: the attribute's; `tags`: a bit per type of `TAGS`."""

    kind: str
    name: str
    children: int
    tag: str = ""
    tags: int = 0
    scale: int = 0
    free_form: bool = False


_KINDS = ("TEXT", "NUMBER", "INTEGER", "DECIMAL", "BOOL", "BINARY", "LIST", "STRUCT", "JSON", "NOTHING", "BELOW")


@cache
def library() -> ctypes.CDLL | None:
    """Returns the compiled parser; None if it was not built, or was built for another system or another release of rds-lake."""
    for suffix in EXTENSION_SUFFIXES:
        path = Path(__file__).parent.parent / f"_parser{suffix}"
        if path.exists():
            try:
                lib = ctypes.CDLL(str(path))
            except OSError:  # built for another system; the run's log says that the portable parser was used
                return None
            return _declared(lib) if lib.rl_version() == _VERSION else None
    return None


def _declared(lib: ctypes.CDLL) -> ctypes.CDLL:
    pointer, size = ctypes.c_void_p, ctypes.c_int64
    lib.rl_open.argtypes, lib.rl_open.restype = [ctypes.c_char_p, ctypes.c_char_p, size], pointer
    lib.rl_parse.argtypes, lib.rl_parse.restype = [pointer, ctypes.c_char_p, size], size
    lib.rl_lines.argtypes, lib.rl_lines.restype = [ctypes.c_char_p, size], size
    lib.rl_stopped.argtypes, lib.rl_stopped.restype = [pointer], size
    lib.rl_lay_out.argtypes, lib.rl_lay_out.restype = [pointer, pointer], size
    lib.rl_copy.argtypes, lib.rl_copy.restype = [pointer, pointer, pointer], None
    lib.rl_close.argtypes, lib.rl_close.restype = [pointer], None
    return lib


def count_lines(data: bytes) -> int:
    """Returns the number of line feeds, counted by the library if it was built."""
    lib = library()
    return data.count(b"\n") if lib is None else lib.rl_lines(data, len(data))


class Parser:
    """Reads chunks for one plan, in one thread at a time. Its working memory is reused for each chunk."""

    def __init__(self, lib: ctypes.CDLL, plan: Plan, member: str) -> None:
        self.plan = plan
        self._library = lib
        self._columns = list(_columns(plan.columns))
        columns, names, count = described_as_bytes(plan, member)
        self._places = (ctypes.c_int64 * (_WORDS * (1 + len(self._columns))))()
        self._reader = lib.rl_open(columns, names, len(names))
        if not self._reader:
            raise MemoryError(f"no memory for a parser of {count:,} columns")
        finalize(self, lib.rl_close, self._reader)

    @property
    def stopped(self) -> int:
        """Returns the offset in the last chunk of the line that did not fit."""
        return self._library.rl_stopped(self._reader)

    def parse(self, data: bytes, lines: int) -> pa.RecordBatch | Left:
        """Returns the items of `lines` lines as columns of the plan, or why Python has to read the chunk."""
        if len(data) > _LARGEST:
            return Left.ODD
        items = self._library.rl_parse(self._reader, data, len(data))
        if items != lines:
            return Left(items) if items < 0 else Left.ODD
        size = self._library.rl_lay_out(self._reader, self._places)
        if size < 0:
            return Left.ODD
        memory = pa.allocate_buffer(size)
        self._library.rl_copy(self._reader, self._places, memory.address)
        places = iter(self._places[_WORDS:])  # the first is the item itself
        built = _Building(memory, places)
        try:
            arrays = [built.array(column) for column in self.plan.columns]
            batch = pa.RecordBatch.from_arrays(arrays, schema=self.plan.schema)
            # Checks that texts are UTF-8, and detects errors of the parser, which writes to memory directly.
            batch.validate(full=True)
        except pa.ArrowInvalid:
            return Left.ODD
        return batch


@dataclass(frozen=True, slots=True)
class _Building:
    """Builds arrays in one piece of memory, at the places that the library returned, in the order of the columns."""

    memory: pa.Buffer
    places: Iterator[int]

    def array(self, column: Column) -> pa.Array:
        length, nulls, valid, ends, values, size = (next(self.places) for _ in range(_WORDS))
        if column.kind is Kind.NOTHING:
            return pa.nulls(length, pa.string())
        buffers = [self.memory.slice(valid, (length + 7) // 8) if valid >= 0 else None]
        if ends >= 0:
            buffers.append(self.memory.slice(ends, 4 * (length + 1)))
        if values >= 0:
            buffers.append(self.memory.slice(values, size))
        below = [self.array(inner) for inner in column.below]
        if pa.types.is_float64(column.type):
            text: Any = pa.Array.from_buffers(pa.string(), length, buffers, nulls)
            return text.cast(column.type)
        return pa.Array.from_buffers(column.type, length, buffers, nulls, 0, below)


def _columns(columns: Sequence[Column]) -> Iterator[Column]:
    """Returns all columns, also nested ones, in the order of their descriptions."""
    for column in columns:
        yield column
        yield from _columns(column.below)


def _described(columns: Sequence[Column]) -> Iterator[_Described]:
    for column in columns:
        if column.kind in (Kind.MIXED, Kind.RAW):
            yield from _text(column.original, column.node, "JSON")
        else:
            scale = column.type.scale if pa.types.is_decimal(column.type) else 0
            yield _Described(_kind(column), column.original, len(column.below), column.tag, scale=scale)
            yield from _described(column.below)


def _kind(column: Column) -> str:
    """Returns the library's code for a typed column."""
    if column.kind is not Kind.NUMBER:
        return column.kind.name
    if pa.types.is_decimal(column.type):
        return "DECIMAL"
    return "INTEGER" if pa.types.is_int64(column.type) else "NUMBER"


def _text(name: str, node: Node, kind: str) -> Iterator[_Described]:
    """Yields an attribute that becomes JSON text, and the nodes below: first elements of its lists, then fields of its maps."""
    if node.text is not None:
        yield _Described(kind, name, 0, free_form=True)
        return
    tags = sum(1 << TAGS.index(tag) for tag in {*node.tags, "NULL"})
    fields = sorted((node.fields or {}).items())
    yield _Described(kind, name, (node.element is not None) + len(fields), tags=tags)
    if node.element is not None:
        yield from _text("", node.element, "BELOW")
    for below, inner in fields:
        yield from _text(below, inner, "BELOW")


def described_as_bytes(plan: Plan, member: str) -> tuple[bytes, bytes, int]:
    """Returns the plan for the library: an array of `description` (columns.h), all names in one text, the number of nodes."""
    described = [_Described("STRUCT", member, len(plan.columns)), *_described(plan.columns)]
    packed, names = bytearray(), bytearray()
    for node in described:
        name, tag = node.name.encode("utf-8"), TAGS.index(node.tag) if node.tag else -1
        numbers = (
            _KINDS.index(node.kind),
            tag,
            node.tags,
            node.scale,
            node.free_form,
            node.children,
            len(names),
            len(name),
        )
        packed += _DESCRIPTION.pack(*numbers)
        names += name
    return bytes(packed), bytes(names), len(described)
