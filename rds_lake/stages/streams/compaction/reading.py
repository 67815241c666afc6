"""Reads final cuts of an epoch, several at once, and checks the changes in their files.

What belongs here: reading for compaction. Which cuts are final is decided in `stages/streams/cuts.py`.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.stream import S3Reader
from rds_lake.errors import ManifestError
from rds_lake.model.streams.cut import ChangeFile, Cut
from rds_lake.model.streams.event import ChangeEvent, parse_event
from rds_lake.model.streams.forwarded import EpochCuts
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.record import get_cut
from rds_lake.threads import cancelling_threads

_AT_ONCE = 16


def next_cuts(lake: Lake, source: str, cuts: EpochCuts, *, after: int, most: int) -> tuple[Cut, ...]:
    """Returns at most `most` final cuts after this number, in order, with the tables that changed in them.

    Raises ManifestError if a cut's manifest is missing.
    """
    numbers = range(after + 1, min(cuts.cut, after + most) + 1)

    def changed(number: int) -> Cut:
        # Every manifest describes all captured tables: of hundreds, that would be held many times over.
        cut = get_cut(lake, source, cuts.epoch, number)
        return replace(cut, tables=tuple(table for table in cut.tables if table.files))

    if len(numbers) <= 1:
        return tuple(map(changed, numbers))
    with cancelling_threads(min(_AT_ONCE, len(numbers)), "cuts") as pool:
        return tuple(pool.map(changed, numbers))


def events_of(s3: S3Gateway, bucket: str, file: ChangeFile) -> Iterator[tuple[ChangeEvent, int]]:
    """Yields the file's changes, and the length of each line. Raises ManifestError for an invalid line or an incomplete file."""
    rows, last = 0, None
    with S3Reader(s3.client, bucket, file.key) as raw, gzip.open(io.BufferedReader(raw), "rb") as lines:
        for rows, line in enumerate(_whole(lines, f"s3://{bucket}/{file.key}"), start=1):
            try:
                event = parse_event(line)
            except (ValueError, RecursionError) as error:
                raise ManifestError(f"line {rows} of s3://{bucket}/{file.key} is not a change: {error}") from error
            if last is not None and event.seq <= last:
                raise ManifestError(
                    f"line {rows} of s3://{bucket}/{file.key}: change {event.seq} comes after {last}; they must ascend"
                )
            last = event.seq
            yield event, len(line)
    if rows != file.rows:
        raise ManifestError(f"s3://{bucket}/{file.key} has {rows} changes, and its cut's manifest says {file.rows}")


def _whole(lines: Iterable[bytes], where: str) -> Iterator[bytes]:
    """Yields the lines. Raises ManifestError if the gzip file is damaged."""
    try:
        yield from lines
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ManifestError(f"{where} is damaged: {error}. Bring an earlier version of the object back") from error
