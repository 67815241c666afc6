"""Reads how full an outbox is, in one statement without a lock, whatever its size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from rds_lake.database.connecting import PATIENT, Limits
from rds_lake.database.dsn import Dsn
from rds_lake.database.outbox.outbox import dialect_of
from rds_lake.model.words import counted

MOST_COUNTED = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxHealth:
    """`rows`: MOST_COUNTED means that many or more. `age`: of the row with the lowest id, by the database's clock."""

    rows: int
    age: timedelta | None

    def __str__(self) -> str:
        if self.age is None:
            return "empty"
        changes = f"{self.rows:,} or more changes" if self.rows >= MOST_COUNTED else counted(self.rows, "change")
        return f"{changes}, the oldest {self.minutes:,.0f} min old"

    @property
    def minutes(self) -> float:
        """Returns the age of the oldest change; 0 if there is no change, or if the clock went backwards."""
        return max(0.0, self.age.total_seconds() / 60) if self.age else 0.0


def outbox_health(dsn: Dsn, database: str, *, limits: Limits = PATIENT) -> OutboxHealth:
    """Returns the state of the outbox of a database, or of a MySQL server. Errors: as `open_outbox`."""
    dialect = dialect_of(dsn.engine)
    link = dialect.connect(dsn, dialect.home or database, limits)
    try:
        ((rows, seconds),) = link.rows(dialect.health, (MOST_COUNTED,))
    finally:
        link.close()
    return OutboxHealth(rows=int(rows), age=None if seconds is None else timedelta(seconds=float(seconds)))
