"""Checks that the outboxes of a source are emptied, as one that is not emptied fills the disk of a production database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rds_lake.config.database import Database
from rds_lake.database.connecting import PATIENT, Limits
from rds_lake.database.outbox.health import OutboxHealth, outbox_health
from rds_lake.stages.runs.attempt import Failed, attempt
from rds_lake.stages.streams.outboxes import FindDsn, outbox_databases, settings_of


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedOutbox:
    """An outbox in its current state. `state`: its content, or why it could not be read. `alarm_minutes`: of `streams:`."""

    source: str
    database: str
    state: OutboxHealth | Failed
    alarm_minutes: float

    @property
    def alarm(self) -> str | None:
        """Returns what is wrong, as a sentence; None if nothing is wrong or the state is unknown."""
        if isinstance(self.state, Failed) or self.state.minutes <= self.alarm_minutes:
            return None
        return (
            f"the outbox of {self.source}, database {self.database}, is not emptied: {self.state}, and `streams.alarm_minutes` "
            f"allows {self.alarm_minutes:g} min. It grows on the disk of the database until `rds-lake streams forward "
            f"{self.source}` works again"
        )

    def __str__(self) -> str:
        if isinstance(self.state, Failed):
            return f"outbox of {self.database}: could not be checked: {self.state.why}"
        return f"outbox of {self.database}: {self.state}{' (ALARM: it is not being emptied)' if self.alarm else ''}"


def watch_outboxes(
    source: Database, find_dsn: FindDsn, databases: Sequence[str] = (), *, limits: Limits = PATIENT
) -> list[WatchedOutbox]:
    """Returns every outbox of the source, or those of some databases. One that cannot be reached is reported, not raised."""
    return [
        WatchedOutbox(
            source=source.name,
            database=database,
            state=attempt(lambda database=database: outbox_health(find_dsn(), database, limits=limits)),
            alarm_minutes=settings_of(source).alarm_minutes,
        )
        for database in databases or outbox_databases(source)
    ]
