"""What Dagster and the lake know of earlier runs, as stages and sensors ask for it.

What belongs here: the questions. Dagster answers them in `defs/sensors/run_log.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from rds_lake.stages.runs.wanted import WantedRun


class Progress(StrEnum):
    """How far a source's date is, for Dagster."""

    OPEN = "open"
    BUSY = "busy"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Runs that were to export a subject. `blocking`: one still runs, or failed, which is a person's. `at`: the last."""

    blocking: bool
    at: datetime


class RunLog(Protocol):
    """What Dagster and the lake know of earlier runs."""

    def progress(self, source: str, days: Sequence[date]) -> Mapping[date, Progress]:
        """Of each date: DONE once its last stage is materialized, BUSY while a run is about to."""
        ...

    def begun(self, source: str, day: date) -> Mapping[str, Begun]:
        """What runs of the date were to export, by subject."""
        ...

    def was_settled(self, export_task: str) -> bool:
        """Whether any run was asked to take this ended export over."""
        ...

    def by_hand(self, source: str, day: date, *, since: datetime | None) -> bool:
        """Whether a run somebody launched for the whole date goes on, or went on until after `since`.

        Such a run waits for the export by itself, so that the export's end is its business.
        """
        ...

    def has_failed(self, source: str, day: date) -> bool:
        """Whether the last run that was to export the date failed, and so was mailed."""
        ...

    def has_timed_out(self, source: str, day: date, *, since: datetime) -> bool:
        """Whether a run gave up waiting for the date's export at or after `since`, and so was mailed."""
        ...

    def published_arn(self, source: str, day: date) -> str | None:
        """The snapshot a date's Parquet came from."""
        ...


def is_taken_over(log: RunLog, run: WantedRun) -> bool:
    """Whether another run was asked to do the same, or does so because a person launched it."""
    if run.export_task is None:
        return False
    return log.was_settled(run.export_task) or log.by_hand(run.source, run.snapshot_date, since=run.ended_at)
