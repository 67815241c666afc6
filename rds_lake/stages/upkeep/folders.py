"""Sums up listed objects by folder: number, size, age. AWS writes one such folder per export task.

What belongs here: adding up a listing. Whether a folder is an orphan is decided in `orphans.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rds_lake.aws.rds import RdsGateway
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.objects import S3Object
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.model.exports.task import ExportTask


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A key prefix with trailing slash; `modified` is its newest object's."""

    key: str
    objects: int
    bytes: int
    modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Exports:
    """AWS's exports, read once for all sources: folders by key, tasks, and `tables`, the keys of the tables' folders in them."""

    folders: Mapping[str, Folder]
    tasks: Sequence[ExportTask]
    tables: Collection[str] = ()

    @classmethod
    def read(cls, config: LakeConfig, rds: RdsGateway, s3: S3Gateway) -> Exports:
        """Reads all exports below the export prefix, and every export task of the account.

        A lake without databases has no permission to call RDS, and no tasks.
        """
        prefix = f"{config.lake.export_prefix}/" if config.lake.export_prefix else ""
        tables: set[str] = set()

        def named() -> Iterable[tuple[str, S3Object]]:
            for item in s3.list_objects(config.lake.exports_bucket, prefix):
                task, *below = item.key.removeprefix(prefix).split("/")
                if len(below) > 2:
                    tables.add(f"{prefix}{task}/{below[0]}/{below[1]}/")
                yield f"{prefix}{task}/", item

        tasks = rds.list_export_tasks() if config.databases else ()
        return cls(folders=sum_folders(named()), tasks=tasks, tables=tables)


def sum_folders(items: Iterable[tuple[str, S3Object]]) -> dict[str, Folder]:
    """Returns listed objects (folder key, object) summed up by folder; a folder is as old as its newest object."""
    folders: dict[str, Folder] = {}
    for key, item in items:
        if item.modified is not None:
            old = folders.get(key) or Folder(key=key, objects=0, bytes=0, modified=item.modified)
            folders[key] = Folder(
                key=key,
                objects=old.objects + 1,
                bytes=old.bytes + item.bytes,
                modified=max(old.modified, item.modified),
            )
    return folders
