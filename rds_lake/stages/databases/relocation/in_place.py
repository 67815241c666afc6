"""Registers AWS's files where AWS wrote them, without a copy (`parquet: in_place`).

Nothing is copied, so the only verification is that every listed file ends with a readable footer. The manifest's locations are
AWS's table folders; its version prevents older releases from deleting them as a superfluous copy.

What belongs here: reading the footers of an export and writing that manifest. Copying instead is `relocate.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.many import ManyS3
from rds_lake.aws.s3.wire import THREADS
from rds_lake.errors import RdsLakeError, RelocationError, TransientError, UnavailableError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import DataFile, Manifest
from rds_lake.model.lake.packed import MadeBy
from rds_lake.model.lake.record import ExportRecord
from rds_lake.stages.databases.file_facts import FileFacts
from rds_lake.stages.databases.footers import Footer, read_footers
from rds_lake.stages.databases.inspect import ExportContents
from rds_lake.stages.databases.relocation.copied import Copied, build_manifest
from rds_lake.stages.databases.relocation.copy_plan import CopyPlan, require_own_folders
from rds_lake.stages.lake.handover import write_manifest
from rds_lake.stages.runs.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrar:
    """Registers an export. `clock` (monotonic seconds) only times the progress lines."""

    s3: S3Gateway
    layout: LakeLayout
    kms_key: str | None
    log: Callable[[str], None]
    parallel: int = THREADS
    clock: Callable[[], float] = field(default=time.monotonic)
    newest: bool = True  # of two snapshots of a date, the later one is used

    def register(self, contents: ExportContents, record: ExportRecord) -> Manifest:
        """Reads every footer, writes the manifest and returns it, or that of a better export finished meanwhile.

        Raises RelocationError with every file whose footer could not be read; then there is no manifest.
        """
        require_own_folders(contents.tables)
        # Neighbours in different tables, as in a plan of copies: S3 limits rates per prefix.
        files = CopyPlan(contents.tables, [f"{record.folder}{table.folder}/" for table in contents.tables])
        facts = self._read(files, record)
        manifest = build_manifest(
            contents.tables,
            _as_they_are(files, facts),
            record,
            self.layout,
            in_place=True,
        )
        written = write_manifest(self.s3, self.layout, manifest, kms_key=self.kms_key, newest=self.newest)
        self.log(
            f"registered {manifest.files} of AWS's own files, {manifest.bytes:,} bytes, {manifest.rows:,} rows; nothing "
            "was copied"
        )
        return written

    def _read(self, files: CopyPlan, record: ExportRecord) -> FileFacts:
        facts, failed = FileFacts(len(files)), dict[int, RdsLakeError]()
        progress = Progress(len(files), None, self.log, self.clock)

        def done(at: int, outcome: Footer | RdsLakeError) -> None:
            if isinstance(outcome, RdsLakeError):
                failed[at] = outcome
            else:
                facts.set_footer(at, outcome)
            progress.done(0)

        keys = MadeBy(len(files), lambda at: files[at].file.key)
        read_footers(ManyS3(self.s3, self.parallel), record.bucket, keys, done=done)
        if failed:
            _give_up(files, failed, record)
        return facts


def _as_they_are(files: CopyPlan, facts: FileFacts) -> Iterable[Copied]:
    for at, plan in enumerate(files):
        footer = facts.footer(at)
        data = DataFile(key=plan.file.key, bytes=plan.file.bytes, rows=footer.rows)
        yield Copied(table=plan.table, data=data, columns=footer.columns, early=footer.early)


def _give_up(files: CopyPlan, failed: dict[int, RdsLakeError], record: ExportRecord) -> None:
    """Raises all failures as one error, which is transient if all failures are."""
    error = RelocationError(
        f"{len(failed)} of {len(files)} files of export {record.export_task} cannot be read in place. No view moved; "
        "materialize `parquet` again, or delete the export's folder and materialize the date to export it once more:",
        [f"s3://{record.bucket}/{files[at].file.key}: {failed[at]}" for at in sorted(failed)],
    )
    if all(isinstance(reason, TransientError) for reason in failed.values()):
        raise UnavailableError(str(error))
    raise error
