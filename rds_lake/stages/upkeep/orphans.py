"""Orphans: what lies in the lake or its export folder, costs money, and nothing will ever use.

| kind | what | why it is there |
|---|---|---|
| export | AWS's copy of a date that is published, or that `retention:` does not keep | a crash after publishing |
| ended badly | what a FAILED or CANCELED export wrote | AWS leaves it (traps T25) |
| generation | a folder of a date whose manifest names another, and no partition | a crash after a second export or in a conversion |
| unfinished | a folder of a date without manifest, export record or partition | a relocation given up |
|  | an attempt of DynamoDB's that no finished table names, nor a run of Glue | a conversion that died |
| upload | parts of a multipart upload | a copy that was killed |
| partition | a Glue partition that points at nothing | somebody deleted the objects (traps T21) |

Whatever may be the only copy of something is shown, and left to a person: `removable` is False. Nothing younger than
the safety age is looked at, nor an export task that is not ours by its id, nor a key outside the source's folders.

What belongs here: finding and removing them. Dates that have a manifest are `retention.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from rds_lake.aws.rds import RdsGateway
from rds_lake.aws.s3.many import ManyS3
from rds_lake.aws.s3.objects import Upload
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.errors import ManifestError
from rds_lake.model.aws.arn import Exportable, exportable
from rds_lake.model.dynamodb.tables import source_and_date
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.retention import keep
from rds_lake.model.tables.glue import GluePartition
from rds_lake.stages.databases.plan import date_of_ours, export_plan
from rds_lake.stages.dynamodb.plan import DYNAMODB
from rds_lake.stages.dynamodb.records import TableRecords
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.publish.cleanup import delete_export
from rds_lake.stages.upkeep.folders import Exports, Folder, sum_folders
from rds_lake.stages.upkeep.retention import SAFETY_AGE
from rds_lake.stages.upkeep.source_state import SourceState

Kind = Literal["export", "ended badly", "generation", "unfinished", "upload", "partition"]

# The folder of an export task, or of one attempt at converting its tables in there.
_GENERATION = re.compile(r"(.+/snapshot_date=(\d{4}-\d{2}-\d{2})/([^/]+)/(?:(attempt-[^/]+)/)?)(?(4).+|[^/]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """Something nothing uses. `key` is a folder's (with trailing slash), an upload's, or `table/date[/member]` of a partition."""

    kind: Kind
    source: str
    bucket: str
    key: str
    why: str
    age: timedelta
    objects: int = 0
    bytes: int = 0
    removable: bool = True
    upload: Upload | None = None
    partition: tuple[str, tuple[str, ...]] | None = None
    day: date | None = None
    location: str = ""  # of a partition


def find_orphans(
    config: LakeConfig,
    source: SourceSettings,
    exports: Exports,
    *,
    rds: RdsGateway,
    lake: Lake,
    now: datetime,
    busy: Collection[date],
) -> tuple[Orphan, ...]:
    """Every orphan of the source older than the safety age.

    `busy` dates are not looked at: those that a run is known to work on, and those marked so (`retention.busy_by_marks`).
    """
    known = SourceState.read(lake, source, busy=busy)
    found = [
        *_exports(config, known, exports, rds=rds, now=now),
        *_in_lake(config, lake, known, exports, now=now),
        *_uploads(lake, source, now=now),
    ]
    return tuple(orphan for orphan in found if orphan.age >= SAFETY_AGE)


def remove_orphan(lake: Lake, orphan: Orphan) -> None:
    """Remove one; repeatable. Those a person has to decide about are left."""
    if not orphan.removable:
        return
    if orphan.upload is not None:
        lake.s3.abort_upload(orphan.bucket, orphan.upload)
    elif orphan.partition is not None:
        table, values = orphan.partition
        lake.glue.delete_partitions(orphan.source, table, [values])
    elif orphan.kind in ("export", "ended badly"):
        delete_export(lake.s3, orphan.bucket, orphan.key)
    else:
        many = ManyS3.of(lake.s3)
        many.delete(orphan.bucket, [key for key, _ in many.listed_below(orphan.bucket, orphan.key)])


def is_orphan_still(lake: Lake, orphan: Orphan) -> bool:
    """Whether nothing has taken it up since the plan was made, which may be hours ago; while nobody works on its date."""
    if orphan.day is None or orphan.upload is not None:
        return True
    if orphan.partition is not None:
        table, values = orphan.partition
        found = lake.glue.get_partitions(orphan.source, table, [values]).get(values)
        return found is not None and found.location == orphan.location
    task = orphan.key.rstrip("/").rpartition("/")[2]
    manifest = handover.find_manifest(lake.s3, lake.layout, orphan.source, orphan.day)
    if orphan.kind in ("export", "ended badly"):
        return manifest is None or not (manifest.in_place and manifest.export.export_task == task)
    uri = lake.layout.uri(orphan.key)
    return manifest is None or all(table.location != uri for table in manifest.tables)


def _exports(
    config: LakeConfig, known: SourceState, exports: Exports, *, rds: RdsGateway, now: datetime
) -> Iterable[Orphan]:
    if known.settings.kind == DYNAMODB:
        yield from _table_exports(config, known, exports, now=now)
        return
    plan = export_plan(config, known.settings)
    for task in exports.tasks:
        folder = exports.folders.get(task.folder)
        if folder is None or task.bucket != plan.bucket:
            continue
        try:
            day = date_of_ours(plan, task)
        except ValueError:
            continue  # begun just now: AWS has not said of what time it is
        if day is None or day in known.untouchable or task.status.running or known.is_read(task):
            continue
        orphan = replace(_orphan(known.settings.name, plan.bucket, folder, now=now), day=day)
        if task.status is not ExportStatus.COMPLETE:
            cause = task.failure_cause or "no cause given"
            yield replace(orphan, kind="ended badly", why=f"the export of {day} ended {task.status} ({cause})")
        elif (reason := _superfluous(known, task, day, today=now.date())) is not None:
            yield replace(orphan, why=reason)
        elif day not in known.manifests and _snapshot_gone(rds, task):
            why = f"{day} was never relocated and its snapshot is gone: perhaps the only copy. Materialize the date"
            yield replace(orphan, why=why, removable=False)


def _table_exports(config: LakeConfig, known: SourceState, exports: Exports, *, now: datetime) -> Iterable[Orphan]:
    """Folders of DynamoDB's exports by date; what is not published may be the only copy, and stays."""
    for folder in exports.folders.values():
        found = source_and_date(folder.key.rstrip("/").rpartition("/")[2])
        if found is None or found[0] != known.settings.name or found[1] in known.untouchable:
            continue
        manifest = known.manifests.get(found[1])
        done = manifest is not None and (found[1], manifest.export.export_task) in known.published
        if done and not known.settings.keep_export:
            orphan = _orphan(known.settings.name, config.lake.exports_bucket, folder, now=now)
            yield replace(orphan, why=f"{found[1]} is published", day=found[1])


