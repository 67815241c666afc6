"""A date that AWS is still working on, with no run of rds-lake waiting for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rds_lake.convert.spark.request import JobResult

# Which of rds-lake's runs works on a date, and so what it does about a Glue run that ended badly. begin: the first one, which
# leaves it to the next. resume: requested because a Glue run ended, raises it. by_hand: a person's, starts another Glue run.
Turn = Literal["begin", "resume", "by_hand"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """The progress of a date's Glue runs: new results, and tables whose run still works, waits for a place, or ended badly.

    `results` and `targets` are by table; `targets`: the folder that a result was written to. `done`: another run of rds-lake
    has finished the date meanwhile.
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
