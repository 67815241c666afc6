"""Whether a relocated date is still all there: somebody may have deleted objects by hand.

What belongs here: comparing a manifest with what S3 lists, and the words for what is gone for good.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from rds_lake.aws.s3 import S3Gateway
from rds_lake.errors import LostFilesError
from rds_lake.model.layout import LakeLayout
from rds_lake.model.manifest import Manifest, TableManifest
from rds_lake.stages.inspect_export import ExportContents

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
    """LostFilesError that names the files when nothing of AWS's own copy is left to take them from."""
    export = manifest.export
    if next(s3.list_objects(export.bucket, export.folder), None) is None:
        raise _lost(layout, manifest, gone)


def require_whole_copy_of_aws(
    contents: ExportContents, layout: LakeLayout, manifest: Manifest, gone: tuple[str, ...]
) -> None:
    """The same unless AWS's copy has every file it had: of half a copy a date of fewer rows would be made."""
    had = {table.target: (len(table.files), table.bytes) for table in manifest.tables}
    has = {table.target: (len(table.files), sum(file.bytes for file in table.files)) for table in contents.tables}
    if has != had:
        raise _lost(layout, manifest, gone)


def _lost(layout: LakeLayout, manifest: Manifest, gone: tuple[str, ...]) -> LostFilesError:
    where = layout.uri(layout.manifest_key(manifest.source, manifest.snapshot_date))
    return LostFilesError(
        f"{len(gone)} of {manifest.files} files of {manifest.source} {manifest.snapshot_date} are gone from the lake, and AWS's "
        f"copy is gone or not whole. Bring them back from a version of the bucket; or delete {where} and materialize the "
        "date from `snapshot_export` on, which exports it once more while its snapshot exists:",
        gone,
    )
