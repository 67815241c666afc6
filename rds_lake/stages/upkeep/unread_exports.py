"""Finds AWS's exports that will not be read again, and exports that may be the only copy of a date."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from rds_lake.aws.rds import RdsGateway
from rds_lake.config.database import Aurora, Rds
from rds_lake.config.dynamodb import DynamoDb
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.model.aws.arn import Exportable, exportable
from rds_lake.model.dynamodb.tables import source_and_date
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.retention import keep
from rds_lake.stages.databases.plan import ExportPlan, date_of_ours, export_plan
from rds_lake.stages.upkeep.folders import Exports
from rds_lake.stages.upkeep.orphan import Orphan, folder_orphan
from rds_lake.stages.upkeep.source_state import SourceState


def unread_exports(
    config: LakeConfig, known: SourceState, exports: Exports, *, rds: RdsGateway, now: datetime
) -> Iterable[Orphan]:
    """Yields the source's exports that are orphans; `rds` is called to see whether a snapshot still exists."""
    if isinstance(known.settings, DynamoDb):
        yield from _table_exports(config, known, exports, now=now)
        return
    if not isinstance(known.settings, Rds | Aurora):
        return
    plan = export_plan(config, known.settings)
    for task in exports.tasks:
        folder = exports.folders.get(task.folder)
        if folder is None or task.bucket != plan.bucket:
            continue
        try:
            day = date_of_ours(plan, task)
        except ValueError:
            continue  # started just now: AWS does not give its time yet
        if day is None or day in known.untouchable or task.status.running or known.is_read(task):
            continue
        orphan = replace(folder_orphan(known.settings.name, plan.bucket, folder, now=now), day=day)
        if task.status is not ExportStatus.COMPLETE:
            cause = task.failure_cause or "no cause given"
            yield replace(orphan, kind="ended badly", why=f"the export of {day} ended {task.status} ({cause})")
        elif (reason := _superfluous(known, plan, task, day, today=now.date())) is not None:
            yield replace(orphan, why=reason)
        elif day not in known.manifests and _snapshot_gone(rds, task):
            why = f"{day} was never relocated and its snapshot is gone: perhaps the only copy. Materialize the date"
            yield replace(orphan, why=why, removable=False)


def _table_exports(config: LakeConfig, known: SourceState, exports: Exports, *, now: datetime) -> Iterable[Orphan]:
    """Yields folders of DynamoDB's exports by date; an unpublished one may be the only copy, and stays."""
    for folder in exports.folders.values():
        source, day = source_and_date(folder.key.rstrip("/").rpartition("/")[2]) or ("", date.min)
        if source != known.settings.name or day in known.untouchable:
            continue
        manifest = known.manifests.get(day)
        done = manifest is not None and (day, manifest.export.export_task) in known.published
        if done and not known.settings.keep_export:
            orphan = folder_orphan(source, config.lake.exports_bucket, folder, now=now)
            yield replace(orphan, why=f"{day} is published", day=day)


def _superfluous(known: SourceState, plan: ExportPlan, task: ExportTask, day: date, *, today: date) -> str | None:
    """Returns why AWS's copy will not be read again, or None."""
    manifest = known.manifests.get(day)
    retention = known.settings.retention
    if manifest is None:
        given_up = retention is not None and day not in keep([*known.manifests, day], retention, today)
        return f"`retention:` does not keep {day}" if given_up else None
    own = manifest.export.export_task == task.identifier
    if manifest.in_place and own:
        return None
    if plan.replace and not own and _is_later(task, manifest):
        return None  # an export of a later snapshot of the date, which another run will relocate
    kept = known.settings.keep_export and not manifest.in_place
    if kept or (day, manifest.export.export_task) not in known.published:
        return None
    return f"{day} is published" + ("" if own else f", from the export {manifest.export.export_task}")


def _is_later(task: ExportTask, manifest: Manifest) -> bool:
    return task.snapshot_time is not None and task.snapshot_time > manifest.export.snapshot_time


def _snapshot_gone(rds: RdsGateway, task: ExportTask) -> bool:
    about, _ = exportable(task.source_arn)
    return about is not Exportable.CLUSTER and rds.find_snapshot(about, task.source_arn) is None
