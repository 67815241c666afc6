"""One table's scan: its folder, which run reads it, its segments, and the manifests at its end.

    exports/reviews-2026-11-20/AWSDynamoDB/scan-20261120T031500/lease.json              which run reads the table
    exports/reviews-2026-11-20/AWSDynamoDB/scan-20261120T031500/_scan/0003.json         the progress of segment 3, after each file
    exports/reviews-2026-11-20/AWSDynamoDB/scan-20261120T031500/data/0003-00000-3f9c2d71ab04.json.gz
    exports/reviews-2026-11-20/AWSDynamoDB/scan-20261120T031500/manifest-summary.json   last

If its run died, a scan is continued from the last checkpoint of each segment. A second run waits until the first one ends or
dies, and reads nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import ConflictError, SnapshotNotFoundError
from rds_lake.model.dynamodb.manifest import VERSIONS
from rds_lake.model.dynamodb.tables import EXPORT_FOLDER, DynamoTable, TableExport
from rds_lake.model.exports.task import ExportStatus
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.dynamodb.scanning.pace import Pace
from rds_lake.stages.dynamodb.scanning.segments import Segment, SegmentReader, parse_segment
from rds_lake.stages.dynamodb.scanning.settings import ScanSettings
from rds_lake.stages.lake.lease import Lease
from rds_lake.threads import Stop, StoppedError, in_threads

_SEGMENTS = 16
_BYTES_PER_SEGMENT = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class TableScan:
    """The scan `arn` of a table; the ARN is made like an export's."""

    exports: DynamoExports
    settings: ScanSettings
    arn: str
    day: date
    begun_at: datetime

    def run(self, name: str) -> None:
        """Scans the missing part of the table, then writes the manifests; or waits until another run has done so."""
        while not self._is_done():
            lease = Lease(s3=self._s3, bucket=self._bucket, key=f"{self._folder}lease.json", kms_key=self._kms_key)
            taken = lease.take(
                is_done=self._is_done,
                clock=self.settings.clock,
                sleep=self.settings.sleep,
                timeout_seconds=self.settings.timeout_seconds,
                log=lambda line: self.exports.log(f"{name}: {line}"),
            )
            if taken:
                self._run_alone(name, lease)

    def export(self) -> TableExport:
        """The scan as a complete export."""
        return TableExport(
            arn=self.arn,
            table_arn=self.arn.rpartition("/export/")[0],
            status=ExportStatus.COMPLETE,
            export_time=self.begun_at,
            bucket=self._bucket,
            prefix=self.exports.plan.set_prefix(self.day),
            manifest_key=self._manifest_key,
            started_at=self.begun_at,
        )

    def _run_alone(self, name: str, lease: Lease) -> None:
        """The scan under the lease; returns without an error where another run has taken it over."""
        stop = Stop()
        try:
            with lease.held(stop):
                self._scan(name, stop, lease.holder)
        except (StoppedError, ConflictError) as error:
            if isinstance(error, StoppedError) and not lease.lost:
                raise
            self.exports.log(f"{name}: another run has taken the scan over")

    def _scan(self, name: str, stop: Stop, holder: str) -> None:
        table = self.exports.dynamo.find_table(name)
        if table is None:
            raise SnapshotNotFoundError(f"{name} was deleted while it was to be scanned; remove it from lake.yaml")
        segments = self._segments(table)
        sleep = stop.pausing(self.settings.sleep)
        pace = Pace(target=self.settings.target(table), clock=self.settings.clock, sleep=sleep)
        self.exports.log(f"{name}: scanned in {len(segments)} segments, at most {pace.target:g} read units per second")
        todo = [segment for segment in segments if not segment.done]
        reader = SegmentReader(
            exports=self.exports,
            table=name,
            folder=self._folder,
            file_bytes=self.settings.file_bytes,
            pace=pace,
            threads=len(todo),
            stop=stop,
            holder=holder,
        )
        in_threads(reader.read, todo, threads=len(todo), name="scan", stop=stop)
        self._write_manifests(table, segments)

    def _segments(self, table: DynamoTable) -> list[Segment]:
        """Returns the segments of an earlier run, otherwise new ones; their number must not change within a scan."""
        keys = [item.key for item in self._s3.list_objects(self._bucket, f"{self._folder}_scan/")]
        versions = [(key, self._s3.find_version(self._bucket, key)) for key in keys]
        known = [parse_segment(*version, where=key) for key, version in versions if version is not None]
        total = known[0].total if known else min(_SEGMENTS, 1 + table.bytes // _BYTES_PER_SEGMENT)
        by_number = {segment.number: segment for segment in known}
        return [by_number.get(number) or Segment(number=number, total=total) for number in range(total)]

    def _write_manifests(self, table: DynamoTable, segments: Sequence[Segment]) -> None:
        files = [file for segment in segments for file in segment.files]
        self._put("manifest-files.json", "\n".join(json.dumps(file) for file in files) + "\n")
        summary = {
            "version": VERSIONS[0],
            "exportArn": self.arn,
            "tableArn": table.arn,
            "exportTime": self.begun_at.isoformat(),
            "s3Bucket": self._bucket,
            "s3Prefix": self.exports.plan.set_prefix(self.day),
            "manifestFilesS3Key": f"{self._folder}manifest-files.json",
            "billedSizeBytes": 0,
            "itemCount": sum(file["itemCount"] for file in files),
            "outputFormat": "DYNAMODB_JSON",
        }
        self._put("manifest-summary.json", json.dumps(summary))

    def _put(self, name: str, text: str) -> None:
        self._s3.put_text(self._bucket, self._folder + name, text, kms_key=self._kms_key)

    def _is_done(self) -> bool:
        return self._s3.find_head(self._bucket, self._manifest_key) is not None

    @property
    def _folder(self) -> str:
        name = self.arn.rpartition("/")[2]
        return f"{self.exports.plan.set_prefix(self.day)}/{EXPORT_FOLDER}/{name}/"

    @property
    def _manifest_key(self) -> str:
        return self._folder + "manifest-summary.json"

    @property
    def _bucket(self) -> str:
        return self.exports.plan.bucket

    @property
    def _kms_key(self) -> str | None:
        return self.exports.plan.kms_key

    @property
    def _s3(self) -> S3Gateway:
        return self.exports.s3
