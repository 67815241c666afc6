"""One change of one row, or of a whole table, as a trigger saw it, and its line in a file of changes.

    {"seq": 17, "op": "U", "at": "2026-11-28T03:00:00.123456+00:00", "xid": 801,
     "old": {"id": "1", "v": "a"}, "new": {"id": "1", "v": null}, "omitted": []}

Values are the texts that an export of the table has for them, null for NULL.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rds_lake.model.records import load_object, value_of


class Op(StrEnum):
    """What happened. A TRUNCATE has no image."""

    INSERT = "I"
    UPDATE = "U"
    DELETE = "D"
    TRUNCATE = "T"


Image = Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How a change of `capture: lambda` came to the lake. `id`: its own, given by the trigger. `hour`: UTC, of its object."""

    id: str
    hour: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEvent:
    """`seq`: unique within an epoch, ascending for each key. `at`: UTC, the trigger's clock; order by `seq`, never by it.

    `old` and `new` are whole rows; `omitted` names columns whose values were too large for their way, and are in neither.
    `xid`: the transaction, None where the engine does not say it. `unread`: columns of the outbox whose text is not JSON as
    triggers write it, with that text; such an event has neither image, and only its key's next event says what the row is.
    `arrival`: of `capture: lambda` only, where `seq` was given to it in the lake, and says nothing of its order.
    """

    seq: int
    op: Op
    at: datetime
    xid: int | None = None
    old: Image | None = None
    new: Image | None = None
    omitted: tuple[str, ...] = ()
    unread: Mapping[str, str] | None = None
    arrival: Arrival | None = None


def render_event(event: ChangeEvent) -> str:
    """The event's line, without its end."""
    return json.dumps(
        {
            "seq": event.seq,
            "op": event.op,
            "at": event.at.isoformat(),
            "xid": event.xid,
            "old": event.old,
            "new": event.new,
            "omitted": event.omitted,
        }
        | ({"unread": event.unread} if event.unread else {})
        | ({"arrival": {"id": event.arrival.id, "hour": event.arrival.hour.isoformat()}} if event.arrival else {}),
        ensure_ascii=False,
        separators=(",", ":"),
    )


def parse_event(line: str | bytes) -> ChangeEvent:
    """The event of a line; ValueError says what is wrong with it."""
    return value_of(ChangeEvent, load_object(line))
