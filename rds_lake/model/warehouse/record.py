"""The progress of a warehouse's run: one JSON object in S3 per run, changed only by If-Match.

    <prefix>/_warehouses/<warehouse>/lease.json          who has the warehouse (`lease.py`)
    <prefix>/_warehouses/<warehouse>/runs/<run>.json     this record

Each turn reads the record and the state of AWS, takes the next steps, and writes the new state. No turn waits for AWS. If a turn
is killed, the next one repeats it: each statement is found again by its name and client token, which depend only on run, piece
and attempt (`statement_names.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rds_lake.model.warehouse.plan import Plan
from rds_lake.model.warehouse.target import Target


class Phase(StrEnum):
    """The phase of a run. It only moves down this list; `REMOVING` follows however the run ends."""

    CREATING = "creating"
    WORKING = "working"
    REMOVING = "removing"
    ENDED = "ended"


class PieceKind(StrEnum):
    """A load, a step or an unload."""

    LOAD = "load"
    STEP = "step"
    UNLOAD = "unload"


class PieceState(StrEnum):
    """The state of a piece."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"  # something it needs failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One load, step or unload. `statement`: the Data API's id of the current or last statement.

    `at`: number of the current one of several statements, from 0. `error`: what happened and what to do next. `asking`:
    Redshift's id of a failed statement, while its cause is read from SYS_LOAD_ERROR_DETAIL. `session`: of the Data API,
    for its statements. `notes`: for the user, though the piece is done, such as values that became NULL.
    """

    kind: PieceKind
    name: str
    state: PieceState = PieceState.WAITING
    attempt: int = 1
    at: int = 0
    statement: str | None = None
    rows: int | None = None
    bytes: int | None = None
    seconds: float | None = None
    files: tuple[str, ...] = ()
    error: str | None = None
    asking: int | None = None
    session: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def has_ended(self) -> bool:
        return self.state in (PieceState.DONE, PieceState.FAILED, PieceState.SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run: its plan, its phase, and the state of each piece. `error`: why it failed, otherwise None.

    `target`: where its statements are sent, once known. `worked_from` and `worked_until`: the time in which statements
    could be sent. `cause`: who or what started it, for information. `waiting`: what its last turn waited for.
    """

    plan: Plan
    phase: Phase
    pieces: tuple[Piece, ...]
    began_at: datetime
    ended_at: datetime | None = None
    error: str | None = None
    target: Target | None = None
    worked_from: datetime | None = None
    worked_until: datetime | None = None
    cause: str = ""
    waiting: str | None = None
