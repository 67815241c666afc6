"""Runs one export of a DynamoDB table: when it writes, what it writes, how it ends.

What belongs here: the life of an accepted export. The API is `export.py`, the objects are `writer.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import botocore.exceptions

from rds_lake.localcloud.dynamodb.log import Change, Version
from rds_lake.localcloud.dynamodb.requests import INCREMENTAL, NEW_AND_OLD, Window
from rds_lake.localcloud.dynamodb.tables import TableRecord
from rds_lake.localcloud.dynamodb.writer import DynamoDbWriter, Line, Place, full_lines, incremental_lines
from rds_lake.localcloud.faults.kinds import DynamoDbExportFault
from rds_lake.localcloud.http.account import ACCOUNT
from rds_lake.localcloud.http.clock import Clock, in_words
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.permissions.acting import Actors
from rds_lake.localcloud.permissions.authorizer import NotAuthorizedError
from rds_lake.model.permissions.request import Principal

# AWS's code for a bucket that does not exist; other codes are not known (docs/fidelity.md).
_FAILURES = {"NoSuchBucket": ("S3NoSuchBucket", "The specified bucket does not exist")}
# Rights that an export needs of its caller, in addition to PutObject:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport_Requesting.html
_ASKED, _VIA = ("AbortMultipartUpload", "PutObjectAcl"), "dynamodb.amazonaws.com"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoDbSettings:
    """How long an export is IN_PROGRESS before it writes, and after its last manifest is written (seconds of real time);
    how many partitions a table has, and how much text goes into one file."""

    progress_seconds: float = 0.3
    finishing_seconds: float = 0.1
    partitions: int = 3
    max_file_bytes: int = 64 * 1024 * 1024


@dataclass(slots=True, kw_only=True)
class Export:
    """One export. `shown`: AWS's description; `content`: what it writes; `caller`: whose rights it uses (None: like root)."""

    shown: Json
    table: TableRecord
    window: Window
    fingerprint: str
    started: int
    content: list[tuple[str, Version]] | list[Change]
    caller: Principal | None = None

    @property
    def arn(self) -> str:
        return self.shown["ExportArn"]

    @property
    def running(self) -> bool:
        return self.shown["ExportStatus"] == "IN_PROGRESS"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportJob:
    """Runs exports, one per call, in the calling thread. `closing` ends stuck exports."""

    clients: InProcessClients
    actors: Actors
    clock: Clock
    settings: DynamoDbSettings
    closing: threading.Event
    sleep: Callable[[float], None]

    def outcome(self, export: Export, fault: DynamoDbExportFault) -> Json:
        """Returns the fields of DescribeExport for the ended export. Any error ends as FAILED, as in AWS."""
        try:
            return self._written(export, fault)
        except botocore.exceptions.ClientError as error:
            details = error.response["Error"]
            code, message = _FAILURES.get(details["Code"], (f"S3{details['Code']}", details["Message"]))
            return _failed(code, message)
        except NotAuthorizedError as error:
            return _failed("S3AccessDenied", str(error))
        except Exception as error:  # noqa: BLE001 - a thread's boundary: an export that cannot go on is FAILED, not lost
            return _failed("UNKNOWN", str(error)[:1000])

    def _written(self, export: Export, fault: DynamoDbExportFault) -> Json:
        """Write the export; returns the fields of DescribeExport for it."""
        self.sleep(self.settings.progress_seconds)
        if fault.stuck:
            self.closing.wait()
        if fault.fail:
            return _failed(fault.code, fault.fail)
        if self.closing.is_set():
            return _failed("INTERNAL", "")
        place = self._place(export)
        acting = self.actors.acting(export.caller, via=_VIA, region=export.table.region)
        for call in _ASKED:
            acting.require("s3", call, Bucket=place.bucket, Key=f"{place.prefix}/AWSDynamoDB/".lstrip("/"))
        writer = DynamoDbWriter(
            s3=acting.clients.client("s3", export.table.region),
            partitions=self.settings.partitions,
            max_file_bytes=self.settings.max_file_bytes,
        )
        writer.begin(place)
        files, count = writer.write_data(place, self._lines(export), fault)
        size = sum(part.size if isinstance(part, Change) else part[1].size for part in export.content)
        summary = self._summary(export) | {"billedSizeBytes": size, "itemCount": count}
        manifest = writer.write_manifests(place, files, summary)
        self.sleep(self.settings.finishing_seconds)
        done = {"ExportStatus": "COMPLETED", "ExportManifest": manifest}
        return done | {"BilledSizeBytes": size, "ItemCount": count}

    def _place(self, export: Export) -> Place:
        shown = export.shown
        if shown.get("S3BucketOwner", ACCOUNT) != ACCOUNT:
            message = f"{shown['S3Bucket']} does not belong to account {shown['S3BucketOwner']}"
            raise botocore.exceptions.ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, "PutObject")
        encryption = {"ServerSideEncryption": "AES256"}
        if shown["S3SseAlgorithm"] == "KMS":
            key = {"SSEKMSKeyId": shown["S3SseKmsKeyId"]} if "S3SseKmsKeyId" in shown else {}
            if key:
                self.clients.client("kms", export.table.region).describe_key(KeyId=shown["S3SseKmsKeyId"])
            encryption = {"ServerSideEncryption": "aws:kms"} | key
        return Place(
            bucket=shown["S3Bucket"],
            prefix=shown.get("S3Prefix", ""),
            export_id=export.arn.rsplit("/", 1)[1],
            incremental=export.window.start is not None,
            encryption=encryption,
        )

    def _lines(self, export: Export) -> Iterator[Line]:
        key_name, content = export.table.key_names[0], export.content
        if export.window.start is None:
            return full_lines(content, key_name)  # type: ignore[arg-type]
        view = export.shown["IncrementalExportSpecification"]["ExportViewType"]
        return incremental_lines(content, key_name, old_images=view == NEW_AND_OLD)  # type: ignore[arg-type]

    def _summary(self, export: Export) -> Json:
        shown, window = export.shown, export.window
        common = {
            "version": "2020-06-30",
            "exportArn": export.arn,
            "startTime": in_words(export.started),
            "endTime": in_words(self.clock.now()),
            "tableArn": shown["TableArn"],
            "tableId": shown["TableId"],
            "s3Bucket": shown["S3Bucket"],
            "s3Prefix": shown.get("S3Prefix"),
            "s3SseAlgorithm": shown["S3SseAlgorithm"],
            "s3SseKmsKeyId": shown.get("S3SseKmsKeyId"),
            "outputFormat": "DYNAMODB_JSON",
        }
        if window.start is None:
            return common | {"exportTime": in_words(window.end)}
        return common | {
            "version": "2023-08-01",
            "exportFromTime": in_words(window.start),
            "exportToTime": in_words(window.end),
            "outputView": shown["IncrementalExportSpecification"]["ExportViewType"],
            "exportType": INCREMENTAL,
        }


def _failed(code: str, message: str) -> Json:
    return {"ExportStatus": "FAILED", "FailureCode": code, "FailureMessage": message}
