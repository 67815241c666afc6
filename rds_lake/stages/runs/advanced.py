"""A date that AWS is still working on, with no run of rds-lake waiting for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rds_lake.convert.spark.request import JobResult

# Which run of ours it is that goes on with a date, and so what it does about a run of Glue that ended badly. begin: the
# first one, leaves it to the next. resume: asked for as something has ended, raises it. by_hand: a person's, starts another.
Turn = Literal["begin", "resume", "by_hand"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """How far a date's runs are: results that are new, and tables whose run goes on, waits for a place, or ended badly.

    `targets`: where those with a result were written. `done`: another run of ours has finished the date meanwhile.
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
