"""Reports an outbox that is not emptied as an incident: one message when it begins, and one when it ends.

An outbox grows on the disk of a production database, so this does not depend on the forwarder's own reports: it reads the
instant as of which everything was forwarded, which the forwarder also records while there is nothing to forward. With the
record in the lake (`model/streams/alarm.py`), every process reports the same incident with the same key.

What belongs here: finding the incidents. The caller mails them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from rds_lake.config.database import Database
from rds_lake.model.streams.alarm import Alarm, Alarms, parse_alarms, render_alarms
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.shared_state import change_text
from rds_lake.stages.runs.wanted import WantedIncident
from rds_lake.stages.streams.cuts import forwarded
from rds_lake.stages.streams.outboxes import outbox_databases, settings_of


def read_alarms(lake: Lake, source: str) -> Alarms:
    """Returns the alarms of a source's outboxes; empty if there never was one. Raises ManifestError if the record is damaged."""
    key = lake.layout.alarm_key(source)
    return parse_alarms(lake.s3.find_text(lake.layout.bucket, key), where=lake.layout.uri(key))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxAlarm:
    """The outboxes of one source. `look`: returns an outbox's content, or why it cannot be read; called once per alarm."""

    lake: Lake
    source: Database
    look: Callable[[str], str]

    def incidents(self, *, now: datetime) -> tuple[WantedIncident, ...]:
        """Returns current alarms, and those that ended in the last days; the same alarm has the same key each time."""
        key, known = self.lake.layout.alarm_key(self.source.name), {}
        for record in forwarded(self.lake, self.source.name):
            known[record.database] = record.as_of
        before = read_alarms(self.lake, self.source.name)
        looked: dict[str, str] = {}

        def changed(text: str | None) -> str | None:
            alarms = parse_alarms(text, where=self.lake.layout.uri(key))
            wanted = self._after(alarms, known, looked, now)
            return None if wanted == alarms else render_alarms(wanted)

        if self._after(before, known, looked, now) != before:
            after = change_text(self.lake.s3, self.lake.layout.bucket, key, changed, kms_key=self.lake.kms_key)
            before = parse_alarms(after, where=self.lake.layout.uri(key))
        return tuple(self._incidents(before))

    def _after(
        self, alarms: Alarms, known: dict[str, datetime | None], looked: dict[str, str], now: datetime
    ) -> Alarms:
        settings = settings_of(self.source)
        allowed = timedelta(minutes=settings.alarm_minutes + settings.forward_minutes)
        for database in outbox_databases(self.source):
            since = known.get(database)
            if since is None or since - now > allowed:
                # Nothing was forwarded yet, or the time of it is in the future, as a clock was ahead: so its age is unknown.
                alarms = alarms.watching(database, now)
                since = alarms.watched[database]
            else:
                alarms = alarms.known(database)
            if now - since <= allowed:
                alarms = alarms.ended(database, now)
            elif not alarms.lasts(database):
                if database not in looked:
                    looked[database] = self.look(database)
                alarms = alarms.begun(database, since, looked[database])
        return alarms

    def _incidents(self, alarms: Alarms) -> Iterator[WantedIncident]:
        for database, alarm in sorted(alarms.alarms.items()):
            key = f"outbox:{self.source.name}:{database}:{alarm.since.isoformat(timespec='seconds')}"
            yield self._begun(database, alarm, key)
            if alarm.ended is not None:
                yield self._ended(database, alarm, f"{key}:ended")

    def _begun(self, database: str, alarm: Alarm, key: str) -> WantedIncident:
        name, settings = self.source.name, settings_of(self.source)
        return WantedIncident(
            key=key,
            source=name,
            what=f"the outbox of {database} is not emptied",
            cause=(
                f"nothing that was committed in {database} after {alarm.since:%Y-%m-%d %H:%M} UTC has come to the lake, and "
                f"`streams.alarm_minutes` allows {settings.alarm_minutes:g} minutes. {alarm.seen}".strip()
            ),
            next_step=(
                f"The outbox grows on the disk of the production database until it is emptied. `rds-lake status {name}` says what is "
                f"in it or why it cannot be read, `rds-lake streams forward {name}` empties it. If it cannot be emptied soon: "
                f"`rds-lake streams triggers {name} --drop --install` stops the capture; the changes from then on are lost."
            ),
        )

    def _ended(self, database: str, alarm: Alarm, key: str) -> WantedIncident:
        assert alarm.ended is not None
        return WantedIncident(
            key=key,
            source=self.source.name,
            what=f"the outbox of {database} is emptied again",
            cause=(
                f"its changes came to the lake again by {alarm.ended:%Y-%m-%d %H:%M} UTC, after a pause since "
                f"{alarm.since:%Y-%m-%d %H:%M} UTC. No change was lost."
            ),
            next_step="Nothing: this is the end of the incident that was reported before.",
            is_over=True,
        )
