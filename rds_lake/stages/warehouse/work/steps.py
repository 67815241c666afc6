"""A step, forty statements at a time; an error names the statement and its line in the file."""

from __future__ import annotations

from dataclasses import replace

from rds_lake.aws.warehouse.redshift_data import StatementState
from rds_lake.model.warehouse.plan import Step
from rds_lake.model.warehouse.record import Piece, PieceState
from rds_lake.sql.warehouse.steps import sections_of, statement_at
from rds_lake.stages.warehouse.work.statements import MOST_ATTEMPTS, again, failed, is_conflict

_SHOWN = 120


def ended(piece: Piece, step: Step, state: StatementState) -> Piece:
    """Returns the step after its statements have ended."""
    sections = sections_of(step)
    if not state.is_good:
        return _failed(piece, step, state)
    rows = next((part.rows for part in reversed(state.parts) if part.rows is not None), piece.rows)
    piece = replace(piece, rows=rows, seconds=(piece.seconds or 0) + (state.seconds or 0))
    if piece.at + 1 < len(sections):
        return replace(piece, at=piece.at + 1, statement=None)
    return replace(piece, state=PieceState.DONE)


def _failed(piece: Piece, step: Step, state: StatementState) -> Piece:
    section = sections_of(step)[piece.at]
    part = state.failed_part
    error = (state.parts[part].error if part is not None else "") or state.error or f"it is {state.status}"
    # Only a statement without effects may be repeated.
    whole = section.together and not piece.at
    if is_conflict(error) and whole and piece.attempt < MOST_ATTEMPTS:
        return again(piece)
    if state.status != "FAILED":
        return failed(piece, f"step {piece.name} was cancelled")
    if part is None:
        return failed(piece, f"step {piece.name}: {error}")
    number, of, statement = statement_at(step, piece.at, part)
    begins = " ".join(statement.sql.split())[:_SHOWN]
    left = "its changes were rolled back" if whole else "the statements before it were kept"
    return failed(
        piece,
        f"step {piece.name}: statement {number} of {of}, line {statement.line} of {piece.name}.sql, failed: {error}; {left}. It "
        f"begins: {begins}",
    )
