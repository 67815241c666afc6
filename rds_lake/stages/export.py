"""Export: find the date's snapshot, start or adopt its export task, see it to its end.

AWS charges for every export, so a task of ours is looked for before one is started: running is adopted, COMPLETE is
reused, only FAILED or CANCELED gets a next attempt. The id is deterministic (`model/export_id.py`), so two runs that
start at the same moment end with one task.

What belongs here: that decision and the waiting. What the export contains is `inspect_export.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from rds_lake.aws.rds import RdsGateway
from rds_lake.errors import (
    ConflictError,
    ExportFailedError,
    ExportQuotaError,
    ExportTimeoutError,
    SnapshotNotFoundError,
    TransientError,
)
from rds_lake.model.export import ExportRecord, ExportStatus, ExportTask
from rds_lake.model.export_id import export_task_id, parse_attempt
from rds_lake.model.snapshot import Snapshot, newest_of_date


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPlan:
    """What exporting a source means. `kinds` in AWS's words: automated, manual, awsbackup."""

    source: str
    identifier: str
    kinds: tuple[str, ...]
    include: tuple[str, ...]
    bucket: str
    prefix: str
    role: str
    kms_key: str

    @property
    def salt(self) -> str:
        """Tells this lake's exports from another's of the same snapshot."""
        return f"{self.source}/{self.bucket}/{self.prefix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How to wait for AWS. `clock` gives monotonic seconds."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    timeout_seconds: float
    poll_seconds: float
    log: Callable[[str], None]


def find_snapshot_of(rds: RdsGateway, plan: ExportPlan, day: date) -> Snapshot:
    """The snapshot of the date, or SnapshotNotFoundError with what there is instead."""
    snapshots = rds.list_snapshots(plan.identifier, plan.kinds)
    chosen = newest_of_date(snapshots, day)
    if chosen is not None:
        return chosen
    kinds = " or ".join(plan.kinds)
    days = sorted({s.date for s in snapshots if s.status == "available"})
    unfinished = [f"{s.identifier} ({s.status})" for s in snapshots if s.date == day]
    if unfinished:
        reason = f"{', '.join(unfinished)} is not available; wait for it to finish, then materialize the date again"
    elif not days:
        reason = (
            f"the instance has no available {kinds} snapshot at all; check `identifier` and `snapshots` in lake.yaml"
        )
    else:
        reason = (
            f"there are snapshots from {days[0]} to {days[-1]}. Either none was taken that day, or it is older than the "
            "instance's backup retention; its data cannot be exported any more"
        )
    raise SnapshotNotFoundError(f"{plan.identifier} has no {kinds} snapshot for {day}: {reason}")


def is_ours(plan: ExportPlan, task: ExportTask) -> bool:
    """Whether this plan started (or would have started) the task."""
    return _attempt(plan, task) is not None


def _attempt(plan: ExportPlan, task: ExportTask) -> int | None:
    return parse_attempt(task.identifier, snapshot_arn=task.source_arn, include=plan.include, salt=plan.salt)


def find_newest_attempt(rds: RdsGateway, plan: ExportPlan, snapshot_arn: str) -> tuple[int, ExportTask] | None:
    """Our latest attempt to export this snapshot, or None."""
    attempts = [
        (number, task)
        for task in rds.list_export_tasks(source_arn=snapshot_arn)
        if (number := _attempt(plan, task)) is not None
    ]
    return max(attempts, key=lambda attempt: attempt[0], default=None)


