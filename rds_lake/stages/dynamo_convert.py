"""Convert: DynamoDB's exported items into typed files in the lake's layout, the manifest last.

    exports/reviews-2026-11-20/AWSDynamoDB/0176…/data/ka3j….json.gz
    -> lake/reviews/Reviews/snapshot_date=2026-11-20/reviews-2026-11-20-3f9c2d71ab04/00000-0000.parquet

Bytes stream from S3 to S3, table after table. A table that is finished leaves a record, so that a run that died goes on with
the next one. No type gets narrower from one date to the next: what was seen of a table is kept and known to every later
conversion.

What belongs here: S3, records and the manifest around the engine in `convert/`.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, BinaryIO, cast

from rds_lake.aws.s3 import S3Gateway
from rds_lake.aws.s3_stream import S3Reader, S3Writer
from rds_lake.config import SourceSettings
from rds_lake.convert.compiled import INSTALL
from rds_lake.convert.converted import Converted, ConvertedColumn, ConvertedFile
from rds_lake.convert.job_request import JobInput, JobRequest
from rds_lake.convert.lines import InputFile
from rds_lake.convert.table import ConvertOptions, Progress, convert_table
from rds_lake.errors import ManifestError, RelocationError
from rds_lake.model.export import ExportPart, ExportRecord
from rds_lake.model.layout import LakeLayout
from rds_lake.model.manifest import DataFile, Manifest, TableManifest, parse_manifest, render_manifest
from rds_lake.model.table import Column, dynamodb_table
from rds_lake.stages.dynamo_inspect import DynamoFile, read_part
from rds_lake.stages.handover import write_manifest
from rds_lake.stages.spark_convert import JobNames, SparkConversions

_PROGRESS_SECONDS = 5.0
_SCHEMA_VERSION = 1

Keys = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Converter:
    """How to convert a date. `keys` gives the key attributes of a table; `clock` only times the progress lines."""

    s3: S3Gateway
    layout: LakeLayout
    source: SourceSettings
    kms_key: str
    keys: Keys
    log: Callable[[str], None]
    options: ConvertOptions = field(default_factory=ConvertOptions)
    clock: Callable[[], float] = time.monotonic
    spark: SparkConversions | None = None

    def convert(self, record: ExportRecord, done: Manifest | None) -> Manifest:
        """Convert every table of the record, write the manifest and return it.

        `done` is the date's earlier manifest: a table whose export is the same keeps its files. Raises ConversionError or
        MalformedExportError naming what is wrong with which file; finished tables stay for the next attempt.
        """
        kept = {part.export_arn: part.table for part in done.export.parts} if done else {}
        by_name = {table.target.table: table for table in done.tables} if done else {}
        tables: dict[str, TableManifest] = {}
        for number, part in enumerate(record.parts, start=1):
            name = kept.get(part.export_arn)
            finished = by_name.get(name) if name else self._find_finished(record, part)
            if finished is not None:
                self.log(f"{part.table}: {finished.rows:,} items are in the lake already")
            elif not self._by_spark(part):
                self.log(f"{part.table} ({number} of {len(record.parts)}): {part.items:,} items")
                finished = self._convert_table(record, part)
            if finished is not None:
                tables[part.table] = finished
        tables |= self._convert_by_spark(record, [part for part in record.parts if part.table not in tables])
        ordered = tuple(tables[part.table] for part in record.parts)
        manifest = Manifest(export=record, lake_bucket=self.layout.bucket, tables=ordered)
        write_manifest(self.s3, self.layout, manifest, kms_key=self.kms_key)
        self.log(f"converted {manifest.rows:,} items of {len(tables)} tables, {manifest.bytes:,} bytes")
        return manifest

    def _convert_table(self, record: ExportRecord, part: ExportPart) -> TableManifest:
        items = read_part(self.s3, record.bucket, part)
        folder = self._folder(record, part)
        # What an attempt that died left half done would be rows of nobody's.
        self.s3.delete(self.layout.bucket, [item.key for item in self.s3.list_objects(self.layout.bucket, folder)])
        sink = _LakeSink(
            s3=self.s3, bucket=self.layout.bucket, folder=folder, ending=self.source.format, kms_key=self.kms_key
        )
        options = replace(
            self.options,
            keys=tuple(self.keys(part.table)),
            format=self.source.format,
            numbers=self.source.numbers,
            known=self._find_schema(part.table),
        )
        progress = _Progress(table=part.table, items=part.items, log=self.log, clock=self.clock)
        converted = convert_table(
            [self._input(record.bucket, file) for file in items.files], sink=sink, options=options, progress=progress
        )
        _require_all_items(part, converted)
        self.log(f"{part.table}: {_how_read(converted)}")
        files = [_data_file(file, sink.key(file.name), sink.files[file.name].checksum) for file in converted.files]
        table = _table_manifest(part, converted, files, self.layout.uri(folder))
        self._write_schema(part.table, converted.schema)
        self._write_finished(record, part, table)
        return table

    def _by_spark(self, part: ExportPart) -> bool:
        return self.source.engine == "glue" or (
            self.source.engine == "auto" and part.billed_bytes > self.source.glue_above_gb * 1e9
        )

    def _convert_by_spark(self, record: ExportRecord, parts: Sequence[ExportPart]) -> dict[str, TableManifest]:
        if not parts:
            return {}
        assert self.spark is not None, "a source that converts by Glue has the job"
        named = {self._job_names(record, part): part for part in parts}
        wanted = {names: partial(self._request, record, part) for names, part in named.items()}
        tables: dict[str, TableManifest] = {}
        for names, result in self.spark.run_all(wanted):
            part = named[names]
            folder = self._folder(record, part)
            _require_all_items(part, result.converted)
            if result.unverified:
                self.log(f"{part.table}: MD5 of {len(result.unverified)} large files was not compared, their CRC was")
            files = [_data_file(file, folder + file.name) for file in result.converted.files]
            table = _table_manifest(part, result.converted, files, self.layout.uri(folder))
            self._write_schema(part.table, result.converted.schema)
            self._write_finished(record, part, table)
            self.spark.spark.forget(names)
            tables[part.table] = table
        return tables

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
            known=self._find_schema(part.table),
        )

    def _job_names(self, record: ExportRecord, part: ExportPart) -> JobNames:
        day = record.snapshot_date.isoformat()
        return JobNames(source=record.source, day=day, export_task=record.export_task, table=part.table)

    def _folder(self, record: ExportRecord, part: ExportPart) -> str:
        return self.layout.partition_folder(record.source, part.table, record.snapshot_date, record.export_task)

    def _input(self, bucket: str, file: DynamoFile) -> InputFile:
        def open_file() -> BinaryIO:
            return cast(BinaryIO, io.BufferedReader(S3Reader(self.s3.client, bucket, file.key), 1024 * 1024))

        return InputFile(
            name=f"s3://{bucket}/{file.key}", open=open_file, bytes=file.bytes, items=file.items, md5=file.md5
        )

    def _find_finished(self, record: ExportRecord, part: ExportPart) -> TableManifest | None:
        key = self.layout.finished_table_key(record.source, record.snapshot_date, record.export_task, part.table)
        text = self.s3.find_text(self.layout.bucket, key)
        if text is None:
            return None
        (table,) = parse_manifest(text, where=self.layout.uri(key)).tables
        return table

    def _write_finished(self, record: ExportRecord, part: ExportPart, table: TableManifest) -> None:
        key = self.layout.finished_table_key(record.source, record.snapshot_date, record.export_task, part.table)
        own = replace(record, parts=(part,))
        text = render_manifest(Manifest(export=own, lake_bucket=self.layout.bucket, tables=(table,)))
        self.s3.put_text(self.layout.bucket, key, text, kms_key=self.kms_key)

    def _find_schema(self, table: str) -> dict[str, Any] | None:
        key = self.layout.seen_schema_key(self.source.name, table)
        text = self.s3.find_text(self.layout.bucket, key)
        if text is None:
            return None
        try:
            body = json.loads(text)
            if body["version"] != _SCHEMA_VERSION:
                raise ValueError(f"version {body['version']!r}")
            return dict(body["schema"])
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise ManifestError(
                f"{self.layout.uri(key)} is damaged ({error!r}); delete it and materialize `parquet` again: types then follow "
                "from that date alone"
            ) from error

    def _write_schema(self, table: str, schema: dict[str, Any]) -> None:
        key = self.layout.seen_schema_key(self.source.name, table)
        text = json.dumps({"version": _SCHEMA_VERSION, "schema": schema}, separators=(",", ":"))
        self.s3.put_text(self.layout.bucket, key, text, kms_key=self.kms_key)


@dataclass(slots=True, kw_only=True)
class _LakeSink:
    """New objects in one folder of the lake."""

    s3: S3Gateway
    bucket: str
    folder: str
    ending: str
    kms_key: str
    files: dict[str, S3Writer] = field(default_factory=dict)

    def create(self, name: str) -> S3Writer:
        file = S3Writer(self.s3.client, self.bucket, self.key(name), kms_key=self.kms_key)
        self.files[name] = file
        return file

    def remove(self, name: str) -> None:
        self.s3.delete(self.bucket, [self.key(name)])

    def key(self, name: str) -> str:
        """Where the file of this name lies."""
        return f"{self.folder}{name}.{self.ending}"


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
