"""The interface by which stages and sensors ask about earlier runs in Dagster and the lake.

What belongs here: the interface. Its implementation is `defs/sensors/run_log.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from rds_lake.stages.runs.wanted import WantedRun


class Progress(StrEnum):
    """A source's date in Dagster: not begun, worked on by a run, or materialized."""

    OPEN = "open"
    BUSY = "busy"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Runs that had to export a subject.

    `at`: when the last run began. `blocking`: a run is still in progress, or failed and waits for a person.
    """

    blocking: bool
    at: datetime


class RunLog(Protocol):
    """Answers about earlier runs in Dagster and the lake."""

    def progress(self, source: str, days: Sequence[date]) -> Mapping[date, Progress]:
        """Returns the progress of each date: DONE once its last stage is materialized, BUSY while a run works on it."""
        ...

    def begun(self, source: str, day: date) -> Mapping[str, Begun]:
        """Returns the runs that had to export something for the date, by subject (`WantedRun.subject`)."""
        ...

    def was_settled(self, export_task: str) -> bool:
        """Whether a run was requested to settle this ended export."""
        ...

    def by_hand(self, source: str, day: date, *, since: datetime | None) -> bool:
        """Whether a run that a person launched for the whole date is in progress, or was until after `since`.

        Such a run waits for the export itself, so that no other run has to settle it.
        """
        ...

    def has_failed(self, source: str, day: date) -> bool:
        """Whether the last run that had to export the date failed; its failure was mailed then."""
        ...

    def has_timed_out(self, source: str, day: date, *, since: datetime) -> bool:
        """Whether a run gave up waiting for the date's export at or after `since`; that was mailed then."""
        ...

    def published_arn(self, source: str, day: date) -> str | None:
        """Returns the ARN of the snapshot that a date's Parquet was exported from; None if Dagster has no record of it."""
        ...


def is_taken_over(log: RunLog, run: WantedRun) -> bool:
    """Whether another run settles the same export: one that was requested for it, or one that a person launched."""
    if run.export_task is None:
        return False
    return log.was_settled(run.export_task) or log.by_hand(run.source, run.snapshot_date, since=run.ended_at)
