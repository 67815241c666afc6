"""Convert: DynamoDB's exported items into typed files in the lake's layout, the manifest last.

    exports/reviews-2026-11-20/AWSDynamoDB/0176…/data/ka3j….json.gz
    -> lake/reviews/Reviews/snapshot_date=2026-11-20/reviews-2026-11-20-3f9c2d71ab04/attempt-81c0…/00000-0000.parquet

Bytes stream from S3 to S3, table after table. A table that is finished leaves a record, so that a run that died goes on with
the next one. Two runs may convert one date at the same time: each writes in a folder of its own, the first that finishes a
table is the one that counts, and the other removes what it made itself. What a run that died left behind is found as an
orphan (`upkeep/orphans.py`), for no run can tell it from what another one is writing.

No type gets narrower from one date to the next: what was seen of a table is kept and known to every later conversion.

What belongs here: S3, records and the manifest around the engine in `convert/`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.config.dynamodb import DynamoDb
from rds_lake.convert.local.compiled import INSTALL
from rds_lake.convert.local.table import ConvertOptions, Progress, convert_table
from rds_lake.convert.rules.converted import Converted, ConvertedColumn, ConvertedFile
from rds_lake.convert.spark.request import JobInput, JobRequest, JobResult
from rds_lake.errors import (
    AwsError,
    ConversionError,
    FullExportDueError,
    LostFilesError,
    MalformedExportError,
    RelocationError,
)
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import DataFile, Manifest, TableManifest
from rds_lake.model.lake.record import ExportPart, ExportRecord
from rds_lake.model.tables.table import Column, dynamodb_table
from rds_lake.stages.dynamodb.converting.files import LakeSink, input_file
from rds_lake.stages.dynamodb.converting.glue_convert import SparkDate, SparkJobs
from rds_lake.stages.dynamodb.converting.merge import Merger
from rds_lake.stages.dynamodb.exporting.increments import Increments
from rds_lake.stages.dynamodb.exporting.inspect import read_part
from rds_lake.stages.dynamodb.records import TableRecords
from rds_lake.stages.lake.handover import find_export_record, find_manifest, write_manifest
from rds_lake.stages.lake.intact import missing_files
from rds_lake.stages.runs.advanced import Advanced, Turn

_PROGRESS_SECONDS = 5.0

Keys = Callable[[str], Sequence[str]]


def new_attempt() -> str:
    """A name that no other attempt at converting anything has."""
    return f"attempt-{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Converter:
    """How to convert a date. `keys` gives the key attributes of a table; `clock` only times the progress lines.

    `attempt` gives the folder of one attempt at one table a name.
    """

    s3: S3Gateway
    layout: LakeLayout
    source: DynamoDb
    kms_key: str | None
    keys: Keys
    increments: Increments
    log: Callable[[str], None]
    options: ConvertOptions = field(default_factory=ConvertOptions)
    clock: Callable[[], float] = time.monotonic
    attempt: Callable[[], str] = new_attempt
    spark: SparkJobs | None = None

    def convert(self, record: ExportRecord, done: Manifest | None, *, turn: Turn = "by_hand") -> Manifest | Advanced:
        """Convert every table of the record, write the manifest and return it; or how far Glue is, which goes on without us.

        `done` is the date's earlier manifest: a table whose export is the same keeps its files, if they are there. Raises
        ConversionError or MalformedExportError naming what is wrong with which file, FullExportDueError naming all tables
        whose changes cannot be brought to an earlier date, LostFilesError naming files that cannot be made again; finished
        tables stay for the next attempt. Another run's manifest is returned where that was first.
        """
        try:
            return self._convert(record, done, turn=turn)
        except (AwsError, ConversionError, MalformedExportError, FullExportDueError) as error:
            # Whoever finishes the date also removes what it was made from.
            there = self._find_done(record)
            if there is None:
                raise
            self.log(f"another run has converted {record.snapshot_date} meanwhile ({error})")
            return there

    def _convert(self, record: ExportRecord, done: Manifest | None, *, turn: Turn) -> Manifest | Advanced:
        tables = self._in_the_lake(record, done)
        state = self._advance_spark(record, tables, turn)  # first: Glue's runs go on while tables are converted here
        if state.done and (there := self._find_done(record)) is not None:
            return there
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
        made = Manifest(export=record, lake_bucket=self.layout.bucket, tables=ordered)
        manifest = write_manifest(self.s3, self.layout, made, kms_key=self.kms_key, stands=self._stands(record))
        who = "converted" if manifest is made else "another run converted"
        self.log(f"{who} {manifest.rows:,} items of {len(manifest.tables)} tables, {manifest.bytes:,} bytes")
        return manifest

    def _find_done(self, record: ExportRecord) -> Manifest | None:
        """The date's manifest if another run wrote it and it stands."""
        there = find_manifest(self.s3, self.layout, record.source, record.snapshot_date)
        return there if there is not None and self._stands(record)(there) else None

    def _stands(self, record: ExportRecord) -> Callable[[Manifest], bool]:
        """Whether a manifest stays that another run wrote: of the same export and whole, or of one accepted since."""

        def stands(there: Manifest) -> bool:
            if there.export.export_task != record.export_task:
                accepted = find_export_record(self.s3, self.layout, record.source, record.snapshot_date)
                return accepted is not None and accepted.export_task == there.export.export_task
            return not missing_files(self.s3, there)

        return stands

    @property
    def _records(self) -> TableRecords:
        return TableRecords(s3=self.s3, layout=self.layout, source=self.source.name, kms_key=self.kms_key)

    def _in_the_lake(self, record: ExportRecord, done: Manifest | None) -> dict[str, TableManifest]:
        """The tables that need no conversion any more, by name."""
        kept = {part.export_arn: part.table for part in done.export.parts} if done else {}
        by_name = {table.target.table: table for table in done.tables} if done else {}
        gone = missing_files(self.s3, done) if done else ()
        tables: dict[str, TableManifest] = {}
        lost: dict[str, Sequence[str]] = {}
        for part in record.parts:
            there = by_name.get(kept.get(part.export_arn, ""))
            missing = [uri for uri in gone if there is not None and uri.startswith(there.location)]
            finished = there if there is not None and not missing else self._records.find_finished(record, part)
            if finished is not None:
                self.log(f"{part.table}: {finished.rows:,} items are in the lake already")
                tables[part.table] = finished
            elif missing and not self._can_be_read(record, part):
                lost[part.table] = missing
            elif missing:
                self.log(f"{part.table}: {len(missing)} files are gone from the lake; it is converted once more")
        if lost:
            raise _lost(record, lost)
        return tables

    def _can_be_read(self, record: ExportRecord, part: ExportPart) -> bool:
        """Whether DynamoDB's own copy of everything the table is made of is there."""
        keys = [step.manifest_key for step in part.steps] or [part.manifest_key]
        return all(self.s3.find_head(record.bucket, key) is not None for key in keys)

    def _convert_here(self, record: ExportRecord, parts: Sequence[ExportPart]) -> dict[str, TableManifest]:
        tables: dict[str, TableManifest] = {}
        due: dict[str, str] = {}
        for number, part in enumerate(parts, start=1):
            what = f"changes since {part.base.day}" if part.base else "items"
            # Another run may have come to it while this one was at the tables before.
            if number > 1 and (finished := self._records.find_finished(record, part)) is not None:
                tables[part.table] = finished
                continue
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
        folder = self._new_folder(record, part)
        sink = LakeSink(
            s3=self.s3, bucket=self.layout.bucket, folder=folder, ending=self.source.format, kms_key=self.kms_key
        )
        try:
            table, schema = self._made_table(record, part, sink)
            self._records.add_schema(part.table, schema, self.options.limits)
        except BaseException:
            sink.discard()
            raise
        counts = self._records.finish(record, part, table)
        if counts.location != table.location:
            self.log(f"{part.table}: another run converted it meanwhile; its files are used")
            sink.discard()
        return counts

    def _made_table(
        self, record: ExportRecord, part: ExportPart, sink: LakeSink
    ) -> tuple[TableManifest, dict[str, Any]]:
        """The table's files, made in the sink; and what was seen of its attributes."""
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
        return _table_manifest(part, converted, [*files, *kept], self.layout.uri(sink.folder)), converted.schema

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
        return self.source.converter == "glue" or (
            self.source.converter == "auto" and part.billed_bytes > self.source.glue_above_gb * 1e9
        )

    def _advance_spark(self, record: ExportRecord, tables: dict[str, TableManifest], turn: Turn) -> Advanced:
        """Begin and finish runs of Glue; what they made is added to `tables`."""
        parts = {part.table: part for part in record.parts if part.table not in tables and self._by_spark(part)}
        if not parts:
            return Advanced(results={})
        assert self.spark is not None, "a source that converts by Glue has the job"
        date_of_runs = SparkDate(
            spark=self.spark,
            source=record.source,
            snapshot_date=record.snapshot_date,
            export_task=record.export_task,
            is_done=lambda: self._find_done(record) is not None,
        )
        state = date_of_runs.advance(
            {name: partial(self._request, record, part) for name, part in parts.items()}, turn=turn
        )
        for name, result in state.results.items():
            tables[name] = self._take_over(record, parts[name], result, state.targets[name])
        return state

    def _take_over(self, record: ExportRecord, part: ExportPart, result: JobResult, target: str) -> TableManifest:
        _require_all_items(part, result.converted)
        if result.unverified:
            self.log(f"{part.table}: MD5 of {len(result.unverified)} large files was not compared, their CRC was")
        folder = target.removeprefix(self.layout.uri(""))
        files = [_data_file(file, folder + file.name) for file in result.converted.files]
        table = _table_manifest(part, result.converted, files, target)
        self._records.add_schema(part.table, result.converted.schema, self.options.limits)
        return self._records.finish(record, part, table)

    def _request(self, record: ExportRecord, part: ExportPart, result: str) -> JobRequest:
        """What the job is asked, when its turn comes."""
        files = read_part(self.s3, record.bucket, part).files
        return JobRequest(
            inputs=tuple(
                JobInput(uri=f"s3://{record.bucket}/{file.key}", bytes=file.bytes, items=file.items, md5=file.md5)
                for file in files
            ),
            target=self.layout.uri(self._new_folder(record, part)),
            result=result,
            format="orc" if self.source.format == "orc" else "parquet",
            compression=self.options.compression,
            numbers=self.source.numbers,
            keys=tuple(self.keys(part.table)),
            limits=self.options.limits,
            known=self._records.find_schema(part.table),
        )

    def _new_folder(self, record: ExportRecord, part: ExportPart) -> str:
        return self.layout.attempt_folder(
            record.source, part.table, record.snapshot_date, record.export_task, self.attempt()
        )


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


def _lost(record: ExportRecord, lost: Mapping[str, Sequence[str]]) -> LostFilesError:
    """Materializing `snapshot_export` looks whether anything is left of the tables' exports (`dynamodb/run.py`)."""
    return LostFilesError(
        f"files of {', '.join(lost)} of {record.source} {record.snapshot_date} are gone from the lake, and so is DynamoDB's own "
        "copy. Bring them back from a version of the bucket; or materialize the date from `snapshot_export` on, which exports "
        "these tables once more as of the same instant, while their point-in-time recovery reaches back so far (DynamoDB "
        "charges for that):",
        [uri for uris in lost.values() for uri in uris],
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
