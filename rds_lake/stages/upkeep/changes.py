"""Retention of changes: removes cuts, compacted files and Firehose's objects that `retention:` and `streams.keep_days` do not keep.

    the record of final cuts says which cut is the first -> partitions in Glue -> compacted files -> files and manifests of cuts

In this order no reader begins with a partly removed cut, and the next removal finishes an interrupted one. Compaction and
removal never run at the same time (`stages/streams/compaction/in_use.py`).

What belongs here: the plan of what to remove, and the removal. Which cuts are needed is `needed_cuts.py`, which files are read
`compacted_files.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from rds_lake.aws.s3.many import ManyS3
from rds_lake.aws.s3.objects import S3Object
from rds_lake.config.database import Aurora, Rds
from rds_lake.config.source import SourceSettings
from rds_lake.errors import ManifestError, UnavailableError
from rds_lake.model.streams.forwarded import ForwardedCuts
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.collecting.arrived import hour_of
from rds_lake.stages.streams.collecting.record import read_collected
from rds_lake.stages.streams.compaction.in_use import using_changes
from rds_lake.stages.streams.compaction.record import CompactedRecord
from rds_lake.stages.streams.record import change_forwarded
from rds_lake.stages.upkeep.compacted_files import StaleFiles, stale_files
from rds_lake.stages.upkeep.needed_cuts import YOUNG, Unneeded, before_dates, unneeded_cuts

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """An item to remove, for display: kind, place, reason and size."""

    what: str
    where: str
    why: str
    objects: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesPlan:
    """What to remove of a source's changes while the dates `kept` stay. `problem`: why no cut can be removed."""

    source: str
    kept: frozenset[date] = frozenset()
    cuts: tuple[Unneeded, ...] = ()
    files: StaleFiles = field(default_factory=StaleFiles)
    arrived: tuple[S3Object, ...] = ()
    noted: tuple[S3Object, ...] = ()
    problem: str | None = None

    @property
    def items(self) -> tuple[Stale, ...]:
        """Everything to remove, summed up."""
        cuts = [
            Stale(
                what="cuts",
                where=f"{cut.database}, epoch {cut.epoch}, up to cut {cut.last}",
                why="no date that is kept needs these changes",
                objects=len(cut.objects),
                bytes=sum(item.bytes for item in cut.objects),
            )
            for cut in self.cuts
        ]
        files = [
            Stale(what="compacted", where=folder.key, why=why, objects=folder.objects, bytes=folder.bytes)
            for folder, why in self.files.folders
        ]
        arrived = Stale(
            what="arrived",
            where="what Firehose wrote",
            why="older than every date that is kept",
            objects=len(self.arrived),
            bytes=sum(item.bytes for item in self.arrived),
        )
        noted = Stale(
            what="noted",
            where="digests of collected changes, and lines that are not changes",
            why="no turn reads them any more",
            objects=len(self.noted),
            bytes=sum(item.bytes for item in self.noted),
        )
        return (*cuts, *files, *([arrived] if self.arrived else ()), *([noted] if self.noted else ()))

    @property
    def bytes(self) -> int:
        return sum(item.bytes for item in self.items)


def plan_changes(lake: Lake, source: SourceSettings, kept: Collection[date], *, now: datetime) -> ChangesPlan:
    """Returns what would be removed; removes nothing. Empty without `streams:`; without `retention:` only unused files."""
    plan = ChangesPlan(source=source.name, kept=frozenset(kept))
    if not isinstance(source, Rds | Aurora) or source.streams is None:
        return plan
    if source.retention is not None:
        plan = replace(plan, arrived=tuple(_arrived(lake, source, kept, now=now)))
        plan = replace(plan, noted=tuple(_noted(lake, source, kept, now=now)))
        try:
            plan = replace(plan, cuts=unneeded_cuts(lake, source, kept, now=now))
        except ManifestError as error:
            plan = replace(plan, problem=str(error))
    last = {cuts.epoch: cuts.last for cuts in plan.cuts}
    return replace(plan, files=stale_files(lake, source.name, last, now=now)) if source.athena else plan


