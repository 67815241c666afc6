"""Relocate: copy a finished export into the lake's layout, verify every object, write the manifest last.

Copies are made by S3 itself: one request each. They are verified together: a listing of the destination (1,000 sizes per
request) must show each with its source's size. The manifest keeps the checksum in S3's answer to the copy; if there was none,
the checksums of both objects are read and compared. Never by ETag, which is no content hash under SSE-KMS
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html).

A crash anywhere leaves the source untouched and no manifest; the next attempt keeps the copies whose checksum proves them whole.

What belongs here: copy, verify, read footers, in that order. The plan is `copy_plan.py`, the manifest's values
`copied.py`; deleting the source is `publish/cleanup.py`, after publishing.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rds_lake.aws.s3.copying import CopyLimits
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.many import CopyOrder, ManyS3
from rds_lake.aws.s3.objects import ObjectHead
from rds_lake.aws.s3.wire import THREADS
from rds_lake.errors import AwsError, RdsLakeError, RelocationError, all_together
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import DataFile, Manifest
from rds_lake.model.lake.packed import MadeBy
from rds_lake.model.lake.record import ExportRecord
from rds_lake.model.words import counted
from rds_lake.stages.databases.file_facts import FileFacts
from rds_lake.stages.databases.footers import Footer, read_footers
from rds_lake.stages.databases.inspect import ExportContents
from rds_lake.stages.databases.relocation.arrivals import Arrivals
from rds_lake.stages.databases.relocation.copied import Copied, build_manifest
from rds_lake.stages.databases.relocation.copy_plan import CopyPlan, PlannedCopy, plan_copies
from rds_lake.stages.lake.handover import find_manifest, write_manifest
from rds_lake.stages.runs.progress import Progress

_AT_ONCE = 10_000  # objects whose heads are held at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """Relocates an export. `clock` (monotonic seconds) only times the progress lines."""

    s3: S3Gateway
    layout: LakeLayout
    kms_key: str | None
    log: Callable[[str], None]
    limits: CopyLimits = field(default_factory=CopyLimits)
    parallel: int = THREADS
    clock: Callable[[], float] = time.monotonic
    newest: bool = True  # of two snapshots of a date, the later one is used

    def relocate(self, contents: ExportContents, record: ExportRecord) -> Manifest:
        """Copies and verifies everything, writes the manifest and returns it, or that of a better export finished meanwhile.

        Raises RelocationError with every object that could not be copied or verified; nothing is deleted.
        """
        resumed = self._begin(record)
        plans = plan_copies(contents.tables, record, self.layout)
        work = _Relocation(mover=self, plans=plans, record=record, facts=FileFacts(len(plans)))
        kept = work.keep_whole_copies() if resumed else 0
        work.copy()
        work.verify()
        work.read_footers()
        if work.failed:
            return self._done_by_another(record) or work.give_up()
        manifest = build_manifest(contents.tables, work.copied(), record, self.layout)
        written = write_manifest(self.s3, self.layout, manifest, kms_key=self.kms_key, newest=self.newest)
        if written.export.export_task != record.export_task:
            self.log(
                f"another run relocated {record.snapshot_date} from {written.export.export_task} meanwhile; its manifest is kept"
            )
            return written
        self.log(
            f"relocated {counted(manifest.files, 'file')}, {manifest.bytes:,} bytes, {counted(manifest.rows, 'row')}"
            + (f"; {kept} existed from an earlier attempt" if kept else "")
        )
        return written

    def _begin(self, record: ExportRecord) -> bool:
        """Writes the mark of a relocation. Returns True if it existed: only then can there be copies of an earlier attempt."""
        key = self.layout.relocation_marker_key(record.source, record.snapshot_date, record.export_task)
        if self.s3.find_text(self.layout.bucket, key) is not None:
            self.log("an earlier attempt was started: its verified copies are kept")
            return True
        self.s3.put_text(self.layout.bucket, key, "", kms_key=self.kms_key)
        return False

    def _done_by_another(self, record: ExportRecord) -> Manifest | None:
        """Returns the manifest of another run that finished the same or a better export, and may have deleted AWS's copy."""
        manifest = find_manifest(self.s3, self.layout, record.source, record.snapshot_date)
        if manifest is None or not (
            manifest.export.export_task == record.export_task or record.yields_to(manifest.export, newest=self.newest)
        ):
            return None
        self.log(f"another run relocated {record.snapshot_date} in the meantime; its manifest is kept")
        return manifest


