"""Collects the changes that arrived by `capture: lambda`, each once, into cuts like a forwarder's.

    1  finish the last cut: its manifest, and the record of final cuts     the turn that took it may have been killed
    2  list the objects of open hours, leave out those that earlier cuts took
    3  read as many as a cut may have, leave out changes that are known by their id
    4  write the files of changes, the digests, the lines that are not changes      under names of this attempt
    5  replace the record by If-Match: the cut is taken
    6  as 1

If it is killed before 5, nothing has happened. Of two at once, one takes the cut, and the other begins again with the rest.
Objects that arrive late in a collected hour go into a later cut. Firehose's objects are not deleted.

A cut is not a state that the database had: it has the changes that arrived by then. Within a cut the changes of a table are
sorted by the triggers' clock; the changes of one key are ordered by clock and images (`sql/changes/arrived.py`).

What belongs here: that order.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from rds_lake.config.database import Database
from rds_lake.errors import ConflictError, UnavailableError
from rds_lake.model.streams.collected import (
    LAMBDA_EPOCH,
    Collected,
    home_of_calls,
    oldest_open,
    render_collected,
)
from rds_lake.model.streams.cut import Cut, CutTable, render_cut
from rds_lake.model.streams.forwarded import ForwardedCuts
from rds_lake.model.tables.table import TableTarget
from rds_lake.model.words import counted
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.collecting.arrived import ArrivedObject, arrived_objects
from rds_lake.stages.streams.collecting.next_cut import MOST_BYTES, MOST_OBJECTS, NextCut, read_cut, split
from rds_lake.stages.streams.collecting.record import read_collected
from rds_lake.stages.streams.collecting.seen import SeenDigests, digest_of
from rds_lake.stages.streams.collecting.written import described, write_files, write_unread
from rds_lake.stages.streams.record import change_forwarded
from rds_lake.threads import check

_TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedNow:
    """The result of one call. `repeated`: changes that were already known. `astray`: objects outside of hours' folders."""

    record: Collected
    cuts: int = 0
    objects: int = 0
    rows: int = 0
    repeated: int = 0
    astray: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """Collects one source. `database`: of its record of final cuts; `targets`: the captured tables, as changes name them.

    `attempt` returns an id that was never used before. `most`: limit of bytes and objects per cut.
    """

    lake: Lake
    source: str
    database: str
    targets: Mapping[str, TableTarget]
    log: Callable[[str], None]
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    attempt: Callable[[], str] = field(default=lambda: uuid.uuid4().hex[:12])
    most: tuple[int, int] = (MOST_BYTES, MOST_OBJECTS)

    def read(self) -> tuple[Collected, str | None]:
        """Returns the record and its version. Raises ManifestError if it is damaged."""
        return read_collected(self.lake, self.source)

    def collect(self) -> CollectedNow:
        """Collects everything that has arrived, as one or several cuts.

        Raises TransientError if S3 does not answer or other runs take cuts during every attempt, ManifestError for a
        damaged record.
        """
        done = CollectedNow(record=Collected())
        for _ in range(_TRIES):
            record, etag = self.read()
            self._finish(record)
            arrived, astray = arrived_objects(self.lake, self.source, record.open_from)
            done = replace(done, record=record, astray=astray)
            done, is_all = self._take_all(record, etag, arrived, done)
            if is_all:
                return done
            self.log(
                f"another run collects changes of {self.source} at the same time; remaining changes are listed again"
            )
        raise UnavailableError(f"several runs collect changes of {self.source} at once; repeat this in a few minutes")

    def _take_all(
        self, record: Collected, etag: str | None, objects: Sequence[ArrivedObject], done: CollectedNow
    ) -> tuple[CollectedNow, bool]:
        """Returns the result so far, and whether nothing is left; False if another run took a cut."""
        seen = SeenDigests.load(self.lake, record.seen)
        known = seen.among([digest_of("object", arrived.key) for arrived in objects])
        left: Sequence[ArrivedObject] = [
            arrived for arrived in objects if digest_of("object", arrived.key) not in known
        ]
        while left:
            check()
            batch, left = split(left, self.most)
            new = read_cut(self.lake, self.source, self.targets, batch, seen)
            wanted = self._written(record, new, seen, left)
            etag = self._take(wanted, etag)
            if etag is None:
                return done, False
            record = wanted
            self._finish(record)
            done = _with(done, record, new)
            self.log(
                f"{self.source}: cut {record.cut} has {counted(new.rows, 'change')} of {len(batch):,} arrived objects"
            )
            if left:
                seen = SeenDigests.load(self.lake, record.seen)
        return done, True

    def _written(self, record: Collected, new: NextCut, seen: SeenDigests, left: Sequence[ArrivedObject]) -> Collected:
        """Writes the files of the cut to S3, and returns the record with the cut."""
        number, name, layout, now = record.cut + 1, self.attempt(), self.lake.layout, self.now()
        tables = described(record.tables, new.changes)
        files = write_files(self.lake, self.source, record, new, name)
        write_unread(self.lake, layout.unread_key(self.source, number, name), new.unread)
        # An hour stays open while it has objects that are in no cut.
        open_from = min([oldest_open(record, now), *(arrived.hour for arrived in left)])
        cut = Cut(
            source=self.source,
            database=self.database,
            epoch=LAMBDA_EPOCH,
            number=number,
            attempt=name,
            began=now,
            tables=tuple(CutTable(table=table, files=files.get(table.target, ())) for table in tables),
        )
        return replace(
            record.with_unread(tuple(line for line, _ in new.unread)),
            cut=number,
            seq=record.seq + new.rows,
            last=cut,
            open_from=open_from,
            seen=seen.write(self.lake, layout.seen_key(self.source, number, name), new.digests, open_from),
            tables=tables,
            repeated=record.repeated + new.repeated,
        )

    def _take(self, record: Collected, etag: str | None) -> str | None:
        """Takes the cut. Returns the record's new version; None if another run took a cut meanwhile."""
        lake, key = self.lake, self.lake.layout.collected_key(self.source)
        try:
            return lake.s3.replace_text(
                lake.layout.bucket, key, render_collected(record), etag=etag, kms_key=lake.kms_key
            )
        except ConflictError:
            # If the answer to a PUT is lost, it is sent again and conflicts with itself.
            known, now = self.read()
            return now if known == record else None

    def _finish(self, record: Collected) -> None:
        """Makes the last cut visible to readers. It may be repeated: the manifest is the same, and the number only rises."""
        cut, lake = record.last, self.lake
        if cut is None:
            return
        key = lake.layout.cut_key(self.source, cut.epoch, cut.number)
        text = render_cut(cut)
        if lake.s3.find_text(lake.layout.bucket, key) != text:
            lake.s3.put_text(lake.layout.bucket, key, text, kms_key=lake.kms_key)

        def final(forwarded: ForwardedCuts) -> ForwardedCuts:
            known = forwarded.find(LAMBDA_EPOCH)
            if known is not None and known.cut >= cut.number:
                return forwarded
            return forwarded.with_final(LAMBDA_EPOCH, cut.number, attempt=cut.attempt, as_of=cut.began)

        change_forwarded(lake, self.source, self.database, final)


def collector_of(lake: Lake, source: Database, log: Callable[[str], None]) -> Collector:
    """Returns the collector of a source with `capture: lambda`."""
    targets = source.captured_tables
    return Collector(
        lake=lake,
        source=source.name,
        database=home_of_calls(targets[0]),
        targets={str(target): target for target in targets},
        log=log,
    )


def _with(done: CollectedNow, record: Collected, new: NextCut) -> CollectedNow:
    return replace(
        done,
        record=record,
        cuts=done.cuts + 1,
        objects=done.objects + len(new.objects),
        rows=done.rows + new.rows,
        repeated=done.repeated + new.repeated,
    )
