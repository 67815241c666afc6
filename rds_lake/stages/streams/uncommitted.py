"""An existing manifest with the number of the next cut: from a killed forwarder, or from another database.

Its replacement must have all its events, with the same content (`model/streams/cut.py`).
"""

from __future__ import annotations

import gzip
import io
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

from rds_lake.aws.s3.stream import S3Reader
from rds_lake.errors import ManifestError
from rds_lake.model.records import RECORD_ERRORS
from rds_lake.model.streams.cut import Cut, parse_cut
from rds_lake.model.streams.event import parse_event, render_event
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.lake.lake import Lake


@dataclass(slots=True, kw_only=True)
class Standing:
    """The object at the key of the cut's manifest: its ETag, None if there is none. `hashes`: of the events read again."""

    key: str
    etag: str | None = None
    cut: Cut | None = None
    hashes: array[int] = field(default_factory=lambda: array("Q"))

    def note(self, target: TableTarget, line: bytes) -> None:
        """Records an event that was read."""
        if self.cut is not None:
            self.hashes.append(_hash(target, line))

    def require_within(self, lake: Lake, ids: array[int]) -> None:
        """Raises ManifestError if an event of the manifest is not among the noted ones, which have these ids."""
        if self.cut is None:
            return
        for target, seq, line in _events(lake, self.cut):
            at = bisect_left(ids, seq)
            if at == len(ids) or ids[at] != seq:
                self._refuse(self.cut, seq, "is not in the outbox any more")
            if self.hashes[at] != _hash(target, line):
                self._refuse(self.cut, seq, "has other content in the outbox now")

    def _refuse(self, cut: Cut, seq: int, why: str) -> None:
        raise ManifestError(
            f"change {seq} of cut {cut.number} ({self.key}) {why}: the database is not the one that the cut was read from, "
            f"or its outbox was emptied by hand. Nothing was forwarded or deleted. Run `rds-lake streams reset {cut.source}`, "
            "which begins a new epoch"
        )


def find_standing(lake: Lake, source: str, epoch: str, number: int) -> Standing:
    """Returns the current state. The caller holds the lock on the position, so no manifest can be committed meanwhile."""
    key = lake.layout.cut_key(source, epoch, number)
    stored = lake.s3.find_version(lake.layout.bucket, key)
    if stored is None:
        return Standing(key=key)
    text, etag = stored
    return Standing(key=key, etag=etag, cut=parse_cut(text, where=lake.layout.uri(key)))


def lines_of(lake: Lake, key: str) -> Iterator[bytes]:
    """Yields the lines of a file of events, without line ends."""
    with S3Reader(lake.s3.client, lake.layout.bucket, key) as raw, gzip.open(io.BufferedReader(raw)) as lines:
        for line in lines:
            yield line.rstrip(b"\n")


def _events(lake: Lake, cut: Cut) -> Iterator[tuple[TableTarget, int, bytes]]:
    for table in cut.tables:
        for file in table.files:
            for line in lines_of(lake, file.key):
                try:
                    event = parse_event(line)
                except RECORD_ERRORS as error:
                    raise ManifestError(
                        f"{lake.layout.uri(file.key)} has a line that is not an event: {error}"
                    ) from error
                # Rendered again: the file may be of an earlier release.
                yield table.table.target, event.seq, render_event(event).encode()


def _hash(target: TableTarget, line: bytes) -> int:
    return int.from_bytes(blake2b(str(target).encode() + b"\0" + line, digest_size=8).digest())
