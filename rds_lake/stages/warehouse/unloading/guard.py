"""Estimates whether a result fits into one file before it is written: counts its rows and measures some of them.

It is an estimate from the first rows. So a result is refused here only if it would be more than twice the limit; a smaller one
is watched while it is written (`unload.py`), and its files are counted afterwards.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

from rds_lake.aws.warehouse.redshift_data import StatementState
from rds_lake.model.warehouse.orders import Section
from rds_lake.model.warehouse.plan import FileFormat, Unload
from rds_lake.model.warehouse.record import Piece
from rds_lake.sql.warehouse.statements import MOST_BYTES
from rds_lake.sql.warehouse.unloading import render_guard
from rds_lake.stages.warehouse.work.run_context import RunContext

SAMPLE = 500
_MARGIN = 2
_GIB = 1024**3


def is_guard(piece: Piece, unload: Unload) -> bool:
    """Whether the piece is at the estimate before the UNLOAD of a single file."""
    return unload.single_file and piece.at == 0 and _asks(unload)


def guard_section(unload: Unload) -> Section:
    """Returns the statements of the estimate."""
    return Section(sqls=render_guard(unload, SAMPLE))


def refusal(unload: Unload, state: StatementState, context: RunContext) -> str | None:
    """Returns why the result is not written; None if it may fit. If the estimate failed, UNLOAD itself reports the error."""
    if not state.is_good:
        return None
    ((rows,),) = context.data.rows(state.parts[0].id)
    sample = context.data.rows(state.parts[1].id)
    wanted = estimated(unload, int(rows), sample)
    if wanted <= _MARGIN * unload.most_bytes:
        return None
    return (
        f"its result has {int(rows):,} rows, about {wanted / _GIB:,.2f} GiB by an estimate from the first {len(sample):,}, but a "
        f"single file may have at most {unload.most_bytes / _GIB:,.2f} GiB (`most_gb`); nothing was written. Remove `single_file`, "
        "select fewer rows, or add `gzip`; AWS splits files above 6.2 GB"
    )


def estimated(unload: Unload, rows: int, sample: Sequence[Sequence[Any]]) -> int:
    """Returns the bytes of `rows` rows, estimated from the sample in the result's format."""
    if not sample:
        return 0
    written = (
        _json(sample)
        if unload.format is FileFormat.JSON
        else _delimited(sample, unload.delimiter or ("|" if unload.format is FileFormat.TEXT else ","))
    )
    # Parquet is compressed too, by column and less strongly, which gives about the same size.
    packed = unload.gzip or unload.format is FileFormat.PARQUET
    return len(gzip.compress(written, 1) if packed else written) * rows // len(sample)


def _delimited(sample: Iterable[Sequence[Any]], delimiter: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(sample)
    return out.getvalue().encode()


def _json(sample: Iterable[Sequence[Any]]) -> bytes:
    """Returns the sample as JSON with column names of usual length, as rows have no names."""
    return "".join(
        f"{json.dumps({f'column_{at:03}': value for at, value in enumerate(row)})}\n" for row in sample
    ).encode()


def _asks(unload: Unload) -> bool:
    """Whether there is an estimate; not if its statement would be too long for the Data API."""
    return max(len(sql.encode()) for sql in render_guard(unload, SAMPLE)) <= MOST_BYTES