def apply_changes(
    lake: Lake, source: SourceSettings, plan: ChangesPlan, *, now: datetime, log: Callable[[str], None]
) -> ChangesPlan:
    """Removes what may still be removed, and returns it. It may be repeated after a crash.

    It is planned again with the dates that exist now, as a date that should have been removed may have stayed.
    """
    nothing = ChangesPlan(source=plan.source)
    if not plan.items:
        return nothing
    try:
        with using_changes(lake, plan.source, "removal", log=log):
            dates = handover.list_dates(lake.s3, lake.layout, plan.source)
            going = plan_changes(lake, source, dates, now=now)
            _remove(lake, going)
    except UnavailableError as error:
        log(str(error))
        return nothing
    for item in going.items:
        log(f"{plan.source} {item.what} {item.where} is removed: {item.bytes:,} bytes; {item.why}")
    return going


def _remove(lake: Lake, plan: ChangesPlan) -> None:
    bucket, many = lake.layout.bucket, ManyS3.of(lake.s3)
    for cuts in plan.cuts:
        change_forwarded(lake, plan.source, cuts.database, lambda record, cuts=cuts: _from(record, cuts))
    for raw in sorted({partition.raw for partition in plan.files.partitions}):
        gone = [partition.values for partition in plan.files.partitions if partition.raw == raw]
        lake.glue.delete_partitions(plan.source, raw, gone)
    if plan.files.folders:
        CompactedRecord(lake=lake, source=plan.source).forget(
            {lake.layout.uri(partition.key) for partition, _ in plan.files.folders}
        )
    many.delete(bucket, [key for folder, _ in plan.files.folders for key, _ in many.listed_below(bucket, folder.key)])
    many.delete(bucket, [item.key for item in _files_first(plan.cuts)])
    many.delete(bucket, [item.key for item in (*plan.arrived, *plan.noted)])


def _files_first(cuts: Sequence[Unneeded]) -> list[S3Object]:
    return sorted((item for unneeded in cuts for item in unneeded.objects), key=lambda item: item.key.endswith(".json"))


def _from(record: ForwardedCuts, cuts: Unneeded) -> ForwardedCuts:
    """Returns the record with the epoch beginning after these cuts."""
    return replace(
        record,
        epochs=tuple(
            replace(each, first=max(each.first, cuts.last + 1)) if each.epoch == cuts.epoch else each
            for each in record.epochs
        ),
    )


def _arrived(lake: Lake, source: Rds | Aurora, kept: Collection[date], *, now: datetime) -> Iterator[S3Object]:
    """Yields Firehose's objects to remove: those from two days before the first kept date and earlier, as some arrive late."""
    assert source.streams is not None
    if not kept:
        return
    before = min(before_dates(kept), now - timedelta(days=max(1, source.streams.keep_days)))
    if source.athena and source.streams.capture == "lambda":
        # Objects that are in no cut yet are kept at any age: there is no other copy.
        collected, _ = read_collected(lake, source.name)
        if collected.open_from is None:
            return
        before = min(before, collected.open_from)
    for folder, depth in ((lake.layout.arrived_folder(source.name), 0), (lake.layout.refused_folder(source.name), 1)):
        for item in lake.s3.list_objects(lake.layout.bucket, folder):
            # Firehose's failed records are in folders by kind of error.
            hour = hour_of(item.key.removeprefix(folder).split("/", depth)[-1])
            if hour is not None and hour + _HOUR < before and item.modified is not None and item.modified < now:
                yield item


def _noted(lake: Lake, source: Rds | Aurora, kept: Collection[date], *, now: datetime) -> Iterator[S3Object]:
    """Yields files that turns of `capture: lambda` wrote for later turns and for people, and that are no longer needed.

    A file of digests is removed if the record does not name it and it is a day old, as a running attempt may still name
    a younger one. Lines that are not changes are removed together with their objects.
    """
    folder = lake.layout.all_changes_folder(source.name)
    collected, etag = read_collected(lake, source.name)
    if etag is None:
        return
    named, young = {file.key for file in collected.seen}, now - YOUNG
    for item in lake.s3.list_objects(lake.layout.bucket, f"{folder}_seen/"):
        if item.key not in named and item.modified is not None and item.modified < young:
            yield item
    assert source.streams is not None
    before = min(before_dates(kept), now - timedelta(days=max(1, source.streams.keep_days))) if kept else None
    for item in lake.s3.list_objects(lake.layout.bucket, f"{folder}_unread/"):
        if before is not None and item.modified is not None and item.modified < before:
            yield item
