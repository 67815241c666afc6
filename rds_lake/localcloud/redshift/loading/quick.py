"""Parses blocks of plain delimited text with Arrow, if every value has the simplest form; `delimited.py` reads all other blocks.

Value by value, a COPY of six million lines would take minutes. Both ways read the same rows: a block with a text that is too long,
a NULL in a NOT NULL column, or another form of a number is left to `delimited.py`, which can also name the bad value.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv as pv

from rds_lake.localcloud.redshift.engine.tables import Column
from rds_lake.localcloud.redshift.loading.arrow import arrow_type
from rds_lake.localcloud.redshift.loading.options import Copy
from rds_lake.localcloud.redshift.sql.types import ColumnType

pc: Any = pyarrow.compute  # its functions are created at import, unseen by type checkers
_BLOCK = 8 * 1024 * 1024
_SLOW = frozenset({"ESCAPE", "REMOVEQUOTES", "FILLRECORD", "BLANKSASNULL", "TRIMBLANKS", "ROUNDEC", "TRUNCATECOLUMNS",
                   "ACCEPTANYDATE", "IGNOREBLANKLINES"})  # fmt: skip
_FORMS = {
    "smallint": r"^-?\d{1,4}$", "integer": r"^-?\d{1,9}$", "bigint": r"^-?\d{1,18}$", "date": r"^\d{4}-\d\d-\d\d$",
    "timestamp without time zone": r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$",
    "double precision": r"^-?\d{1,17}(\.\d{1,17})?$", "real": r"^-?\d{1,17}(\.\d{1,17})?$",
}  # fmt: skip


def is_plain(copy: Copy) -> bool:
    """Whether every line feed ends a line, and every delimiter a value."""
    changed = copy.dateformat or copy.timeformat or copy.accept or copy.encoding != "utf-8"
    return copy.format == "TEXT" and not changed and not copy.flags & _SLOW and copy.delimiter not in "\r\n"


def blocks(content: io.BufferedIOBase) -> Iterator[tuple[int, bytes]]:
    """Returns parts of a file, each with whole lines and the number of lines before it."""
    before = 0
    while block := content.read(_BLOCK):
        block += content.readline()
        yield before, block
        before += block.count(b"\n")


def table_of(copy: Copy, columns: Sequence[Column], block: bytes) -> pa.Table | None:
    """Returns a block's rows; None unless it is certain that `delimited.py` would read the same."""
    if b"\r" in block or b"\n\n" in block or block.startswith(b"\n"):
        return None
    ends = block.partition(b"\n")[0].count(copy.delimiter.encode()) == len(columns)
    names = [f"c{number}" for number in range(len(columns) + ends)]
    try:
        read = pv.read_csv(
            pa.BufferReader(block),
            read_options=pv.ReadOptions(column_names=names, use_threads=False, block_size=2 * _BLOCK),
            parse_options=pv.ParseOptions(delimiter=copy.delimiter, quote_char=False, escape_char=False),
            convert_options=pv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
        if ends and pc.any(pc.not_equal(read.column(len(columns)), "")).as_py():
            return None
        arrays = [_made(read.column(number), column, copy) for number, column in enumerate(columns)]
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    known = [array for array in arrays if array is not None]
    return pa.table(known, names=names[: len(columns)]) if len(known) == len(arrays) else None


def _made(texts: pa.ChunkedArray, column: Column, copy: Copy) -> pa.ChunkedArray | None:
    kind = column.kind
    nothing = pc.equal(texts, copy.null)
    if not kind.is_text or "EMPTYASNULL" in copy.flags:
        nothing = pc.or_(nothing, pc.equal(texts, ""))
    values = pc.if_else(nothing, pa.scalar(None, pa.string()), texts)
    if values.null_count and not column.nullable:
        return None
    if kind.is_text:
        return _fitting(values, kind)
    form = _form(kind)
    if form is None or pc.any(pc.invert(pc.match_substring_regex(values, form))).as_py():
        return None
    return values.cast(arrow_type(kind))


def _fitting(values: pa.ChunkedArray, kind: ColumnType) -> pa.ChunkedArray | None:
    texts = pc.utf8_rtrim(values, " ") if kind.is_char else values
    longest = pc.max(pc.binary_length(texts)).as_py() or 0
    if longest > kind.size or (kind.is_char and not pc.all(pc.string_is_ascii(texts)).as_py() and len(texts)):
        return None
    return texts


def _form(kind: ColumnType) -> str | None:
    if kind.word != "numeric":
        return _FORMS.get(kind.word)
    whole = kind.size - kind.scale
    fraction = rf"(\.\d{{1,{kind.scale}}})?" if kind.scale else ""
    return rf"^-?\d{{1,{whole}}}{fraction}$" if whole else None
