"""The cuts that readers may read: final ones, in order, without gaps. The rule: `model/streams/cut.py`.

for record in forwarded(lake, "shop"):                    # one for each database with an outbox
    for cut in complete_cuts(lake, record, after=12): …   # of its newest epoch
"""

from __future__ import annotations

from collections.abc import Iterator

from rds_lake.errors import ManifestError
from rds_lake.model.streams.cut import Cut, CutTable
from rds_lake.model.streams.event import ChangeEvent, parse_event
from rds_lake.model.streams.forwarded import ForwardedCuts, parse_forwarded
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.record import get_cut
from rds_lake.stages.streams.uncommitted import lines_of


def forwarded(lake: Lake, source: str) -> tuple[ForwardedCuts, ...]:
    """Returns the records of the source's final cuts, one per database."""
    folder, bucket = lake.layout.forwarded_folder(source), lake.layout.bucket
    keys = sorted(item.key for item in lake.s3.list_objects(bucket, folder))
    return tuple(parse_forwarded(lake.s3.get_text(bucket, key), where=lake.layout.uri(key)) for key in keys)


def complete_cuts(lake: Lake, record: ForwardedCuts, *, epoch: str | None = None, after: int = 0) -> Iterator[Cut]:
    """Yields the final cuts of an epoch (default: the newest) after the number `after`, one manifest at a time.

    Raises ManifestError if a manifest is missing or damaged, or if `after` is before the oldest kept cut: changes in
    between are then gone, and later ones must not be joined.
    """
    cuts = record.current if epoch is None else record.find(epoch)
    if cuts is None:
        return
    if after + 1 < cuts.first:
        raise ManifestError(
            f"cuts {after + 1} to {cuts.first - 1} of epoch {cuts.epoch} of {record.source} were removed; a newer snapshot is needed"
        )
    for number in range(after + 1, cuts.cut + 1):
        yield get_cut(lake, record.source, cuts.epoch, number)


def events_of(lake: Lake, table: CutTable) -> Iterator[ChangeEvent]:
    """Yields a table's events in a cut, by ascending `seq`. Raises ValueError for a damaged line."""
    for file in table.files:
        for line in lines_of(lake, file.key):
            yield parse_event(line)
