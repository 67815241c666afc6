"""Finds cuts of a source's outboxes that can be removed: no date needs them, and nothing will read them.

A date's own rows of `rds_lake.position` give the cut at its snapshot (the rule is in `model/streams/kept.py`). They are read
from its Parquet, which needs no Athena and also works for dates that are not catalogued yet.

What belongs here: finding the numbers. Removing is `changes.py`.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from rds_lake.aws.s3.objects import S3Object
from rds_lake.aws.s3.stream import S3Reader
from rds_lake.config.database import Database
from rds_lake.errors import ManifestError
from rds_lake.model.lake.manifest import Manifest, TableManifest
from rds_lake.model.streams.captured import OWN_SCHEMA, POSITION
from rds_lake.model.streams.compacted import Compacted
from rds_lake.model.streams.forwarded import ForwardedCuts
from rds_lake.model.streams.kept import DateCut, last_unneeded
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.compaction.record import CompactedRecord
from rds_lake.stages.streams.cuts import forwarded
from rds_lake.stages.streams.live.marks import home_of
from rds_lake.stages.streams.outboxes import settings_of
from rds_lake.stages.streams.record import get_cut

YOUNG = timedelta(hours=24)  # younger objects may be in use
# Lambda hands a change over up to 6 hours late, Firehose writes it up to 24 hours later.
_ARRIVES_WITHIN = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unneeded:
    """The cuts of an epoch up to `last`, of an outbox of `database`; `objects`: theirs in S3."""

    database: str
    epoch: str
    last: int
    objects: tuple[S3Object, ...]


def unneeded_cuts(lake: Lake, source: Database, days: Collection[date], *, now: datetime) -> tuple[Unneeded, ...]:
    """Returns the cuts that can be removed while these dates stay. Raises ManifestError if a date does not show its cuts."""
    records = forwarded(lake, source.name)
    if not records:
        return ()
    settings = settings_of(source)
    compacted = CompactedRecord(lake=lake, source=source.name).read() if source.athena else None
    old = now - max(YOUNG, timedelta(days=settings.keep_days))
    if settings.capture == "lambda":
        old = min(old, before_dates(days))
        unneeded = {record.database: _all_but_newest(record) for record in records if days}
    else:
        dates = _cuts_of_dates(lake, source.name, days)
        unneeded = {record.database: last_unneeded(record, dates.get(record.database, ())) for record in records}
    removable: list[Unneeded] = []
    homes = {record.database for record in records}
    for record in records:
        for epoch, cut in unneeded.get(record.database, {}).items():
            most = cut if compacted is None else min(cut, _compacted(lake, record, epoch, compacted, homes))
            last, objects = _older_than(lake, source.name, epoch, most, old)
            if objects:
                removable.append(Unneeded(database=record.database, epoch=epoch, last=last, objects=objects))
    return tuple(removable)


def before_dates(days: Collection[date]) -> datetime:
    """Returns the time before which no date needs changes of `capture: lambda`, with a margin for late ones."""
    return datetime.combine(min(days), time(), UTC) - _ARRIVES_WITHIN if days else datetime.min.replace(tzinfo=UTC)


def _all_but_newest(record: ForwardedCuts) -> dict[str, int]:
    """Returns all cuts but the newest: cuts of `capture: lambda` are removed by age, as snapshots do not show their changes."""
    return {each.epoch: each.cut - (each == record.current) for each in record.epochs}


def _cuts_of_dates(lake: Lake, source: str, days: Collection[date]) -> Mapping[str, list[DateCut]]:
    """Returns, by database, the cut of each date; dates that were exported without capture have none."""
    cuts: dict[str, list[DateCut]] = defaultdict(list)
    for day in days:
        manifest = handover.get_manifest(lake.s3, lake.layout, source, day)
        for table in manifest.tables:
            if (table.target.schema, table.target.table) == (OWN_SCHEMA, POSITION):
                cuts[table.target.database].append(_cut_of(lake, manifest, table))
    return cuts


def _cut_of(lake: Lake, manifest: Manifest, table: TableManifest) -> DateCut:
    import pyarrow.parquet as pq  # Dagster's code location loads this module, and does without pyarrow

    rows: list[dict[str, object]] = []
    for file in table.files:
        with S3Reader(lake.s3.client, manifest.data_bucket, file.key) as reader:
            body = io.BufferedReader(reader).read()
        rows += pq.read_table(io.BytesIO(body), columns=["cut", "epoch"]).to_pylist()
    if len(rows) != 1 or rows[0]["cut"] is None or not rows[0]["epoch"]:
        raise ManifestError(
            f"{table.target} of {manifest.source} {manifest.snapshot_date} has {len(rows)} rows instead of one row with a cut "
            "and an epoch: no changes are removed while the date is in the lake"
        )
    return DateCut(epoch=str(rows[0]["epoch"]), cut=int(str(rows[0]["cut"])))


def _compacted(lake: Lake, record: ForwardedCuts, epoch: str, compacted: Compacted, homes: Collection[str]) -> int:
    """Returns the last cut of the epoch to which every currently captured table is compacted."""
    final, current = record.find(epoch), record.current
    if final is None or current is None or current.cut == 0:
        return 0
    newest = get_cut(lake, record.source, current.epoch, current.cut)
    captured = {table.table.target for table in newest.tables if table.table.key}
    places = [
        place
        for place in compacted.tables
        if place.epoch == epoch and home_of(place.target, homes) == record.database and place.target in captured
    ]
    return min((place.until for place in places), default=0)


def _older_than(lake: Lake, source: str, epoch: str, most: int, old: datetime) -> tuple[int, tuple[S3Object, ...]]:
    """Returns objects of the cuts up to `most`, until the first cut with a younger object; and the last cut's number."""
    objects: dict[int, list[S3Object]] = defaultdict(list)
    last = most
    for number, item in _objects(lake, source, epoch):
        if number > last:
            break
        if item.modified is None or item.modified > old:
            last = number - 1
            break
        objects[number].append(item)
    return last, tuple(item for number, items in sorted(objects.items()) if number <= last for item in items)


def _objects(lake: Lake, source: str, epoch: str) -> Iterator[tuple[int, S3Object]]:
    """Yields every object of each cut, by number, including files of attempts that no manifest names."""
    folder = f"{lake.layout.changes_folder(source, epoch)}cut="
    for item in lake.s3.list_objects(lake.layout.bucket, folder):
        number = item.key.removeprefix(folder)[:12]
        if number.isdigit():
            yield int(number), item
