"""Merges many compacted files of a table into one; readers see the same rows before, during and after it.

    1  the record: up to which cut the next merged file goes          all runs from now on make this one and no other
    2  the file, in a folder that no other attempt has
    3  its partition in Glue, `000000000288.merged`                   no view reads it yet (`ChangedTable.counted`)
    4  the record: readers see merged files up to this cut
    5  the views are moved to what the record says (`live/move.py`)
    6  a day later, when no query can read them any more: batches and their files are removed (`upkeep/compacted_files.py`)

Each view is replaced as a whole and reads either the batches or the merged file. A killed run is continued by the next one; of
two at once, the first partition is used, and both files have the same rows.

What belongs here: steps 1 to 4.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from rds_lake.aws.s3.stream import S3Reader, S3Writer
from rds_lake.errors import CatalogError, ConflictError, RdsLakeError, TransientError
from rds_lake.model.exports.info import export_folder
from rds_lake.model.streams.compacted import Progress
from rds_lake.model.tables.glue import ColumnSpec, GluePartition, PartitionSpec
from rds_lake.sql.changes.table import ChangedTable, cut_of, is_merged, merged_text
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.compaction.raw_changes import merged_columns
from rds_lake.stages.streams.compaction.record import CompactedRecord
from rds_lake.stages.streams.compaction.write import physical_type
from rds_lake.threads import check

_AT_LEAST = 100  # batches of a table: eight hours, with one every five minutes
_MOST_BYTES = 16 << 20  # bytes of files that are merged into one; a larger batch is not merged
_FILE = "00000.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merger:
    """Merges the batches of one source's tables. `at_least`: batches per merged file, unless their bytes suffice earlier."""

    lake: Lake
    source: str
    log: Callable[[str], None]
    at_least: int = _AT_LEAST
    attempt: Callable[[], str] = field(default=lambda: uuid.uuid4().hex[:12])

    def merge(self, epoch: str, tables: Sequence[ChangedTable]) -> tuple[str, ...]:
        """Merges these tables where it is due, and returns the errors. Raises TransientError if S3 or Glue does not answer."""
        problems: list[str] = []
        for table in tables:
            try:
                self._merge_table(table, epoch)
            except TransientError:
                raise
            except RdsLakeError as error:
                problems.append(
                    f"{table.names.target}: its small files were not merged, which only costs time: {error}"
                )
        return tuple(problems)

    @property
    def _record(self) -> CompactedRecord:
        return CompactedRecord(lake=self.lake, source=self.source)

    def _merge_table(self, table: ChangedTable, epoch: str) -> None:
        place = self._record.read().of(table.names.target, epoch)
        while place is not None and place.version == table.version and not place.pending:
            if not place.merging and place.unmerged < self.at_least:
                return
            check()
            batches = self._batches(table, place)
            place = self._claimed(place, batches)
            if not place.merging:
                return
            into = [batch for batch in batches if cut_of(batch.values[1]) <= place.merging]
            self._make(table, place, into)
            until = place.merging
            place = self._record.change(place, lambda now, until=until, into=into: _committed(now, until, len(into)))
            self.log(
                f"{self.source}: {len(into)} files of changes of {place.target} were merged into one, up to cut {until}"
            )

    def _batches(self, table: ChangedTable, place: Progress) -> list[GluePartition]:
        """Returns the batches that are not merged, by cut."""
        wanted = f"change_epoch = '{place.epoch}'"
        partitions = self.lake.glue.find_partitions(self.source, table.raw, wanted)
        own = [
            partition
            for partition in partitions
            if partition.values[0] == place.epoch and not is_merged(partition.values[1])
        ]
        behind = [partition for partition in own if place.merged < cut_of(partition.values[1]) <= place.until]
        return sorted(behind, key=lambda partition: cut_of(partition.values[1]))

    def _claimed(self, place: Progress, batches: Sequence[GluePartition]) -> Progress:
        """Returns the place with the cut up to which to merge: another run's choice, or as many batches as fit."""
        if place.merging or not batches:
            return place
        until, held = 0, 0
        for batch in batches[: self.at_least]:
            held += self._size(batch)
            if until and held > _MOST_BYTES:
                break
            until = cut_of(batch.values[1])

        def claim(now: Progress) -> Progress:
            return now if now.merging or now.merged != place.merged else replace(now, merging=until)

        return self._record.change(place, claim)

    def _make(self, table: ChangedTable, place: Progress, batches: Sequence[GluePartition]) -> None:
        """Writes the merged file and its partition; a single batch gets a second partition over its own file."""
        if not batches:
            raise CatalogError(
                f"Glue has no partitions of {table.raw} up to cut {place.merging}, but the record has them"
            )
        columns: tuple[ColumnSpec, ...] = ()
        for batch in batches:
            columns = merged_columns(columns, [(name, kind, "") for name, kind, _ in batch.columns])
        location = batches[0].location if len(batches) == 1 else self._written(place, batches, columns)
        values = (place.epoch, merged_text(place.merging))
        spec = PartitionSpec(values=values, location=location, columns=columns)
        try:
            if not self.lake.glue.get_partitions(self.source, table.raw, [values]):
                self.lake.glue.create_partitions(self.source, table.raw, [spec])
        except (CatalogError, ConflictError):
            if not self.lake.glue.get_partitions(self.source, table.raw, [values]):
                raise  # otherwise another run made it meanwhile, of the same batches

    def _written(self, place: Progress, batches: Sequence[GluePartition], columns: Sequence[ColumnSpec]) -> str:
        layout = self.lake.layout
        folder = layout.compacted_folder(
            self.source, export_folder(place.target), place.version, place.epoch, place.merging, self.attempt()
        )
        schema = pa.schema([(name, physical_type(kind)) for name, kind, _ in columns])
        key = f"{folder}{_FILE}"
        with (
            S3Writer(self.lake.s3.client, layout.bucket, key, kms_key=self.lake.kms_key) as file,
            pq.ParquetWriter(cast(BinaryIO, file), schema, compression="zstd") as writer,
        ):
            for rows in self._rows(batches):
                writer.write_table(_as(rows, schema))
        return layout.uri(folder)

    def _rows(self, batches: Sequence[GluePartition]) -> Iterator[pa.Table]:
        for batch in batches:
            check()
            with S3Reader(self.lake.s3.client, self.lake.layout.bucket, self._key(batch)) as reader:
                body = io.BufferedReader(reader).read()
            yield pq.read_table(io.BytesIO(body))

    def _size(self, batch: GluePartition) -> int:
        head = self.lake.s3.find_head(self.lake.layout.bucket, self._key(batch))
        if head is None:
            raise CatalogError(
                f"{batch.location}{_FILE} is missing, although Glue has its partition {'/'.join(batch.values)}; bring it back from "
                "an earlier version of the object"
            )
        return head.bytes

    def _key(self, batch: GluePartition) -> str:
        return batch.location.removeprefix(self.lake.layout.uri("")) + _FILE


def _committed(now: Progress, until: int, batches: int) -> Progress:
    """Returns the progress with the merged file visible to readers; unchanged if another run recorded it."""
    if now.merging != until:
        return now
    return replace(now, merged=until, merging=0, unmerged=max(0, now.unmerged - batches))


def _as(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Returns the rows with these columns; missing columns are NULL."""
    present = set(rows.column_names)
    arrays = [
        rows.column(column.name).cast(column.type)
        if column.name in present
        else pa.chunked_array([pa.nulls(rows.num_rows, column.type)])
        for column in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
