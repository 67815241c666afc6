"""A load, section by section: fills a new table, compares its rows with the expected number, and replaces the old table."""

from __future__ import annotations

import re
from dataclasses import replace

from rds_lake.aws.warehouse.redshift_data import StatementState
from rds_lake.model.warehouse.orders import LoadOrder, Section, parse_order
from rds_lake.model.warehouse.record import Piece, PieceState
from rds_lake.stages.warehouse.loading.load_errors import ask
from rds_lake.stages.warehouse.work.run_context import RunContext
from rds_lake.stages.warehouse.work.statements import MOST_ATTEMPTS, again, failed, is_conflict

_ADVICE = "correct the file or the columns' types, then start the run again"
# Redshift reads columnar files by presigned URLs that are valid for an hour.
# https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html
_OF_RIGHTS = (
    "allow Redshift's role to read it: the policy of the bucket or of the KMS key may deny it; for Parquet files, a condition "
    "on s3:signatureAge must allow 3600000 ms. Then start the run again"
)
_RIGHTS = re.compile(r"signatureAge|access ?denied|not authorized|forbidden", re.IGNORECASE)


def order_of(piece: Piece, context: RunContext) -> LoadOrder:
    """Returns the order of the load, which was decided before loading (`orders.py`)."""
    key = context.key("loads", f"{piece.name}.json")
    return parse_order(context.s3.get_text(context.bucket, key), where=context.uri(key))


def section_of(piece: Piece, context: RunContext) -> Section:
    """Returns the section of the order that the load sends next."""
    return order_of(piece, context).sections[piece.at]


def ended(piece: Piece, state: StatementState, context: RunContext) -> Piece:
    """Returns the load after its statement has ended."""
    if not state.is_good:
        return _failed(piece, state)
    order = order_of(piece, context)
    piece = replace(piece, seconds=(piece.seconds or 0) + (state.seconds or 0))
    if piece.at == order.checked:
        rows, notes, problem = _compared(order, state, context)
        piece = replace(piece, rows=rows, bytes=order.bytes, notes=(*order.notes, *notes))
        if problem:
            return failed(piece, f"load {piece.name}: {problem}")
    if piece.at + 1 < len(order.sections):
        return replace(piece, at=piece.at + 1, statement=None)
    return replace(piece, state=PieceState.DONE)


def _failed(piece: Piece, state: StatementState) -> Piece:
    number = state.failed_part
    part = state.parts[number] if number is not None else None
    error = (part.error if part else "") or state.error or f"it is {state.status}"
    if is_conflict(error) and piece.attempt < MOST_ATTEMPTS:
        return again(piece)
    advice = _OF_RIGHTS if _RIGHTS.search(error) else _ADVICE
    said = f"load {piece.name}: {error}; {advice}" if state.status == "FAILED" else f"load {piece.name} was cancelled"
    if is_conflict(error):
        said = f"load {piece.name}: {error}, {piece.attempt} times; find out what else writes to the table, then start the run again"
    asking = ask(piece, said, part.query if part else None) if state.status == "FAILED" else None
    return asking or failed(piece, said)


def _compared(order: LoadOrder, state: StatementState, context: RunContext) -> tuple[int, tuple[str, ...], str]:
    """Returns the rows of the new table, notes on lost values, and the problem with the number of rows, if any."""
    rows, lost = 0, list[tuple[str, int]]()
    wrong = ""
    for check in order.checks:
        (counts,) = context.data.rows(state.parts[check.at].id if len(state.parts) > 1 else state.id)
        lost += [(name, int(count or 0)) for name, count in zip(check.columns, counts[1:], strict=True)]
        rows = int(counts[0]) if not check.columns else rows
        if order.rows is not None and int(counts[0]) != order.rows:
            wrong = (
                f"{int(counts[0]):,} rows were loaded, but the lake's manifest has {order.rows:,}; the old table was not replaced. "
                "Check whether files of the date were changed, materialize `parquet` of it again, then start the run again"
            )
    notes = tuple(
        f"{count:,} values of {name} do not fit its type, and are NULL or shortened" for name, count in lost if count
    )
    return rows, notes, wrong
