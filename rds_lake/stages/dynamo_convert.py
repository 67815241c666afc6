"""Convert: DynamoDB's exported items into typed files in the lake's layout, the manifest last.

    exports/reviews-2026-11-20/AWSDynamoDB/0176…/data/ka3j….json.gz
    -> lake/reviews/Reviews/snapshot_date=2026-11-20/reviews-2026-11-20-3f9c2d71ab04/00000-0000.parquet

Bytes stream from S3 to S3, table after table. A table that is finished leaves a record, so that a run that died goes on with
the next one. No type gets narrower from one date to the next: what was seen of a table is kept and known to every later
conversion.

What belongs here: S3, records and the manifest around the engine in `convert/`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from rds_lake.aws.s3 import S3Gateway
from rds_lake.config_source import SourceSettings
from rds_lake.convert.compiled import INSTALL
from rds_lake.convert.converted import Converted, ConvertedColumn, ConvertedFile
from rds_lake.convert.job_request import JobInput, JobRequest, JobResult
from rds_lake.convert.table import ConvertOptions, Progress, convert_table
from rds_lake.errors import FullExportDueError, RelocationError
from rds_lake.model.export import ExportPart, ExportRecord
from rds_lake.model.layout import LakeLayout
from rds_lake.model.manifest import DataFile, Manifest, TableManifest
from rds_lake.model.table import Column, dynamodb_table
from rds_lake.stages.dynamo_files import LakeSink, input_file
from rds_lake.stages.dynamo_increment import Increments
from rds_lake.stages.dynamo_inspect import read_part
from rds_lake.stages.dynamo_merge import Merger
from rds_lake.stages.dynamo_records import TableRecords
from rds_lake.stages.handover import write_manifest
from rds_lake.stages.spark_convert import Advanced, SparkDate, SparkJobs, Turn

_PROGRESS_SECONDS = 5.0

Keys = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Converter:
    """How to convert a date. `keys` gives the key attributes of a table; `clock` only times the progress lines."""

    s3: S3Gateway
    layout: LakeLayout
    source: SourceSettings
    kms_key: str | None
    keys: Keys
    increments: Increments
    log: Callable[[str], None]
    options: ConvertOptions = field(default_factory=ConvertOptions)
    clock: Callable[[], float] = time.monotonic
    spark: SparkJobs | None = None

    def convert(self, record: ExportRecord, done: Manifest | None, *, turn: Turn = "by_hand") -> Manifest | Advanced:
        """Convert every table of the record, write the manifest and return it; or how far Glue is, which goes on without us.

        `done` is the date's earlier manifest: a table whose export is the same keeps its files. Raises ConversionError or
        MalformedExportError naming what is wrong with which file, FullExportDueError naming all tables whose changes cannot
        be brought to an earlier date; finished tables stay for the next attempt.
        """
        tables = self._in_the_lake(record, done)
        state = self._advance_spark(record, tables, turn)  # first: Glue's runs go on while tables are converted here
        here = [part for part in record.parts if part.table not in tables and not self._by_spark(part)]
        if here and turn == "resume":
            self.log(f"{', '.join(part.table for part in here)}: being converted by the run that began the date")
            return state
        tables |= self._convert_here(record, here)
        if here and state.open:  # whoever was told of their end meanwhile left the date to this run
            state = self._advance_spark(record, tables, "begin")
        if state.open:
            return state
        ordered = tuple(tables[part.table] for part in record.parts)
        manifest = Manifest(export=record, lake_bucket=self.layout.bucket, tables=ordered)
        write_manifest(self.s3, self.layout, manifest, kms_key=self.kms_key)
        self.log(f"converted {manifest.rows:,} items of {len(tables)} tables, {manifest.bytes:,} bytes")
        return manifest

    @property
    def _records(self) -> TableRecords:
        return TableRecords(s3=self.s3, layout=self.layout, source=self.source.name, kms_key=self.kms_key)

    def _in_the_lake(self, record: ExportRecord, done: Manifest | None) -> dict[str, TableManifest]:
        """The tables that need no conversion any more, by name."""
        kept = {part.export_arn: part.table for part in done.export.parts} if done else {}
        by_name = {table.target.table: table for table in done.tables} if done else {}
        tables: dict[str, TableManifest] = {}
        for part in record.parts:
            name = kept.get(part.export_arn)
            finished = by_name.get(name) if name else self._records.find_finished(record, part)
            if finished is not None:
                self.log(f"{part.table}: {finished.rows:,} items are in the lake already")
                tables[part.table] = finished
        return tables

    def _convert_here(self, record: ExportRecord, parts: Sequence[ExportPart]) -> dict[str, TableManifest]:
        tables: dict[str, TableManifest] = {}
        due: dict[str, str] = {}
        for number, part in enumerate(parts, start=1):
            what = f"changes since {part.base.day}" if part.base else "items"
            self.log(f"{part.table} ({number} of {len(parts)}): {part.items:,} {what}")
            try:
                tables[part.table] = self._convert_table(record, part)
            except FullExportDueError as error:
                due[part.table] = str(error)
        if due:
            told = "; ".join(f"{table}: {why}" for table, why in due.items())
            raise FullExportDueError(f"{record.snapshot_date} cannot be made from changes: {told}", due)
        return tables

    def _convert_table(self, record: ExportRecord, part: ExportPart) -> TableManifest:
        folder = self._folder(record, part)
        # What an attempt that died left half done would be rows of nobody's.
        self.s3.delete(self.layout.bucket, [item.key for item in self.s3.list_objects(self.layout.bucket, folder)])
        sink = LakeSink(
            s3=self.s3, bucket=self.layout.bucket, folder=folder, ending=self.source.format, kms_key=self.kms_key
        )
        options = replace(
            self.options,
            keys=tuple(self.keys(part.table)),
            format=self.source.format,
            numbers=self.source.numbers,
            known=self._records.find_schema(part.table),
        )
        if part.base is not None:
            merger = Merger(s3=self.s3, bucket=record.bucket, increments=self.increments, sink=sink, log=self.log)
            converted, kept = merger.merge(part, part.base, options)
        else:
            converted, kept = self._convert_items(record, part, sink, options), ()
        files = [_data_file(file, sink.key(file.name), sink.files[file.name].checksum) for file in converted.files]
        table = _table_manifest(part, converted, [*files, *kept], self.layout.uri(folder))
        self._records.add_schema(part.table, converted.schema, self.options.limits)
        self._records.write_finished(record, part, table)
        return table

    def _convert_items(
        self, record: ExportRecord, part: ExportPart, sink: LakeSink, options: ConvertOptions
    ) -> Converted:
        """All items of a full export."""
        items = read_part(self.s3, record.bucket, part)
        progress = _Progress(table=part.table, items=part.items, log=self.log, clock=self.clock)
        inputs = [input_file(self.s3, record.bucket, file) for file in items.files]
        converted = convert_table(inputs, sink=sink, options=options, progress=progress)
        _require_all_items(part, converted)
        self.log(f"{part.table}: {_how_read(converted)}")
        return converted

    def _by_spark(self, part: ExportPart) -> bool:
        if part.base is not None:
            return False  # begun when the source was incremental
        return self.source.engine == "glue" or (
            self.source.engine == "auto" and part.billed_bytes > self.source.glue_above_gb * 1e9
        )

    def _advance_spark(self, record: ExportRecord, tables: dict[str, TableManifest], turn: Turn) -> Advanced:
        """Begin and finish runs of Glue; what they made is added to `tables`."""
        parts = {part.table: part for part in record.parts if part.table not in tables and self._by_spark(part)}
        if not parts:
            return Advanced(results={})
        assert self.spark is not None, "a source that converts by Glue has the job"
        date_of_runs = SparkDate(
            spark=self.spark, source=record.source, snapshot_date=record.snapshot_date, export_task=record.export_task
        )
        state = date_of_runs.advance(
            {name: partial(self._request, record, part) for name, part in parts.items()}, turn=turn
        )
        for name, result in state.results.items():
            tables[name] = self._take_over(record, parts[name], result)
        return state

    def _take_over(self, record: ExportRecord, part: ExportPart, result: JobResult) -> TableManifest:
        folder = self._folder(record, part)
        _require_all_items(part, result.converted)
        if result.unverified:
            self.log(f"{part.table}: MD5 of {len(result.unverified)} large files was not compared, their CRC was")
        files = [_data_file(file, folder + file.name) for file in result.converted.files]
        table = _table_manifest(part, result.converted, files, self.layout.uri(folder))
        self._records.add_schema(part.table, result.converted.schema, self.options.limits)
        self._records.write_finished(record, part, table)
        return table

    def _request(self, record: ExportRecord, part: ExportPart, result: str) -> JobRequest:
        """What the job is asked, when its turn comes."""
        files = read_part(self.s3, record.bucket, part).files
        return JobRequest(
            inputs=tuple(
                JobInput(uri=f"s3://{record.bucket}/{file.key}", bytes=file.bytes, items=file.items, md5=file.md5)
                for file in files
            ),
            target=self.layout.uri(self._folder(record, part)),
            result=result,
            format="orc" if self.source.format == "orc" else "parquet",
            compression=self.options.compression,
            numbers=self.source.numbers,
            keys=tuple(self.keys(part.table)),
            limits=self.options.limits,
            known=self._records.find_schema(part.table),
        )

    def _folder(self, record: ExportRecord, part: ExportPart) -> str:
        return self.layout.partition_folder(record.source, part.table, record.snapshot_date, record.export_task)


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


def _require_all_items(part: ExportPart, converted: Converted) -> None:
    rows = sum(file.rows for file in converted.files)
    if not rows == converted.items == part.items:
        raise RelocationError(
            f"{part.table}: {converted.items:,} items were read and {rows:,} rows written, and the manifest of "
            f"{part.export_arn} says {part.items:,}; nothing was published. Materialize `parquet` again"
        )


def _how_read(converted: Converted) -> str:
    if converted.parser == "compiled":
        return f"read by the compiled parser, which left {converted.left:,} items to the portable one"
    return f"read by the portable parser, at a third of the speed of the compiled one: {INSTALL}"


def _data_file(file: ConvertedFile, key: str, checksum: str | None = None) -> DataFile:
    return DataFile(key=key, bytes=file.bytes, rows=file.rows, checksum=checksum)


def _table_manifest(part: ExportPart, converted: Converted, files: Iterable[DataFile], location: str) -> TableManifest:
    return TableManifest(
        target=dynamodb_table(part.table),
        location=location,
        columns=tuple(_column(column) for column in converted.columns),
        files=tuple(sorted(files, key=lambda file: file.key)),
        schema_notes=tuple(_notes(converted)),
    )


def _column(column: ConvertedColumn) -> Column:
    """DynamoDB's own types as the original type, with the attribute's own name where the column has another."""
    types = "|".join(sorted(set(column.types) - {"NULL"})) or "NULL"
    return Column(
        name=column.name,
        hive_type=column.hive,
        original_type=types if column.original == column.name else f"{types} {column.original!r}",
    )


def _notes(converted: Converted) -> Iterable[str]:
    yield from (f"attribute {path} {why}: it is JSON text" for path, why in converted.text)
    yield from (f"attribute {path} is called {name}" for path, name in converted.renamed)
