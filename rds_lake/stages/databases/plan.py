"""What to export for a source, and which of the account's export tasks belong to it.

| kind | exported | snapshots are | `live` is |
|---|---|---|---|
| rds | one DB instance | instance snapshots | not possible |
| aurora | one cluster | cluster snapshots | the cluster's own ARN |

What belongs here: the plan as a value, and recognising tasks. Starting them is `export.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from rds_lake.config.database import Database
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.model.aws.arn import Exportable, exportable
from rds_lake.model.aws.snapshot import LIVE, Snapshot, Which, copy_subject, live_subject, snapshot_date
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.model.exports.task_id import is_made_by_rule, parse_attempt, written_day

_NOUNS = {Exportable.SNAPSHOT: "instance", Exportable.CLUSTER_SNAPSHOT: "cluster"}
_KINDS = {"backup": "awsbackup"}  # lake.yaml's word -> SnapshotType


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPlan:
    """The plan of a source's exports. `kinds` in AWS's words (automated, manual, awsbackup), or live.

    `own`: items of ExportOnly for the tables of capture, in addition to `include`. An export without them also belongs
    to the source: its snapshot is from before capture, or it was started before `streams:` was in lake.yaml.
    """

    source: str
    snapshot_about: Exportable
    identifier: str
    kinds: tuple[str, ...]
    include: tuple[str, ...]
    bucket: str
    prefix: str
    role: str
    kms_key: str
    which: Which = "newest"
    replace: bool = False
    priority: int = 0
    timeout: timedelta = timedelta(hours=24)
    own: tuple[str, ...] = ()

    @property
    def includes(self) -> tuple[tuple[str, ...], ...]:
        """Returns the requested ExportOnly, and others that an export of this source may have."""
        return ((*self.include, *self.own), self.include) if self.own else (self.include,)

    @property
    def salt(self) -> str:
        """A part of every export id, which distinguishes this lake's exports of a snapshot from another lake's."""
        return f"{self.source}/{self.bucket}/{self.prefix}"

    @property
    def snapshot_kinds(self) -> tuple[str, ...]:
        """Returns the kinds that are snapshots."""
        return tuple(kind for kind in self.kinds if kind != LIVE)

    @property
    def exports_live(self) -> bool:
        return LIVE in self.kinds

    def live_label(self, day: date) -> str:
        """Returns the label of runs of a scheduled live export, without the cluster's ARN, which only AWS knows."""
        return f"{LIVE}:{self.identifier}@{day.isoformat()}"

    def folder_of(self, export_task: str) -> str:
        """Returns the key prefix of an export at the plan's place, with a trailing slash."""
        return f"{self.prefix}/{export_task}/" if self.prefix else f"{export_task}/"

    @property
    def noun(self) -> str:
        """`instance` or `cluster`."""
        return _NOUNS[self.snapshot_about]


def export_plan(config: LakeConfig, source: Database) -> ExportPlan:
    """Returns the plan of the source's exports: identifiers, kinds of snapshots, names and keys, from its settings."""
    lake = config.lake
    assert lake.export_role and lake.kms_key, "config/lake_yaml.py refuses a database without them"
    return ExportPlan(
        source=source.name,
        snapshot_about=source.snapshot_about,
        identifier=source.identifier,
        kinds=tuple(_KINDS.get(kind, kind) for kind in source.snapshots),
        include=source.include,
        bucket=lake.exports_bucket,
        prefix=lake.export_prefix,
        role=lake.export_role,
        kms_key=lake.kms_key,
        which=source.which,
        replace=source.replace,
        priority=source.priority,
        timeout=timedelta(hours=source.export_timeout_hours),
        own=source.outbox_items,
    )


def export_plans(config: LakeConfig) -> Sequence[ExportPlan]:
    """Returns the plans of all sources that are databases."""
    return [export_plan(config, source) for source in config.databases]