def _superfluous(known: SourceState, task: ExportTask, day: date, *, today: date) -> str | None:
    """Why nobody will read AWS's copy again, or None."""
    manifest = known.manifests.get(day)
    retention = known.settings.retention
    if manifest is None:
        given_up = retention is not None and day not in keep([*known.manifests, day], retention, today)
        return f"`retention:` does not keep {day}" if given_up else None
    own = manifest.export.export_task == task.identifier
    if manifest.in_place and own:
        return None
    if known.settings.replace and not own and _is_later(task, manifest):
        return None  # a later snapshot of the date, which its own run is about to bring
    kept = known.settings.keep_export and not manifest.in_place
    if kept or (day, manifest.export.export_task) not in known.published:
        return None
    return f"{day} is published" + ("" if own else f", from the export {manifest.export.export_task}")


def _is_later(task: ExportTask, manifest: Manifest) -> bool:
    return task.snapshot_time is not None and task.snapshot_time > manifest.export.snapshot_time


def _snapshot_gone(rds: RdsGateway, task: ExportTask) -> bool:
    about, _ = exportable(task.source_arn)
    return about is not Exportable.CLUSTER and rds.find_snapshot(about, task.source_arn) is None


def _in_lake(
    config: LakeConfig, lake: Lake, known: SourceState, exports: Exports, *, now: datetime
) -> Iterable[Orphan]:
    """Folders nothing names, and partitions that point at no folder, be it the lake's or AWS's."""
    layout, source, aws = lake.layout, known.settings, f"s3://{config.lake.exports_bucket}/"
    own = layout.source_folder(source.name)
    matched = ((_GENERATION.fullmatch(item.key), item) for item in lake.s3.list_objects(layout.bucket, own))
    folders = sum_folders((match[1], item) for match, item in matched if match)
    tables = {
        table.location: (day, len(table.files))
        for day, manifest in known.manifests.items()
        for table in manifest.tables
    }
    pointed_at = {partition.location for _, partition in known.partitions}
    # Removing a folder removes what is below it: one with attempts in it goes when none of them is left.
    above = {folder.key.rstrip("/").rpartition("/")[0] + "/" for folder in folders.values()}
    for folder in folders.values():
        uri = layout.uri(folder.key)
        if uri not in tables and uri not in pointed_at and folder.key not in above:
            yield from _unnamed(lake, known, folder, now=now)
    there = {layout.uri(key) for key in folders} | {f"{aws}{key}" for key in exports.tables}
    for table, partition in known.partitions:
        location = f"{partition.location.rstrip('/')}/"
        known_place = location.startswith((layout.uri(own), f"{aws}{config.lake.export_prefix}"))
        if known_place and location not in there and partition.created is not None:
            yield from _pointing_at_nothing(known, table, partition, tables, now=now)


