"""The progress of a date that AWS Glue converts, while no run of rds-lake waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rds_lake.convert.spark.request import JobResult

# The kind of run that works on the date, and what it does about a failed Glue job:
#   begin    the first run of the date      leaves it to the next run
#   resume   requested when a job ended     raises its error, once no other job of the date runs or waits
#   by_hand  a person's run                 starts another attempt
RunKind = Literal["begin", "resume", "by_hand"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionProgress:
    """The date's Glue jobs: new `results`, and the tables whose job runs, waits for one of Glue's places, or failed.

    `targets`: the folder (a URI) of each table with a result. `done`: another run has finished the date meanwhile.
    """

    results: Mapping[str, JobResult]
    targets: Mapping[str, str] = field(default_factory=dict)
    running: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    done: bool = False

    @property
    def open(self) -> tuple[str, ...]:
        """The tables without a result."""
        return (*self.running, *self.waiting, *self.failed)

    def __str__(self) -> str:
        """`running: Reviews; waiting for a place: Users`."""
        parts = {"running": self.running, "waiting for a place": self.waiting, "failed": self.failed}
        return "; ".join(f"{what}: {', '.join(names)}" for what, names in parts.items() if names) or "all are converted"
