"""The work of one turn: finds statements that have ended, continues their pieces, and sends what can run now.

Nothing here waits for AWS, except one long poll that the caller may request. A killed turn can be repeated: statements are
found by their names, objects are written again, and the record has only facts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rds_lake.aws.warehouse.redshift_data import StatementState
from rds_lake.errors import AwsError, ManifestError, ThrottledError
from rds_lake.model.warehouse.orders import Section
from rds_lake.model.warehouse.record import Piece, PieceKind, PieceState, RunRecord
from rds_lake.model.warehouse.target import Target
from rds_lake.sql.warehouse.steps import sections_of
from rds_lake.stages.warehouse.loading import load
from rds_lake.stages.warehouse.loading.load_errors import answered, question
from rds_lake.stages.warehouse.loading.orders import are_prepared, prepare
from rds_lake.stages.warehouse.unloading import unload
from rds_lake.stages.warehouse.work import steps
from rds_lake.stages.warehouse.work.ready import ready
from rds_lake.stages.warehouse.work.run_context import RunContext
from rds_lake.stages.warehouse.work.statements import again, failed, send


def advance(record: RunRecord, target: Target, context: RunContext) -> RunRecord:
    """Returns the record after one turn. Only its pieces change; the work is done when each `has_ended`.

    Raises TransientError if AWS cannot be reached: the same turn is repeated later.
    """
    turn = _Turn(record, target, context)
    turn.look(wait_seconds=0)
    turn.send()
    if context.wait_seconds and turn.record.pieces == record.pieces:
        turn.look(wait_seconds=context.wait_seconds)
        turn.send()
    return turn.record


def cancel(record: RunRecord, target: Target, context: RunContext) -> RunRecord:
    """Requests the end of all statements of the run, also unrecorded ones. It is repeated until all pieces have ended.

    Waiting pieces are not started. A piece that still succeeds is DONE.
    """
    active = {
        statement_state.id for statement_state in context.data.named(context.statements) if statement_state.is_active
    }
    for statement in active:
        context.data.cancel(statement)
    turn = _Turn(record, target, context)
    for piece in record.pieces:
        if piece.state is PieceState.WAITING or (piece.state is PieceState.RUNNING and piece.statement not in active):
            turn.keep(turn.last_look(piece))
    return turn.record


class _Turn:
    def __init__(self, record: RunRecord, target: Target, context: RunContext) -> None:
        self.record, self._target, self._context = record, target, context
        self._steps = {each.name: each for each in record.plan.steps}
        self._unloads = {each.name: each for each in record.plan.unloads}

    def keep(self, piece: Piece) -> None:
        """Stores the piece's new state."""
        same = (piece.kind, piece.name)
        pieces = tuple(piece if (stored.kind, stored.name) == same else stored for stored in self.record.pieces)
        self.record = replace(self.record, pieces=pieces)

    def look(self, *, wait_seconds: int) -> None:
        """Finds statements that have ended; waits only for the first one."""
        for piece in self._running():
            if piece.statement is None:
                continue
            state = self._context.data.look(piece.statement, wait_seconds=wait_seconds)
            wait_seconds = 0
            if state is None:
                self.keep(_forgotten(piece))
            elif not state.is_active:
                self.keep(self._ended(piece, state))
            elif piece.kind is PieceKind.UNLOAD and unload.is_too_large(
                piece, self._unloads[piece.name], self._context
            ):
                self._context.data.cancel(piece.statement)
                self.keep(failed(piece, unload.too_large(self._unloads[piece.name])))

    def last_look(self, piece: Piece) -> Piece:
        """Returns a piece of a cancelled run after its statement ended: DONE if it succeeded before, otherwise FAILED."""
        if piece.statement is not None and piece.kind is not PieceKind.UNLOAD and piece.asking is None:
            state = self._context.data.look(piece.statement)
            ended = self._ended(piece, state) if state is not None and state.is_good else piece
            if ended.state is PieceState.DONE:
                return ended
        return failed(piece, f"{piece.kind.value} {piece.name} was cancelled")

    def send(self) -> None:
        """Sends the next statement of running pieces, then starts further pieces, until Redshift has no place."""
        self._prepare()
        for piece in self._running():
            if piece.statement is None and not self._sent(piece):
                return
        while True:
            self.record, begin = ready(self.record, self._context.parallel)
            if not begin:
                return
            for piece in begin:
                if not self._sent(piece):
                    return

    def _prepare(self) -> None:
        """Decides the statements of all loads before the first one. If one load has a problem, none is loaded."""
        waiting = [p for p in self.record.pieces if p.kind is PieceKind.LOAD and p.state is PieceState.WAITING]
        if not waiting or are_prepared(self._context):
            return
        problems = prepare(self.record.plan, self._target, self._context)
        if not problems:
            return
        for piece in self.record.pieces:
            if piece.kind is PieceKind.LOAD and piece.name in problems:
                self.keep(failed(piece, problems[piece.name]))
            elif not piece.has_ended:
                self.keep(
                    replace(
                        piece,
                        state=PieceState.SKIPPED,
                        error=f"nothing was loaded, since {len(problems)} loads cannot be done",
                    )
                )

    def _sent(self, piece: Piece) -> bool:
        """Sends the piece's current statement. Returns False if Redshift has no place."""
        try:
            several = piece.kind is PieceKind.STEP and len(sections_of(self._steps[piece.name])) > 1
            self.keep(send(piece, self._section(piece), self._target, self._context, keep_session=several))
        except ThrottledError:
            return False
        except (AwsError, ManifestError) as error:
            self.keep(failed(piece, f"{piece.kind.value} {piece.name}: {error}"))
        return True

    def _section(self, piece: Piece) -> Section:
        if piece.asking is not None:
            return question(piece.asking)
        if piece.kind is PieceKind.LOAD:
            return load.section_of(piece, self._context)
        if piece.kind is PieceKind.STEP:
            return sections_of(self._steps[piece.name])[piece.at]
        return unload.section_of(piece, self._unloads[piece.name], self._target, self._context)

    def _ended(self, piece: Piece, state: StatementState) -> Piece:
        if piece.asking is not None:
            return failed(piece, answered(piece, state, self._context))
        if piece.kind is PieceKind.LOAD:
            return load.ended(piece, state, self._context)
        if piece.kind is PieceKind.STEP:
            return steps.ended(piece, self._steps[piece.name], state)
        return unload.ended(piece, self._unloads[piece.name], state, self.record, self._context)

    def _running(self) -> Iterable[Piece]:
        return [piece for piece in self.record.pieces if piece.state is PieceState.RUNNING]


def _forgotten(piece: Piece) -> Piece:
    """Handles a piece whose statement Redshift no longer knows (after a day), so that its result is unknown."""
    if piece.kind is PieceKind.STEP:
        why = "Redshift no longer knows its statement, so its result is unknown; check the step's tables, then start the run again"
        return failed(piece, f"step {piece.name}: {why}")
    return again(piece)