def begin_export(
    rds: RdsGateway, plan: ExportPlan, snapshot: Snapshot, *, usable: Callable[[ExportTask], bool] = lambda _: True
) -> ExportTask:
    """Our export task of this snapshot: adopted when running, or COMPLETE and still `usable`; else started.

    Raises ExportQuotaError when AWS has no place for another export now.
    """
    newest = find_newest_attempt(rds, plan, snapshot.arn)
    number = 1
    if newest is not None:
        number, task = newest
        if task.status.running or (task.status is ExportStatus.COMPLETE and usable(task)):
            return task
        number += 1
    identifier = export_task_id(snapshot_arn=snapshot.arn, include=plan.include, salt=plan.salt, attempt=number)
    try:
        return rds.start_export(
            identifier=identifier,
            source_arn=snapshot.arn,
            bucket=plan.bucket,
            prefix=plan.prefix,
            role=plan.role,
            kms_key=plan.kms_key,
            include=plan.include,
        )
    except ConflictError:
        # Another run of ours was faster with the very same id: its task is our task.
        existing = rds.find_export_task(identifier)
        if existing is None:
            raise
        return existing


def run_export(
    rds: RdsGateway,
    plan: ExportPlan,
    snapshot: Snapshot,
    *,
    waiting: Waiting,
    usable: Callable[[ExportTask], bool] = lambda _: True,
) -> ExportTask:
    """Start or adopt the export and wait for its end; COMPLETE is returned, everything else raises."""
    deadline = waiting.clock() + waiting.timeout_seconds
    task = _start_when_possible(lambda: begin_export(rds, plan, snapshot, usable=usable), waiting, deadline)
    last = ""
    while task.status.running:
        line = f"export {task.identifier}: {task.status} {task.progress}%, {task.extracted_gb} GB"
        if line != last:
            waiting.log(line)
            last = line
        if waiting.clock() > deadline:
            raise ExportTimeoutError(
                f"export {task.identifier} is still {task.status} after {waiting.timeout_seconds / 3600:.1f} h. It goes on "
                "in AWS: materialize the date again to adopt it, or raise `export_timeout_hours`"
            )
        waiting.sleep(waiting.poll_seconds)
        task = _look_again(rds, task, waiting)
    return _complete_or_raise(task)


def _start_when_possible(begin: Callable[[], ExportTask], waiting: Waiting, deadline: float) -> ExportTask:
    while True:
        try:
            return begin()
        except ExportQuotaError as error:
            if waiting.clock() > deadline:
                raise
            waiting.log(f"waiting for a free place: {error}")
            waiting.sleep(waiting.poll_seconds)


def _look_again(rds: RdsGateway, task: ExportTask, waiting: Waiting) -> ExportTask:
    """The task as it is now; a throttled look is no reason to give up hours of waiting."""
    try:
        return rds.find_export_task(task.identifier) or task
    except TransientError as error:
        waiting.log(f"AWS did not answer, asking again: {error}")
        return task


def settle_export(rds: RdsGateway, identifier: str) -> ExportTask:
    """The ended task of this id, without waiting; raises unless it is COMPLETE."""
    task = rds.find_export_task(identifier)
    if task is None:
        raise ExportFailedError(f"AWS knows no export task {identifier} in this account and Region")
    if task.status.running:
        raise ExportTimeoutError(
            f"export {identifier} is still {task.status}; its completion event brings the next run"
        )
    return _complete_or_raise(task)


def _complete_or_raise(task: ExportTask) -> ExportTask:
    if task.status is ExportStatus.COMPLETE:
        return task
    cause = task.failure_cause or ("somebody canceled it" if task.status is ExportStatus.CANCELED else "no cause given")
    raise ExportFailedError(
        f"export {task.identifier} of {task.source_arn} ended {task.status}: {cause}. Remove the cause, then materialize "
        "the date again: the next attempt gets a new id. No view was moved"
    )


def record_of(task: ExportTask, *, source: str, day: date) -> ExportRecord:
    """The record the next stage reads."""
    if task.snapshot_time is None:
        raise ExportFailedError(f"AWS gives no SnapshotTime for export {task.identifier}; its date cannot be known")
    return ExportRecord(
        source=source,
        snapshot_date=day,
        snapshot_arn=task.source_arn,
        snapshot_time=task.snapshot_time,
        export_task=task.identifier,
        bucket=task.bucket,
        folder=task.folder,
        started_at=task.started_at,
        ended_at=task.ended_at,
    )
