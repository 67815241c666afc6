"""Which pieces can start: a limited number of loads, steps after the pieces they need, then unloads."""

from __future__ import annotations

from dataclasses import replace

from rds_lake.model.warehouse.record import Piece, PieceKind, PieceState, RunRecord

_LOST = (PieceState.FAILED, PieceState.SKIPPED)


def ready(record: RunRecord, parallel: int) -> tuple[RunRecord, list[Piece]]:
    """Returns the record, with pieces that can never run as SKIPPED, and the pieces to start."""
    needs = _needs(record)
    record = _skipped(record, needs)
    states = _states(record)
    before_unloads = all(piece.has_ended for piece in record.pieces if piece.kind is not PieceKind.UNLOAD)
    begin: list[Piece] = []
    for kind in PieceKind:
        running = sum(piece.kind is kind and piece.state is PieceState.RUNNING for piece in record.pieces)
        may = [
            piece
            for piece in record.pieces
            if piece.kind is kind
            and piece.state is PieceState.WAITING
            and (kind is not PieceKind.UNLOAD or before_unloads)
            and all(states[need] is PieceState.DONE for need in needs.get((piece.kind, piece.name), ()))
        ]
        begin += may[: max(parallel - running, 0)]
    return record, begin


def _needs(record: RunRecord) -> dict[tuple[PieceKind, str], tuple[str, ...]]:
    """Returns the loads and steps that steps and unloads need; an unload without names needs all."""
    everything = tuple(each.name for each in (*record.plan.loads, *record.plan.steps))
    steps = {(PieceKind.STEP, step.name): step.needs for step in record.plan.steps}
    return steps | {(PieceKind.UNLOAD, unload.name): unload.needs or everything for unload in record.plan.unloads}


def _states(record: RunRecord) -> dict[str, PieceState]:
    return {piece.name: piece.state for piece in record.pieces if piece.kind is not PieceKind.UNLOAD}


def _skipped(record: RunRecord, needs: dict[tuple[PieceKind, str], tuple[str, ...]]) -> RunRecord:
    """Returns the record with all pieces SKIPPED that depend on a failed piece, directly or indirectly."""
    while True:
        states = _states(record)
        pieces = tuple(_without(piece, needs.get((piece.kind, piece.name), ()), states) for piece in record.pieces)
        if pieces == record.pieces:
            return record
        record = replace(record, pieces=pieces)


def _without(piece: Piece, needs: tuple[str, ...], states: dict[str, PieceState]) -> Piece:
    if piece.state is not PieceState.WAITING:
        return piece
    lost = [need for need in needs if states[need] in _LOST]
    if not lost:
        return piece
    return replace(piece, state=PieceState.SKIPPED, error=f"it needs {', '.join(lost)}, which failed")