def _unnamed(lake: Lake, known: SourceState, folder: Folder, *, now: datetime) -> Iterable[Orphan]:
    match = _GENERATION.fullmatch(f"{folder.key}x")
    if match is None:
        return
    day, task, attempt = date.fromisoformat(match[2]), match[3], match[4]
    if attempt and _is_of_use(lake, known, folder, day, task):
        return
    record = lake.s3.find_text(lake.layout.bucket, lake.layout.export_record_key(known.settings.name, day))
    # Named by the export record: the relocation that was begun continues with it.
    if day in known.untouchable or (record is not None and f'"{task}"' in record and not attempt):
        return
    orphan = replace(_orphan(known.settings.name, lake.layout.bucket, folder, now=now), day=day)
    manifest = known.manifests.get(day)
    if manifest is not None:
        other = "export, " if manifest.export.export_task != task else "attempt at "
        why = f"the manifest of {day} is of another {other}{manifest.export.export_task}"
        yield replace(orphan, kind="generation", why=why)
    elif attempt and record is not None:
        why = f"an attempt to convert {day} that did not come to its end"
        yield replace(orphan, kind="unfinished", why=why)
    else:
        why = f"{day} has neither manifest nor accepted export, and no partition points here"
        # Without Athena there are no partitions that could say that somebody reads it.
        yield replace(orphan, kind="unfinished", why=why, removable=known.settings.athena)


def _is_of_use(lake: Lake, known: SourceState, folder: Folder, day: date, task: str) -> bool:
    """Whether a finished table is in this attempt's folder, or a run of Glue may be writing there; if nobody can tell, it is."""
    layout, source = lake.layout, known.settings.name
    if next(lake.s3.list_objects(layout.bucket, f"{layout.job_folder(source)}{task}."), None) is not None:
        return True
    if day in known.manifests:
        return False  # the date is finished, and its manifest names the attempts that count
    records = TableRecords(s3=lake.s3, layout=layout, source=source, kms_key=lake.kms_key)
    try:
        return layout.uri(folder.key) in records.finished_folders(day)
    except ManifestError:
        return True


def _pointing_at_nothing(
    known: SourceState, table: str, partition: GluePartition, named: Mapping[str, tuple[date, int]], *, now: datetime
) -> Iterable[Orphan]:
    value = partition.values[0]
    day, files = named.get(partition.location, (None, 0))
    if (day is not None and files == 0) or value in {d.isoformat() for d in known.untouchable}:
        return  # an empty table has a partition and no file
    why = "it points at a folder without objects"
    if day is not None:
        why = f"the manifest of {day} names {files} files there, and they are gone. Delete it and materialize `parquet`"
    yield Orphan(
        kind="partition",
        source=known.settings.name,
        bucket="",
        key="/".join((table, *partition.values)),
        why=why,
        age=now - (partition.created or now),
        removable=day is None,
        partition=(table, partition.values),
        day=_date(value),
        location=partition.location,
    )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _uploads(lake: Lake, source: SourceSettings, *, now: datetime) -> Iterable[Orphan]:
    bucket = lake.layout.bucket
    for upload in lake.s3.list_uploads(bucket, lake.layout.source_folder(source.name)):
        yield Orphan(
            kind="upload",
            source=source.name,
            bucket=bucket,
            key=upload.key,
            why="a multipart upload that nobody completed",
            age=now - upload.initiated,
            objects=1,
            bytes=upload.bytes,
            upload=upload,
        )


def _orphan(source: str, bucket: str, folder: Folder, *, now: datetime) -> Orphan:
    return Orphan(
        kind="export",
        source=source,
        bucket=bucket,
        key=folder.key,
        why="",
        age=now - folder.modified,
        objects=folder.objects,
        bytes=folder.bytes,
    )
