"""The record of what was collected of a source, as it is in S3; its values are `model/streams/collected.py`."""

from __future__ import annotations

from rds_lake.model.streams.collected import Collected, parse_collected
from rds_lake.stages.lake.lake import Lake


def read_collected(lake: Lake, source: str) -> tuple[Collected, str | None]:
    """The record and its version, an empty one and None before the first cut; ManifestError when it is damaged."""
    key = lake.layout.collected_key(source)
    stored = lake.s3.find_version(lake.layout.bucket, key)
    text, etag = stored or (None, None)
    return parse_collected(text, where=lake.layout.uri(key)), etag
