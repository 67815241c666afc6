"""Convert: DynamoDB's exported items into typed files in the lake's layout, the manifest last.

    exports/reviews-2026-11-20/AWSDynamoDB/0176…/data/ka3j….json.gz
    -> lake/reviews/Reviews/snapshot_date=2026-11-20/reviews-2026-11-20-3f9c2d71ab04/attempt-81c0…/00000-0000.parquet

    1  tables in the lake already: those of the date's earlier manifest, and those that another run finished
    2  tables for AWS Glue: jobs that have ended are read, further ones are started        glue/tables.py
    3  the other tables, converted on this machine while Glue works                        local.py
    4  the manifest, once every table has its files

A finished table leaves a record: after a crash, the next run continues with the other tables. No type gets narrower from one
date to the next: the types seen in a table are kept, and every later conversion knows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import AwsError, ConversionError, FullExportDueError, LostFilesError, MalformedExportError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import Manifest, TableManifest
from rds_lake.model.lake.record import ExportPart, ExportRecord
from rds_lake.model.words import counted
from rds_lake.stages.dynamodb.converting.context import ConversionContext
from rds_lake.stages.dynamodb.converting.glue.tables import GlueTables
from rds_lake.stages.dynamodb.converting.local import LocalConversion
from rds_lake.stages.lake.handover import find_export_record, find_manifest, write_manifest
from rds_lake.stages.lake.intact import missing_files
from rds_lake.stages.runs.conversion import ConversionProgress, RunKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Converter:
    """Converts a date: `glue` converts the tables assigned to AWS Glue, `local` the others."""

    context: ConversionContext
    local: LocalConversion
    glue: GlueTables

    def convert(
        self, record: ExportRecord, done: Manifest | None, *, run_kind: RunKind
    ) -> Manifest | ConversionProgress:
        """Converts every table of the record. Returns the manifest, or the progress of Glue's jobs, which it does not await.

        `done` is the date's earlier manifest: a table of the same export keeps its files if they all exist. Raises
        ConversionError or MalformedExportError, which name the file and the problem; FullExportDueError, which names all
        tables whose changes cannot be merged into an earlier date; LostFilesError, which names files that cannot be made
        again. Tables finished before an error are kept for the next attempt. If another run wrote the manifest first, that is
        returned.
        """
        try:
            return self._convert(record, done, run_kind)
        except (AwsError, ConversionError, MalformedExportError, FullExportDueError) as error:
            # Another run that finishes the date removes the exports that this run was reading.
            other = self._find_manifest(record)
            if other is None:
                raise
            self.context.log(f"another run has converted {record.snapshot_date} meanwhile ({error})")
            return other

    def _convert(self, record: ExportRecord, done: Manifest | None, run_kind: RunKind) -> Manifest | ConversionProgress:
        tables = self._in_the_lake(record, done)
        progress = self._by_glue(record, tables, run_kind)  # first: Glue works while tables are converted here
        if progress.done and (other := self._find_manifest(record)) is not None:
            return other
        here = [part for part in record.parts if part.table not in tables and not self.glue.takes(part)]
        if here and run_kind == "resume":
            names = ", ".join(part.table for part in here)
            self.context.log(f"{names}: being converted by the run that began the date")
            return progress
        tables |= self.local.convert(record, here)
        if (
            here and progress.open
        ):  # jobs may have ended meanwhile, and runs that were requested for them left the date to this run
            progress = self._by_glue(record, tables, "begin")
        return progress if progress.open else self._write_manifest(record, tables)

    def _write_manifest(self, record: ExportRecord, tables: Mapping[str, TableManifest]) -> Manifest:
        ordered = tuple(tables[part.table] for part in record.parts)
        made = Manifest(export=record, lake_bucket=self._layout.bucket, tables=ordered)
        kms_key, is_kept = self.context.kms_key, self._is_kept(record)
        manifest = write_manifest(self._s3, self._layout, made, kms_key=kms_key, stands=is_kept)
        who = "converted" if manifest is made else "another run converted"
        self.context.log(
            f"{who} {counted(manifest.rows, 'item')} of {counted(len(manifest.tables), 'table')}, {manifest.bytes:,} bytes"
        )
        return manifest

    def _by_glue(self, record: ExportRecord, tables: dict[str, TableManifest], run_kind: RunKind) -> ConversionProgress:
        """Returns the progress of Glue's jobs for the missing tables; adds converted tables to `tables`."""
        parts = [part for part in record.parts if part.table not in tables and self.glue.takes(part)]
        finished, progress = self.glue.convert(
            record, parts, run_kind=run_kind, is_done=lambda: self._find_manifest(record) is not None
        )
        tables |= finished
        return progress

    def _find_manifest(self, record: ExportRecord) -> Manifest | None:
        """Returns the date's manifest if another run wrote it and it can be used."""
        other = find_manifest(self._s3, self._layout, record.source, record.snapshot_date)
        return other if other is not None and self._is_kept(record)(other) else None

    def _is_kept(self, record: ExportRecord) -> Callable[[Manifest], bool]:
        """Whether another run's manifest is kept: it is of the same export with all its files, or of an export accepted later."""

        def is_kept(other: Manifest) -> bool:
            if other.export.export_task != record.export_task:
                accepted = find_export_record(self._s3, self._layout, record.source, record.snapshot_date)
                return accepted is not None and accepted.export_task == other.export.export_task
            return not missing_files(self._s3, other)

        return is_kept

    def _in_the_lake(self, record: ExportRecord, done: Manifest | None) -> dict[str, TableManifest]:
        """Returns the tables that need no conversion, by name."""
        kept = {part.export_arn: part.table for part in done.export.parts} if done else {}
        by_name = {table.target.table: table for table in done.tables} if done else {}
        gone = missing_files(self._s3, done) if done else ()
        tables: dict[str, TableManifest] = {}
        lost: dict[str, Sequence[str]] = {}
        for part in record.parts:
            table = by_name.get(kept.get(part.export_arn, ""))
            missing = [uri for uri in gone if table is not None and uri.startswith(table.location)]
            finished = self.context.records.find_finished(record, part) if table is None or missing else table
            if finished is not None:
                self.context.log(f"{part.table}: {counted(finished.rows, 'item', 'is', 'are')} already in the lake")
                tables[part.table] = finished
            elif missing and not self._can_be_read(record, part):
                lost[part.table] = missing
            elif missing:
                self.context.log(
                    f"{part.table}: {counted(len(missing), 'file', 'is', 'are')} missing from the lake; the table is converted again"
                )
        if lost:
            raise _lost(record, lost)
        return tables

    def _can_be_read(self, record: ExportRecord, part: ExportPart) -> bool:
        """Whether all of DynamoDB's files that the table is made from still exist."""
        keys = [step.manifest_key for step in part.steps] or [part.manifest_key]
        return all(self._s3.find_head(record.bucket, key) is not None for key in keys)

    @property
    def _s3(self) -> S3Gateway:
        return self.context.s3

    @property
    def _layout(self) -> LakeLayout:
        return self.context.layout


def _lost(record: ExportRecord, lost: Mapping[str, Sequence[str]]) -> LostFilesError:
    """Materializing `snapshot_export` exports such tables again (`_reusable` in `dynamodb/run.py`)."""
    return LostFilesError(
        f"files of {', '.join(lost)} of {record.source} {record.snapshot_date} are missing from the lake, and DynamoDB's "
        "export is missing too. Restore them from an earlier version of the objects; or materialize the date from "
        "`snapshot_export` on, which exports these tables again as of the same instant, if their point-in-time recovery "
        "reaches back so far (DynamoDB charges for it):",
        [uri for uris in lost.values() for uri in uris],
    )
