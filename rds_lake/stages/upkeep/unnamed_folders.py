"""Folders of the lake that no manifest names, and Glue partitions that point at no folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.errors import ManifestError
from rds_lake.model.tables.glue import GluePartition
from rds_lake.model.words import counted
from rds_lake.stages.dynamodb.records import TableRecords
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.upkeep.folders import Exports, Folder, sum_folders
from rds_lake.stages.upkeep.orphan import Orphan, folder_orphan
from rds_lake.stages.upkeep.source_state import SourceState

# The folder of an export task, or of one attempt at converting its tables in there.
_GENERATION = re.compile(r"(.+/snapshot_date=(\d{4}-\d{2}-\d{2})/([^/]+)/(?:(attempt-[^/]+)/)?)(?(4).+|[^/]+)")


def unnamed_folders(
    config: LakeConfig, lake: Lake, known: SourceState, exports: Exports, *, now: datetime
) -> Iterable[Orphan]:
    """Yields folders that no manifest names, and partitions whose folder is neither in the lake nor in AWS's exports."""
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
    # Removing a folder removes everything below it, so a folder of attempts is removed only when it has none left.
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
    # The folder of the accepted export: its relocation was begun and will continue.
    if day in known.untouchable or (record is not None and f'"{task}"' in record and not attempt):
        return
    orphan = replace(folder_orphan(known.settings.name, lake.layout.bucket, folder, now=now), day=day)
    manifest = known.manifests.get(day)
    if manifest is not None:
        other = "export, " if manifest.export.export_task != task else "attempt at "
        why = f"the manifest of {day} is of another {other}{manifest.export.export_task}"
        yield replace(orphan, kind="generation", why=why)
    elif attempt and record is not None:
        why = f"an attempt to convert {day} that was not finished"
        yield replace(orphan, kind="unfinished", why=why)
    else:
        why = f"{day} has neither manifest nor accepted export, and no partition points here"
        # Without Athena, no partition can show that the folder is read.
        yield replace(orphan, kind="unfinished", why=why, removable=known.settings.athena)


def _is_of_use(lake: Lake, known: SourceState, folder: Folder, day: date, task: str) -> bool:
    """Whether a finished table is in this attempt's folder, or a Glue run may write to it; True if that is unknown."""
    layout, source = lake.layout, known.settings.name
    if next(lake.s3.list_objects(layout.bucket, f"{layout.job_folder(source)}{task}."), None) is not None:
        return True
    if day in known.manifests:
        return False  # the date is finished, and its manifest names the attempts in use
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
        why = f"the manifest of {day} names {counted(files, 'file')} there, and there is none. Delete it and materialize `parquet`"
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
