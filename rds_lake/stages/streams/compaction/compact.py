"""Compaction: writes the changes of new cuts as typed Parquet for Athena.

    cuts after the last compacted one -> one Parquet file per table -> the record -> partitions in Glue

Each cut is read once, and each table's changes go into one file for any number of cuts. Nothing is deleted or written twice:
of two runs at once, the batch that is first in the record is used, and the other's file is never read. A table whose changes
cannot be read is reported; the others continue.

What belongs here: that order.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO, cast

from rds_lake.aws.s3.stream import S3Writer
from rds_lake.errors import ConflictError, ManifestError, RdsLakeError, TransientError
from rds_lake.model.exports.info import export_folder
from rds_lake.model.streams.compacted import Batch, Progress, Unparsed
from rds_lake.model.streams.cut import Cut
from rds_lake.model.streams.forwarded import EpochCuts
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.changes.table import RAW_CHANGES, ChangedTable
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.compaction.raw_changes import catalogue_changes, fits, is_catalogued, raw_columns
from rds_lake.stages.streams.compaction.reading import events_of, next_cuts
from rds_lake.stages.streams.compaction.record import CompactedRecord
from rds_lake.stages.streams.compaction.unique import CutFile, unique_events
from rds_lake.stages.streams.compaction.write import ChangeWriter
from rds_lake.threads import cancelling_threads

# A table's new batch, which follows the compacted ones.
Found = tuple[Progress, Batch, tuple[Unparsed, ...]]
_MOST_CUTS = 500  # in one batch: a day and more of cuts every five minutes
_LOOK_BACK = 3  # a repeated number is repeated soon
_AT_ONCE = 4  # tables; each holds one group of rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """The result for one epoch. `until`: the last cut that all tables are compacted to. `behind`: other tables, with the reason."""

    epoch: str
    until: int
    rows: int
    unparsed: Mapping[TableTarget, tuple[Unparsed, ...]]
    behind: Mapping[TableTarget, str] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[str, ...]:
        """The problems as sentences."""
        return tuple(f"{target}: {reason}" for target, reason in self.behind.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Compactor:
    """Compacts the changes of one source. `attempt` returns a folder name that no other run uses."""

    lake: Lake
    source: str
    log: Callable[[str], None]
    attempt: Callable[[], str] = field(default=lambda: uuid.uuid4().hex[:12])

    @property
    def record(self) -> CompactedRecord:
        return CompactedRecord(lake=self.lake, source=self.source)

    def versioned(self, tables: Sequence[ChangedTable]) -> tuple[ChangedTable, ...]:
        """Returns the tables in the version of raw table that can hold them, catalogued, and with a start in the record."""
        known = self.record.read()
        existing = self.lake.glue.list_tables(self.source, beginning=RAW_CHANGES)
        versioned: list[ChangedTable] = []
        for table in tables:
            version = known.version_of(table.names.target)
            placed = replace(table, version=version)
            has_rows = any(
                progress.has_catalogued for progress in known.tables if progress.target == table.names.target
            )
            while not fits(placed, existing, has_rows=has_rows and placed.version == version):
                placed = replace(placed, version=placed.version + 1)
            if placed.version != version:
                self.log(f"the changes of {table.names.target} are compacted again, into {placed.raw}")
            versioned.append(placed)
        return tuple(versioned)

    def compact(self, final: EpochCuts, tables: Sequence[ChangedTable]) -> Compaction:
        """Compacts every final cut of the epoch. Raises TransientError if S3 or Glue does not answer.

        Raises ConflictError if another run has begun a newer version of a table.
        """
        epoch = final.epoch
        places = self._begun(epoch, tables)
        failed: dict[TableTarget, str] = {}
        rows = 0
        while going := [table for table in tables if table.names.target not in failed]:
            after = max(min(places[table.names.target].until for table in going), final.first - 1)
            if after >= final.cut:
                break
            for table, outcome in zip(going, self._several(final, after, going, places), strict=True):
                if isinstance(outcome, RdsLakeError):
                    failed[table.names.target] = str(outcome)
                else:
                    rows += outcome
            places = self._begun(epoch, tables)
        self._catalogue(tables, places)
        return Compaction(
            epoch=epoch,
            until=min((place.until for place in places.values()), default=0),
            rows=rows,
            unparsed={target: place.unparsed for target, place in places.items() if place.unparsed},
            behind=failed,
        )

    def _begun(self, epoch: str, tables: Sequence[ChangedTable]) -> dict[TableTarget, Progress]:
        places = self.record.begin_all({table.names.target: table.version for table in tables}, epoch)
        newer = [str(table.names.target) for table in tables if places[table.names.target].version != table.version]
        if newer:
            raise ConflictError(
                service="rds-lake",
                operation="compact",
                code="NewerVersion",
                message=f"another run compacts {', '.join(newer)} again, into other raw tables",
            )
        return places

    def _catalogue(self, tables: Sequence[ChangedTable], places: Mapping[TableTarget, Progress]) -> None:
        """Catalogues the tables; a table without changes and pending batches costs no call."""
        existing = self.lake.glue.list_tables(self.source, beginning=RAW_CHANGES)
        for table in tables:
            place = places[table.names.target]
            if place.pending or not is_catalogued(table, existing):
                catalogue_changes(self.lake, self.source, table, place)
        self.record.catalogued(*places.values())

    def _several(
        self, final: EpochCuts, after: int, tables: Sequence[ChangedTable], places: Mapping[TableTarget, Progress]
    ) -> list[int | RdsLakeError]:
        """Compacts the next cuts, up to a batch's limit. Returns the compacted changes of each table, or the reason for none."""
        try:
            cuts = next_cuts(self.lake, self.source, final, after=after, most=_MOST_CUTS)
            earlier = self._before(final, after)
        except ManifestError as error:
            return [error] * len(tables)
        with cancelling_threads(_AT_ONCE, "compact") as pool:
            outcomes = list(pool.map(lambda table: self._attempt(table, places, earlier, cuts), tables))
        added = self.record.add_all([outcome for outcome in outcomes if not isinstance(outcome, RdsLakeError | None)])
        self.log(f"{self.source}: cuts {cuts[0].number} to {cuts[-1].number} are compacted")
        return [_rows_of(outcome, added) for outcome in outcomes]

    def _before(self, final: EpochCuts, after: int) -> tuple[Cut, ...]:
        first = max(final.first, after - _LOOK_BACK + 1)
        return next_cuts(self.lake, self.source, replace(final, cut=after), after=first - 1, most=_LOOK_BACK)

    def _attempt(
        self, table: ChangedTable, places: Mapping[TableTarget, Progress], earlier: Sequence[Cut], cuts: Sequence[Cut]
    ) -> Found | RdsLakeError | None:
        """Returns the compacted batch of the table, None if another run has written it, or the error."""
        try:
            return self._compact(table, places[table.names.target], earlier, cuts)
        except TransientError:
            raise
        except RdsLakeError as error:
            return error

    def _compact(
        self, table: ChangedTable, place: Progress, earlier: Sequence[Cut], cuts: Sequence[Cut]
    ) -> Found | None:
        target, until = place.target, cuts[-1].number
        files = _files(target, [cut for cut in cuts if cut.number > place.until])
        before = _files(target, [cut for cut in (*earlier, *cuts) if cut.number <= place.until])
        if until <= place.until:
            return None
        layout = self.lake.layout
        folder = layout.compacted_folder(
            self.source, export_folder(target), place.version, place.epoch, until, self.attempt()
        )
        rows, unparsed = self._written(table, files, before, f"{folder}00000.parquet") if files else (0, ())
        columns = tuple((name, kind) for name, kind, _ in raw_columns(table))
        changed = max((number for number, _ in files), default=0)
        batch = Batch(until=until, changed=changed, folder=layout.uri(folder), rows=rows, columns=columns)
        return place, batch, unparsed

    def _written(
        self, table: ChangedTable, files: Sequence[CutFile], earlier: Sequence[CutFile], key: str
    ) -> tuple[int, tuple[Unparsed, ...]]:
        s3, bucket = self.lake.s3, self.lake.layout.bucket
        events = unique_events(
            files,
            earlier,
            lambda file: events_of(s3, bucket, file),
            table=str(table.names.target),
            source=self.source,
        )
        with S3Writer(s3.client, bucket, key, kms_key=self.lake.kms_key) as file:
            writer = ChangeWriter(table=table, file=cast(BinaryIO, file))
            writer.write(events)
            if not writer.rows:  # all of them were there before
                file.abort()
        return writer.rows, writer.unparsed


def _rows_of(batch: Found | RdsLakeError | None, added: Collection[TableTarget]) -> int | RdsLakeError:
    """Returns the rows of the batches that count: if another run was first, its batch counts."""
    if isinstance(batch, RdsLakeError):
        return batch
    return batch[1].rows if batch is not None and batch[0].target in added else 0


def _files(target: TableTarget, cuts: Sequence[Cut]) -> list[CutFile]:
    return [
        (cut.number, file)
        for cut in cuts
        for table in cut.tables
        if table.table.target == target
        for file in table.files
    ]
