"""Reconciliation of a DynamoDB source: dates to begin, ended exports to settle, stuck ones, staleness.

No event of AWS begins a date, and DynamoDB sends none when an export ends. So this comparison begins every date after its
instant, and finds ended exports whose S3 event (of the manifest) was lost.

    the date's instant has passed, nothing begun        -> begin it
    exports missing, as AWS had no place for them       -> begin it again, the oldest date first
    all exports ended, and no run settled them          -> settle them
    Glue jobs ended, and no run read their results      -> a run that reads them (`converting/glue/watch.py`)
    an export older than the time-out                   -> incident "stuck"
    no date in the lake for longer than the freshness   -> incident "stale"
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from rds_lake.config.dynamodb import DynamoDb
from rds_lake.config.lake_yaml import LakeConfig, first_date
from rds_lake.model.dynamodb.export_set import ExportSet, subject
from rds_lake.stages.dynamodb.converting.glue.watch import DateConversions, GlueWatch
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.dynamodb.plan import DynamoPlan
from rds_lake.stages.lake.handover import find_export_record, list_dates
from rds_lake.stages.runs.attempt import Failed, attempt
from rds_lake.stages.runs.examined import NO_TIME, Examined
from rds_lake.stages.runs.run_log import Progress, RunLog, is_taken_over
from rds_lake.stages.runs.wanted import WantedIncident, WantedRun, beginning_run, settling_run

# S3's event of the last manifest may come before DynamoDB reports the export as ended; no run is requested then.
_SETTLE_GRACE = timedelta(seconds=60)
# An export that AWS had no place for is tried again after this long: a place is free when another export has ended.
_BEGIN_AGAIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedSet:
    """A DynamoDB source as reconciliation needs it. `freshness`: the maximum age of its newest date; None: any age."""

    exports: DynamoExports
    first_date: date
    freshness: timedelta | None

    @property
    def plan(self) -> DynamoPlan:
        """The plan of the source's dates."""
        return self.exports.plan

    def relocated(self) -> tuple[date, ...]:
        """The dates whose files are in the lake, oldest first."""
        return list_dates(self.exports.s3, self.exports.layout, self.plan.source)

    def stale_reason(self, relocated: Sequence[date], *, now: datetime) -> str | None:
        """Why the source is stale, or None. The age of a source without any date counts from its first date."""
        if self.freshness is None:
            return None
        since = self.plan.moment(max(relocated, default=self.first_date))
        if now - since <= self.freshness:
            return None
        last = f"the newest is as of {since:%Y-%m-%d %H:%M} UTC" if relocated else "there is none at all"
        return f"{self.plan.source} has no snapshot of the last {self.freshness.total_seconds() / 3600:g} h in the lake: {last}"


def watch_set(config: LakeConfig, source: DynamoDb, exports: DynamoExports) -> WatchedSet:
    """The source's settings for watching it."""
    return WatchedSet(exports=exports, first_date=first_date(config, source), freshness=source.freshness)


