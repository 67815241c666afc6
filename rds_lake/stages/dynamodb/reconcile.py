"""Reconciliation of a DynamoDB source: dates to begin, ended exports to settle, stuck ones, staleness.

Nothing in AWS begins a date, and DynamoDB raises no event when an export ends: this comparison begins every date once its
instant has passed, and finds every end that S3's event on the manifest did not tell.

    the date's instant has passed, nothing begun     -> begin it
    exports missing, as AWS had no place for them    -> begin it again, the oldest date first
    all exports ended, and no run settled them       -> settle them
    runs of Glue ended, and no run read their result -> read it, and go on (`dynamodb/converting/glue_watch.py`)
    an export older than the time-out                -> incident "stuck"
    no date relocated for longer than the freshness  -> incident "stale"

What belongs here: the comparison. Databases' is `databases/reconcile.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from rds_lake.config.lake_yaml import LakeConfig, first_date
from rds_lake.config.source import SourceSettings
from rds_lake.model.dynamodb.export_set import ExportSet, subject
from rds_lake.stages.dynamodb.converting.glue.watch import DateConversions, GlueWatch
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.dynamodb.plan import DynamoPlan
from rds_lake.stages.lake.handover import find_export_record, list_dates
from rds_lake.stages.runs.apart import Failed, attempt
from rds_lake.stages.runs.examined import Examined
from rds_lake.stages.runs.run_log import Progress, RunLog, is_taken_over
from rds_lake.stages.runs.wanted import WantedIncident, WantedRun, beginning_run, settling_run

# The event on the last manifest may have come before its export ended, and then told nothing.
_SETTLE_GRACE = timedelta(seconds=60)
# An export that AWS had no place for is tried again after this long: places are those of exports, which take a while.
_BEGIN_AGAIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedSet:
    """A DynamoDB source as reconciliation sees it."""

    exports: DynamoExports
    first_date: date
    freshness: timedelta | None

    @property
    def plan(self) -> DynamoPlan:
        return self.exports.plan

    def relocated(self) -> tuple[date, ...]:
        """The dates whose files are in the lake, oldest first."""
        return list_dates(self.exports.s3, self.exports.layout, self.plan.source)

    def stale_reason(self, relocated: Sequence[date], *, now: datetime) -> str | None:
        """Why the source is stale, or None. One that just began has its first date to wait from."""
        if self.freshness is None:
            return None
        since = self.plan.moment(max(relocated, default=self.first_date))
        if now - since <= self.freshness:
            return None
        last = f"the newest is as of {since:%Y-%m-%d %H:%M} UTC" if relocated else "there is none at all"
        return f"{self.plan.source} has no snapshot of the last {self.freshness.total_seconds() / 3600:g} h in the lake: {last}"


def watch_set(config: LakeConfig, source: SourceSettings, exports: DynamoExports) -> WatchedSet:
    """The source's settings for watching it."""
    return WatchedSet(exports=exports, first_date=first_date(config, source), freshness=source.freshness)


