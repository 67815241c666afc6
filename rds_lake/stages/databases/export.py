"""Exports a date: finds its snapshot, starts or adopts the export task, and waits until it ends.

AWS charges for every export, so an existing task of the source is looked for first: a running one is adopted, a COMPLETE one
is reused, and another attempt is started only after FAILED or CANCELED. The id is deterministic (`model/exports/task_id.py`),
so two runs that start at the same moment end with one task.

What belongs here: that decision and the waiting. Which tasks are the source's own: `plan.py`. What an export contains:
`inspect.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from rds_lake.aws.rds import RdsGateway
from rds_lake.errors import (
    AwsError,
    ConfigError,
    ConflictError,
    ExportFailedError,
    ExportTimeoutError,
    SnapshotNotFoundError,
)
from rds_lake.model.aws.engine import engine_of
from rds_lake.model.aws.snapshot import LIVE, Snapshot, of_date
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.model.exports.task_id import export_task_id
from rds_lake.model.lake.record import ExportRecord
from rds_lake.stages.databases.plan import ExportPlan, attempt_at
from rds_lake.stages.runs.waiting import Waiting

Usable = Callable[[ExportTask], bool]


def choose_snapshot(rds: RdsGateway, plan: ExportPlan, day: date, *, now: datetime, usable: Usable) -> Snapshot:
    """Returns what to export for the date. Raises SnapshotNotFoundError, which names existing snapshots.

    A snapshot of the date that is already exported is chosen again, unless the source has `replace: true`, as a second
    export costs as much as the first.
    """
    snapshots = rds.list_snapshots(plan.snapshot_about, plan.identifier, plan.snapshot_kinds)
    candidates = of_date(snapshots, day, which=plan.which)
    if not plan.replace:
        for candidate in candidates:
            if any(_serves(task, usable) for _, task in find_attempts(rds, plan, candidate)):
                return candidate
    if candidates:
        return candidates[0]
    if plan.exports_live and day == now.date():
        return _live(rds, plan, now)
    raise SnapshotNotFoundError(_why_none(plan, snapshots, day))


def _live(rds: RdsGateway, plan: ExportPlan, now: datetime) -> Snapshot:
    cluster = rds.find_cluster(plan.identifier, now=now)
    if cluster is None:
        raise SnapshotNotFoundError(
            f"the cluster {plan.identifier} does not exist in this account and Region; check `identifier` in lake.yaml"
        )
    return cluster


def _why_none(plan: ExportPlan, snapshots: list[Snapshot], day: date) -> str:
    kinds = " or ".join(plan.kinds)
    days = sorted({s.date for s in snapshots if s.status == "available" and not s.unknown_origin})
    unfinished = [f"{s.identifier} ({s.status})" for s in snapshots if s.date == day and s.status != "available"]
    copies = [s.identifier for s in snapshots if s.unknown_origin and s.there_since.date() >= day]
    if unfinished:
        reason = f"{', '.join(unfinished)} is not available; wait for it to finish, then materialize the date again"
    elif plan.kinds == (LIVE,):
        reason = "a live export only has the current data; an earlier date needs a snapshot of that date"
    elif not days:
        reason = (
            f"the {plan.noun} has no available {kinds} snapshot at all; check `identifier` and `snapshots` in lake.yaml"
        )
    else:
        reason = (
            f"there are snapshots from {days[0]} to {days[-1]}. Either no snapshot was taken that day, or the {plan.noun}'s backup "
            "retention removed it; the date can no longer be exported"
        )
    if copies:
        reason += f". The copies {', '.join(copies)} have no known date: AWS no longer says what they were copied from"
    return f"{plan.identifier} has no {kinds} snapshot for {day}: {reason}"


def find_attempts(rds: RdsGateway, plan: ExportPlan, snapshot: Snapshot) -> list[tuple[int, ExportTask]]:
    """Returns the source's exports of this snapshot, as (attempt, task); 0 is a usable export that was started by hand."""
    attempts = [
        (number, task)
        for task in rds.list_export_tasks(source_arn=snapshot.arn)
        if (number := attempt_at(plan, task, snapshot)) is not None
    ]
    return sorted(attempts, key=lambda attempt: attempt[0])


def _serves(task: ExportTask, usable: Usable) -> bool:
    """Whether no other export is needed: the task is running, or it is COMPLETE and usable."""
    return task.status.running or (task.status is ExportStatus.COMPLETE and usable(task))


