"""Clean up, only after publishing: AWS's copy, and folders of the same date that nothing points to any more.

What belongs here: deleting what a finished, published manifest makes superfluous. Retention is another matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rds_lake.aws.s3 import S3Gateway
from rds_lake.errors import ManifestError
from rds_lake.model.layout import LakeLayout
from rds_lake.model.manifest import Manifest


def after_publish(
    s3: S3Gateway, layout: LakeLayout, manifest: Manifest, *, keep_export: bool, log: Callable[[str], None]
) -> None:
    """Delete AWS's copy unless it is to be kept, superseded folders of the date, and the relocation mark."""
    if not keep_export:
        _delete_export(s3, manifest, log)
    _delete_superseded(s3, layout, manifest, log)
    export = manifest.export
    marker = layout.relocation_marker_key(manifest.source, manifest.snapshot_date, export.export_task)
    s3.delete(layout.bucket, [marker])


def _delete_export(s3: S3Gateway, manifest: Manifest, log: Callable[[str], None]) -> None:
    export = manifest.export
    # The last part of a table's export's ARN is its folder's name, too.
    parts = {part.folder: part.export_arn.rpartition("/")[2] for part in export.parts}
    folders = parts or {export.folder: export.export_task}
    for folder, name in folders.items():
        # A damaged manifest must not make us empty a bucket.
        if not name or folder.split("/")[-2:] != [name, ""]:
            raise ManifestError(
                f"the manifest of {manifest.source} {manifest.snapshot_date} names {folder!r} as the folder of export {name}; "
                "nothing was deleted. Delete the manifest and materialize `parquet` again"
            )
    for folder in folders:
        keys = [item.key for item in s3.list_objects(export.bucket, folder)]
        if keys:
            s3.delete(export.bucket, keys)
            log(f"deleted AWS's copy s3://{export.bucket}/{folder}: {len(keys)} objects")


def _delete_superseded(s3: S3Gateway, layout: LakeLayout, manifest: Manifest, log: Callable[[str], None]) -> None:
    """Files beside the manifest's own folder of the same table and date: an earlier export of the date.

    Only keys under this very table and date are looked at, and only those outside the manifest's folder deleted.
    """
    superseded: list[str] = []
    for table in manifest.tables:
        folder = table.location.removeprefix(layout.uri(""))
        date_folder = folder.removesuffix(f"{manifest.export.export_task}/")
        superseded += _outside(s3, layout.bucket, date_folder, folder)
    if superseded:
        s3.delete(layout.bucket, superseded)
        log(f"deleted {len(superseded)} files of an earlier export of {manifest.snapshot_date}")


def _outside(s3: S3Gateway, bucket: str, date_folder: str, folder: str) -> Sequence[str]:
    return [item.key for item in s3.list_objects(bucket, date_folder) if not item.key.startswith(folder)]
