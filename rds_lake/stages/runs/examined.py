"""The work that reconciliation found for a source, and the exports that AWS has places for.

What belongs here: these values, and the order in which exports are started. Reconciliation is `databases/reconcile.py` and
`dynamodb/reconcile.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from rds_lake.model.exports.task import ExportTask
from rds_lake.stages.runs.wanted import WantedIncident, WantedRun, beginning_run

NO_TIME = "this date and others could not be compared: no time was left in this tick"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Candidate:
    """An export that has to be started. Sorts as exports are started: by priority, then the oldest date first."""

    rank: int  # minus the source's priority
    snapshot_date: date
    source: str
    subject: str

    def run(self, *, turn: int) -> WantedRun:
        """The run that starts it. Each turn has its own run key, since AWS may have refused the previous turn's run."""
        return beginning_run(self.source, self.snapshot_date, self.subject, key=f"begin:{self.subject}:{turn}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """The remaining work of one source. `problems`: dates that could not be compared with AWS, and why."""

    source: str
    candidates: tuple[Candidate, ...] = ()
    settling: tuple[WantedRun, ...] = ()
    incidents: tuple[WantedIncident, ...] = ()
    problems: tuple[str, ...] = ()


def start_next(
    candidates: Iterable[Candidate], running: Sequence[ExportTask], *, quota: int, beginning: int, turn: int
) -> list[WantedRun]:
    """Returns runs for as many exports as AWS allows.

    `running`: the account's exports in progress, of rds-lake or not: AWS allows five together
    (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html). `beginning`: runs about to take a place.
    """
    free = quota - beginning - len(running)
    return [candidate.run(turn=turn) for candidate in sorted(candidates)[: max(free, 0)]]
