"""One turn of a run: looks at AWS, takes the next steps, and writes the new state. It does not wait.

    CREATING   lease and stack, until statements can be sent
    WORKING    loads, steps and unloads run
    REMOVING   statements are cancelled, staging and stack are removed, for any reason of the end
    ENDED

Dagster's sensor, a waiting asset and the command all take turns. Two at once do no harm: the one that writes later finds the
record changed and keeps it; if the run has ended by that record, it removes what it may have begun (`late.py`). A killed turn
is repeated by the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.errors import ConflictError, LeaseLostError, RdsLakeError, StackError, TransientError
from rds_lake.model.warehouse.record import Phase, Piece, PieceState, RunRecord
from rds_lake.model.warehouse.target import Target
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.warehouse.cost import over_budget
from rds_lake.stages.warehouse.late import take_back
from rds_lake.stages.warehouse.lease import keep_alive, overtime
from rds_lake.stages.warehouse.records import StoredRun, get_run, write_run
from rds_lake.stages.warehouse.remove import take_down
from rds_lake.stages.warehouse.stack import NotYet, bring_up
from rds_lake.stages.warehouse.warehouse import Warehouse
from rds_lake.stages.warehouse.work.advance import advance, cancel
from rds_lake.stages.warehouse.work.run_context import RunContext

_ENDING = (Phase.REMOVING, Phase.ENDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """The inputs of turns of one warehouse. `lake`: for records. `context`: returns the context of a run."""

    lake: Lake
    warehouse: Warehouse
    context: Callable[[RunRecord], RunContext]
    clock: Callable[[], datetime]

    @property
    def settings(self) -> WarehouseSettings:
        return self.warehouse.settings


def take_turn(works: Works, run: str) -> RunRecord:
    """Returns the run after one turn. Raises TransientError if AWS does not answer; then the next turn tries again."""
    return turn_of(works, get_run(works.lake, works.settings.name, run))


def turn_of(works: Works, stored: StoredRun) -> RunRecord:
    """Like `take_turn`, for a record that was just read."""
    record = stored.record
    if record.phase is Phase.ENDED:
        return record
    after = _turned(works, record)
    if after == record:
        return record
    return _written(works, stored, after)


def _turned(works: Works, record: RunRecord) -> RunRecord:
    try:
        match record.phase:
            case Phase.CREATING:
                return _create(works, record)
            case Phase.WORKING:
                return _work(works, record)
            case _:
                return _remove(works, record)
    except TransientError:
        raise
    except RdsLakeError as error:
        if record.phase is Phase.REMOVING:
            raise  # a person has to act, and the run stays open until then
        return _removing(works, record, _lost(works, record, error) or str(error))


def _create(works: Works, record: RunRecord) -> RunRecord:
    if refused := over_budget(record, works.settings, works.clock()):
        return _removing(works, record, refused)
    up = bring_up(works.warehouse, record.plan)
    if isinstance(up, NotYet):
        return replace(record, waiting=up.why)
    # The next turn sends statements, so that the record allows for statements before the first one exists.
    return replace(record, phase=Phase.WORKING, target=up, worked_from=works.clock(), waiting=None)


def _work(works: Works, record: RunRecord) -> RunRecord:
    try:
        lease = keep_alive(works.warehouse, record.plan.run)
    except LeaseLostError as error:
        return _ended(works, replace(record, error=str(error)))
    if too_long := overtime(lease, works.settings, works.clock()):
        return _removing(works, record, too_long)
    if refused := over_budget(record, works.settings, works.clock()):
        return _removing(works, record, refused)
    record = advance(record, _target(record), works.context(record))
    if all(piece.has_ended for piece in record.pieces):
        wrong = failures(record)
        return _removing(works, record, wrong and (_lost(works, record) or wrong))
    return record


def _lost(works: Works, record: RunRecord, error: RdsLakeError | None = None) -> str | None:
    """Returns the message that the run lost its warehouse, which explains missing objects; None if it did not."""
    if record.phase is not Phase.WORKING and not isinstance(error, StackError):
        return None  # it may not have had it yet
    try:
        keep_alive(works.warehouse, record.plan.run)
    except LeaseLostError as lost:
        return str(lost)
    return None


def _remove(works: Works, record: RunRecord) -> RunRecord:
    if record.target is not None and not all(piece.has_ended for piece in record.pieces):
        record = _cancelled(works, record)
    if left := take_down(works.warehouse, record.plan.run):
        waiting = ", ".join(f"{thing.kind} {thing.name} ({thing.state})" for thing in left)
        return replace(record, waiting=f"waits until it is gone: {waiting}")
    return _ended(works, record)


def _cancelled(works: Works, record: RunRecord) -> RunRecord:
    """Returns the run after its statements were asked to end. Statements that cannot be reached end in `take_down`."""
    try:
        return cancel(record, _target(record), works.context(record))
    except RdsLakeError:
        return record


def _removing(works: Works, record: RunRecord, error: str | None) -> RunRecord:
    until = works.clock() if record.worked_from is not None else None
    return replace(record, phase=Phase.REMOVING, error=error, worked_until=until, waiting=None)


def _ended(works: Works, record: RunRecord) -> RunRecord:
    why = "the run ended before it was started"
    pieces = tuple(piece if piece.has_ended else _skipped(piece, why) for piece in record.pieces)
    return replace(record, phase=Phase.ENDED, pieces=pieces, ended_at=works.clock(), waiting=None)


def _skipped(piece: Piece, why: str) -> Piece:
    if piece.state is PieceState.RUNNING:
        return replace(piece, state=PieceState.FAILED, error=piece.error or f"{piece.kind} {piece.name} was cancelled")
    return replace(piece, state=PieceState.SKIPPED, error=piece.error or why)


def _target(record: RunRecord) -> Target:
    assert record.target is not None, "a run that works has a target"
    return record.target


def failures(record: RunRecord) -> str | None:
    """Returns the reasons of all failed loads, steps and unloads as one text; None if none failed."""
    failed = [piece for piece in record.pieces if piece.state is PieceState.FAILED]
    skipped = sum(piece.state is PieceState.SKIPPED for piece in record.pieces)
    if not failed and not skipped:
        return None
    lines = [str(piece.error) for piece in failed]
    lines += [f"{skipped} more were not started, as they depend on what failed"] if skipped else []
    return "\n".join(lines)


def _written(works: Works, stored: StoredRun, after: RunRecord) -> RunRecord:
    try:
        return write_run(works.lake, stored, after).record
    except ConflictError:
        # Another turn was faster. The objects of this one have names that follow from the run, by which the next turn finds them.
        now = get_run(works.lake, works.settings.name, after.plan.run).record
        if now.phase in _ENDING and stored.record.phase not in _ENDING:
            take_back(works.warehouse, after.plan)  # there may be no next turn to find them
        return now
