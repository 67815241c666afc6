"""Orphans: objects and folders in the lake or its export folder that cost money and that nothing will ever use.

| kind | what | why it is there |
|---|---|---|
| export | AWS's copy of a date that is published, or that `retention:` does not keep | a crash after publishing |
| ended badly | what a FAILED or CANCELED export wrote | AWS leaves it there |
| generation | a folder of a date whose manifest and partitions name others | a crash after a second export or in a conversion |
| unfinished | a folder of a date without manifest, export record or partition | a relocation given up |
|  | an attempt at converting DynamoDB tables that no finished table and no Glue run names | a conversion that was killed |
| upload | parts of a multipart upload | a copy that was killed |
| partition | a Glue partition that points at nothing | a person deleted the objects; Athena then reads no rows and reports no error |

An orphan that may be the only copy of something is only shown, and left to a person: `removable` is False. Objects younger
than the safety age, export tasks whose id does not follow this lake's rule, and keys outside the source's folders are ignored.

What belongs here: finding them all. Dates that have a manifest are `retention.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime

from rds_lake.aws.rds import RdsGateway
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.upkeep.folders import Exports
from rds_lake.stages.upkeep.orphan import Orphan, unless_needed
from rds_lake.stages.upkeep.retention import SAFETY_AGE
from rds_lake.stages.upkeep.source_state import SourceState
from rds_lake.stages.upkeep.unnamed_folders import unnamed_folders
from rds_lake.stages.upkeep.unread_exports import unread_exports


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
    """Returns every orphan of the source older than the safety age.

    `busy`: dates to leave out, because runs work on them or they are marked (`retention.busy_by_marks`).
    """
    known = SourceState.read(lake, source, busy=busy)
    copies = unread_exports(config, known, exports, rds=rds, now=now)
    orphans = [
        *(unless_needed(lake, copy, known.manifests.get(copy.day) if copy.day else None) for copy in copies),
        *unnamed_folders(config, lake, known, exports, now=now),
        *_uploads(lake, source, now=now),
    ]
    return tuple(orphan for orphan in orphans if orphan.age >= SAFETY_AGE)


def _uploads(lake: Lake, source: SourceSettings, *, now: datetime) -> Iterable[Orphan]:
    bucket = lake.layout.bucket
    for upload in lake.s3.list_uploads(bucket, lake.layout.source_folder(source.name)):
        yield Orphan(
            kind="upload",
            source=source.name,
            bucket=bucket,
            key=upload.key,
            why="a multipart upload that was never completed",
            age=now - upload.initiated,
            objects=1,
            bytes=upload.bytes,
            upload=upload,
        )