@dataclass(slots=True, kw_only=True)
class _Result:
    """The result of reconciling a source. `under_way`: a date is being made; `waiting`: an export waits for a place."""

    runs: list[WantedRun] = field(default_factory=list)
    incidents: list[WantedIncident] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    under_way: bool = False
    waiting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoReconciler:
    """Compares one source at a time.

    `days`: how many dates, from today back. `grace`: how long events may take before reconciliation acts. `turn`: number of
    the tick, a part of its runs' keys. `is_late`: whether the tick's time is over, so that other dates have to wait.
    """

    log: RunLog
    now: datetime
    days: int
    grace: timedelta
    turn: int
    conversions: GlueWatch | None = None
    is_late: Callable[[], bool] = lambda: False

    def examine(self, watched: WatchedSet) -> Examined:
        """Returns everything that remains to do for the source. Calls AWS only for unfinished dates.

        A date that cannot be examined becomes a problem and does not stop the others; if AWS does not answer, the rest waits
        for the next tick.
        """
        relocated = watched.relocated()
        result = _Result()
        for day in self._open_dates(watched, result):
            if self.is_late():
                result.problems.append(f"{day}: {NO_TIME}")
                break
            looked = attempt(lambda day=day: self._look(watched, day, relocated, result))
            if isinstance(looked, Failed):
                result.problems.append(f"{day}: {looked.why}")
                if looked.transient:
                    break
        for conversion in self._conversions(watched, result):
            runs = attempt(lambda conversion=conversion: self._continue(conversion))
            if isinstance(runs, Failed):
                result.problems.append(f"{conversion.job_set.snapshot_date}: {runs.why}")
                continue
            result.under_way = True
            result.runs += runs
            result.incidents += conversion.stuck(now=self.now, timeout=watched.plan.timeout)
        reason = watched.stale_reason(relocated, now=self.now)
        # A source that was just set up has no date yet. That is no incident while its first date is being made.
        is_coming = bool(result.runs) or result.under_way or result.waiting
        if reason is not None and (relocated or not (is_coming or self._is_coming(watched))):
            result.incidents.append(_stale(watched.plan, relocated, reason))
        return Examined(
            source=watched.plan.source,
            settling=tuple(result.runs),
            incidents=tuple(result.incidents),
            problems=tuple(result.problems),
        )

    def _look(self, watched: WatchedSet, day: date, relocated: Sequence[date], result: _Result) -> None:
        if watched.plan.scans:
            result.runs += self._scan(watched.plan, day)
            return
        exports = watched.exports.look(day)
        if exports is None or exports.missing:
            if not result.waiting:  # otherwise this newer date would take the place that an older one waits for
                result.runs += self._begin(watched.plan, day, relocated, begun=exports is not None)
            waits = bool(exports and exports.missing and not self._is_blocked(watched.plan, day))
            result.waiting = result.waiting or waits
        elif exports.status.running:
            result.under_way = True
            result.incidents += self._stuck(watched.plan, exports)
        else:
            result.runs += self._settle(exports)

    def _days(self, watched: WatchedSet) -> list[date]:
        """Returns the dates to examine, newest first: those whose instant has passed."""
        today = self.now.astimezone(UTC).date()
        days = [today - timedelta(days=back) for back in range(self.days)]
        return [day for day in days if day >= watched.first_date and watched.plan.moment(day) <= self.now]

    def _open_dates(self, watched: WatchedSet, result: _Result) -> list[date]:
        days = self._days(watched)
        progress = self.log.progress(watched.plan.source, days) if days else {}
        result.under_way = any(progress[day] is Progress.BUSY for day in days)
        return [day for day in reversed(days) if progress[day] is Progress.OPEN]

    def _is_coming(self, watched: WatchedSet) -> bool:
        """Whether the source's first date is being made: a run of a date is queued or works, or has begun it without failing.

        A date that is not in the lake long after its instant (freshness, time-out and a day) is not expected any more.
        """
        plan, longest = watched.plan, (watched.freshness or timedelta()) + watched.plan.timeout + timedelta(days=1)
        days = [day for day in self._days(watched) if self.now - plan.moment(day) < longest]
        progress = self.log.progress(plan.source, days) if days else {}
        for day in days:
            if progress[day] is Progress.BUSY:
                return True
            known = self.log.begun(plan.source, day).get(subject(plan.source, day))
            is_begun = known is not None or watched.exports.find_begun(day) is not None
            if is_begun and not self.log.has_failed(plan.source, day):
                return True
        return False

    def _is_blocked(self, plan: DynamoPlan, day: date) -> bool:
        """Whether a run that begins the date is in progress, or failed: then a person has to decide."""
        known = self.log.begun(plan.source, day).get(subject(plan.source, day))
        return known is not None and known.blocking

    def _begin(self, plan: DynamoPlan, day: date, relocated: Sequence[date], *, begun: bool) -> list[WantedRun]:
        """Returns the run that begins the date; none before the source's first date, as recovery may have been off."""
        newest = plan.moment(day + timedelta(days=1)) > self.now
        if not (begun or newest or (relocated and day > relocated[0])):
            return []
        label = subject(plan.source, day)
        known = self.log.begun(plan.source, day).get(label)
        if known is not None and (known.blocking or known.at > self.now - min(self.grace, _BEGIN_AGAIN)):
            return []
        return [beginning_run(plan.source, day, label, key=f"begin:{label}:{self.turn}")]

    def _scan(self, plan: DynamoPlan, day: date) -> list[WantedRun]:
        """Returns the run that scans today's date; other dates cannot be scanned. A failed scan is repeated only by hand."""
        if day != self.now.astimezone(UTC).date() or self.log.has_failed(plan.source, day):
            return []
        label = subject(plan.source, day)
        run = WantedRun(
            key=f"scan:{label}", source=plan.source, snapshot_date=day, trigger="scan", whole_source=True, subject=label
        )
        return [run]

    def _settle(self, exports: ExportSet) -> list[WantedRun]:
        task = exports.task
        run = settling_run(exports.source, task, exports.snapshot_date)
        young = (task.ended_at or self.now) > self.now - min(self.grace, _SETTLE_GRACE)
        return [] if young or is_taken_over(self.log, run) else [run]

    def _conversions(self, watched: WatchedSet, into: _Result) -> list[DateConversions]:
        """Returns dates of any age whose tables Glue converts, and that no run is working on."""
        source, exports = watched.plan.source, watched.exports
        dates = (
            self.conversions.dates(source, failed=lambda failed: into.problems.append(failed.why))
            if self.conversions
            else []
        )
        dates = [conversion for conversion in dates if conversion.job_set.snapshot_date >= watched.first_date]
        days = [conversion.job_set.snapshot_date for conversion in dates]
        progress = self.log.progress(source, days) if days else {}
        # A date may have been exported again since: the conversion of its earlier export is not needed any more.
        current: list[DateConversions] = []
        for conversion in dates:
            day = conversion.job_set.snapshot_date
            if progress[day] is not Progress.OPEN:
                continue
            record = attempt(lambda day=day: find_export_record(exports.s3, exports.layout, source, day))
            if isinstance(record, Failed):
                into.problems.append(f"{day}: {record.why}")
            elif record is not None and record.export_task == conversion.job_set.export_task:
                current.append(conversion)
        return current

    def _continue(self, conversion: DateConversions) -> list[WantedRun]:
        """Returns the run that reads the results of ended jobs, or starts jobs that waited for a place."""
        if conversion.is_due:
            run = conversion.wanted()
            if (conversion.ended_at or self.now) > self.now - min(self.grace, _SETTLE_GRACE):
                return []
            if not is_taken_over(self.log, run):
                return [run]
        is_idle = conversion.waiting and not conversion.running
        if is_idle and self.conversions and self.conversions.has_place():
            return [conversion.wanted(turn=self.turn)]
        return []

    def _stuck(self, plan: DynamoPlan, exports: ExportSet) -> list[WantedIncident]:
        late = [
            export
            for export in exports.started
            if export.status.running
            and export.started_at
            and self.now - export.started_at > plan.timeout
            and not self.log.has_timed_out(plan.source, exports.snapshot_date, since=export.started_at)
        ]
        hours = plan.timeout.total_seconds() / 3600
        return [
            WantedIncident(
                key=f"stuck:{export.arn}",
                source=plan.source,
                what="export stuck",
                cause=f"export {export.arn} of {export.table} is in progress for more than {hours:g} h",
                next_step=(
                    "DynamoDB has no way to cancel an export. Ask AWS support with its ARN; or raise `export_timeout_hours` "
                    "in lake.yaml if the table is just big."
                ),
            )
            for export in late
        ]


def _stale(plan: DynamoPlan, relocated: Sequence[date], reason: str) -> WantedIncident:
    """One incident per newest date: the next is reported only after a newer date has come and aged."""
    return WantedIncident(
        key=f"stale:{plan.source}:{max(relocated).isoformat() if relocated else 'never'}",
        source=plan.source,
        what="no new snapshot",
        cause=reason,
        next_step=(
            "Look at the failed runs of `snapshot_export` and `parquet` of the last dates: point-in-time recovery may be off, "
            "a table deleted, or an export failed. The published date stays published."
        ),
    )
