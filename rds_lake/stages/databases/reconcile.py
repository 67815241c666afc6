"""Reconciliation: compares what AWS has with what is materialized, and finds work that no event reported.

Events may be lost or late, copies of snapshots may raise none, daemons are down for hours, and AWS refuses a sixth export:
this comparison finds what is left to do.

    a date's snapshot, no export of it            -> start it, when AWS has a place: highest priority, oldest date first
    an ended export that no run settled           -> settle it
    a running export older than its time-out      -> incident "stuck"
    no snapshot for longer than `freshness_hours` -> incident "stale"

What belongs here: the comparison. What Dagster knows is a `RunLog` (`defs/sensors/run_log.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from rds_lake.aws.rds import RdsGateway
from rds_lake.model.aws.arn import Exportable
from rds_lake.model.aws.snapshot import LIVE, Snapshot, of_date
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.stages.databases.freshness import (
    Watched,
    find_live,
    newest_state,
    stale_incident,
    stale_reason,
    waiting_since,
)
from rds_lake.stages.databases.plan import ExportPlan, attempt_at, date_of_ours
from rds_lake.stages.runs.attempt import Failed, attempt
from rds_lake.stages.runs.examined import NO_TIME, Candidate, Examined
from rds_lake.stages.runs.run_log import Progress, RunLog, is_taken_over
from rds_lake.stages.runs.wanted import WantedIncident, WantedRun, settling_run


class Snapshots(Protocol):
    """Lists a source's snapshots: from AWS, or from a list of the whole account (`account_snapshots.py`)."""

    def list_snapshots(self, about: Exportable, identifier: str, kinds: Sequence[str]) -> list[Snapshot]:
        """Like `RdsGateway.list_snapshots`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Left:
    """What remains to do for one date."""

    candidates: Sequence[Candidate] = ()
    settling: Sequence[WantedRun] = ()
    incidents: Sequence[WantedIncident] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Compares one source at a time. `grace`: the time for events to arrive before reconciliation does their work.

    `snapshots`: lists snapshots; without it, AWS is called for every source. `is_late`: whether the tick's time is over, so that
    other dates have to wait.
    """

    rds: RdsGateway
    log: RunLog
    now: datetime
    days: int
    grace: timedelta
    snapshots: Snapshots | None = None
    is_late: Callable[[], bool] = lambda: False

    def examine(self, watched: Watched) -> Examined:
        """Returns everything that remains to do for the source. Looks up only the export tasks of unfinished dates.

        A date that cannot be compared does not stop the others; if AWS does not answer, the rest waits for the next
        tick.
        """
        plan = watched.plan
        listed = self.snapshots or self.rds
        snapshots = listed.list_snapshots(plan.snapshot_about, plan.identifier, plan.snapshot_kinds)
        live = find_live(self.rds, plan, now=self.now)
        left: list[_Left] = []
        problems: list[str] = []
        for day, dates_own in self._open_dates(watched, snapshots, live).items():
            if self.is_late():
                problems.append(f"{day}: {NO_TIME}")
                break
            outcome = attempt(lambda day=day, dates_own=dates_own: self._look(plan, day, dates_own))
            if isinstance(outcome, _Left):
                left.append(outcome)
                continue
            problems.append(f"{day}: {outcome.why}")
            if outcome.transient:
                break
        stale = attempt(lambda: self._stale(watched, snapshots, live))
        if isinstance(stale, Failed):
            problems.append(f"its freshness: {stale.why}")
        else:
            left.append(_Left(incidents=stale))
        return Examined(
            source=plan.source,
            candidates=tuple(candidate for date_left in left for candidate in date_left.candidates),
            settling=tuple(run for date_left in left for run in date_left.settling),
            incidents=tuple(incident for date_left in left for incident in date_left.incidents),
            problems=tuple(problems),
        )

    def _look(self, plan: ExportPlan, day: date, snapshots: Sequence[Snapshot]) -> _Left:
        attempts = self._attempts(plan, day, snapshots)
        running = [task for task in attempts if task.status.running]
        if running:
            return _Left(incidents=[_stuck(plan, task) for task in running if self._is_stuck(plan, task, day)])
        if attempts:
            return _Left(settling=self._settling(plan, attempts, day))
        return _Left(candidates=self._candidate(plan, day, snapshots))

    def _stale(
        self, watched: Watched, snapshots: Sequence[Snapshot], live: Snapshot | None
    ) -> Sequence[WantedIncident]:
        newest = newest_state(self.rds, snapshots, live)
        since = waiting_since(self.rds, watched, newest, now=self.now)
        reason = stale_reason(watched, newest, now=self.now, since=since)
        return [stale_incident(watched.plan, newest, reason)] if reason is not None else []

    def _open_dates(
        self, watched: Watched, snapshots: Sequence[Snapshot], live: Snapshot | None
    ) -> dict[date, list[Snapshot]]:
        """Returns the unfinished dates, each with what can be exported for it, the preferred one first."""
        plan, today = watched.plan, self.now.astimezone(UTC).date()
        days = [today - timedelta(days=back) for back in range(self.days)]
        days = [day for day in days if day >= watched.first_date]
        progress = self.log.progress(plan.source, days) if days else {}
        open_dates: dict[date, list[Snapshot]] = {}
        for day in days:
            own = of_date(snapshots, day, which=plan.which)
            if live is not None:
                own.append(replace(live, created_at=datetime.combine(day, self.now.timetz())))
            if progress[day] is Progress.DONE:
                own = [snapshot for snapshot in own if snapshot.copied_at is None]  # a copy has nothing newer
                replaced = plan.replace and own and self.log.published_arn(plan.source, day) != own[0].arn
                own = own[:1] if replaced else []
            if progress[day] is not Progress.BUSY and (own or progress[day] is Progress.OPEN):
                open_dates[day] = own
        return open_dates

    def _attempts(self, plan: ExportPlan, day: date, snapshots: Sequence[Snapshot]) -> list[ExportTask]:
        """Returns the plan's tasks for the date, including tasks of snapshots deleted since a run began to export them."""
        known = {snapshot.arn for snapshot in snapshots}
        gone = [
            s for s in self.log.begun(plan.source, day) if s.startswith("arn:") and s.partition("@")[0] not in known
        ]
        attempts = [
            task
            for snapshot in snapshots
            for task in self.rds.list_export_tasks(source_arn=snapshot.arn)
            if attempt_at(plan, task, snapshot) is not None
        ]
        for arn in gone:
            tasks = self.rds.list_export_tasks(source_arn=arn.partition("@")[0])
            attempts += [task for task in tasks if _date_or_none(plan, task) == day]
        return attempts

    def _settling(self, plan: ExportPlan, attempts: Sequence[ExportTask], day: date) -> list[WantedRun]:
        """Returns the run that settles an ended export that no run has settled: the last COMPLETE one, otherwise the last."""
        complete = [task for task in attempts if task.status is ExportStatus.COMPLETE]
        task = max(complete or attempts, key=lambda task: task.ended_at or self.now)
        run = settling_run(plan.source, task, day)
        if (task.ended_at or self.now) > self.now - self.grace or is_taken_over(self.log, run):
            return []
        return [run]

    def _candidate(self, plan: ExportPlan, day: date, snapshots: Sequence[Snapshot]) -> list[Candidate]:
        """Returns the export to start, unless a run is about to start it, or failed to."""
        begun = self.log.begun(plan.source, day)
        for snapshot in snapshots:
            if snapshot.kind == LIVE:
                # Only if its schedule began it and AWS had no place: otherwise it is not due yet.
                label = plan.live_label(day)
                subject = label if label in begun and day == self.now.astimezone(UTC).date() else None
            else:
                subject = snapshot.subject if snapshot.there_since <= self.now - self.grace else None
            if subject is not None:
                busy = subject in begun and begun[subject].blocking
                return (
                    []
                    if busy
                    else [Candidate(rank=-plan.priority, snapshot_date=day, source=plan.source, subject=subject)]
                )
        return []

    def _is_stuck(self, plan: ExportPlan, task: ExportTask, day: date) -> bool:
        # A task that is STARTING has no start time yet, and its snapshot may be days old: the run that began it is the only
        # clue. A waiting run that gave up has been mailed already.
        since = task.started_at or max((b.at for b in self.log.begun(plan.source, day).values()), default=None)
        if since is None or self.now - since <= plan.timeout:
            return False
        return not self.log.has_timed_out(plan.source, day, since=since)


def _date_or_none(plan: ExportPlan, task: ExportTask) -> date | None:
    try:
        return date_of_ours(plan, task)
    except ValueError:
        # AWS does not give its time yet; a later tick examines it.
        return None


def _stuck(plan: ExportPlan, task: ExportTask) -> WantedIncident:
    hours = plan.timeout.total_seconds() / 3600
    return WantedIncident(
        key=f"stuck:{task.identifier}",
        source=plan.source,
        what="export stuck",
        cause=f"export {task.identifier} of {task.source_arn} is {task.status}, {task.progress}%, for more than {hours:g} h",
        next_step=(
            "Look at the task in the RDS console. It takes one of the account's five places: cancel it there, then "
            "materialize the date again; or raise `export_timeout_hours` in lake.yaml if the database is just big."
        ),
    )
