"""Relocate: copy a finished export into the lake's layout, verify every object, write the manifest last.

Copies are made by S3 itself. Each is verified by size and, where both sides know one of the same algorithm, by checksum;
never by ETag, which is no content hash under SSE-KMS (aws-facts 7). A crash anywhere leaves the source untouched and no
manifest; the next attempt finds verified copies and does not repeat them.

What belongs here: plan (pure), copy, verify. Deleting the source is `cleanup.py`, after publishing.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from rds_lake.aws.s3 import CopyLimits, ObjectHead, S3Gateway
from rds_lake.errors import MalformedExportError, RdsLakeError, RelocationError, TransientError, UnavailableError
from rds_lake.model.export import ExportRecord
from rds_lake.model.export_info import InfoColumn, hive_type_of_expected
from rds_lake.model.layout import LakeLayout
from rds_lake.model.manifest import DataFile, Manifest, TableManifest
from rds_lake.model.table import Column
from rds_lake.stages.footers import Footer, read_footer
from rds_lake.stages.handover import write_manifest
from rds_lake.stages.inspect_export import ExportContents, ExportedFile, ExportedTable

_PROGRESS_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCopy:
    """One object to copy: where from, where to, how many bytes."""

    table: ExportedTable
    file: ExportedFile
    target_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """One verified copy and the footer read from it. `fresh` is False when an earlier attempt had copied it."""

    plan: PlannedCopy
    data: DataFile
    footer: Footer
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """How to relocate. `clock` (monotonic seconds) only times the progress lines."""

    s3: S3Gateway
    layout: LakeLayout
    kms_key: str
    log: Callable[[str], None]
    limits: CopyLimits = field(default_factory=CopyLimits)
    parallel: int = 32
    clock: Callable[[], float] = time.monotonic

    def relocate(self, contents: ExportContents, record: ExportRecord) -> Manifest:
        """Copy everything, verify it, write the manifest and return it.

        Raises RelocationError listing every object that could not be copied or verified; nothing is deleted.
        """
        resumed = self._begin(record)
        plans = plan_copies(contents.tables, record, self.layout)
        copied = self._copy_all(plans, record, check_first=resumed)
        manifest = build_manifest(contents.tables, copied, record, self.layout)
        write_manifest(self.s3, self.layout, manifest, kms_key=self.kms_key)
        repeated = sum(not copy.fresh for copy in copied)
        self.log(
            f"relocated {manifest.files} files, {manifest.bytes:,} bytes, {manifest.rows:,} rows"
            + (f"; {repeated} were there from an earlier attempt" if repeated else "")
        )
        return manifest

    def _begin(self, record: ExportRecord) -> bool:
        """Leave a mark, and say whether one was there: only then can copies exist that need a look first."""
        key = self.layout.relocation_marker_key(record.source, record.snapshot_date, record.export_task)
        if self.s3.find_text(self.layout.bucket, key) is not None:
            self.log("an earlier attempt was begun: its verified copies are kept")
            return True
        self.s3.put_text(self.layout.bucket, key, "", kms_key=self.kms_key)
        return False

    def _copy_all(self, plans: Sequence[PlannedCopy], record: ExportRecord, *, check_first: bool) -> list[Copied]:
        failed: list[tuple[PlannedCopy, RdsLakeError]] = []
        copied: list[Copied] = []
        progress = _Progress(len(plans), sum(plan.file.bytes for plan in plans), self.log, self.clock)

        def attempt(plan: PlannedCopy) -> Copied | RdsLakeError:
            try:
                return self._copy_one(plan, record.bucket, check_first=check_first)
            except RdsLakeError as error:
                return error

        pool = ThreadPoolExecutor(self.parallel, thread_name_prefix="copy")
        try:
            for plan, outcome in zip(plans, pool.map(attempt, plans), strict=True):
                if isinstance(outcome, RdsLakeError):
                    failed.append((plan, outcome))
                else:
                    copied.append(outcome)
                progress.done(plan.file.bytes)
        finally:
            # An interrupted run must not go on to copy everything that is queued.
            pool.shutdown(cancel_futures=True)
        if failed:
            raise _not_relocated(failed, len(plans), record)
        return copied

    def _copy_one(self, plan: PlannedCopy, source_bucket: str, *, check_first: bool) -> Copied:
        source = self.s3.find_head(source_bucket, plan.file.key)
        if source is None:
            raise RelocationError("AWS's copy is gone; export the date again")
        earlier = self.s3.find_head(self.layout.bucket, plan.target_key) if check_first else None
        # Only a checksum proves that an earlier attempt's copy is whole; where S3 knows none, it is copied again.
        fresh = earlier is None or earlier.checksum is None or earlier != source
        if fresh:
            self.s3.copy(
                (source_bucket, plan.file.key),
                (self.layout.bucket, plan.target_key),
                size=plan.file.bytes,
                kms_key=self.kms_key,
                limits=self.limits,
            )
        target = self.s3.find_head(self.layout.bucket, plan.target_key)
        difference = "it does not exist" if target is None else compare(source, target)
        if target is None or difference:
            raise RelocationError(f"the copy {self.layout.uri(plan.target_key)} is wrong: {difference}")
        footer = read_footer(self.s3, self.layout.bucket, plan.target_key)
        data = DataFile(key=plan.target_key, bytes=target.bytes, rows=footer.rows, checksum=target.checksum)
        return Copied(plan=plan, data=data, footer=footer, fresh=fresh)


def _not_relocated(
    failed: Sequence[tuple[PlannedCopy, RdsLakeError]], objects: int, record: ExportRecord
) -> RdsLakeError:
    """All failures in one error; transient when every one of them is, since a repetition is cheap."""
    error = RelocationError(
        f"{len(failed)} of {objects} objects of export {record.export_task} were not relocated. The export is "
        "untouched and no view moved; materialize `parquet` again, finished copies are kept:",
        [f"s3://{record.bucket}/{plan.file.key}: {reason}" for plan, reason in failed],
    )
    if all(isinstance(reason, TransientError) for _, reason in failed):
        return UnavailableError(str(error))
    return error


@dataclass(slots=True)
class _Progress:
    """A line every few seconds: objects and bytes done of all."""

    objects: int
    bytes: int
    log: Callable[[str], None]
    clock: Callable[[], float]
    _objects_done: int = 0
    _bytes_done: int = 0
    _last: float | None = None

    def done(self, size: int) -> None:
        self._objects_done += 1
        self._bytes_done += size
        now = self.clock()
        self._last = now if self._last is None else self._last
        if now - self._last >= _PROGRESS_SECONDS:
            self._last = now
            self.log(
                f"copied {self._objects_done:,} of {self.objects:,} objects, "
                f"{self._bytes_done:,} of {self.bytes:,} bytes"
            )


def compare(source: ObjectHead, target: ObjectHead) -> str | None:
    """How a copy differs from its source, or None. Checksums of different algorithms say nothing."""
    if source.bytes != target.bytes:
        return f"{target.bytes} bytes instead of {source.bytes}"
    ours, theirs = (target.checksum or "").split(":"), (source.checksum or "").split(":")
    if ours[0] == theirs[0] and ours != theirs:
        return f"checksum {target.checksum} instead of {source.checksum}"
    return None


def plan_copies(tables: Iterable[ExportedTable], record: ExportRecord, layout: LakeLayout) -> list[PlannedCopy]:
    """Every copy of an export, ordered so that neighbours lie in different tables: S3 limits rates per prefix (pure).

    MalformedExportError when two tables share a folder: AWS folds names, and their rows cannot be told apart.
    """
    per_table: list[list[PlannedCopy]] = []
    owners: dict[str, list[str]] = defaultdict(list)
    for table in tables:
        owners[table.folder].append(str(table.target))
        folder = layout.partition_folder(record.source, table.folder, record.snapshot_date, record.export_task)
        per_table.append(
            [
                PlannedCopy(table=table, file=file, target_key=layout.data_key(folder, file.index, file.name))
                for file in table.files
            ]
        )
    shared = [f"{' and '.join(names)} in {folder}" for folder, names in owners.items() if len(names) > 1]
    if shared:
        raise MalformedExportError("tables share a folder of the export; rename one of them in the database:", shared)
    longest = max((len(copies) for copies in per_table), default=0)
    return [copies[turn] for turn in range(longest) for copies in per_table if turn < len(copies)]


def build_manifest(
    tables: Iterable[ExportedTable], copied: Iterable[Copied], record: ExportRecord, layout: LakeLayout
) -> Manifest:
    """The manifest of verified copies (pure). MalformedExportError when files of one table differ in schema."""
    by_table: dict[str, list[Copied]] = defaultdict(list)
    for copy in copied:
        by_table[copy.plan.table.folder].append(copy)
    manifests: list[TableManifest] = []
    problems: list[str] = []
    for table in tables:
        copies = by_table[table.folder]
        schemas = {copy.footer.columns: copy.data.key for copy in copies}
        if len(schemas) > 1:
            problems.append(f"files of {table.target} differ in schema: {', '.join(sorted(schemas.values()))}")
            continue
        columns, notes = merge_schema(next(iter(schemas), None), table.info.columns)
        folder = layout.partition_folder(record.source, table.folder, record.snapshot_date, record.export_task)
        manifests.append(
            TableManifest(
                target=table.target,
                location=layout.uri(folder),
                columns=columns,
                files=tuple(sorted((copy.data for copy in copies), key=lambda file: file.key)),
                schema_notes=notes,
            )
        )
    if problems:
        raise MalformedExportError("tables cannot be read as one:", problems)
    return Manifest(export=record, lake_bucket=layout.bucket, tables=tuple(manifests))


def merge_schema(
    physical: tuple[tuple[str, str], ...] | None, announced: Sequence[InfoColumn]
) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Columns with physical and original types, and where the two disagree; the footer wins.

    Without a footer (a table without files) the announced types are all there is.
    """
    by_name = {column.name.lower(): column for column in announced}
    if physical is None:
        physical = tuple((column.name, hive_type_of_expected(column.expected_type)) for column in announced)
    notes: list[str] = []
    columns: list[Column] = []
    for name, hive_type in physical:
        info = by_name.pop(name.lower(), None)
        if info is None:
            notes.append(f"column {name} is in the files, but was not announced")
        elif hive_type_of_expected(info.expected_type) != hive_type:
            notes.append(f"column {name} was announced as {info.expected_type}, and is {hive_type} in the files")
        columns.append(
            Column(
                name=name,
                hive_type=hive_type,
                original_type=info.original_type if info else None,
                char_max_length=info.char_max_length if info else None,
                num_precision=info.num_precision if info else None,
                datetime_precision=info.datetime_precision if info else None,
            )
        )
    notes += [f"column {column.name} was announced, but is not in the files" for column in by_name.values()]
    return tuple(columns), tuple(notes)
