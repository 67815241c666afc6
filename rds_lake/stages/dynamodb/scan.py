"""Scan: read DynamoDB tables that have no point-in-time recovery, throttled, into files an export would have written.

    exports/reviews-2026-11-20/AWSDynamoDB/scan-20261120T031500/_scan/0003.json    how far segment 3 is, after each file
    exports/reviews-2026-11-20/AWSDynamoDB/scan-20261120T031500/data/0003-00000-3f9c2d71ab04.json.gz
    exports/reviews-2026-11-20/AWSDynamoDB/scan-20261120T031500/lease.json              which run reads the table
    exports/reviews-2026-11-20/AWSDynamoDB/scan-20261120T031500/manifest-summary.json   last

A scan is not one instant: items that are written while it runs may be in it or not, and tables are read one after the other.
A run that died goes on where each segment was. A run beside it waits for its end, or its death, and reads nothing twice.

What belongs here: segments, files and manifests of a scan. How fast: `pace.py`.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from rds_lake.aws.dynamodb import DynamoGateway, ScanPage
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import ConflictError, ManifestError, SnapshotNotFoundError, ThrottledError
from rds_lake.model.dynamodb.export_set import BegunSet, ExportSet
from rds_lake.model.dynamodb.manifest import VERSIONS
from rds_lake.model.dynamodb.tables import EXPORT_FOLDER, DynamoTable, TableExport
from rds_lake.model.exports.task import ExportStatus
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.dynamodb.pace import Pace
from rds_lake.stages.lake.lease import Lease
from rds_lake.threads import Stop, StoppedError, in_threads

_GIB = 1024**3
_SEGMENTS = 16
_BYTES_PER_SEGMENT = _GIB // 2
_PATIENCE = 10  # boto3's own retries come on top of each
_FILE_BYTES = 32 * 1024 * 1024
NOT_ONE_INSTANT = "scanned, not exported: the tables are not as of one instant, nor is any of them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """How to scan a source's tables. `converted`: ARNs of scans that are in the lake already and need not be repeated.

    `timeout_seconds`: how long to wait for another run that scans the same table.
    """

    exports: DynamoExports
    read_percentage: float
    on_demand_rcu: float
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    converted: frozenset[str] = frozenset()
    file_bytes: int = _FILE_BYTES
    timeout_seconds: float = 24 * 3600

    def run(self, day: date, *, now: datetime) -> ExportSet:
        """Scan what is not scanned yet of the date's tables; the scans as complete exports.

        SnapshotNotFoundError for a date that is not today and was not begun then.
        """
        begun = self._begin(day, now)
        found: dict[str, TableExport | None] = {}
        for name, arn in begun.tables.items():
            assert arn is not None, "a scan has its ARN from the beginning"
            work = _TableScan(scanner=self, arn=arn, day=day, begun_at=begun.moment)
            if arn not in self.converted:
                self.exports.log(f"{name}: {NOT_ONE_INSTANT}")
                work.run(name)
            found[name] = work.export()
        return ExportSet(source=self.exports.plan.source, snapshot_date=day, moment=begun.moment, exports=found)

    def _begin(self, day: date, now: datetime) -> BegunSet:
        begun = self.exports.find_begun(day)
        tables = dict(begun.tables) if begun else {}
        today = now.astimezone(UTC).date()
        if begun is None and day != today:
            raise SnapshotNotFoundError(
                f"{self.exports.plan.source} is scanned, which shows the present: {day} can be had on that day only, or with "
                "`method: export`"
            )
        if day == today:
            stamp = f"scan-{now.astimezone(UTC):%Y%m%dT%H%M%S}"
            for name, table in self.exports.present_tables(skip=tables).items():
                tables[name] = f"{table.arn}/export/{stamp}-{_short(name)}"
            tables = {name: tables[name] for name in self.exports.plan.matching(tables)}
        moment = begun.moment if begun else now.astimezone(UTC).replace(microsecond=0)
        fresh = BegunSet(moment=moment, tables=tables)
        if begun is None or dict(begun.tables) != tables:
            return self.exports.record_begun(day, fresh, read=begun)
        return begun

    def target(self, table: DynamoTable) -> float:
        """Read units per second that the scan may take."""
        capacity = self.on_demand_rcu if table.read_capacity is None else table.read_capacity
        return max(capacity * self.read_percentage, 0.5)


@dataclass(slots=True, kw_only=True)
class _Segment:
    """How far a segment is: its files so far, and the key to go on after; None: from the beginning, or done.

    `etag` is the version of its checkpoint.
    """

    number: int
    total: int
    files: list[dict[str, Any]] = field(default_factory=list)
    after: dict[str, Any] | None = None
    done: bool = False
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _TableScan:
    """One table's scan."""

    scanner: Scanner
    arn: str
    day: date
    begun_at: datetime

    def run(self, name: str) -> None:
        """Scan what is missing, then write the manifests; unless another run does, which is waited for."""
        scanner = self.scanner
        while not self._is_done():
            kms_key = scanner.exports.plan.kms_key
            lease = Lease(s3=self._s3, bucket=self.bucket, key=f"{self.folder}lease.json", kms_key=kms_key)
            taken = lease.take(
                is_done=self._is_done,
                clock=scanner.clock,
                sleep=scanner.sleep,
                timeout_seconds=scanner.timeout_seconds,
                log=lambda line: self._log(f"{name}: {line}"),
            )
            if taken:
                self._run_alone(name, lease)

    def _run_alone(self, name: str, lease: Lease) -> None:
        """The scan under the lease; ends without an error where another run took it over."""
        stop = Stop()
        try:
            with lease.held(stop):
                self._scan_table(name, stop, lease.holder)
        except (StoppedError, ConflictError) as error:
            if isinstance(error, StoppedError) and not lease.lost:
                raise
            self._log(f"{name}: another run has taken the scan over")

    def _is_done(self) -> bool:
        return self._s3.find_head(self.bucket, self._manifest_key) is not None

    def _scan_table(self, name: str, stop: Stop, holder: str) -> None:
        table = self._dynamo.find_table(name)
        if table is None:
            raise SnapshotNotFoundError(f"{name} was deleted while it was to be scanned; remove it from lake.yaml")
        segments = self._segments(table)
        sleep = stop.pausing(self.scanner.sleep)
        pace = Pace(target=self.scanner.target(table), clock=self.scanner.clock, sleep=sleep)
        self._log(f"{name}: scanned in {len(segments)} segments, at most {pace.target:g} read units per second")
        todo = [segment for segment in segments if not segment.done]
        work = _SegmentScan(table=self, name=name, pace=pace, threads=len(todo), stop=stop, holder=holder)
        in_threads(work.scan, todo, threads=len(todo), name="scan", stop=stop)
        self._write_manifests(table, segments)

    def export(self) -> TableExport:
        """The scan as a complete export."""
        return TableExport(
            arn=self.arn,
            table_arn=self.arn.rpartition("/export/")[0],
            status=ExportStatus.COMPLETE,
            export_time=self.begun_at,
            bucket=self.bucket,
            prefix=self.scanner.exports.plan.set_prefix(self.day),
            manifest_key=self._manifest_key,
            started_at=self.begun_at,
        )

    def _segments(self, table: DynamoTable) -> list[_Segment]:
        """As an earlier run left them, else from the beginning: their number must not change on the way."""
        read = [(key, self._s3.find_version(self.bucket, key)) for key in self._checkpoints()]
        found = [_parse(version, key) for key, version in read if version is not None]
        total = found[0].total if found else min(_SEGMENTS, 1 + table.bytes // _BYTES_PER_SEGMENT)
        known = {segment.number: segment for segment in found}
        return [known.get(number) or _Segment(number=number, total=total) for number in range(total)]

    def _write_manifests(self, table: DynamoTable, segments: Sequence[_Segment]) -> None:
        files = [file for segment in segments for file in segment.files]
        self._put("manifest-files.json", "\n".join(json.dumps(file) for file in files) + "\n")
        summary = {
            "version": VERSIONS[0],
            "exportArn": self.arn,
            "tableArn": table.arn,
            "exportTime": self.begun_at.isoformat(),
            "s3Bucket": self.bucket,
            "s3Prefix": self.scanner.exports.plan.set_prefix(self.day),
            "manifestFilesS3Key": f"{self.folder}manifest-files.json",
            "billedSizeBytes": 0,
            "itemCount": sum(file["itemCount"] for file in files),
            "outputFormat": "DYNAMODB_JSON",
        }
        self._put("manifest-summary.json", json.dumps(summary))

    def _put(self, name: str, text: str) -> None:
        self._s3.put_text(self.bucket, self.folder + name, text, kms_key=self.scanner.exports.plan.kms_key)

    def _checkpoints(self) -> list[str]:
        return [item.key for item in self._s3.list_objects(self.bucket, f"{self.folder}_scan/")]

    @property
    def folder(self) -> str:
        name = self.arn.rpartition("/")[2]
        return f"{self.scanner.exports.plan.set_prefix(self.day)}/{EXPORT_FOLDER}/{name}/"

    @property
    def _manifest_key(self) -> str:
        return self.folder + "manifest-summary.json"

    @property
    def bucket(self) -> str:
        return self.scanner.exports.plan.bucket

    @property
    def _s3(self) -> S3Gateway:
        return self.scanner.exports.s3

    @property
    def _dynamo(self) -> DynamoGateway:
        return self.scanner.exports.dynamo

    def _log(self, line: str) -> None:
        self.scanner.exports.log(line)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SegmentScan:
    """The segments of one table, as one run reads them: `holder` tells its files from those of another."""

    table: _TableScan
    name: str
    pace: Pace
    threads: int
    stop: Stop
    holder: str

    def scan(self, segment: _Segment) -> None:
        """Read the rest of a segment, file after file."""
        while not segment.done:
            lines = _Lines()
            while lines.bytes < self.table.scanner.file_bytes and not segment.done:
                page = self._page(segment)
                lines.add(page.items)
                segment.after, segment.done = page.after, page.after is None
                self.pace.spent(page.units, len(page.items), throttled=page.throttled)
            self._write_file(segment, lines)

    def _page(self, segment: _Segment) -> ScanPage:
        """The next page; DynamoDB's throttling slows the scan down, and ends it only when it does not stop."""
        for _ in range(_PATIENCE):
            self.stop.check()
            try:
                return self.table.scanner.exports.dynamo.scan_page(
                    self.name,
                    segment=segment.number,
                    total=segment.total,
                    after=segment.after,
                    limit=self.pace.limit(self.threads),
                )
            except ThrottledError as error:
                self.pace.refused()
                rate = f"{self.pace.rate:.3g}"
                self.table.scanner.exports.log(f"{self.name}: throttled, reading {rate} units per second now: {error}")
        raise ThrottledError(
            f"{self.name}: DynamoDB throttled its scan {_PATIENCE} times in a row. What is scanned is kept; materialize the date "
            "again, with a smaller `read_percentage` or more read capacity"
        )

    def _write_file(self, segment: _Segment, lines: _Lines) -> None:
        """The file, then how far the segment is: a file that no checkpoint names is written again.

        ConflictError where another run goes on with the segment: its checkpoint is not the one that was read.
        """
        exports, table = self.table.scanner.exports, self.table
        body = lines.finish()
        name = f"{segment.number:04}-{len(segment.files):05}-{self.holder}"
        key = f"{table.folder}data/{name}.json.gz"
        exports.s3.put_bytes(table.bucket, key, body, kms_key=exports.plan.kms_key)
        md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        segment.files.append({"itemCount": lines.items, "md5Checksum": md5, "dataFileS3Key": key})
        told = {name: value for name, value in asdict(segment).items() if name != "etag"}
        checkpoint = f"{table.folder}_scan/{segment.number:04}.json"
        segment.etag = exports.s3.replace_text(
            table.bucket,
            checkpoint,
            json.dumps(told, default=_binary),
            etag=segment.etag,
            kms_key=exports.plan.kms_key,
        )


@dataclass(slots=True)
class _Lines:
    """Items as the lines of an export's file, compressed as they come. `bytes` counts them uncompressed."""

    items: int = 0
    bytes: int = 0
    _body: io.BytesIO = field(default_factory=io.BytesIO)
    _gzip: gzip.GzipFile | None = None

    def add(self, items: Sequence[Mapping[str, Any]]) -> None:
        if self._gzip is None:
            self._gzip = gzip.GzipFile(fileobj=self._body, mode="wb", compresslevel=1, mtime=0)
        for item in items:
            line = (
                json.dumps({"Item": item}, default=_binary, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            )
            self._gzip.write(line)
            self.items += 1
            self.bytes += len(line)

    def finish(self) -> bytes:
        self.add(())
        if self._gzip is not None:
            self._gzip.close()
        return self._body.getvalue()


def _binary(value: Any) -> Any:
    """What boto3 reads as bytes, as DynamoDB's JSON has it."""
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value)} is no value of DynamoDB")


def _parse(version: tuple[str, str], key: str) -> _Segment:
    try:
        segment = _Segment(**json.loads(version[0]) | {"etag": version[1]})
    except (TypeError, ValueError, RecursionError) as error:
        raise ManifestError(
            f"{key} is damaged ({error!r}); delete its folder and materialize the date again"
        ) from error
    if segment.after is not None:
        segment.after = {
            name: {kind: base64.b64decode(value) if kind == "B" else value for kind, value in typed.items()}
            for name, typed in segment.after.items()
        }
    return segment


def _short(name: str) -> str:
    """Tells the scans of tables apart that begin in the same second."""
    return hashlib.sha256(name.encode()).hexdigest()[:8]
