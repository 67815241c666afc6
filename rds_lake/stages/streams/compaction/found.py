"""Cuts of an epoch as they lie in the lake, one after another, and the changes in their files.

A cut's manifest is written last and never again, so a manifest that is there is final; the numbers have no gaps, so the first
that is not there ends the search, and nothing is listed.

What belongs here: reading cuts. Who writes them is the forwarder.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from itertools import count, takewhile

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.stream import S3Reader
from rds_lake.errors import ManifestError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.streams.cut import ChangeFile, Cut, parse_cut
from rds_lake.model.streams.event import ChangeEvent, parse_event
from rds_lake.threads import cancelling_threads

_AT_ONCE = 16


def find_cut(s3: S3Gateway, layout: LakeLayout, source: str, epoch: str, number: int) -> Cut | None:
    """The cut's manifest; None where it is not written yet."""
    key = layout.cut_key(source, epoch, number)
    text = s3.find_text(layout.bucket, key)
    return None if text is None else parse_cut(text, where=layout.uri(key))


def next_cuts(s3: S3Gateway, layout: LakeLayout, source: str, epoch: str, *, after: int, most: int) -> tuple[Cut, ...]:
    """The cuts that follow this number, in order, at most so many."""
    found: list[Cut] = []
    for first in count(after + 1, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, after + most + 1))
        if not numbers:
            return tuple(found)
        head = find_cut(s3, layout, source, epoch, first)  # mostly there is none, or one
        if head is None:
            return tuple(found)
        with cancelling_threads(_AT_ONCE, "cuts") as pool:
            rest = list(pool.map(lambda number: find_cut(s3, layout, source, epoch, number), numbers[1:]))
        there = [head, *takewhile(lambda cut: cut is not None, rest)]
        found += [cut for cut in there if cut is not None]
        if len(there) < len(numbers):
            return tuple(found)
    return tuple(found)


def events_of(s3: S3Gateway, bucket: str, file: ChangeFile) -> Iterator[tuple[ChangeEvent, int]]:
    """The file's changes, and how long each line is; ManifestError names the line that is none, or a file that is not whole."""
    rows, last = 0, None
    with S3Reader(s3.client, bucket, file.key) as raw, gzip.open(io.BufferedReader(raw), "rb") as lines:
        for rows, line in enumerate(lines, start=1):
            try:
                event = parse_event(line)
            except (ValueError, RecursionError) as error:
                raise ManifestError(f"line {rows} of s3://{bucket}/{file.key} is no change: {error}") from error
            if last is not None and event.seq <= last:
                raise ManifestError(
                    f"line {rows} of s3://{bucket}/{file.key}: change {event.seq} comes after {last}; they must ascend"
                )
            last = event.seq
            yield event, len(line)
    if rows != file.rows:
        raise ManifestError(f"s3://{bucket}/{file.key} has {rows} changes, and its cut's manifest says {file.rows}")
