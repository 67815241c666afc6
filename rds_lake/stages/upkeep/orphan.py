"""An orphan: its details, a check that it is still an orphan, and its removal. The kinds: `orphans.py`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from rds_lake.aws.s3.many import ManyS3
from rds_lake.aws.s3.objects import Upload
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.words import counted
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.intact import missing_files
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.publish.cleanup import delete_export
from rds_lake.stages.upkeep.folders import Folder

Kind = Literal["export", "ended badly", "generation", "unfinished", "upload", "partition"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """An object or folder that nothing uses, with the reason for people.

    `key`: of a folder (with a trailing slash) or an upload, or `table/date[/member]` of a partition.
    """

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


def folder_orphan(source: str, bucket: str, folder: Folder, *, now: datetime) -> Orphan:
    """Returns an orphaned folder; the caller sets its kind and reason."""
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


def remove_orphan(lake: Lake, orphan: Orphan) -> None:
    """Removes the orphan; it may be repeated. An orphan that is left to a person (`removable` is False) stays."""
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


def unless_needed(lake: Lake, orphan: Orphan, manifest: Manifest | None) -> Orphan:
    """Returns the orphan, AWS's copy of a date in the lake. It is left to a person if files of the date are missing.

    A published date may have lost files since, which AWS's copy may still have.
    """
    gone = missing_files(lake.s3, manifest) if orphan.kind == "export" and manifest is not None else ()
    if not gone:
        return orphan
    files = counted(len(gone), "file")
    why = f"{orphan.day} lacks {files} in the lake, which this copy has: materialize `parquet` of the date ({gone[0]})"
    return replace(orphan, removable=False, why=why)


def is_orphan_still(lake: Lake, orphan: Orphan) -> bool:
    """Whether still nothing uses it, as the plan may be hours old.

    Call it inside `InUse.removal`, so that no run can begin to use it before the removal.
    """
    if orphan.day is None or orphan.upload is not None:
        return True
    if orphan.partition is not None:
        table, values = orphan.partition
        partition = lake.glue.get_partitions(orphan.source, table, [values]).get(values)
        return partition is not None and partition.location == orphan.location
    task = orphan.key.rstrip("/").rpartition("/")[2]
    manifest = handover.find_manifest(lake.s3, lake.layout, orphan.source, orphan.day)
    if orphan.kind in ("export", "ended badly"):
        in_place = manifest is not None and manifest.in_place and manifest.export.export_task == task
        return not in_place and unless_needed(lake, orphan, manifest).removable
    uri = lake.layout.uri(orphan.key)
    return manifest is None or all(table.location != uri for table in manifest.tables)
