"""Merges the changes of incremental exports with the files of an earlier date, into new files of the date.

The merge itself is `convert/merging/merge.py`; the changes and the earlier date are chosen in `exporting/increments.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.convert.local.table import ConvertOptions
from rds_lake.convert.merging.merge import Merged, merge_changes
from rds_lake.convert.rules.converted import Converted
from rds_lake.errors import FullExportDueError, RelocationError
from rds_lake.model.dynamodb.chain import Base
from rds_lake.model.lake.manifest import DataFile, TableManifest
from rds_lake.model.lake.record import ExportPart
from rds_lake.stages.dynamodb.converting.files import LakeSink, input_file, previous_files
from rds_lake.stages.dynamodb.exporting.increments import Increments
from rds_lake.stages.dynamodb.exporting.inspect import read_steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Merger:
    """How to merge a table of a date. `bucket`: where the exports are; `sink`: where the new files go."""

    s3: S3Gateway
    bucket: str
    increments: Increments
    sink: LakeSink
    log: Callable[[str], None]

    def merge(self, part: ExportPart, base: Base, options: ConvertOptions) -> tuple[Converted, tuple[DataFile, ...]]:
        """Returns the table as of the date: new files, and copies of the earlier date's files that have no changed row.

        Raises FullExportDueError if the earlier date has changed or its types cannot hold the changes; ConversionError and
        MalformedExportError, which name the export's file and the problem; RelocationError if rows are missing.
        """
        earlier = self.increments.base_table(base, part.table)
        if options.known is None:
            raise FullExportDueError("the record of its attribute types is gone")
        windows = [
            [input_file(self.s3, self.bucket, file) for file in step.files]
            for step in read_steps(self.s3, self.bucket, part)
        ]
        files = {file.key: file for file in earlier.files}
        merged = merge_changes(
            previous_files(self.s3, self.sink.bucket, list(earlier.files)),
            windows,
            known=options.known,
            sink=self.sink,
            options=replace(options, keys=base.keys),
        )
        _require_all_rows(part, earlier, merged, [files[key] for key in merged.kept])
        self.log(
            f"{part.table}: {earlier.rows:,} items of {base.day} and {merged.inserted:,} inserted, {merged.updated:,} updated, "
            f"{merged.deleted:,} deleted: {merged.converted.items:,} items"
        )
        kept = (self.sink.copy(f"kept-{number:05}", files[key]) for number, key in enumerate(merged.kept))
        return merged.converted, tuple(kept)


def _require_all_rows(part: ExportPart, earlier: TableManifest, merged: Merged, kept: list[DataFile]) -> None:
    rows = sum(file.rows for file in merged.converted.files) + sum(file.rows for file in kept)
    wanted = earlier.rows + merged.inserted - merged.deleted - merged.repeated
    if not rows == merged.converted.items == wanted:
        raise RelocationError(
            f"{part.table}: {earlier.rows:,} items and {merged.inserted:,} inserted, less {merged.deleted:,} deleted and "
            f"{merged.repeated:,} that were there already, are {wanted:,}; {rows:,} rows were written. Nothing was published. "
            "Materialize `parquet` again"
        )
