"""What reconciliation found of a source, and which exports AWS has places for.

What belongs here: these values and the order of beginning. Looking is `databases/reconcile.py` and `dynamodb/reconcile.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from rds_lake.model.exports.task import ExportTask
from rds_lake.stages.runs.wanted import WantedIncident, WantedRun, beginning_run


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Candidate:
    """An export somebody has to start. Orders as exports are started: priority first, then the oldest date."""

    rank: int  # minus the source's priority
    snapshot_date: date
    source: str
    subject: str

    def run(self, *, turn: int) -> WantedRun:
        """The run that starts it; another one every turn, as the one before may have been refused a place."""
        return beginning_run(self.source, self.snapshot_date, self.subject, key=f"begin:{self.subject}:{turn}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What reconciliation found of one source. `problems`: what of it could not be looked at, and why."""

    source: str
    candidates: tuple[Candidate, ...] = ()
    settling: tuple[WantedRun, ...] = ()
    incidents: tuple[WantedIncident, ...] = ()
    problems: tuple[str, ...] = ()


def start_next(
    candidates: Iterable[Candidate], running: Sequence[ExportTask], *, quota: int, beginning: int, turn: int
) -> list[WantedRun]:
    """Runs for as many exports as AWS has places: five in the account, whoever started the others (aws-facts 1.7).

    `beginning`: runs that are about to take a place.
    """
    free = quota - beginning - len(running)
    return [candidate.run(turn=turn) for candidate in sorted(candidates)[: max(free, 0)]]
