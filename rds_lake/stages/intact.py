"""Whether a relocated date is still all there: somebody may have deleted objects by hand.

What belongs here: comparing a manifest with what S3 lists, and the words for what is gone for good.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from rds_lake.aws.s3 import S3Gateway
from rds_lake.errors import LostFilesError
from rds_lake.model.layout import LakeLayout
from rds_lake.model.manifest import Manifest, TableManifest

_PARALLEL = 8


def missing_files(s3: S3Gateway, manifest: Manifest) -> tuple[str, ...]:
    """URIs of the manifest's files that are gone or have another size; one LIST per table that has files."""

    def look(table: TableManifest) -> list[str]:
        bucket, _, prefix = table.location.removeprefix("s3://").partition("/")
        sizes = {item.key: item.bytes for item in s3.list_objects(bucket, prefix)}
        return [f"s3://{bucket}/{file.key}" for file in table.files if sizes.get(file.key) != file.bytes]

    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="intact") as pool:
        looks = pool.map(look, (table for table in manifest.tables if table.files))
        return tuple(uri for found in looks for uri in found)


def require_copy_of_aws(s3: S3Gateway, layout: LakeLayout, manifest: Manifest, gone: tuple[str, ...]) -> None:
    """LostFilesError that names the files, unless AWS's own copy is still there to relocate them from."""
    export = manifest.export
    if next(s3.list_objects(export.bucket, export.folder), None) is not None:
        return
    where = layout.uri(layout.manifest_key(manifest.source, manifest.snapshot_date))
    raise LostFilesError(
        f"{len(gone)} of {manifest.files} files of {manifest.source} {manifest.snapshot_date} are gone from the lake, and AWS's "
        f"copy with them. Bring them back from a version of the bucket; or delete {where} and materialize the date from "
        "`snapshot_export` on, which exports it once more while its snapshot exists:",
        gone,
    )
