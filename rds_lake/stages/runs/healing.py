"""Retries: a run that failed because a service of AWS was unavailable is run again by itself, after longer and longer pauses.

    S3, Glue, Athena, DynamoDB or RDS did not answer, or said slow down  -> again after 10, 20, 40, 80, 160 and 320 minutes
    still so after the last of them, ten and a half hours later          -> a person has to act: mailed, once
    any other failure                                                    -> a person has to act: mailed at once

A step is retried three times within minutes before its run fails; this is for outages that last longer. Each stage finds
finished work, so that a retry does only the rest.

What belongs here: which failures are retried, and when. Dagster's runs: `defs/sensors/healing.py`. The list for people:
`docs/healing.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rds_lake.errors import ExportQuotaError, RdsLakeError, is_transient

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (10, 20, 40, 80, 160, 320))


def heals(error: BaseException) -> bool:
    """Whether a retry may succeed without a person.

    False if AWS allowed no export within `export_timeout_hours`: the run has waited long enough.
    """
    return isinstance(error, RdsLakeError) and is_transient(error) and not isinstance(error, ExportQuotaError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run that failed. `tries`: how often its work was retried before. `heals`: what `heals()` says of its error."""

    heals: bool
    tries: int

    @property
    def is_given_up(self) -> bool:
        """Whether all retries are used."""
        return self.tries >= len(PAUSES)

    @property
    def is_a_persons(self) -> bool:
        """Whether a person has to act, since no retry follows."""
        return not self.heals or self.is_given_up

    def is_due(self, *, at: datetime, now: datetime) -> bool:
        """Whether the pause after the failure at `at` is over."""
        return not self.is_a_persons and now - at >= PAUSES[self.tries]


def retries_sentence(ended: Ended) -> str:
    """The mail's sentence about retries; empty for a run that was never retried."""
    if not ended.tries:
        return ""
    hours = sum(PAUSES[: ended.tries], timedelta()).total_seconds() / 3600
    return f"It was retried {ended.tries} times within {hours:.1f} hours, and ended the same way each time."
