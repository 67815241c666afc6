"""Cleans up after publishing: deletes AWS's copy, and folders of the date's earlier exports that no partition uses any more.

What belongs here: deleting what a published manifest makes superfluous. Removing dates by `retention:` is
`upkeep/retention.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rds_lake.aws.s3.gateway import MOST_LISTED, S3Gateway
from rds_lake.aws.s3.many import ManyS3
from rds_lake.errors import AwsError, ManifestError
from rds_lake.model.dynamodb.manifest import parse_files
from rds_lake.model.dynamodb.tables import EXPORT_FOLDER, MANIFESTS
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import AwsCopy, Manifest
from rds_lake.model.words import counted
from rds_lake.stages.catalogue.dated import DatedTables
from rds_lake.stages.catalogue.locate import drop_elsewhere
from rds_lake.stages.lake.lake import Lake


def finish(
    lake: Lake, tables: DatedTables, *, keep_export: bool, log: Callable[[str], None], alone: bool = True
) -> None:
    """Deletes everything that a published or older date makes superfluous, in Glue and in S3. Not for a held date.

    `alone`: no other run works on another export of the date (`lake/in_use.py`), as read after its manifest.
    """
    if alone:
        drop_elsewhere(lake.glue, manifest=tables.manifest, tables=tables.located)
    after_publish(lake.s3, lake.layout, tables.manifest, keep_export=keep_export, log=log, alone=alone)


def after_publish(
    s3: S3Gateway,
    layout: LakeLayout,
    manifest: Manifest,
    *,
    keep_export: bool,
    log: Callable[[str], None],
    alone: bool = True,
) -> None:
    """Deletes AWS's copy unless it is kept or read in place, superseded files, and the relocation mark.

    Unless `alone`, superseded files stay: a run that began with them may still point partitions there. The run that ends
    last deletes them, or `rds-lake prune` does.
    """
    current = () if keep_export or manifest.in_place else manifest.aws_copies
    named = (*current, *(manifest.superseded if alone else ()))
    if not alone and (manifest.superseded or manifest.earlier):
        log(f"another run works on {manifest.snapshot_date}, and will delete the files of earlier exports of the date")
    # All are checked before any is deleted.
    copies = copies_left(s3, manifest, named)
    for copy in copies:
        s3.deletable.require(copy.bucket, [copy.folder])
    s3.deletable.require(layout.bucket, _date_folders(layout, manifest))
    if current:
        _delete_changes(s3, manifest, log)
    for copy in copies:
        _delete_copy(s3, copy, log)
    # For DynamoDB, another run may be writing there: files that no record names are orphans a day later (`upkeep/orphans.py`).
    if alone and not manifest.export.parts:
        _delete_earlier(s3, layout, manifest, log)
    export = manifest.export
    marker = layout.relocation_marker_key(manifest.source, manifest.snapshot_date, export.export_task)
    s3.delete(layout.bucket, [marker])


def copies_left(s3: S3Gateway, manifest: Manifest, copies: Sequence[AwsCopy]) -> tuple[AwsCopy, ...]:
    """Returns those of the manifest's copies that a person has not deleted. Raises ManifestError if one is not of one export."""
    for copy in copies:
        _require_export_folder(manifest, copy)
    return tuple(copy for copy in copies if not _is_deleted_by_hand(s3, copy))


def _require_export_folder(manifest: Manifest, copy: AwsCopy) -> None:
    """Raises ManifestError if the folder is not of one export, so that a damaged manifest cannot empty a bucket."""
    if not copy.export_task or copy.folder.split("/")[-2:] != [copy.export_task, ""]:
        raise ManifestError(
            f"the manifest of {manifest.source} {manifest.snapshot_date} names {copy.folder!r} as the folder of export "
            f"{copy.export_task}; nothing was deleted. Delete the manifest and materialize `parquet` again"
        )


