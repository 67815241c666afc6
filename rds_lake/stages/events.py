"""From queue messages to runs: what each event asks for (aws-facts 3.1).

A snapshot event asks for `snapshot_export` of its date, which starts the export and ends. An event that an export
ended asks for the whole source when our task is COMPLETE, else for `snapshot_export` alone, which fails with AWS's
cause. The events do not name the export task, so every task of ours of that snapshot is settled.

What belongs here: the decision per message. Receiving and acknowledging is `defs/sensors.py`; the parser is
`model/events.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from rds_lake.aws.rds import RdsGateway
from rds_lake.aws.sqs import QueueMessage
from rds_lake.errors import TransientError
from rds_lake.model.events import ExportEnded, ForeignEvent, MalformedEvent, SnapshotCreated, parse_event
from rds_lake.model.export import ExportStatus, ExportTask
from rds_lake.model.snapshot import snapshot_date
from rds_lake.stages.export import ExportPlan, is_ours

Trigger = Literal["snapshot", "export"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRun:
    """One run to ask Dagster for. `key` is the same for a redelivered event, so that it runs once (traps T9)."""

    key: str
    source: str
    snapshot_date: date
    trigger: Trigger
    whole_source: bool
    snapshot_arn: str
    export_task: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPlan:
    """What a batch of messages asks for.

    `settled` are the receipt handles to delete in the next tick. A message that is in neither `settled` nor a
    run stays in the queue: it comes again, and after the queue's limit goes to the dead-letter queue.
    """

    runs: tuple[WantedRun, ...]
    settled: tuple[str, ...]
    notes: tuple[str, ...]


class _Later(Exception):
    """The message cannot be decided yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPlanner:
    """Decides about messages for a set of sources; `first_dates` bounds the dates that have a partition."""

    rds: RdsGateway
    plans: Sequence[ExportPlan]
    first_dates: dict[str, date]
    today: Callable[[], date]

    def plan(self, messages: Iterable[QueueMessage]) -> EventPlan:
        """Decide every message; one bad message never keeps the others from their runs."""
        runs: dict[str, WantedRun] = {}
        settled: list[str] = []
        notes: list[str] = []
        for message in messages:
            try:
                wanted, note = self._decide(message.body)
            except (_Later, TransientError) as reason:
                notes.append(f"message {message.message_id} stays in the queue: {reason}")
                continue
            runs.update({run.key: run for run in wanted})
            settled.append(message.receipt_handle)
            if note:
                notes.append(f"message {message.message_id}: {note}")
        return EventPlan(runs=tuple(runs.values()), settled=tuple(settled), notes=tuple(notes))

    def _decide(self, body: str) -> tuple[list[WantedRun], str | None]:
        match parse_event(body):
            case SnapshotCreated() as event:
                return self._snapshot_created(event)
            case ExportEnded() as event:
                return self._export_ended(event)
            case ForeignEvent(reason=reason):
                return [], f"not for us: {reason}"
            case MalformedEvent(reason=reason):
                raise _Later(f"malformed: {reason}")

    def _snapshot_created(self, event: SnapshotCreated) -> tuple[list[WantedRun], str | None]:
        snapshot = self.rds.find_snapshot(event.arn)
        if snapshot is None:
            return [], f"{event.arn} is gone already"
        plan = next((p for p in self.plans if p.identifier.lower() == snapshot.source_identifier.lower()), None)
        if plan is None:
            return [], f"{event.arn} belongs to {snapshot.source_identifier}, which is no source"
        if snapshot.kind not in plan.kinds:
            return [], f"{event.arn} is {snapshot.kind}; source {plan.source} takes {', '.join(plan.kinds)}"
        if snapshot.status != "available":
            raise _Later(f"{event.arn} is {snapshot.status}")
        return self._wanted(
            WantedRun(
                key=f"snapshot:{event.arn}",
                source=plan.source,
                snapshot_date=snapshot.date,
                trigger="snapshot",
                whole_source=False,
                snapshot_arn=event.arn,
            )
        )

    def _export_ended(self, event: ExportEnded) -> tuple[list[WantedRun], str | None]:
        tasks = self.rds.list_export_tasks(source_arn=event.source_arn)
        ours = [(plan, task) for plan in self.plans for task in tasks if is_ours(plan, task)]
        if not ours:
            return [], f"no export of {event.source_arn} is ours"
        ended = [(plan, task) for plan, task in ours if not task.status.running]
        if not ended:
            raise _Later(f"our export of {event.source_arn} is still {ours[0][1].status}")
        wanted: list[WantedRun] = []
        notes: list[str] = []
        for plan, task in ended:
            runs, note = self._wanted(_settling_run(plan, task))
            wanted += runs
            notes += [note] if note else []
        return wanted, "; ".join(notes) or None

    def _wanted(self, run: WantedRun) -> tuple[list[WantedRun], str | None]:
        """The run, unless its date has no partition: one illegal key would fail the whole tick."""
        if run.snapshot_date < self.first_dates[run.source]:
            return [], f"{run.snapshot_arn} is from {run.snapshot_date}, before the source's first date"
        if run.snapshot_date > self.today():
            raise _Later(f"{run.snapshot_arn} is from {run.snapshot_date}, which this clock has not reached")
        return [run], None


def _settling_run(plan: ExportPlan, task: ExportTask) -> WantedRun:
    if task.snapshot_time is None:
        raise _Later(f"export task {task.identifier} carries no snapshot time yet")
    return WantedRun(
        key=f"export:{task.identifier}:{task.status}",
        source=plan.source,
        snapshot_date=snapshot_date(task.snapshot_time),
        trigger="export",
        whole_source=task.status is ExportStatus.COMPLETE,
        snapshot_arn=task.source_arn,
        export_task=task.identifier,
    )
