"""The cursors of the sensors: the state that a tick leaves for the next one.

    events          {"version": 1, "acknowledge": ["<receipt handle>", …], "asked": ["<run key>", …]}
    reconciliation  {"version": 1, "turn": 1795833600, "following": "shop", "waiting": [{"rank": 0, …}]}
    a warehouse     {"version": 1, "looked": "2026-11-20T03:00:00+00:00", "after": null, "reported": ["<run>", …], "missing": []}

A cursor outlives releases, and a person may edit it in Dagster's UI. A cursor that cannot be read is ignored with a warning,
and the tick begins without one: messages that were not acknowledged are delivered again and change nothing, and exports that
wait for a place are found again. Otherwise the sensor would fail in every tick until a person repairs it.

What belongs here: their content, and reading them. The ticks are `events.py`, `reconcile.py` and `warehouse/sensors.py`.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from rds_lake.model.records import RECORD_ERRORS, iso_text, load_object, newer, value_of
from rds_lake.stages.runs.examined import Candidate

_VERSION = 1
_SHOWN = 300

Warn = Callable[[str], Any]
CursorT = TypeVar("CursorT", bound="EventsCursor | ReconcileCursor | WarehouseCursor")


def first_turn(now: Callable[[], float] = time.time) -> int:
    """Returns the number of the first tick after a lost cursor, higher than any before: seconds since 1970.

    The keys of runs that begin exports contain it, and Dagster starts no run for a key that it has seen. Counting from
    0 again, waiting exports would not be started until the count reaches its earlier value.
    """
    return int(now())


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsCursor:
    """`acknowledge`: messages that the next tick deletes. `asked`: keys of the last requested runs."""

    acknowledge: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileCursor:
    """`turn`: number of the tick. `following`: the source to begin with. `waiting`: exports without a place."""

    turn: int = field(default_factory=first_turn)
    following: str = ""
    waiting: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseCursor:
    """`looked`: the time up to which all inputs were listed.

    `after`: the key after which an unfinished listing continues; `began`: when that listing began; `failed`: whether an input
    before that key could not be read. `reported`: ended runs that the last tick asked Dagster to report. `missing`: listed runs
    without a record.
    """

    looked: datetime | None = None
    began: datetime | None = None
    after: str | None = None
    failed: bool = False
    reported: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def read_cursor(kind: type[CursorT], text: str | None, warn: Warn) -> CursorT:
    """Returns the cursor in `text`; a new one, with a warning, if it cannot be read or a newer release wrote it."""
    if not text:
        return kind()
    try:
        body = load_object(text)
        version = value_of(int, body.get("version", _VERSION))  # releases before 0.2 wrote none
        if version > _VERSION:
            warn(
                f"{newer('the cursor of this sensor', version, (_VERSION,))}. Until then every tick starts without its cursor"
            )
            return kind()
        return value_of(kind, body)
    except RECORD_ERRORS as error:
        why = "nested too deep" if isinstance(error, RecursionError) else str(error)[:_SHOWN]
        warn(
            f"the cursor of this sensor cannot be read ({why}) and was discarded; this tick starts without it, and nothing "
            f"is lost. The cursor began with {text[:_SHOWN]!r}"
        )
        return kind()


def render_cursor(cursor: EventsCursor | ReconcileCursor | WarehouseCursor) -> str:
    """Returns the cursor as text; `read_cursor` reads it."""
    return json.dumps({"version": _VERSION} | asdict(cursor), default=iso_text)