@dataclass(slots=True, kw_only=True)
class _Found:
    """What was found of a source so far. `under_way`: a date is being made. `waiting`: an export waits for a place."""

    runs: list[WantedRun] = field(default_factory=list)
    incidents: list[WantedIncident] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    under_way: bool = False
    waiting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoReconciler:
    """Compares one source at a time. `grace`: how long events are given first. `turn` tells a tick's runs from others'."""

    log: RunLog
    now: datetime
    days: int
    grace: timedelta
    turn: int
    conversions: GlueWatch | None = None

    def examine(self, watched: WatchedSet) -> Examined:
        """Everything that is left to do for the source. AWS is asked about open dates only.

        A date that cannot be looked at keeps no other from its work; where AWS does not answer, the rest waits as well.
        """
        relocated = watched.relocated()
        found = _Found()
        for day in self._open_dates(watched, found):
            one = attempt(lambda day=day: self._look(watched, day, relocated, found))
            if isinstance(one, Failed):
                found.problems.append(f"{day}: {one.why}")
                if one.transient:
                    break
        for conversion in self._conversions(watched, found):
            one = attempt(lambda conversion=conversion: self._continue(conversion))
            if isinstance(one, Failed):
                found.problems.append(f"{conversion.job_set.snapshot_date}: {one.why}")
                continue
            found.under_way = True
            found.runs += one
            found.incidents += conversion.stuck(now=self.now, timeout=watched.plan.timeout)
        reason = watched.stale_reason(relocated, now=self.now)
        # A source set up just now has nothing yet, which is no incident while its first date is being made.
        is_coming = bool(found.runs) or found.under_way or found.waiting
        if reason is not None and (relocated or not (is_coming or self._is_coming(watched))):
            found.incidents.append(_stale(watched.plan, relocated, reason))
        return Examined(
            source=watched.plan.source,
            settling=tuple(found.runs),
            incidents=tuple(found.incidents),
            problems=tuple(found.problems),
        )

    def _look(self, watched: WatchedSet, day: date, relocated: Sequence[date], found: _Found) -> None:
        if watched.plan.scans:
            found.runs += self._scan(watched.plan, day)
            return
        exports = watched.exports.look(day)
        if exports is None or exports.missing:
            if not found.waiting:  # a newer date would take the places of an older one
                found.runs += self._begin(watched.plan, day, relocated, begun=exports is not None)
            waits = bool(exports and exports.missing and not self._is_blocked(watched.plan, day))
            found.waiting = found.waiting or waits
        elif exports.status.running:
            found.under_way = True
            found.incidents += self._stuck(watched.plan, exports)
        else:
            found.runs += self._settle(exports)

    def _days(self, watched: WatchedSet) -> list[date]:
        """The dates that are looked at, newest first."""
        today = self.now.astimezone(UTC).date()
        days = [today - timedelta(days=back) for back in range(self.days)]
        return [day for day in days if day >= watched.first_date and watched.plan.moment(day) <= self.now]

    def _open_dates(self, watched: WatchedSet, found: _Found) -> list[date]:
        days = self._days(watched)
        progress = self.log.progress(watched.plan.source, days) if days else {}
        found.under_way = any(progress[day] is Progress.BUSY for day in days)
        return [day for day in reversed(days) if progress[day] is Progress.OPEN]

    def _is_coming(self, watched: WatchedSet) -> bool:
        """Whether a date was begun, by a run that waits, works or ended well: its first one is on its way, unless it failed.

        That may be at any point: a run in the queue, an export that ended a moment ago, a conversion. A date that has come
        to nothing for this long comes no more.
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
        """Whether a run that begins the date is under way, or failed, which is a person's."""
        known = self.log.begun(plan.source, day).get(subject(plan.source, day))
        return known is not None and known.blocking

    def _begin(self, plan: DynamoPlan, day: date, relocated: Sequence[date], *, begun: bool) -> list[WantedRun]:
        """Dates before the source's first snapshot are a person's to ask for: recovery may have been off then."""
        newest = plan.moment(day + timedelta(days=1)) > self.now
        if not (begun or newest or (relocated and day > relocated[0])):
            return []
        label = subject(plan.source, day)
        known = self.log.begun(plan.source, day).get(label)
        if known is not None and (known.blocking or known.at > self.now - min(self.grace, _BEGIN_AGAIN)):
            return []
        return [beginning_run(plan.source, day, label, key=f"begin:{label}:{self.turn}")]

    def _scan(self, plan: DynamoPlan, day: date) -> list[WantedRun]:
        """A scan shows the present, so that only today's can be made; one that failed is a person's."""
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

    def _conversions(self, watched: WatchedSet, into: _Found) -> list[DateConversions]:
        """Dates whose tables Glue converts, also such as are older than the days looked at, unless a run of ours is about to."""
        source, exports = watched.plan.source, watched.exports
        failed = lambda one: into.problems.append(one.why)  # noqa: E731
        dates = self.conversions.dates(source, failed=failed) if self.conversions else []
        dates = [found for found in dates if found.job_set.snapshot_date >= watched.first_date]
        days = [found.job_set.snapshot_date for found in dates]
        progress = self.log.progress(source, days) if days else {}
        open_dates = [found for found in dates if progress[found.job_set.snapshot_date] is Progress.OPEN]
        # Of a date that was exported again since, the earlier conversion is nobody's any more.
        current: list[DateConversions] = []
        for found in open_dates:
            day = found.job_set.snapshot_date
            record = attempt(lambda day=day: find_export_record(exports.s3, exports.layout, source, day))
            if isinstance(record, Failed):
                into.problems.append(f"{day}: {record.why}")
            elif record is not None and record.export_task == found.job_set.export_task:
                current.append(found)
        return current

    def _continue(self, found: DateConversions) -> list[WantedRun]:
        if found.is_due:
            run = found.wanted()
            if (found.ended_at or self.now) > self.now - min(self.grace, _SETTLE_GRACE):
                return []
            if not is_taken_over(self.log, run):
                return [run]
        idle = found.waiting and not found.running
        return [found.wanted(turn=self.turn)] if idle and self.conversions and self.conversions.has_place() else []

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
                    "DynamoDB has no way to cancel an export. Ask AWS support with its ARN; or raise `export_timeout_hours` in "
                    "lake.yaml when the table is just big."
                ),
            )
            for export in late
        ]


def _stale(plan: DynamoPlan, relocated: Sequence[date], reason: str) -> WantedIncident:
    """One incident per newest date: told once, and again only after a newer one came and aged."""
    return WantedIncident(
        key=f"stale:{plan.source}:{max(relocated).isoformat() if relocated else 'never'}",
        source=plan.source,
        what="no new snapshot",
        cause=reason,
        next_step=(
            "See the failed runs of `snapshot_export` and `parquet` of the last dates: point-in-time recovery that is off, a "
            "table that is gone, or exports that failed. What is published stays published; it gets older."
        ),
    )
