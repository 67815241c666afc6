"""Reads only the head of a manifest: the fields before the list of files.

The manifest of a million files is 200 MB of JSON. Its first part is enough to know a date's export.
"""

from __future__ import annotations

from datetime import date

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import ManifestError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.manifest_json import parse_head

_FIRST_BYTES = 64 * 1024
# The head of an export of 2,500 DynamoDB tables with their chains of changes has 2 MB; anything longer is not a manifest.
_MOST_BYTES = 64 * 1024 * 1024


def find_head(s3: S3Gateway, layout: LakeLayout, source: str, day: date) -> Manifest | None:
    """Returns the manifest without its tables; None if the date was never relocated. Raises ManifestError if it is damaged."""
    key = layout.manifest_key(source, day)
    size = _FIRST_BYTES
    while True:
        piece = s3.find_start(layout.bucket, key, bytes=size)
        if piece is None:
            return None
        head = parse_head(piece, where=layout.uri(key), whole=len(piece) < size)
        if head is not None:
            return head
        if size >= _MOST_BYTES:
            raise ManifestError(
                f"{layout.uri(key)} names no tables within its first {_MOST_BYTES >> 20} MiB, so it is not a manifest; "
                "delete it and materialize `parquet` again"
            )
        size *= 8


def get_head(s3: S3Gateway, layout: LakeLayout, source: str, day: date) -> Manifest:
    """Like `find_head`, but raises ManifestError, which says what to materialize, if there is none."""
    head = find_head(s3, layout, source, day)
    if head is None:
        where = layout.uri(layout.manifest_key(source, day))
        raise ManifestError(f"{where} does not exist: materialize `{source}/parquet` for {day} first")
    return head
