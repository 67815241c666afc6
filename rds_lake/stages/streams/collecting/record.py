"""Reads the record of collected changes in S3; its classes are in `model/streams/collected.py`."""

from __future__ import annotations

from rds_lake.model.streams.collected import Collected, parse_collected
from rds_lake.stages.lake.lake import Lake


def read_collected(lake: Lake, source: str) -> tuple[Collected, str | None]:
    """Returns the record and its version; empty and None before the first cut. Raises ManifestError if it is damaged."""
    key = lake.layout.collected_key(source)
    stored = lake.s3.find_version(lake.layout.bucket, key)
    text, etag = stored or (None, None)
    return parse_collected(text, where=lake.layout.uri(key)), etag
