"""Records of runs in S3, and the list of those that are open.

    <prefix>/_warehouses/<warehouse>/runs/<run>.json   the state of a run; it is kept as the run's history
    <prefix>/_warehouses/<warehouse>/open.json         the runs that have not ended, or whose end was not reported to Dagster yet

A run is added to the list before its record is written, as a run that is not in the list would get no turns and never end. If
a process was killed in between, the list names a run without a record, which a later turn removes after a while. What belongs
here: reading and writing both. Turns are `turn.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from rds_lake.errors import ManifestError, NewerRecordError, RdsLakeError
from rds_lake.model.records import load_record, read_record, render_record
from rds_lake.model.warehouse.plan import Plan
from rds_lake.model.warehouse.record import Phase, Piece, PieceKind, RunRecord
from rds_lake.model.words import counted
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.shared_state import change_text

_VERSION = 1
MOST_OPEN = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A record, and the version of the object that it was read from."""

    record: RunRecord
    etag: str


def run_key(lake: Lake, warehouse: str, run: str) -> str:
    """Returns the key of a run's record."""
    return f"{lake.layout.warehouse_folder(warehouse)}runs/{run}.json"


def find_run(lake: Lake, warehouse: str, run: str) -> StoredRun | None:
    """Returns the run; None if it does not exist. Raises ManifestError if its record is damaged."""
    key = run_key(lake, warehouse, run)
    version = lake.s3.find_version(lake.layout.bucket, key)
    return None if version is None else StoredRun(record=_read(lake, key, version[0]), etag=version[1])


def get_run(lake: Lake, warehouse: str, run: str) -> StoredRun:
    """Returns the run. Raises ManifestError if it does not exist."""
    stored = find_run(lake, warehouse, run)
    if stored is None:
        raise _no_run(lake, warehouse, run)
    return stored


def begin_run(lake: Lake, plan: Plan, *, cause: str, now: datetime) -> RunRecord:
    """Adds the run to the list and writes its record; an existing run is not changed.

    Raises RdsLakeError if so many runs are open that the list has no room: a run that is not in it would get no turns.
    """
    there = find_run(lake, plan.warehouse, plan.run)
    if there is not None and there.record.phase is Phase.ENDED:
        return there.record
    _change_open(lake, plan.warehouse, lambda runs: runs if plan.run in runs else [*runs, plan.run])
    if there is not None:
        return there.record
    record = RunRecord(plan=plan, phase=Phase.CREATING, pieces=_pieces(plan), began_at=now, cause=cause)
    # Another process may begin it at this moment: the first record stays.
    return _change_run(lake, plan.warehouse, plan.run, lambda begun: begun or record)


def write_run(lake: Lake, stored: StoredRun, record: RunRecord) -> StoredRun:
    """Replaces the version that was read. Raises ConflictError if another turn replaced it first."""
    key = run_key(lake, record.plan.warehouse, record.plan.run)
    etag = lake.s3.replace_text(lake.layout.bucket, key, _render(record), etag=stored.etag, kms_key=lake.kms_key)
    return StoredRun(record=record, etag=etag)


def cancel_run(
    lake: Lake, warehouse: str, run: str, *, why: str, sleep: Callable[[float], None] = time.sleep
) -> RunRecord:
    """Requests the end of the run: its next turns cancel statements and remove its objects. No effect on a run that is ending.

    Raises ManifestError if the run does not exist, UnavailableError if turns change its record during every attempt.
    """

    def cancelled(record: RunRecord | None) -> RunRecord:
        if record is None:
            raise _no_run(lake, warehouse, run)
        is_ending = record.phase in (Phase.REMOVING, Phase.ENDED)
        return record if is_ending else replace(record, phase=Phase.REMOVING, error=why)

    return _change_run(lake, warehouse, run, cancelled, sleep)


def open_runs(lake: Lake, warehouse: str) -> tuple[str, ...]:
    """Returns the runs that have not ended or were not reported, in the order of their start."""
    key = _open_key(lake, warehouse)
    return tuple(_runs(lake.s3.find_text(lake.layout.bucket, key), where=lake.layout.uri(key)))


def close_run(lake: Lake, warehouse: str, run: str) -> None:
    """Removes an ended run, whose end was reported, from the list."""
    _change_open(lake, warehouse, lambda runs: [each for each in runs if each != run])


def _change_run(
    lake: Lake,
    warehouse: str,
    run: str,
    change: Callable[[RunRecord | None], RunRecord],
    sleep: Callable[[float], None] = time.sleep,
) -> RunRecord:
    """Changes the record and returns the new one. `change` gets None if there is none, and may be called repeatedly."""
    key = run_key(lake, warehouse, run)

    def changed(text: str | None) -> str | None:
        before = None if text is None else _read(lake, key, text)
        after = change(before)
        return None if after == before else _render(after)

    text = change_text(lake.s3, lake.layout.bucket, key, changed, kms_key=lake.kms_key, sleep=sleep)
    assert text is not None, "a changed record is there"
    return _read(lake, key, text)


def _read(lake: Lake, key: str, text: str) -> RunRecord:
    remedy = "look for what the run left with `rds-lake warehouse reap`, then delete the object"
    return read_record(RunRecord, text, where=lake.layout.uri(key), known=(_VERSION,), remedy=remedy)


def _no_run(lake: Lake, warehouse: str, run: str) -> ManifestError:
    where = lake.layout.uri(run_key(lake, warehouse, run))
    return ManifestError(f"{where} does not exist: warehouse {warehouse} has no run {run}; begin one")


def _open_key(lake: Lake, warehouse: str) -> str:
    return f"{lake.layout.warehouse_folder(warehouse)}open.json"


def _change_open(lake: Lake, warehouse: str, change: Callable[[list[str]], list[str]]) -> None:
    key = _open_key(lake, warehouse)

    def changed(text: str | None) -> str | None:
        before = _runs(text, where=lake.layout.uri(key))
        after = change(before)
        if len(after) > max(MOST_OPEN, len(before)):
            raise RdsLakeError(
                f"warehouse {warehouse} has {counted(len(before), 'open run')}, the most that it may have; another begins when one of "
                f"them has ended. `rds-lake warehouse status {warehouse}` lists them"
            )
        return None if after == before else render_record({"runs": after}, version=_VERSION)

    change_text(lake.s3, lake.layout.bucket, key, changed, kms_key=lake.kms_key)


def _runs(text: str | None, *, where: str) -> list[str]:
    """Returns the runs; none from a damaged list: leases expire, and inputs are listed again. Raises NewerRecordError."""
    try:
        body = load_record(text or "{}", where=where, known=(_VERSION,), first=_VERSION, remedy="")
    except NewerRecordError:
        raise
    except ManifestError:
        return []
    runs = body.get("runs")
    return [run for run in runs if isinstance(run, str)] if isinstance(runs, list) else []


def _render(record: RunRecord) -> str:
    return render_record(asdict(record), version=_VERSION)


def _pieces(plan: Plan) -> tuple[Piece, ...]:
    return (
        *(Piece(kind=PieceKind.LOAD, name=load.name) for load in plan.loads),
        *(Piece(kind=PieceKind.STEP, name=step.name) for step in plan.steps),
        *(Piece(kind=PieceKind.UNLOAD, name=unload.name) for unload in plan.unloads),
    )
