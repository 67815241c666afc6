"""Whether the files of a date can be brought back from AWS's copy, after a person deleted some of them from the lake."""

from __future__ import annotations

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import LostFilesError
from rds_lake.model.exports.key import InfoFile, TablesInfoFile, parse_export_key
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import Manifest
from rds_lake.stages.databases.inspect import ExportContents


def require_copy_of_aws(s3: S3Gateway, layout: LakeLayout, manifest: Manifest, gone: tuple[str, ...]) -> None:
    """LostFilesError that names the files when AWS's own copy is gone, or is being deleted."""
    export = manifest.export
    if not is_whole(s3, export.bucket, export.folder):
        raise _lost(layout, manifest, gone)


def is_whole(s3: S3Gateway, bucket: str, folder: str) -> bool:
    """Whether AWS's copy of an export is all there: its info files are, which every removal deletes before anything else."""
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
    """LostFilesError unless AWS's copy has every file it had: half a copy would make a date of fewer rows."""
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
