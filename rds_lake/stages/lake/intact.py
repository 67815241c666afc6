"""Checks by a listing of S3 whether a date's files all exist: someone may have deleted objects by hand."""

from __future__ import annotations

from collections.abc import Sequence

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.many import ManyS3
from rds_lake.model.lake.manifest import Manifest


def missing_files(s3: S3Gateway, manifest: Manifest) -> tuple[str, ...]:
    """Returns the URIs of the manifest's files that are missing or have another size. Needs one LIST per table and 1,000 files."""
    wanted = {file.key: file.bytes for table in manifest.tables for file in table.files}
    folders = [table.location for table in manifest.tables if table.files]
    bucket = manifest.data_bucket

    def listed(items: Sequence[tuple[str, int]]) -> None:
        for key, size in items:
            if wanted.get(key) == size:
                del wanted[key]

    ManyS3.of(s3).sizes(bucket, [folder.removeprefix(f"s3://{bucket}/") for folder in folders], report=listed)
    return tuple(f"s3://{bucket}/{key}" for key in wanted)


def whole_tables(s3: S3Gateway, manifest: Manifest) -> frozenset[str]:
    """Returns the locations of the manifest's tables whose files all exist."""
    gone = missing_files(s3, manifest)
    return frozenset(
        table.location for table in manifest.tables if not any(file_uri.startswith(table.location) for file_uri in gone)
    )
