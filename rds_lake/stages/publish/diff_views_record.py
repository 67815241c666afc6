"""Reads and writes the record of a source's views `<view>_diff`, whose content is in `model/lake/diff_views.py`."""

from __future__ import annotations

from rds_lake.model.lake.diff_views import DiffViewsMade, parse_diff_views, render_diff_views
from rds_lake.stages.lake.lake import Lake


def read_diff_views(lake: Lake, source: str) -> tuple[DiffViewsMade | None, str | None]:
    """Returns the record (None if there is none) and its version. Raises ManifestError if it is damaged."""
    key = lake.layout.diff_views_key(source)
    stored = lake.s3.find_version(lake.layout.bucket, key)
    return (None, None) if stored is None else (parse_diff_views(stored[0], where=lake.layout.uri(key)), stored[1])


def write_diff_views(lake: Lake, source: str, made: DiffViewsMade, etag: str | None) -> str:
    """Replaces the version that was read, and returns the new version. Raises ConflictError if another run replaced it first."""
    key = lake.layout.diff_views_key(source)
    return lake.s3.replace_text(lake.layout.bucket, key, render_diff_views(made), etag=etag, kms_key=lake.kms_key)
