"""Retention: removes the dates that `retention:` of a source does not keep.

    rows of <source>._snapshots -> Glue partitions -> Parquet -> export record and marks -> manifest

For a date that is read in place, the Parquet is AWS's export, which is removed as a whole.

In this order no list shows a removed date, no partition points at deleted files, and a date whose removal was interrupted
still has its manifest, by which the next run removes the rest.

Never removed: the published date, a date that live views or views of `diff_views:` read, the newest date, a date that waits to
be published, a date that a run works on, and any key outside the source's folders and the exports in its manifests.

What belongs here: the plan of what to remove, and the removal. The rule is `model/lake/retention.py`; files that no manifest
names are `orphans.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.many import ManyS3
from rds_lake.aws.s3.objects import S3Object
from rds_lake.config.source import SourceSettings
from rds_lake.errors import ManifestError
from rds_lake.model.lake.diff_views import dates_compared
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import Manifest, TableManifest
from rds_lake.model.lake.publication import waiting
from rds_lake.model.lake.retention import keep
from rds_lake.model.streams.shown import dates_shown
from rds_lake.model.tables.glue import GlueTable
from rds_lake.model.words import counted
from rds_lake.stages.catalogue.locate import drop_date
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.in_use import InUse
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.pointer import find_pointer, read_state
from rds_lake.stages.lake.snapshot_log import recorded_dates
from rds_lake.stages.publish.cleanup import copies_left, says_whole
from rds_lake.stages.publish.diff_views_record import read_diff_views
from rds_lake.stages.streams.live.move import read_shown
from rds_lake.threads import cancelling_threads

SAFETY_AGE = timedelta(hours=24)  # longer than any relocation: younger objects may be in use
_PARALLEL = 8
STANDS_ON = (
    "the live views of changes are based on it: it is removed after a turn of `changes` has moved them to the published date, or "
    "dropped them"
)
COMPARED = (
    "the views of `diff_views:` compare the published date with it: it is removed after a later date is published, or when no view "
    "reads it"
)
UNKNOWN = (
    "views of the source may read it: the record of the published date was deleted. `rds-lake publish` of the newest date writes "
    "it again"
)

Busy = Callable[[], Collection[date]]  # returns the dates that a run reads or writes; called before every date


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A date to remove."""

    snapshot_date: date
    manifest: Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPlan:
    """What retention does for a source: kept dates with the reason, dates to remove, and unreadable manifests."""

    source: str
    kept: Mapping[date, str]
    removals: tuple[Removal, ...]
    damaged: tuple[str, ...]

    @property
    def bytes(self) -> int:
        return sum(removal.manifest.bytes for removal in self.removals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What was removed of a source."""

    dates: tuple[date, ...]
    partitions: int
    objects: int
    bytes: int


def plan_retention(lake: Lake, source: SourceSettings, *, today: date, busy: Collection[date]) -> RetentionPlan:
    """Returns which dates of the source to remove; only dates with a manifest, so nothing unfinished is included."""
    dates = handover.list_dates(lake.s3, lake.layout, source.name)
    if source.retention is None:
        kept: dict[date, str] = dict.fromkeys(dates, "the source has no `retention:`")
        return RetentionPlan(source=source.name, kept=kept, removals=(), damaged=())
    kept = dict(keep(dates, source.retention, today))
    kept |= {day: "a run works on it" for day in dates if day in busy and day not in kept}
    pointer = find_pointer(lake.s3, lake.layout, source.name)
    held = waiting(pointer, recorded_dates(lake.s3, lake.layout, source.name), manual=source.publish == "manual")
    kept |= {day: "waits to be published" for day in dates if day in held and day not in kept}
    kept |= {day: "published" for day in dates if pointer and day == pointer.snapshot_date}
    if pointer is None and any(table.is_view for table in _tables(lake, source.name)):
        kept |= {day: UNKNOWN for day in dates if day not in kept}
    live = dates_shown(read_shown(lake, source.name)[0])
    kept |= {day: STANDS_ON for day in dates if day in live and day not in kept}
    compared = dates_compared(read_diff_views(lake, source.name)[0])
    kept |= {day: COMPARED for day in dates if day in compared and day not in kept}
    removals: list[Removal] = []
    damaged: list[str] = []
    for day in dates:
        if day not in kept:
            try:
                manifest = handover.get_manifest(lake.s3, lake.layout, source.name, day)
                date_folders(lake, manifest)  # a plan that is only shown also lists damaged manifests
                removals.append(Removal(snapshot_date=day, manifest=manifest))
            except ManifestError as error:
                damaged.append(str(error))
    return RetentionPlan(source=source.name, kept=kept, removals=tuple(removals), damaged=tuple(damaged))


def apply_retention(lake: Lake, plan: RetentionPlan, *, busy: Busy, log: Callable[[str], None]) -> Removed:
    """Removes the plan's dates, oldest first. It may be repeated after a crash.

    Raises ManifestError at the end, when all others are removed, about dates with damaged manifests.
    """
    done: list[Removed] = []
    raw_tables = own_raw_tables(lake, plan.source)
    for removal in plan.removals:
        day = removal.snapshot_date
        with InUse.of(lake, plan.source).removal(day, log=log) as may_remove:
            # Hours may have passed since the plan was made. A publication of the date that begins from now on is refused; one
            # that began before is seen here.
            manifest = _still_removable(lake, removal, busy) if may_remove else None
            if manifest is None:
                log(f"{plan.source} {day} is in use now and is kept")
                continue
            done.append(_remove(lake, manifest, raw_tables))
        log(f"{plan.source} {day} is removed: {counted(done[-1].objects, 'object')}, {done[-1].bytes:,} bytes")
    if plan.damaged:
        raise ManifestError(
            "dates that should be removed are kept, since their manifests do not say what belongs to them: "
            + "; ".join(plan.damaged)
        )
    return Removed(
        dates=tuple(day for removed in done for day in removed.dates),
        partitions=sum(removed.partitions for removed in done),
        objects=sum(removed.objects for removed in done),
        bytes=sum(removed.bytes for removed in done),
    )


def _still_removable(lake: Lake, removal: Removal, busy: Busy) -> Manifest | None:
    """Returns the date's current manifest; None if the date is published or about to be, in use, or already removed."""
    source, day = removal.manifest.source, removal.snapshot_date
    state = read_state(lake.s3, lake.layout, source)
    shown = {move.snapshot_date for move in state.moves} | ({state.pointer.snapshot_date} if state.pointer else set())
    read = dates_shown(read_shown(lake, source)[0]) | dates_compared(read_diff_views(lake, source)[0])
    if day in shown | read or day in busy():
        return None
    return handover.find_manifest(lake.s3, lake.layout, source, day)


def busy_by_marks(s3: S3Gateway, layout: LakeLayout, source: str, *, now: datetime) -> frozenset[date]:
    """Returns dates that a run may work on: one of their records was written within the safety age.

    For callers without Dagster, and for runs outside of Dagster.
    """
    folder = layout.manifest_folder(source)
    days: set[date] = set()
    for item in s3.list_objects(layout.bucket, folder):
        name = item.key.removeprefix(folder)
        if item.modified is None or now - item.modified < SAFETY_AGE:
            try:
                days.add(date.fromisoformat(name[:10]))
            except ValueError:
                continue  # the pointer
    return frozenset(days)


def date_folders(lake: Lake, manifest: Manifest) -> tuple[tuple[str, str], ...]:
    """Returns bucket and key prefix (with a trailing slash) of all files of every table's date, and AWS's folders read in place.

    Raises ManifestError if one is not the source's own, so that a damaged manifest cannot empty a bucket.
    """
    own, part = lake.layout.source_folder(manifest.source), f"/snapshot_date={manifest.snapshot_date}/"
    folders: set[tuple[str, str]] = set()
    for table in manifest.tables:
        before = table.own_folder.removeprefix(lake.layout.uri("")).rstrip("/")
        if not (
            before.startswith(own) and len(before) > len(own) and _is_the_dates(manifest, table, before + part, lake)
        ):
            where = lake.layout.uri(lake.layout.manifest_key(manifest.source, manifest.snapshot_date))
            raise ManifestError(
                f"{where} says that {table.target} is in {table.location}, which is not a folder of "
                f"{manifest.source} {manifest.snapshot_date}; nothing of the date was removed. Materialize `parquet` of the "
                "date again, or delete the manifest"
            )
        folders.add((lake.layout.bucket, f"{before}{part}"))
    copies = (*manifest.superseded, *((manifest.aws_copy,) if manifest.in_place else ()))
    folders.update((copy.bucket, copy.folder) for copy in copies_left(lake.s3, manifest, copies))
    for bucket, folder in sorted(folders):
        lake.s3.deletable.require(bucket, [folder])
    return tuple(sorted(folders))


def _is_the_dates(manifest: Manifest, table: TableManifest, folder: str, lake: Lake) -> bool:
    """Whether the table's files are in this folder, or in place in the export of this manifest."""
    copy = manifest.aws_copy
    owner = f"s3://{copy.bucket}/{copy.folder}" if manifest.in_place else lake.layout.uri(folder)
    return table.location.startswith(owner)


def own_raw_tables(lake: Lake, source: str) -> tuple[GlueTable, ...]:
    """Returns the source's raw tables: partitioned, and in its own folder. Empty without Athena."""
    own = lake.layout.uri(lake.layout.source_folder(source))
    return tuple(
        table
        for table in _tables(lake, source)
        if not table.is_view and table.partition_keys and table.location.startswith(own)
    )


def _tables(lake: Lake, source: str) -> Collection[GlueTable]:
    return (lake.glue.find_tables(source) or {}).values()


def _remove(lake: Lake, manifest: Manifest, raw_tables: Sequence[GlueTable]) -> Removed:
    s3, layout, source, day = lake.s3, lake.layout, manifest.source, manifest.snapshot_date
    many, folders = ManyS3.of(s3), date_folders(lake, manifest)
    rows = _keys(s3, layout.bucket, f"{layout.snapshot_log_folder(source)}{day}-")
    s3.delete(layout.bucket, [item.key for item in rows])
    with cancelling_threads(_PARALLEL, "retention") as pool:
        gone = pool.map(lambda raw: drop_date(lake.glue, source, raw.name, raw.partition_keys[0][0], day), raw_tables)
        partitions = sum(gone)
    objects = size = 0
    for bucket in sorted({bucket for bucket, _ in folders}):
        places = [folder for where, folder in folders if where == bucket]
        items = many.listed(bucket, places)
        # As in `cleanup.delete_export`: the files that mark an export as complete are deleted first.
        marks = [key for key, _ in items if any(key.startswith(place) and says_whole(key, place) for place in places)]
        many.delete(bucket, marks)
        many.delete(bucket, [key for key, _ in items])
        objects, size = objects + len(items), size + sum(bytes for _, bytes in items)
    manifest_key = layout.manifest_key(source, day)
    records = _keys(s3, layout.bucket, f"{layout.manifest_folder(source)}{day}.")
    s3.delete(layout.bucket, [item.key for item in records if item.key != manifest_key])
    s3.delete(layout.bucket, [manifest_key])
    return Removed(dates=(day,), partitions=partitions, objects=objects, bytes=size)


def _keys(s3: S3Gateway, bucket: str, prefix: str) -> list[S3Object]:
    return list(s3.list_objects(bucket, prefix))
