"""The record of outboxes that are not emptied: since when each is behind, and which alarms have ended.

    lake/_changes/shop/_alarm.json

An outbox is behind if the newest instant as of which everything was forwarded (`ForwardedCuts.as_of`) is too long ago. That
needs no connection to the database, and covers every cause: no forwarder runs, a privilege is missing, the database cannot be
reached.

What belongs here: the record and the rule. Alarms are raised in `stages/streams/alarm.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from rds_lake.model.records import read_record, render_record

_REMEMBERED = timedelta(days=7)  # how long an ended alarm is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm. `since`: changes committed after it are not in the lake. `seen`: the outbox when the alarm was raised.

    `ended`: when everything was forwarded again; None until then.
    """

    since: datetime
    seen: str = ""
    ended: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """The newest alarm of each database; for outboxes that were never emptied, since when they are watched."""

    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    watched: Mapping[str, datetime] = field(default_factory=dict)

    def watching(self, database: str, now: datetime) -> Alarms:
        """Returns the alarms with this outbox watched."""
        return self if database in self.watched else replace(self, watched={**self.watched, database: now})

    def known(self, database: str) -> Alarms:
        """Returns the alarms without watching this outbox, as its changes were forwarded."""
        watched = {name: since for name, since in self.watched.items() if name != database}
        return self if database not in self.watched else replace(self, watched=watched)

    def lasts(self, database: str) -> bool:
        """Whether an alarm was raised and no message of its end was sent."""
        alarm = self.alarms.get(database)
        return alarm is not None and alarm.ended is None

    def begun(self, database: str, since: datetime, seen: str) -> Alarms:
        """Returns the alarms with a new alarm, which replaces the database's earlier one."""
        return replace(self, alarms={**self.alarms, database: Alarm(since=since, seen=seen)})

    def ended(self, database: str, now: datetime) -> Alarms:
        """Returns the alarms with the current alarm ended; an alarm that ended long ago is removed."""
        alarm = self.alarms.get(database)
        if alarm is None or (alarm.ended is not None and now - alarm.ended < _REMEMBERED):
            return self
        others = {name: other for name, other in self.alarms.items() if name != database}
        return replace(self, alarms=others if alarm.ended else {**others, database: replace(alarm, ended=now)})


def render_alarms(alarms: Alarms) -> str:
    """Returns the record as JSON."""
    return render_record(asdict(alarms), version=1)


def parse_alarms(text: str | None, *, where: str) -> Alarms:
    """Returns the record that `render_alarms` wrote; empty if there is no object. Raises ManifestError if it is damaged."""
    remedy = "delete it: the alarm of an outbox that is not emptied is then sent again"
    return Alarms() if text is None else read_record(Alarms, text, where=where, known=(1,), remedy=remedy)
