"""Clean up, only after publishing: AWS's copy, and folders of the same date that nothing points to any more.

What belongs here: deleting what a finished, published manifest makes superfluous. Retention is another matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rds_lake.aws.s3 import MOST_LISTED, S3Gateway
from rds_lake.aws.s3_many import ManyS3
from rds_lake.errors import ManifestError
from rds_lake.model.dynamo import EXPORT_FOLDER, MANIFESTS
from rds_lake.model.dynamo_manifest import parse_files
from rds_lake.model.layout import LakeLayout
from rds_lake.model.manifest import AwsCopy, Manifest
from rds_lake.stages.catalog import drop_elsewhere
from rds_lake.stages.dated import DatedTables
from rds_lake.stages.lake import Lake


def finish(lake: Lake, tables: DatedTables, *, keep_export: bool, log: Callable[[str], None]) -> None:
    """Everything a decided date makes superfluous, in Glue and in S3. Not for a held date: nobody decided yet."""
    drop_elsewhere(lake.glue, manifest=tables.manifest, tables=tables.located)
    after_publish(lake.s3, lake.layout, tables.manifest, keep_export=keep_export, log=log)


def after_publish(
    s3: S3Gateway, layout: LakeLayout, manifest: Manifest, *, keep_export: bool, log: Callable[[str], None]
) -> None:
    """Delete AWS's copy unless it is to be kept or read in place, superseded folders of the date, and the relocation mark."""
    mine = () if keep_export or manifest.in_place else manifest.aws_copies
    copies = (*mine, *manifest.superseded)
    # All are looked at before any is deleted.
    for copy in copies:
        require_export_folder(manifest, copy)
        s3.deletable.require(copy.bucket, [copy.folder])
    s3.deletable.require(layout.bucket, _date_folders(layout, manifest))
    if mine:
        _delete_changes(s3, manifest, log)
    for copy in copies:
        _delete_copy(s3, copy, log)
    if (
        not manifest.export.parts
    ):  # of DynamoDB another run may be writing there: what nobody names is an orphan a day later
        _delete_superseded(s3, layout, manifest, log)
    export = manifest.export
    marker = layout.relocation_marker_key(manifest.source, manifest.snapshot_date, export.export_task)
    s3.delete(layout.bucket, [marker])


def require_export_folder(manifest: Manifest, copy: AwsCopy) -> None:
    """ManifestError where the folder is not one export's: a damaged manifest must not make us empty a bucket."""
    if not copy.export_task or copy.folder.split("/")[-2:] != [copy.export_task, ""]:
        raise ManifestError(
            f"the manifest of {manifest.source} {manifest.snapshot_date} names {copy.folder!r} as the folder of export "
            f"{copy.export_task}; nothing was deleted. Delete the manifest and materialize `parquet` again"
        )


def _delete_copy(s3: S3Gateway, copy: AwsCopy, log: Callable[[str], None]) -> None:
    many = ManyS3.of(s3)
    keys = [key for key, _ in many.listed_below(copy.bucket, copy.folder)]
    if keys:
        many.delete(copy.bucket, keys)
        log(f"deleted AWS's copy s3://{copy.bucket}/{copy.folder}: {len(keys)} objects")


def _delete_changes(s3: S3Gateway, manifest: Manifest, log: Callable[[str], None]) -> None:
    """Data of incremental exports, which lies in a folder they share: what their lists of files name, and nothing else.

    The summary goes first, so that nobody takes an export for whole whose data is on its way out.
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
        log(f"deleted {len(keys)} files of changes, {step.window}")


def _delete_superseded(s3: S3Gateway, layout: LakeLayout, manifest: Manifest, log: Callable[[str], None]) -> None:
    """Files beside the manifest's own folder of the same table and date: an earlier export of the date.

    Only keys under this very table and date are looked at, and only those outside the manifest's folder deleted: all of
    them where that is AWS's own.
    """
    start = layout.uri("")
    kept = set() if manifest.in_place else {table.location.removeprefix(start) for table in manifest.tables}
    superseded: list[str] = []

    def found(items: Sequence[tuple[str, int]]) -> None:
        superseded.extend(key for key, _ in items if kept.isdisjoint(_above(key)))

    many = ManyS3.of(s3)
    many.sizes(layout.bucket, _date_folders(layout, manifest), found=found)
    if superseded:
        many.delete(layout.bucket, superseded)
        log(f"deleted {len(superseded)} files of an earlier export of {manifest.snapshot_date}")


def _date_folders(layout: LakeLayout, manifest: Manifest) -> list[str]:
    """The folder of every table's date, whatever the export; with trailing slash."""
    start, part = layout.uri(""), f"snapshot_date={manifest.snapshot_date}/"
    return [f"{table.own_folder.removeprefix(start)}{part}" for table in manifest.tables]


def _above(key: str) -> Iterator[str]:
    """The folders a key lies in."""
    at = key.rfind("/")
    while at >= 0:
        yield key[: at + 1]
        at = key.rfind("/", 0, at)
