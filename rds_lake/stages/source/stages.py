"""The stages that every kind of source has: from a date's manifest to its views.

What belongs here: their order. The work itself is in `catalogue/`, `checks/` and `publish/`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Generic, TypeVar

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.errors import CatalogError, UnavailableError
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.publication import State
from rds_lake.model.lake.record import ExportRecord
from rds_lake.stages.catalogue.dated import DatedTables, tables_of
from rds_lake.stages.catalogue.limits import with_legal_types, with_legal_views
from rds_lake.stages.catalogue.naming import name_tables, type_tables
from rds_lake.stages.catalogue.own_database import require_own_database
from rds_lake.stages.catalogue.raw_tables import published_names
from rds_lake.stages.catalogue.sync import existing_tables, sync_catalog
from rds_lake.stages.checks.previous import RowComparison, compare_rows
from rds_lake.stages.checks.quality import check_tables
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.in_use import InUse
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.limited import limited_lake
from rds_lake.stages.lake.manifest_head import find_head
from rds_lake.stages.lake.pointer import find_pointer
from rds_lake.stages.lake.snapshot_log import recorded_dates
from rds_lake.stages.publish import cleanup
from rds_lake.stages.publish.move_views import Follow
from rds_lake.stages.publish.publisher import Publisher
from rds_lake.stages.runs.waiting import Waiting
from rds_lake.stages.source.outcomes import Catalogued, Published

# The settings of one kind of source, or of any kind.
S_co = TypeVar("S_co", bound=SourceSettings, covariant=True)

_TURNS = 5  # a date is seldom exported again, and hardly ever while it is catalogued


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedStages(Generic[S_co]):
    """The stages of every kind of source from the manifest on, with their inputs.

    `lake` may delete only what belongs to the source. `clock` gives monotonic seconds, `sleep` takes seconds; `announce` is
    called with a date that is held until a person approves it, `beside` and `follow` with a date that is being published
    (`ViewMover`).
    """

    config: LakeConfig
    source: S_co
    lake: Lake
    log: Callable[[str], None]
    clock: Callable[[], float] = field(default=time.monotonic)
    sleep: Callable[[float], None] = field(default=time.sleep)
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    announce: Callable[[date], None] | None = None
    beside: Callable[[DatedTables], None] | None = None
    follow: Follow | None = None

    def limited(self, owns: Callable[[str], bool]) -> SharedStages[S_co]:
        """Returns these stages with a lake that may delete only objects of the source. `owns`: see `limited_lake`."""
        return replace(self, lake=limited_lake(self.lake, self.config, self.source.name, owns=owns))

    def waiting(self, poll_seconds: float) -> Waiting:
        """Returns how a run of the source waits for its exports."""
        return Waiting(
            clock=self.clock,
            sleep=self.sleep,
            timeout_seconds=self.source.export_timeout_hours * 3600,
            poll_seconds=poll_seconds,
            log=self.log,
        )

    @property
    def in_use(self) -> InUse:
        """The marks of which dates are worked on."""
        return InUse.of(self.lake, self.source.name)

    def find_manifest(self, day: date) -> Manifest | None:
        """Returns the date's manifest; None before its Parquet is in the lake."""
        return handover.find_manifest(self.lake.s3, self.lake.layout, self.source.name, day)

    def find_head(self, day: date) -> Manifest | None:
        """Returns the date's manifest without its tables, as reading a million files is not necessary to know the export."""
        return find_head(self.lake.s3, self.lake.layout, self.source.name, day)

    def accepted_export(self, day: date) -> ExportRecord:
        """Returns the date's accepted export. Raises ManifestError if none was accepted.

        Its manifest says it too, for a date in the lake whose record somebody deleted.
        """
        s3, layout, name = self.lake.s3, self.lake.layout, self.source.name
        record = handover.find_export_record(s3, layout, name, day)
        if record is None and (head := self.find_head(day)) is not None:
            return head.export
        return record or handover.get_export_record(s3, layout, name, day)

    def manifest(self, day: date) -> Manifest:
        """Returns the date's manifest. Raises ManifestError before its Parquet is in the lake."""
        return handover.get_manifest(self.lake.s3, self.lake.layout, self.source.name, day)

    def catalogue(self, day: date) -> Catalogued:
        """Writes the date's tables and partitions to Glue, and reads them back through Athena.

        If another run relocates a better export of the date meanwhile, both runs end with the partitions of that export.
        Raises UnavailableError if that happens repeatedly, CatalogError with every table that Glue refused.
        """
        s3, layout = self.lake.s3, self.lake.layout
        with (
            ExitStack() as at_work
        ):  # marks every export whose partitions were written, until those of the last one exist
            for _ in range(_TURNS):
                seen = handover.see_manifest(s3, layout, self.source.name, day)
                at_work.enter_context(self.in_use.work(day, seen.manifest.export.export_task, log=self.log))
                if not seen.still_stands(s3, layout):
                    continue
                done = self._catalogued(seen.manifest)
                if seen.still_stands(s3, layout) and (
                    all(table.rows_match for table in done.quality) or self._is_located(day)
                ):
                    return done
                self.log(f"another run accepted another export of {day} meanwhile: the date is catalogued again")
        raise UnavailableError(
            f"{self.source.name} {day} was exported again {_TURNS} times while it was catalogued; repeat `catalog` in a few minutes"
        )

    def _is_located(self, day: date) -> bool:
        """Whether Glue's partitions are at the manifest's folders; False while another run moves them."""
        try:
            tables_of(self.lake, self.source, day)
        except CatalogError:
            return False
        return True

    def _catalogued(self, manifest: Manifest) -> Catalogued:
        day, existing = manifest.snapshot_date, existing_tables(self.lake.glue, self.source.name)
        require_own_database(existing, self.lake.layout, self.source.name)
        named, too_long = with_legal_types(name_tables(manifest, self.source, published_names(existing)))
        type_tables(named, self.source)  # settings that do not fit are reported before anything is written
        synced = sync_catalog(
            self.lake.glue,
            manifest=manifest,
            tables=named,
            log=self.log,
            existing=existing,
            is_new=day not in recorded_dates(self.lake.s3, self.lake.layout, self.source.name),
        )
        typed = type_tables([sync.named for sync in synced], self.source)
        quality = check_tables(
            self.lake.athena,
            database=self.source.name,
            snapshot_date=day,
            tables=typed,
            log=self.log,
            casts=self.source.counts_casts,
        )
        _, too_wide = with_legal_views(typed, self.source, day)
        return Catalogued(synced=synced, quality=quality, left_out=(*too_long, *too_wide))

    def compare_rows(self, day: date) -> RowComparison:
        """Compares the date's row counts with those of the date before."""
        return compare_rows(self.lake, self.source, self.manifest(day))

    def publish(self, day: date, *, now: datetime) -> Published:
        """Moves all views to the date, then deletes superseded folders, and AWS's copy unless it is kept or read in place.

        With `publish: manual` a new date is held instead: no view moves, nothing is deleted. A date older than the published
        one also moves no view. Raises CatalogError, PublishError, QueryError or UnavailableError; the pointer then stays.
        """
        task = self.manifest(day).export.export_task
        with self.in_use.work(day, task, log=self.log):
            pointer = find_pointer(self.lake.s3, self.lake.layout, self.source.name)
            tables = tables_of(self.lake, self.source, day, published=pointer)
            if tables.manifest.export.export_task != task:
                raise UnavailableError(
                    f"another run accepted another export of {self.source.name} {day} meanwhile, and will publish it; no view "
                    "was moved"
                )
            publication = self.publisher(now).arrive(tables)
            if publication.state is not State.HELD:
                alone = self.in_use.is_alone(day, task)
                cleanup.finish(self.lake, tables, keep_export=self.source.keep_export, log=self.log, alone=alone)
        return Published(publication=publication, tables=tables.typed, left_out=tables.left_out)

    def publisher(self, now: datetime) -> Publisher:
        """Publishes this source's dates; approving and rolling back are `publish/by_hand.py`."""
        return Publisher(
            lake=self.lake,
            source=self.source,
            now=now,
            log=self.log,
            announce=self.announce,
            beside=self.beside,
            follow=self.follow,
            sleep=self.sleep,
        )
