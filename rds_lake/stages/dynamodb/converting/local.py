"""Converts tables on this machine, one after the other: data streams from S3 through the engine in `convert/` to S3.

Two runs may convert one date at the same time. Each writes to its own folder; the first that finishes a table counts
for both, and the other removes the files it made. Files of a run that died are left: `upkeep/orphans.py` finds them later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rds_lake.convert.local.compiled import INSTALL
from rds_lake.convert.local.table import ConvertOptions, Progress, convert_table
from rds_lake.convert.rules.converted import Converted
from rds_lake.errors import FullExportDueError
from rds_lake.model.lake.manifest import TableManifest
from rds_lake.model.lake.record import ExportPart, ExportRecord
from rds_lake.stages.dynamodb.converting.context import ConversionContext
from rds_lake.stages.dynamodb.converting.files import LakeSink, input_file
from rds_lake.stages.dynamodb.converting.merge import Merger
from rds_lake.stages.dynamodb.converting.table_manifest import data_file, require_all_items, table_manifest
from rds_lake.stages.dynamodb.exporting.increments import Increments
from rds_lake.stages.dynamodb.exporting.inspect import read_part

_PROGRESS_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalConversion:
    """Conversions in this process. `clock` gives monotonic seconds and only times the progress lines."""

    context: ConversionContext
    increments: Increments
    clock: Callable[[], float] = time.monotonic

    def convert(self, record: ExportRecord, parts: Sequence[ExportPart]) -> dict[str, TableManifest]:
        """Converts these exports and returns the tables by name. A finished table is recorded at once, so no later run repeats it.

        Raises FullExportDueError, which names all tables whose changes cannot be merged into an earlier date; ConversionError
        and MalformedExportError, which name the file and the problem.
        """
        log, records = self.context.log, self.context.records
        tables: dict[str, TableManifest] = {}
        due: dict[str, str] = {}
        for number, part in enumerate(parts, start=1):
            # Another run may have finished it while this one converted the tables before.
            if number > 1 and (finished := records.find_finished(record, part)) is not None:
                tables[part.table] = finished
                continue
            what = f"changes since {part.base.day}" if part.base else "items"
            log(f"{part.table} ({number} of {len(parts)}): {part.items:,} {what}")
            try:
                tables[part.table] = self._table(record, part)
            except FullExportDueError as error:
                due[part.table] = str(error)
        if due:
            reasons = "; ".join(f"{table}: {why}" for table, why in due.items())
            raise FullExportDueError(f"changes cannot be used for {record.snapshot_date}: {reasons}", due)
        return tables

    def _table(self, record: ExportRecord, part: ExportPart) -> TableManifest:
        context = self.context
        sink = LakeSink(
            s3=context.s3,
            bucket=context.layout.bucket,
            folder=context.new_folder(record, part),
            ending=context.source.format,
            kms_key=context.kms_key,
        )
        try:
            table, schema = self._written(record, part, sink)
            context.records.add_schema(part.table, schema, context.options.limits)
        except BaseException:
            sink.discard()
            raise
        counts = context.records.finish(record, part, table)
        if counts.location != table.location:
            context.log(f"{part.table}: another run converted it meanwhile; that run's files are used")
            sink.discard()
        return counts

    def _written(self, record: ExportRecord, part: ExportPart, sink: LakeSink) -> tuple[TableManifest, dict[str, Any]]:
        """Returns the table with its files in the sink, and the types seen in it (`tree.to_plain`)."""
        options = self.context.options_of(part.table)
        if part.base is not None:
            merger = Merger(
                s3=self.context.s3,
                bucket=record.bucket,
                increments=self.increments,
                sink=sink,
                log=self.context.log,
            )
            converted, kept = merger.merge(part, part.base, options)
        else:
            converted, kept = self._items(record, part, sink, options), ()
        files = [data_file(file, sink.key(file.name), sink.files[file.name].checksum) for file in converted.files]
        location = self.context.layout.uri(sink.folder)
        return table_manifest(part, converted, [*files, *kept], location), converted.schema

    def _items(self, record: ExportRecord, part: ExportPart, sink: LakeSink, options: ConvertOptions) -> Converted:
        """Yields all items of a full export."""
        s3, log = self.context.s3, self.context.log
        progress = _Progress(table=part.table, items=part.items, log=log, clock=self.clock)
        inputs = [input_file(s3, record.bucket, file) for file in read_part(s3, record.bucket, part).files]
        converted = convert_table(inputs, sink=sink, options=options, progress=progress)
        require_all_items(part, converted)
        log(f"{part.table}: {_how_read(converted)}")
        return converted


@dataclass(slots=True)
class _Progress:
    """A line every few seconds."""

    table: str
    items: int
    log: Callable[[str], None]
    clock: Callable[[], float]
    _last: float | None = None

    def __call__(self, progress: Progress) -> None:
        now = self.clock()
        self._last = now if self._last is None else self._last
        if now - self._last >= _PROGRESS_SECONDS:
            self._last = now
            self.log(f"{self.table}: read {progress.items:,} of {self.items:,} items")


def _how_read(converted: Converted) -> str:
    if converted.parser == "compiled":
        return f"read by the compiled parser, and {converted.left:,} items by the portable parser"
    return f"read by the portable parser, which is three times slower than the compiled parser: {INSTALL}"
