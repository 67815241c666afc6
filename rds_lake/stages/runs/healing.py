"""What heals by itself: a run that ended because something in AWS was away is taken up again, later and later.

    S3, Glue, Athena, DynamoDB or RDS did not answer, or said slow down  -> again after 10, 20, 40, 80, 160 and 320 minutes
    still so after the last of them, ten and a half hours later          -> a person's: mailed, once
    anything else                                                        -> a person's at once

A step repeats itself three times within minutes before its run ends; this is for what takes longer. The stages find what
is finished, so that a run taken up again does only what is left.

What belongs here: which end is one of these, and when it is due. Dagster's runs: `defs/sensors/healing.py`. The list for people:
`docs/healing.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rds_lake.errors import ExportQuotaError, RdsLakeError, is_transient

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (10, 20, 40, 80, 160, 320))


def heals(error: BaseException) -> bool:
    """Whether the same may succeed later without anybody's help.

    A place for an export that did not come free within `export_timeout_hours` has been waited for long enough.
    """
    return isinstance(error, RdsLakeError) and is_transient(error) and not isinstance(error, ExportQuotaError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run that failed. `tries`: how often its work was taken up again before. `heals`: as of `heals`."""

    heals: bool
    tries: int

    @property
    def is_given_up(self) -> bool:
        """Whether it was taken up as often as it ever is."""
        return self.tries >= len(PAUSES)

    @property
    def is_a_persons(self) -> bool:
        """Whether nothing happens any more unless somebody acts."""
        return not self.heals or self.is_given_up

    def is_due(self, *, at: datetime, now: datetime) -> bool:
        """Whether it is time to take up again what ended `at`."""
        return not self.is_a_persons and now - at >= PAUSES[self.tries]


def told_of(ended: Ended) -> str:
    """What a mail says about it, for a run that was given up; empty for one that never was taken up."""
    if not ended.tries:
        return ""
    hours = sum(PAUSES[: ended.tries], timedelta()).total_seconds() / 3600
    return f"It was taken up again {ended.tries} times within {hours:.1f} hours, and ended the same way each time."
