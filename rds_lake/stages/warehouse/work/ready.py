"""Which pieces may begin now: loads up to a number, steps after what they need, unloads after all of these."""

from __future__ import annotations

from dataclasses import replace

from rds_lake.model.warehouse.record import Piece, PieceKind, PieceState, RunRecord

_LOST = (PieceState.FAILED, PieceState.SKIPPED)


def ready(record: RunRecord, parallel: int) -> tuple[RunRecord, list[Piece]]:
    """The record, in which what can never run is SKIPPED, and the pieces to begin."""
    record = _skipped(record)
    begin: list[Piece] = []
    for kind in PieceKind:
        running = sum(piece.kind is kind and piece.state is PieceState.RUNNING for piece in record.pieces)
        waiting = [piece for piece in record.pieces if piece.kind is kind and piece.state is PieceState.WAITING]
        may = [piece for piece in waiting if _may_begin(piece, record)]
        begin += may[: max(parallel - running, 0)]
    return record, begin


def needs_of(piece: Piece, record: RunRecord) -> tuple[str, ...]:
    """Names of the loads and steps a piece needs; an unload that names none needs all."""
    if piece.kind is PieceKind.LOAD:
        return ()
    if piece.kind is PieceKind.STEP:
        return next(step.needs for step in record.plan.steps if step.name == piece.name)
    named = next(unload.needs for unload in record.plan.unloads if unload.name == piece.name)
    return named or tuple(each.name for each in (*record.plan.loads, *record.plan.steps))


def _may_begin(piece: Piece, record: RunRecord) -> bool:
    before = {one.name: one for one in record.pieces if one.kind is not PieceKind.UNLOAD}
    if piece.kind is PieceKind.UNLOAD and not all(one.has_ended for one in before.values()):
        return False
    return all(before[need].state is PieceState.DONE for need in needs_of(piece, record))


def _skipped(record: RunRecord) -> RunRecord:
    """Whatever needs what failed, and what needs that, cannot run."""
    while True:
        before = {one.name: one for one in record.pieces if one.kind is not PieceKind.UNLOAD}
        pieces = tuple(_without(piece, record, before) for piece in record.pieces)
        if pieces == record.pieces:
            return record
        record = replace(record, pieces=pieces)


def _without(piece: Piece, record: RunRecord, before: dict[str, Piece]) -> Piece:
    if piece.state is not PieceState.WAITING:
        return piece
    lost = [need for need in needs_of(piece, record) if before[need].state in _LOST]
    if not lost:
        return piece
    return replace(piece, state=PieceState.SKIPPED, error=f"it needs {', '.join(lost)}, which did not end well")
