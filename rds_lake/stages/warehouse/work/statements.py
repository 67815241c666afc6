"""Sends statements of a run, and finds sent ones again.

A piece's statement has a name and a token that follow from run, piece, attempt and number. Before one is sent, the name is
looked up: after a kill between the start and the record, the statement is found by it, even when Redshift has forgotten the
token after eight hours.
"""

from __future__ import annotations

from dataclasses import replace

from rds_lake.aws.warehouse.redshift_data import Begun
from rds_lake.model.warehouse.orders import Section
from rds_lake.model.warehouse.record import Piece, PieceState
from rds_lake.model.warehouse.statement_names import statement_name
from rds_lake.model.warehouse.target import Target
from rds_lake.stages.warehouse.work.run_context import RunContext

MOST_ATTEMPTS = 5
# Another transaction was first; a repetition mostly succeeds.
# https://docs.aws.amazon.com/redshift/latest/dg/r_lock_command.html
_CONFLICT = "1023"


def send(piece: Piece, section: Section, target: Target, context: RunContext, *, keep_session: bool = False) -> Piece:
    """Returns the piece with its statement running: one already sent, or a new one. Raises ThrottledError if there is no place."""
    name = statement_name(context.statements, piece)
    there = next((sent_statement for sent_statement in context.data.named(name) if sent_statement.name == name), None)
    if there is not None:
        state = context.data.look(there.id) if keep_session else None
        begun = Begun(id=there.id, session=state.session if state else None)
    else:
        begun = context.data.begin(
            target, section.sqls, name=name, together=section.together, session=piece.session, keep_session=keep_session
        )
    return replace(piece, state=PieceState.RUNNING, statement=begun.id, session=begun.session or piece.session)


def is_conflict(error: str) -> bool:
    """Whether a statement failed because of a concurrent transaction."""
    return _CONFLICT in error and "erializable" in error


def again(piece: Piece) -> Piece:
    """Returns the piece at its beginning, as another attempt."""
    return replace(
        piece,
        state=PieceState.WAITING,
        attempt=piece.attempt + 1,
        at=0,
        statement=None,
        asking=None,
        session=None,
        error=None,
    )


def failed(piece: Piece, error: str) -> Piece:
    """Returns the piece as failed."""
    return replace(piece, state=PieceState.FAILED, asking=None, error=error)
