"""Whether AWS's copy can restore files of a date that somebody deleted from the lake."""

from __future__ import annotations

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import LostFilesError
from rds_lake.model.exports.key import InfoFile, TablesInfoFile, parse_export_key
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import Manifest
from rds_lake.stages.databases.inspect import ExportContents


def require_copy_of_aws(s3: S3Gateway, layout: LakeLayout, manifest: Manifest, gone: tuple[str, ...]) -> None:
    """Raises LostFilesError with the files if AWS's own copy no longer exists, or is being deleted."""
    export = manifest.export
    if not is_whole(s3, export.bucket, export.folder):
        raise _lost(layout, manifest, gone)


def is_whole(s3: S3Gateway, bucket: str, folder: str) -> bool:
    """Whether AWS's copy of an export is complete: its info files exist, which every removal deletes first."""
    wanted = {InfoFile: "export_info_", TablesInfoFile: "export_tables_info_"}
    return all(
        any(
            isinstance(parse_export_key(item.key, folder), kind) for item in s3.list_objects(bucket, f"{folder}{start}")
        )
        for kind, start in wanted.items()
    )


def require_whole_copy_of_aws(
    contents: ExportContents, layout: LakeLayout, manifest: Manifest, gone: tuple[str, ...]
) -> None:
    """Raises LostFilesError unless AWS's copy has all its files: a partial copy would give a date with fewer rows."""
    had = {table.target: (len(table.files), table.bytes) for table in manifest.tables}
    has = {table.target: (len(table.files), sum(file.bytes for file in table.files)) for table in contents.tables}
    if has != had:
        raise _lost(layout, manifest, gone)


def _lost(layout: LakeLayout, manifest: Manifest, gone: tuple[str, ...]) -> LostFilesError:
    where = layout.uri(layout.manifest_key(manifest.source, manifest.snapshot_date))
    return LostFilesError(
        f"{len(gone)} of {manifest.files} files of {manifest.source} {manifest.snapshot_date} are missing from the lake, and "
        f"AWS's copy is missing or incomplete. Restore them from an earlier version of the objects; or delete {where} and "
        "materialize the date from `snapshot_export` on, which exports it again if its snapshot still exists:",
        gone,
    )
