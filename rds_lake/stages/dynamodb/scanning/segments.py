"""Reads segments of a table's scan page by page, and writes files, with a checkpoint after each file.

A file is used once its segment's checkpoint names it. After a crash, or if another run took over the scan, items after the
last checkpoint are read again.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rds_lake.aws.dynamodb import ScanPage
from rds_lake.errors import ThrottledError
from rds_lake.model.records import RECORD_ERRORS, damaged, load_record
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.dynamodb.scanning.lines import ItemLines, binary_as_base64
from rds_lake.stages.dynamodb.scanning.pace import Pace
from rds_lake.threads import Stop

_VERSION = 1  # of a checkpoint
_PATIENCE = 10  # boto3's own retries come on top of each


@dataclass(slots=True, kw_only=True)
class Segment:
    """The progress of a segment. `files`: its lines of the future manifest-files.json.

    `after` is the key to continue behind, in DynamoDB's typed form; None at the beginning, and at the end. `etag` is the
    version of its checkpoint.
    """

    number: int
    total: int
    files: list[dict[str, Any]] = field(default_factory=list)
    after: dict[str, Any] | None = None
    done: bool = False
    etag: str | None = None


def render_segment(segment: Segment) -> str:
    """The segment's checkpoint, as JSON."""
    body = {
        "version": _VERSION,
        "number": segment.number,
        "total": segment.total,
        "files": segment.files,
        "after": segment.after,
        "done": segment.done,
    }
    return json.dumps(body, default=binary_as_base64)


def parse_segment(text: str, etag: str, *, where: str) -> Segment:
    """Returns the segment of a checkpoint.

    Raises ManifestError, which names `where`, if it is damaged, NewerRecordError if a newer release wrote it.
    """
    remedy = "delete its folder and materialize the date again"
    body = load_record(text, where=where, known=(_VERSION,), first=_VERSION, remedy=remedy)  # 0.1 wrote no version
    try:
        return Segment(
            number=body["number"],
            total=body["total"],
            files=list(body["files"]),
            after=None if body["after"] is None else _with_bytes(body["after"]),
            done=body["done"],
            etag=etag,
        )
    except RECORD_ERRORS as error:
        raise damaged(where, error, remedy) from error


def _with_bytes(key: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Returns a key in boto3's form: binary values as bytes."""
    return {
        name: {tag: base64.b64decode(value) if tag == "B" else value for tag, value in typed.items()}
        for name, typed in key.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentReader:
    """Reads the segments of `table` into `folder`, one per thread. `holder` is this run's name, a part of its files' names."""

    exports: DynamoExports
    table: str
    folder: str
    file_bytes: int
    pace: Pace
    threads: int
    stop: Stop
    holder: str

    def read(self, segment: Segment) -> None:
        """Reads the rest of a segment, file by file. Raises the errors of `_page` and `_write_file`, StoppedError once stopped."""
        while not segment.done:
            lines = ItemLines()
            while lines.bytes < self.file_bytes and not segment.done:
                page = self._page(segment)
                lines.add(page.items)
                segment.after, segment.done = page.after, page.after is None
                self.pace.spent(page.units, len(page.items), throttled=page.throttled)
            self._write_file(segment, lines)

    def _page(self, segment: Segment) -> ScanPage:
        """Returns the next page. Throttling slows the scan down; raises ThrottledError if it does not stop."""
        for _ in range(_PATIENCE):
            self.stop.check()
            try:
                return self.exports.dynamo.scan_page(
                    self.table,
                    segment=segment.number,
                    total=segment.total,
                    after=segment.after,
                    limit=self.pace.limit(self.threads),
                )
            except ThrottledError as error:
                self.pace.refused()
                rate = f"{self.pace.rate:.3g}"
                self.exports.log(f"{self.table}: throttled, reading {rate} units per second now: {error}")
        raise ThrottledError(
            f"{self.table}: DynamoDB throttled its scan {_PATIENCE} times in a row. What is scanned is kept; materialize the date "
            "again, with a smaller `read_percentage` or more read capacity"
        )

    def _write_file(self, segment: Segment, lines: ItemLines) -> None:
        """Writes the file, then the checkpoint that names it.

        Raises ConflictError if the checkpoint changed since it was read, as another run continues the segment.
        """
        s3, plan = self.exports.s3, self.exports.plan
        body = lines.finish()
        key = f"{self.folder}data/{segment.number:04}-{len(segment.files):05}-{self.holder}.json.gz"
        s3.put_bytes(plan.bucket, key, body, kms_key=plan.kms_key)
        md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        segment.files.append({"itemCount": lines.items, "md5Checksum": md5, "dataFileS3Key": key})
        checkpoint, text = f"{self.folder}_scan/{segment.number:04}.json", render_segment(segment)
        segment.etag = s3.replace_text(plan.bucket, checkpoint, text, etag=segment.etag, kms_key=plan.kms_key)
