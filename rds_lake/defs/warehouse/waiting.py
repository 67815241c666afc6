"""Starts a run of a warehouse for "Materialize" and takes its turns until it ends; ended early, it is cancelled.

Other processes, such as the sensor, may take turns of the same run; that does no harm (`stages/warehouse/turn.py`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rds_lake.errors import TransientError
from rds_lake.model.warehouse.record import Phase, RunRecord
from rds_lake.model.words import counted
from rds_lake.stages.warehouse.records import cancel_run
from rds_lake.stages.warehouse.turn import Works, take_turn


def wait_for(
    works: Works, run: str, *, poll_seconds: float, sleep: Callable[[float], None], log: Callable[[str], None]
) -> RunRecord:
    """Takes turns until the run has ended, and logs every change. An error or interrupt before cancels the run."""
    with _cancelled_unless_ended(works, run, log) as ended:
        last: list[str] = []
        while True:
            try:
                record = take_turn(works, run)
            except TransientError as error:
                log(f"AWS did not answer, asking again: {error}")
                sleep(poll_seconds)
                continue
            lines = list(progress(record))
            for line in lines:
                if line not in last:
                    log(line)
            last = lines
            if record.phase is Phase.ENDED:
                ended.append(record)
                return record
            sleep(poll_seconds)


@contextmanager
def _cancelled_unless_ended(works: Works, run: str, log: Callable[[str], None]) -> Iterator[list[RunRecord]]:
    ended: list[RunRecord] = []
    try:
        yield ended
    finally:
        if not ended:
            why = "the run that waited for it was cancelled or failed"
            cancel_run(works.lake, works.settings.name, run, why=why)
            log(
                f"run {run} of warehouse {works.settings.name} is cancelled: the next turns of the sensor, or `rds-lake warehouse "
                "reap`, end its statements and remove everything"
            )


def progress(record: RunRecord) -> Iterator[str]:
    """Yields sentences about the progress of the run."""
    why = record.waiting or record.error
    said = f": {why}" if why else ""
    yield f"warehouse {record.plan.warehouse}, run {record.plan.run}: {record.phase.value}{said}"
    for piece in record.pieces:
        if piece.state.value == "waiting":
            continue
        rows = f", {counted(piece.rows, 'row')}" if piece.rows is not None and piece.has_ended else ""
        named = f"{piece.kind.value} {piece.name}"
        why = f": {piece.error.removeprefix(f'{named}: ')}" if piece.error else ""
        yield f"{named}: {piece.state.value}{rows}{why}"
