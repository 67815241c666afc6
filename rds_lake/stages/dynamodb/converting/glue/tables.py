"""Decides which tables of a date AWS Glue converts, writes the request of each job, and reads its results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from rds_lake.convert.spark.request import JobInput, JobRequest, JobResult
from rds_lake.model.lake.manifest import TableManifest
from rds_lake.model.lake.record import ExportPart, ExportRecord
from rds_lake.stages.dynamodb.converting.context import ConversionContext
from rds_lake.stages.dynamodb.converting.glue.conversion import GlueConversion
from rds_lake.stages.dynamodb.converting.glue.runs import GlueRuns
from rds_lake.stages.dynamodb.converting.table_manifest import data_file, require_all_items, table_manifest
from rds_lake.stages.dynamodb.exporting.inspect import read_part
from rds_lake.stages.runs.conversion import ConversionProgress, RunKind


@dataclass(frozen=True, slots=True, kw_only=True)
class GlueTables:
    """The tables that Glue converts. `runs` is None for a source that does not use Glue."""

    context: ConversionContext
    runs: GlueRuns | None

    def takes(self, part: ExportPart) -> bool:
        """Whether Glue converts the table: all tables, or with `auto` those whose export is larger than `glue_above_gb`."""
        source = self.context.source
        if part.base is not None:
            return False  # changes are merged on this machine
        return source.converter == "glue" or (
            source.converter == "auto" and part.billed_bytes > source.glue_above_gb * 1e9
        )

    def convert(
        self, record: ExportRecord, parts: Sequence[ExportPart], *, run_kind: RunKind, is_done: Callable[[], bool]
    ) -> tuple[dict[str, TableManifest], ConversionProgress]:
        """Returns the converted tables, by name, and the progress of all; starts jobs, and waits for none.

        `is_done`: whether another run has written the date's manifest.
        """
        if not parts:
            return {}, ConversionProgress(results={})
        assert self.runs is not None, "a source that converts by Glue has the job"
        conversion = GlueConversion(
            runs=self.runs,
            source=record.source,
            snapshot_date=record.snapshot_date,
            export_task=record.export_task,
            is_done=is_done,
        )
        by_name = {part.table: part for part in parts}
        requests = {name: partial(self._request, record, part) for name, part in by_name.items()}
        progress = conversion.finish_and_begin(requests, run_kind=run_kind)
        tables = {
            name: self._finished(record, by_name[name], result, progress.targets[name])
            for name, result in progress.results.items()
        }
        return tables, progress

    def _finished(self, record: ExportRecord, part: ExportPart, result: JobResult, target: str) -> TableManifest:
        context, converted = self.context, result.converted
        require_all_items(part, converted)
        if result.unverified:
            context.log(f"{part.table}: {len(result.unverified)} large files were verified by CRC instead of MD5")
        folder = target.removeprefix(context.layout.uri(""))
        files = [data_file(file, folder + file.name) for file in converted.files]
        table = table_manifest(part, converted, files, target)
        context.records.add_schema(part.table, converted.schema, context.options.limits)
        return context.records.finish(record, part, table)

    def _request(self, record: ExportRecord, part: ExportPart, result: str) -> JobRequest:
        """Returns the request of a job, made when Glue has a place for it. `result`: URI where it has to write its result."""
        context, files = self.context, read_part(self.context.s3, record.bucket, part).files
        options = context.options_of(part.table)
        return JobRequest(
            inputs=tuple(
                JobInput(uri=f"s3://{record.bucket}/{file.key}", bytes=file.bytes, items=file.items, md5=file.md5)
                for file in files
            ),
            target=context.layout.uri(context.new_folder(record, part)),
            result=result,
            format="orc" if options.format == "orc" else "parquet",
            compression=options.compression,
            numbers=options.numbers,
            keys=tuple(options.keys),
            limits=options.limits,
            known=options.known,
        )
