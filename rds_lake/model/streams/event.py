"""One change of a row, or of a whole table, as a trigger recorded it, and its line in a file of changes.

    {"seq": 17, "op": "U", "at": "2026-11-28T03:00:00.123456+00:00", "xid": 801,
     "old": {"id": "1", "v": "a"}, "new": {"id": "1", "v": null}, "omitted": []}

Values are texts, as in an export of the table; null for NULL.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rds_lake.model.records import load_object, value_of


class Op(StrEnum):
    """The operation of a change. A TRUNCATE has no image."""

    INSERT = "I"
    UPDATE = "U"
    DELETE = "D"
    TRUNCATE = "T"


Image = Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How a change of `capture: lambda` arrived. `id`: given by the trigger. `hour`: UTC hour of its object's arrival."""

    id: str
    hour: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEvent:
    """A change. `seq`: unique within an epoch, ascending for each key.

    `at`: the trigger's time, UTC; order changes by `seq`, not by it.

    `old` and `new` are whole rows; `omitted`: columns in neither, because their values were too large. `xid`: the
    transaction, None if the engine does not give it. `unread`: columns of the outbox whose text is not the JSON that
    triggers write, with that text; such an event has no images, and only the key's next event shows the row. `arrival`:
    for `capture: lambda` only; its `seq` is assigned in the lake, and does not show the order.
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
    """Returns the event's line, without the line end."""
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
    """Returns the event of a line. Raises ValueError with the reason if it is not one."""
    return value_of(ChangeEvent, load_object(line))