def _is_deleted_by_hand(s3: S3Gateway, copy: AwsCopy) -> bool:
    """Whether lake.yaml does not give this export to the source, and none of it is left: nothing is to be deleted.

    That is so after a person did what the refusal to delete it says.
    """
    if s3.deletable.holds(copy.bucket, copy.folder):
        return False
    if {".", ".."}.intersection(copy.folder.split("/")):
        return False  # no export has such a name: somebody forged the record
    try:
        return next(s3.list_objects(copy.bucket, copy.folder), None) is None
    except AwsError:
        return False  # the refusal says more than that this role may not list there


def _delete_copy(s3: S3Gateway, copy: AwsCopy, log: Callable[[str], None]) -> None:
    deleted = delete_export(s3, copy.bucket, copy.folder)
    if deleted:
        log(f"deleted AWS's copy s3://{copy.bucket}/{copy.folder}: {counted(deleted, 'object')}")


def delete_export(s3: S3Gateway, bucket: str, folder: str) -> int:
    """Deletes everything in the folder of an export; returns the number of objects.

    The files that mark an export as complete are deleted first, in a separate request, so that the rest of a killed removal is
    not mistaken for an export (`intact.is_whole`).
    """
    many = ManyS3.of(s3)
    keys = [key for key, _ in many.listed_below(bucket, folder)]
    marks = [key for key in keys if says_whole(key, folder)]
    many.delete(bucket, marks)
    many.delete(bucket, [key for key in keys if not says_whole(key, folder)])
    return len(keys)


def says_whole(key: str, folder: str) -> bool:
    """Whether the key belongs to the files that mark an export as complete."""
    name = key.removeprefix(folder)
    if name.rpartition("/")[2] in MANIFESTS:  # DynamoDB's exports are some folders below
        return True
    return "/" not in name and name.startswith(("export_info_", "export_tables_info_"))


def _delete_changes(s3: S3Gateway, manifest: Manifest, log: Callable[[str], None]) -> None:
    """Deletes only those files of a shared folder of incremental exports that these exports' lists of files name.

    The summary is deleted first, so that an export whose data is being deleted is not mistaken for a complete one.
    """
    bucket = manifest.export.bucket
    for step in (step for part in manifest.export.parts for step in part.steps):
        listed, summary = (step.folder + name for name in MANIFESTS)
        text = s3.find_text(bucket, listed, most=MOST_LISTED)
        if text is None:
            continue
        root = step.folder.removesuffix(f"{EXPORT_FOLDER}/{step.export_arn.rpartition('/')[2]}/")
        files = parse_files(text, prefix=root.rstrip("/"), where=f"s3://{bucket}/{listed}")
        keys = [file.key for file in files if file.key.startswith(f"{root}{EXPORT_FOLDER}/data/")]
        s3.delete(bucket, [summary])
        s3.delete(bucket, keys)
        log(f"deleted {counted(len(keys), 'file')} of changes, {step.window}")


def _delete_earlier(s3: S3Gateway, layout: LakeLayout, manifest: Manifest, log: Callable[[str], None]) -> None:
    """Deletes the files of the date's exports that the manifest replaced, table by table, and no other export's.

    A table that was not exported again (DynamoDB, after another table was added) is still in the folder of an earlier export.
    """
    many, start = ManyS3.of(s3), layout.uri("")
    kept = [table.location.removeprefix(start) for table in manifest.tables]
    folders = [f"{day}{task}/" for day in _date_folders(layout, manifest) for task in manifest.earlier]
    folders = [folder for folder in folders if not any(location.startswith(folder) for location in kept)]
    keys = [key for key, _ in many.listed(layout.bucket, folders)]
    if keys:
        many.delete(layout.bucket, keys)
        log(f"deleted {counted(len(keys), 'file')} of an earlier export of {manifest.snapshot_date}")


def _date_folders(layout: LakeLayout, manifest: Manifest) -> list[str]:
    """Returns the folder of the date of every table, with a trailing slash; it holds all exports."""
    start, part = layout.uri(""), f"snapshot_date={manifest.snapshot_date}/"
    return [f"{table.own_folder.removeprefix(start)}{part}" for table in manifest.tables]