@dataclass(slots=True, kw_only=True)
class _Relocation:
    """One attempt to relocate. Objects are identified by their position in `plans`; failed ones are skipped in later steps."""

    mover: Mover
    plans: CopyPlan
    record: ExportRecord
    facts: FileFacts
    failed: dict[int, RdsLakeError] = field(default_factory=dict)
    _proven: set[int] = field(default_factory=set)  # made by an earlier attempt

    def keep_whole_copies(self) -> int:
        """Finds the copies of an earlier attempt. Only those that a checksum proves complete are kept."""
        arrived = self._arrivals()
        there = [position for position in range(len(self.plans)) if arrived.has(position)]
        for position, source, target in self._heads(there):
            if source is not None and source.checksum is not None and source == target:
                self.facts.set_checksum(position, source.checksum)
                self._proven.add(position)
        self.failed.clear()  # copies that could not be examined are made again
        return len(self._proven)

    def copy(self) -> None:
        """Copies the missing objects."""
        progress = Progress(len(self.plans), self.plans.bytes, self.mover.log, self.mover.clock)
        for position in self._proven:
            progress.done(self.plans[position].file.bytes)
        todo = array("Q", (position for position in range(len(self.plans)) if position not in self._proven))

        def order(number: int) -> CopyOrder:
            plan = self.plans[todo[number]]
            source, target = (self.record.bucket, plan.file.key), (self.mover.layout.bucket, plan.target_key)
            return CopyOrder(source, target, plan.file.bytes)

        def done(number: int, outcome: Any) -> None:
            position = todo[number]
            if isinstance(outcome, RdsLakeError):
                self.failed[position] = _gone(outcome)
            else:
                self.facts.set_checksum(position, outcome)
            progress.done(self.plans[position].file.bytes)

        orders = MadeBy(len(todo), order)
        self._many.copy(orders, kms_key=self.mover.kms_key, limits=self.mover.limits, done=done)

    def verify(self) -> None:
        """Checks that every copy exists with its source's size, and compares checksums that are not known yet."""
        arrived = self._arrivals()
        suspect = [
            position
            for position in range(len(self.plans))
            if position not in self.failed
            and position not in self._proven
            and not (arrived.has(position) and self.facts.checksum(position))
        ]
        for position, source, target in self._heads(suspect):
            if position in self.failed:
                continue
            difference = self._difference(self.plans[position], source, target)
            if difference or target is None:
                where = self.mover.layout.uri(self.plans[position].target_key)
                self.failed[position] = RelocationError(f"the copy {where} is wrong: {difference}")
            else:
                self.facts.set_checksum(position, target.checksum)

    def read_footers(self) -> None:
        """Reads rows and columns of every copy."""
        todo = array("Q", (position for position in range(len(self.plans)) if position not in self.failed))
        keys = MadeBy(len(todo), lambda number: self.plans[todo[number]].target_key)
        progress = Progress(len(todo), None, self.mover.log, self.mover.clock)

        def done(number: int, outcome: Footer | RdsLakeError) -> None:
            if isinstance(outcome, RdsLakeError):
                self.failed[todo[number]] = outcome
            else:
                self.facts.set_footer(todo[number], outcome)
            progress.done(0)

        read_footers(self._many, self.mover.layout.bucket, keys, done=done)

    def copied(self) -> Iterable[Copied]:
        """Yields every verified copy with its footer."""
        for position, plan in enumerate(self.plans):
            footer, checksum = self.facts.footer(position), self.facts.checksum(position)
            data = DataFile(key=plan.target_key, bytes=plan.file.bytes, rows=footer.rows, checksum=checksum)
            yield Copied(table=plan.table, data=data, columns=footer.columns, early=footer.early)

    def give_up(self) -> Manifest:
        """Raises all failures as one error, which is transient if all failures are."""
        reasons = [(self.plans[position], self.failed[position]) for position in sorted(self.failed)]
        error = RelocationError(
            f"{len(reasons)} of {counted(len(self.plans), 'object')} of export {self.record.export_task} were not relocated. The "
            "export is untouched and no view moved; materialize `parquet` again, finished copies are kept:",
            [f"s3://{self.record.bucket}/{plan.file.key}: {reason}" for plan, reason in reasons],
        )
        raise all_together(error, [reason for _, reason in reasons])

    @property
    def _many(self) -> ManyS3:
        return ManyS3(self.mover.s3, self.mover.parallel)

    def _arrivals(self) -> Arrivals:
        """Lists all destination folders."""
        arrived = Arrivals(self.plans)
        folders = [folder for folder, table in zip(self.plans.folders, self.plans.tables, strict=True) if table.files]
        self._many.sizes(self.mover.layout.bucket, folders, report=arrived.add)
        return arrived

    def _heads(self, positions: Sequence[int]) -> Iterable[tuple[int, ObjectHead | None, ObjectHead | None]]:
        """Yields the sizes and checksums of source and copy by position; an object without an answer has failed."""
        for start in range(0, len(positions), _AT_ONCE):
            yield from self._some_heads(positions[start : start + _AT_ONCE])

    def _some_heads(self, positions: Sequence[int]) -> Iterable[tuple[int, ObjectHead | None, ObjectHead | None]]:
        plans = [self.plans[position] for position in positions]
        places = [(self.record.bucket, plan.file.key) for plan in plans]
        places += [(self.mover.layout.bucket, plan.target_key) for plan in plans]
        heads: dict[int, ObjectHead | None] = {}

        def done(number: int, outcome: Any) -> None:
            if isinstance(outcome, RdsLakeError):
                self.failed[positions[number % len(positions)]] = outcome
            else:
                heads[number] = outcome

        self._many.heads(places, done=done)
        return [(position, heads.get(n), heads.get(n + len(positions))) for n, position in enumerate(positions)]

    @staticmethod
    def _difference(plan: PlannedCopy, source: ObjectHead | None, target: ObjectHead | None) -> str | None:
        if target is None:
            return "it does not exist"
        if target.bytes != plan.file.bytes:
            return f"{target.bytes} bytes instead of {plan.file.bytes}"
        return compare(source, target) if source is not None else "AWS's copy is gone, so this one cannot be verified"


def _gone(error: RdsLakeError) -> RdsLakeError:
    if isinstance(error, AwsError) and error.code in ("NoSuchKey", "404"):
        return RelocationError("AWS's copy is gone; export the date again")
    return error


def compare(source: ObjectHead, target: ObjectHead) -> str | None:
    """Returns how a copy differs from its source, or None. Checksums of different algorithms are not compared."""
    if source.bytes != target.bytes:
        return f"{target.bytes} bytes instead of {source.bytes}"
    copied, original = (target.checksum or "").split(":"), (source.checksum or "").split(":")
    if copied[0] == original[0] and copied != original:
        return f"checksum {target.checksum} instead of {source.checksum}"
    return None
