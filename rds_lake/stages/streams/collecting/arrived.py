"""Lists the objects that Firehose wrote, and reads the changes in them.

One object costs one GET, and a listing of a thousand objects one call. Anything that is not a change (a line, the rest of a
damaged object, a deleted object) is recorded with the reason, and does not delay the rest.

What belongs here: reading. `collect.py` chooses the objects.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.stream import S3Reader
from rds_lake.errors import AwsError
from rds_lake.model.streams.arrived import ArrivedChange, parse_arrived
from rds_lake.model.streams.collected import UnreadLine
from rds_lake.stages.lake.lake import Lake
from rds_lake.threads import cancelling_threads

_HOUR = re.compile(r"(\d{4})/(\d{2})/(\d{2})/(\d{2})/.")
_AT_ONCE = 16
_MAGIC = b"\x1f\x8b"
_WHY = 200  # characters
_BROKEN = (gzip.BadGzipFile, EOFError, zlib.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedObject:
    """An object that Firehose wrote. `hour`: UTC hour of its folder. `bytes`: stored size."""

    key: str
    hour: datetime
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadObject:
    """The changes of an object. `unread`: lines that are not changes, with their texts."""

    object: ArrivedObject
    changes: tuple[ArrivedChange, ...]
    unread: tuple[tuple[UnreadLine, bytes], ...] = ()


def arrived_objects(lake: Lake, source: str, since: datetime | None) -> tuple[list[ArrivedObject], int]:
    """Returns the objects of this hour and later, by key, and the number of objects outside of hours' folders."""
    folder = lake.layout.arrived_folder(source)
    after = lake.layout.arrived_hour_folder(source, since) if since else ""
    objects: list[ArrivedObject] = []
    astray = 0
    for item in lake.s3.list_objects(lake.layout.bucket, folder, after=after):
        hour = hour_of(item.key.removeprefix(folder))
        if hour is None:
            astray += not item.key.endswith("/")
        else:
            objects.append(ArrivedObject(key=item.key, hour=hour, bytes=item.bytes))
    return objects, astray


def hour_of(name: str) -> datetime | None:
    """Returns the hour of a name below Firehose's folder (`2026/11/20/03/…`); None if it is not an hour, or has no file name."""
    match = _HOUR.match(name)
    try:
        return datetime(*map(int, match.groups()), tzinfo=UTC) if match else None
    except ValueError:
        return None


def read_objects(
    lake: Lake, source: str, objects: Sequence[ArrivedObject], tables: Callable[[str], bool]
) -> Iterator[ReadObject]:
    """Yields the changes of the objects, in their order. `tables`: whether a table is captured.

    Raises TransientError if S3 does not answer.
    """
    s3, bucket = lake.s3, lake.layout.bucket
    with cancelling_threads(min(_AT_ONCE, len(objects)), "arrived") as pool:
        yield from pool.map(lambda arrived: _read(s3, bucket, source, arrived, tables), objects)


def _read(
    s3: S3Gateway, bucket: str, source: str, arrived: ArrivedObject, is_captured: Callable[[str], bool]
) -> ReadObject:
    changes: list[ArrivedChange] = []
    unread: list[tuple[UnreadLine, bytes]] = []
    number = 0

    def note(line: int, why: str, text: bytes = b"") -> None:
        unread.append((UnreadLine(object=arrived.key, line=line, why=why[:_WHY]), text))

    try:
        for number, line in enumerate(_lines(s3, bucket, arrived.key), start=1):
            if not line.strip():
                continue
            try:
                change = parse_arrived(line, source)
            except (ValueError, RecursionError) as error:
                note(number, str(error) or "nested too deep", line)
                continue
            if is_captured(change.table):
                changes.append(change)
            else:
                note(number, f"{change.table[:100]} is not among `streams.tables`", line)
    except _BROKEN as error:
        note(number + 1, f"the object is damaged from here on: {error}")
    except AwsError as error:
        if error.code != "NoSuchKey":
            raise
        note(0, "it was deleted before it was read")
    return ReadObject(object=arrived, changes=tuple(changes), unread=tuple(unread))


def _lines(s3: S3Gateway, bucket: str, key: str) -> Iterator[bytes]:
    with S3Reader(s3.client, bucket, key) as raw, io.BufferedReader(raw) as file:
        if file.peek(2)[:2] == _MAGIC:
            with gzip.open(file) as lines:
                yield from lines
        else:
            yield from file