def begin_export(
    rds: RdsGateway,
    plan: ExportPlan,
    snapshot: Snapshot,
    *,
    usable: Usable = lambda _: True,
    repeat_ended: bool = True,
) -> ExportTask:
    """Returns the source's export task of this snapshot: adopted if running, or COMPLETE and `usable`; otherwise started.

    With `repeat_ended=False` no second export is started, regardless of how the first ended: an event may come twice,
    and only a person decides to pay again. Raises ExportQuotaError if AWS allows no further export now, ConfigError if
    `include` does not fit the snapshot's engine.
    """
    attempts = find_attempts(rds, plan, snapshot)
    for _, task in reversed(attempts):
        if _serves(task, usable):
            return task
    if attempts and not repeat_ended:
        return attempts[-1][1]
    _check_include(plan, snapshot)
    number = attempts[-1][0] + 1 if attempts else 1
    try:
        return _start(rds, plan, snapshot, plan.includes[0], number)
    except AwsError as error:
        # The snapshot is from before capture was installed: its tables are exported without those of capture.
        if not plan.own or error.code != "InvalidExportOnly":
            raise
        return _start(rds, plan, snapshot, plan.include, number)


def _start(rds: RdsGateway, plan: ExportPlan, snapshot: Snapshot, include: tuple[str, ...], number: int) -> ExportTask:
    identifier = export_task_id(subject=snapshot.subject, include=include, salt=plan.salt, attempt=number)
    try:
        return rds.start_export(
            identifier=identifier,
            source_arn=snapshot.arn,
            bucket=plan.bucket,
            prefix=plan.prefix,
            role=plan.role,
            kms_key=plan.kms_key,
            include=include,
        )
    except ConflictError:
        # Another run started an export with the same id: that is the one wanted here.
        existing = rds.find_export_task(identifier)
        if existing is None:
            raise
        return existing


def _check_include(plan: ExportPlan, snapshot: Snapshot) -> None:
    """Raises ConfigError if `include` does not fit the snapshot's engine, which lake.yaml may not name."""
    try:
        engine = engine_of(snapshot.engine)
    except ValueError as error:
        raise ConfigError(f"source {plan.source}: {snapshot.source_identifier}: {error}") from error
    illegal = [item for item in plan.include if not engine.is_export_only(item)]
    if illegal:
        raise ConfigError(
            f"source {plan.source} is {snapshot.engine}, for which `include` must be {engine.grammar}:",
            [f"{item} does not have that form; correct it in lake.yaml" for item in illegal],
        )


def run_export(
    rds: RdsGateway,
    plan: ExportPlan,
    snapshot: Snapshot,
    *,
    waiting: Waiting,
    usable: Usable = lambda _: True,
) -> ExportTask:
    """Starts or adopts the export and waits for its end. Returns it if COMPLETE; raises otherwise."""
    task = waiting.until_ended(
        lambda: begin_export(rds, plan, snapshot, usable=usable),
        lambda task: rds.find_export_task(task.identifier),
        refused="waiting, as AWS allows no more exports at once",
        line=lambda task: f"export {task.identifier}: {task.status} {task.progress}%, {task.extracted_gb} GB",
        overdue=lambda task, hours: (
            f"export {task.identifier} is still {task.status} after {hours:.1f} h. AWS continues it: materialize the date again "
            "to adopt it, or raise `export_timeout_hours`"
        ),
    )
    return _complete_or_raise(task)


def settle_export(rds: RdsGateway, identifier: str) -> ExportTask:
    """Returns the ended task of this id, without waiting. Raises unless it is COMPLETE."""
    task = rds.find_export_task(identifier)
    if task is None:
        raise ExportFailedError(f"AWS has no export task {identifier} in this account and Region")
    if task.status.running:
        raise ExportTimeoutError(
            f"export {identifier} is still {task.status}; its completion event starts the next run"
        )
    return _complete_or_raise(task)


def _complete_or_raise(task: ExportTask) -> ExportTask:
    if task.status is ExportStatus.COMPLETE:
        return task
    cause = task.failure_cause or (
        "it was canceled, AWS does not say by whom" if task.status is ExportStatus.CANCELED else "no cause given"
    )
    raise ExportFailedError(
        f"export {task.identifier} of {task.source_arn} ended {task.status}: {cause}. Remove the cause, then materialize "
        "the date again: the next attempt gets a new id. No view was moved"
    )


def record_of(task: ExportTask, *, source: str, day: date, data_at: datetime | None = None) -> ExportRecord:
    """Returns the record that the next stage reads. `data_at`: the time of the data, if it is not SnapshotTime (copies)."""
    if task.snapshot_time is None:
        raise ExportFailedError(
            f"AWS gives no SnapshotTime for export {task.identifier}, so its snapshot date is unknown"
        )
    return ExportRecord(
        source=source,
        snapshot_date=day,
        snapshot_arn=task.source_arn,
        snapshot_time=data_at or task.snapshot_time,
        export_task=task.identifier,
        bucket=task.bucket,
        folder=task.folder,
        started_at=task.started_at,
        ended_at=task.ended_at,
    )