def attempt_at(plan: ExportPlan, task: ExportTask, snapshot: Snapshot) -> int | None:
    """Returns the attempt number of the task for this snapshot; None if the task does not belong to this plan.

    0 is an export that a person started, of the same tables to the same place. It is already paid for, so it is adopted
    while it runs and when it is COMPLETE. One that another lake started to the same place is not: that lake deletes it
    once it has published it, or reads it in place.
    """
    if task.source_arn != snapshot.arn:
        return None
    attempt = _attempt(plan, task, snapshot.subject)
    return attempt if attempt is not None else 0 if _by_hand(plan, task, snapshot) else None


def _by_hand(plan: ExportPlan, task: ExportTask, snapshot: Snapshot) -> bool:
    same_place = (task.bucket, task.prefix.strip("/")) == (plan.bucket, plan.prefix)
    same_tables = any(set(task.include) == set(include) for include in plan.includes)
    good = task.status in (ExportStatus.STARTING, ExportStatus.IN_PROGRESS, ExportStatus.COMPLETE)
    if not (same_place and same_tables and good) or is_of_another_lake(plan, task):
        return False
    moment = task.snapshot_time or task.started_at
    # A live cluster has one ARN for all dates: the export of an earlier day is not this one.
    return snapshot.kind != LIVE or (
        moment is not None and snapshot_date(moment) == snapshot.date and date_of_ours(plan, task) is None
    )


def date_of_ours(plan: ExportPlan, task: ExportTask) -> date | None:
    """Returns the date of a task that this plan started, by its id; None if the plan did not start it.

    Raises ValueError if the plan started it but AWS does not give its time yet.
    """
    try:
        about, _ = exportable(task.source_arn)
    except ValueError:
        return None
    if about is Exportable.CLUSTER:
        return _live_date(plan, task)
    if not _is_attempt(plan, task, task.source_arn):
        day = written_day(task.identifier)  # for a copied snapshot, AWS gives the time of the copy, not of its data
        return day if day and _is_attempt(plan, task, copy_subject(task.source_arn, day)) else None
    if task.snapshot_time is None:
        raise ValueError(f"export task {task.identifier} has no snapshot time yet")
    return snapshot_date(task.snapshot_time)


def is_attempt_of(plan: ExportPlan, task: ExportTask) -> bool:
    """Whether the task's id is one that this plan gives to exports of the same snapshot or cluster."""
    try:
        about, _ = exportable(task.source_arn)
    except ValueError:
        return False
    if about is Exportable.CLUSTER:
        return _live_date(plan, task) is not None
    return _is_attempt(plan, task, task.source_arn)


def is_of_another_lake(plan: ExportPlan, task: ExportTask) -> bool:
    """Whether rds-lake started the task for another lake, or for a source of another name; whatever tables it asked for."""
    asked = replace(plan, include=task.include, own=())
    return is_made_by_rule(task.identifier) and not is_attempt_of(plan, task) and not is_attempt_of(asked, task)


def _live_date(plan: ExportPlan, task: ExportTask) -> date | None:
    """Returns the day in the task's id, as a live export begun before midnight may have a time after it."""
    moment = task.snapshot_time or task.started_at
    if moment is None:
        # STARTING has neither, and nothing is decided about a task before it ends.
        return None
    days = [snapshot_date(moment) - timedelta(days=back) for back in (0, 1, 2, -1)]
    return next((day for day in days if _is_attempt(plan, task, live_subject(task.source_arn, day))), None)


def _is_attempt(plan: ExportPlan, task: ExportTask, subject: str) -> bool:
    return _attempt(plan, task, subject) is not None


def _attempt(plan: ExportPlan, task: ExportTask, subject: str) -> int | None:
    attempts = (
        parse_attempt(task.identifier, subject=subject, include=include, salt=plan.salt) for include in plan.includes
    )
    return next((attempt for attempt in attempts if attempt is not None), None)
