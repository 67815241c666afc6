"""Turns queue messages into runs (the events: `model/events/parse.py`, `docs/events.md`).

A finished snapshot gives a run of `snapshot_export` for its date, which starts the export and ends. An ended export gives a
run of the whole source if the task is COMPLETE, otherwise of `snapshot_export` alone, which fails with AWS's cause. RDS's
events do not name the export task (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html), so every
task of a source for that snapshot is settled. A failed backup is an incident.

What belongs here: the decision per message. Receiving and acknowledging is `defs/sensors/events.py`; `databases/reconcile.py`
finds work that no event reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from rds_lake.aws.rds import RdsGateway
from rds_lake.aws.sqs import QueueMessage
from rds_lake.model.aws.arn import Exportable, exportable, parse_arn
from rds_lake.model.events.kinds import (
    BackupFailed,
    Event,
    ExportEnded,
    ExportWritten,
    ForeignEvent,
    JobEnded,
    JsonArrived,
    MalformedEvent,
    SnapshotCreated,
    TableExportWritten,
)
from rds_lake.model.events.parse import parse_events
from rds_lake.model.exports.task import ExportTask
from rds_lake.model.words import counted
from rds_lake.stages.databases.plan import ExportPlan, attempt_at, date_of_ours
from rds_lake.stages.dynamodb.converting.glue.watch import GlueWatch
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.runs.attempt import Failed, attempt
from rds_lake.stages.runs.wanted import WantedIncident, WantedRun, settling_run, starting_run


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPlan:
    """The runs and incidents for a batch of messages.

    `handled`: receipt handles that the next tick deletes. A message in neither `handled` nor a run stays in the queue:
    it is delivered again, and reaches the dead-letter queue after the queue's limit. `problems`: messages for which AWS
    refused a call, or that caused an unexpected error.
    """

    runs: tuple[WantedRun, ...]
    incidents: tuple[WantedIncident, ...]
    handled: tuple[str, ...]
    notes: tuple[str, ...]
    problems: tuple[str, ...] = ()

    @property
    def wanted(self) -> dict[str, WantedRun | WantedIncident]:
        """Runs and incidents by key."""
        return {item.key: item for item in (*self.runs, *self.incidents)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decision:
    """The decision for one event. `later`: it cannot be decided yet."""

    runs: tuple[WantedRun, ...] = ()
    incident: WantedIncident | None = None
    note: str | None = None
    later: bool = False
    problem: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPlanner:
    """Decides about messages for a set of sources; `first_dates`: each source's first date with a partition.

    One planner per tick: decisions are cached, so a thousand copies of an event cost one call. `is_taken_over`: whether
    another run already does the same work. `is_late`: whether the tick's time is over; undecided messages then stay in the
    queue. `take_json`: starts the run that a JSON requests, or writes its errors, and returns a sentence; None if no warehouse
    uses that place.
    """

    rds: RdsGateway
    plans: Sequence[ExportPlan]
    first_dates: dict[str, date]
    today: Callable[[], date]
    dynamodb: Mapping[str, DynamoExports] = field(default_factory=dict)
    conversions: GlueWatch | None = None
    is_taken_over: Callable[[WantedRun], bool] = lambda _: False
    is_late: Callable[[], bool] = lambda: False
    take_json: Callable[[JsonArrived], str | None] = lambda _: None
    _decided: dict[Event, _Decision] = field(default_factory=dict, init=False, repr=False)

    def plan(self, messages: Iterable[QueueMessage]) -> EventPlan:
        """Decides about every message. A malformed one, or one for which AWS refuses a call, does not stop the others."""
        runs: dict[str, WantedRun] = {}
        incidents: dict[str, WantedIncident] = {}
        handled: list[str] = []
        notes: list[str] = []
        problems: list[str] = []
        for message in messages:
            decisions = [self._decide_once(event) for event in parse_events(message.body)]
            runs.update({run.key: run for decision in decisions for run in decision.runs})
            incidents.update({d.incident.key: d.incident for d in decisions if d.incident is not None})
            for decision in decisions:
                if decision.note:
                    (problems if decision.problem else notes).append(f"message {message.message_id}: {decision.note}")
            if not any(decision.later for decision in decisions):
                handled.append(message.receipt_handle)
        return EventPlan(
            runs=tuple(runs.values()),
            incidents=tuple(incidents.values()),
            handled=tuple(handled),
            notes=tuple(notes),
            problems=tuple(problems),
        )

    def _decide_once(self, event: Event) -> _Decision:
        decided = self._decided.get(event)
        if decided is None:
            if self.is_late():
                return _Decision(note="stays in the queue: no time is left in this tick", later=True)
            decided = attempt(lambda: self._legal(self._decide(event)))
            if isinstance(decided, Failed):
                decided = _Decision(
                    note=f"stays in the queue: {decided.why}", later=True, problem=not decided.transient
                )
            self._decided[event] = decided
        return decided

    def _legal(self, decision: _Decision) -> _Decision:
        """Returns the decision without runs for dates without a partition (one would fail the whole tick) or without work."""
        runs: list[WantedRun] = []
        notes = [decision.note] if decision.note else []
        later = decision.later
        for run in decision.runs:
            day = f"{run.source} {run.snapshot_date}"
            if run.snapshot_date < self.first_dates[run.source]:
                notes.append(f"{run.subject} is from {run.snapshot_date}, before the source's first date")
            elif run.snapshot_date > self.today():
                reason = f"{run.subject} is from {run.snapshot_date}, which is in the future by this machine's clock"
                notes.append(f"stays in the queue: {reason}")
                later = True
            elif run.trigger != "begin" and self.is_taken_over(run):
                notes.append(f"{day}: another run already settles {run.export_task}")
            else:
                runs.append(run)
        return replace(decision, runs=tuple(runs), note="; ".join(notes) or None, later=later)

    def _decide(self, event: Event) -> _Decision:
        match event:
            case SnapshotCreated():
                return self._snapshot_created(event)
            case ExportEnded():
                return self._export_ended(event)
            case ExportWritten(export_task=identifier):
                task = self.rds.find_export_task(identifier)
                return (
                    self._settled([task], task.source_arn)
                    if task
                    else _Decision(note=f"AWS has no export task {identifier}")
                )
            case TableExportWritten():
                return self._table_exported(event)
            case JsonArrived(bucket=bucket, key=key):
                return _Decision(note=self.take_json(event) or f"not for us: S3 object s3://{bucket}/{key[:200]}")
            case JobEnded():
                return self._job_ended(event)
            case BackupFailed():
                return self._backup_failed(event)
            case ForeignEvent(reason=reason):
                return _Decision(note=f"not for us: {reason}")
            case MalformedEvent(reason=reason):
                return _Decision(note=f"stays in the queue: malformed: {reason}", later=True)

    def _snapshot_created(self, event: SnapshotCreated) -> _Decision:
        snapshot = self.rds.find_snapshot(event.about, event.reference)
        if snapshot is None:
            return _Decision(note=f"{event.reference} no longer exists")
        plan = self._plan_of(event.about, snapshot.source_identifier)
        if plan is None:
            return _Decision(
                note=f"{snapshot.arn} belongs to {snapshot.source_identifier}, which is not a source in lake.yaml"
            )
        if snapshot.kind not in plan.kinds:
            return _Decision(note=f"{snapshot.arn} is {snapshot.kind}; source {plan.source} takes {plan.kinds}")
        if snapshot.status in ("failed", "incompatible-restore", "deleting", "deleted"):
            return _Decision(note=f"{snapshot.arn} is {snapshot.status}")
        if snapshot.status != "available":
            return _Decision(note=f"stays in the queue: {snapshot.arn} is {snapshot.status}", later=True)
        if snapshot.unknown_origin:
            return _Decision(note=f"{snapshot.arn} copies a snapshot that AWS no longer names: it belongs to no date")
        return _Decision(runs=(starting_run(plan.source, snapshot),))

    def _plan_of(self, about: Exportable, identifier: str) -> ExportPlan | None:
        wanted = identifier.lower()
        return next((p for p in self.plans if p.snapshot_about is about and p.identifier.lower() == wanted), None)

    def _export_ended(self, event: ExportEnded) -> _Decision:
        arn = event.reference
        if not arn.startswith("arn:"):
            # An event subscription's message names the snapshot only.
            snapshot = self.rds.find_snapshot(event.about, arn) if event.about is not Exportable.CLUSTER else None
            if snapshot is None:
                return _Decision(
                    note=f"{arn} no longer exists, and the message has no ARN; reconciliation settles its export"
                )
            arn = snapshot.arn
        return self._settled(self.rds.list_export_tasks(source_arn=arn), arn)

    def _settled(self, tasks: Sequence[ExportTask], arn: str) -> _Decision:
        """Returns the runs that settle every ended task of the sources; one started by hand counts unless it failed."""
        try:
            exports = [
                (p, task, day) for p in self.plans for task in tasks if (day := date_of_ours(p, task)) is not None
            ]
        except ValueError as error:
            return _Decision(note=f"stays in the queue: {error}", later=True)
        exports = exports or self._by_hand(tasks, arn)
        if not exports:
            return _Decision(note=f"no source has an export of {arn}")
        ended = [(plan, task, day) for plan, task, day in exports if not task.status.running]
        if not ended:
            return _Decision(
                note=f"stays in the queue: the export of {arn} is still {exports[0][1].status}", later=True
            )
        return _Decision(runs=tuple(settling_run(plan.source, task, day) for plan, task, day in ended))

    def _by_hand(self, tasks: Sequence[ExportTask], arn: str) -> list[tuple[ExportPlan, ExportTask, date]]:
        about, _ = exportable(arn)
        snapshot = self.rds.find_snapshot(about, arn) if tasks and about is not Exportable.CLUSTER else None
        plan = self._plan_of(about, snapshot.source_identifier) if snapshot else None
        if snapshot is None or plan is None or snapshot.kind not in plan.kinds:
            return []
        return [(plan, task, snapshot.date) for task in tasks if attempt_at(plan, task, snapshot) is not None]

    def _table_exported(self, event: TableExportWritten) -> _Decision:
        """Settles all exports of a date when the last one ends; earlier events give no run.

        DynamoDB writes the manifest before the export ends. Such an early event does not stay in the queue, as
        reconciliation checks sooner than the message would return.
        """
        exports = self.dynamodb.get(event.source)
        if exports is None or event.snapshot_date < self.first_dates[event.source]:
            return _Decision(note=f"{event.source} {event.snapshot_date} is not a date of a DynamoDB source")
        if exports.plan.scans:
            # The file has DynamoDB's form, but DynamoDB has no such export: describing it would need an additional permission.
            return _Decision(note=f"{event.source} {event.snapshot_date} is scanned by a run of its own")
        begun = exports.look(event.snapshot_date)
        own = next((e for e in begun.started if e.export_id == event.export_id), None) if begun else None
        if begun is None or own is None:
            return _Decision(
                note=f"export {event.export_id} is not one of the exports that {event.source} {event.snapshot_date} consists of"
            )
        if begun.status.running:
            ended = sum(not export.status.running for export in begun.started)
            return _Decision(
                note=f"{event.source} {event.snapshot_date}: {ended} of {counted(len(begun.wanted), 'export')} have ended so far"
            )
        return _Decision(runs=(settling_run(event.source, begun.task, event.snapshot_date),))

    def _job_ended(self, event: JobEnded) -> _Decision:
        """Requests a run when the last Glue run of a date ends, or one whose end gives a place to a waiting table.

        An event that arrives before Glue reports the end does not stay in the queue: reconciliation checks sooner.
        """
        conversions = self.conversions if self.conversions and self.conversions.job == event.job else None
        converted = conversions.date_of(event.run) if conversions else None
        if converted is None:
            return _Decision(
                note=f"the run {event.run} of the Glue job {event.job} belongs to no unfinished date of any source"
            )
        day = f"{converted.job_set.source} {converted.job_set.snapshot_date}"
        if converted.job_set.snapshot_date < self.first_dates[converted.job_set.source]:
            return _Decision(note=f"{day} is before the source's first date")
        if not converted.is_due:
            return _Decision(note=f"{day}: Glue still converts {', '.join(converted.running)}")
        return _Decision(runs=(converted.wanted(),))

    def _backup_failed(self, event: BackupFailed) -> _Decision:
        """Returns an incident of the source that uses AWS Backup's snapshots; backups of other databases are ignored."""
        kind, _, identifier = parse_arn(event.resource_arn).resource.partition(":")
        about = {"db": Exportable.SNAPSHOT, "cluster": Exportable.CLUSTER_SNAPSHOT}.get(kind)
        plan = self._plan_of(about, identifier) if about else None
        if plan is None or "awsbackup" not in plan.kinds:
            return _Decision(
                note=f"backup job {event.job} of {event.resource_arn}, which is not a source in lake.yaml, ended {event.state}"
            )
        incident = WantedIncident(
            key=f"backup:{event.job}:{event.state}",
            source=plan.source,
            what=f"AWS Backup job {event.state}",
            cause=f"backup job {event.job} of {event.resource_arn} ended {event.state}: {event.message or 'no reason given'}",
            next_step="Look at the job in AWS Backup and start it again; its snapshot is exported as soon as it exists.",
        )
        return _Decision(incident=incident)
