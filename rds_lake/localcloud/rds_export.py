"""Export tasks: StartExportTask, DescribeExportTasks, CancelExportTask with AWS's refusals (aws-facts 1.6, 1.7).

What belongs here: the API and the life of a task. What a task writes is `rds_writer.py`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import botocore.exceptions

from rds_lake.localcloud.app import ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.loop import InProcessClients
from rds_lake.localcloud.rds_events import emit_snapshot_event
from rds_lake.localcloud.rds_snapshots import REGION, Frozen, Snapshots
from rds_lake.localcloud.rds_writer import CanceledError, ExportWriter, Injection

_QUOTA = 5
_RUNNING = ("STARTING", "IN_PROGRESS", "CANCELING")
_IDENTIFIER = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{0,59}(?<!-)", re.ASCII)
_ONLY = re.compile(r"[A-Za-z0-9$_]+(\.[A-Za-z0-9$_]+){0,2}", re.ASCII)
_EVENTS = {"FAILED": "RDS-EVENT-0159", "CANCELED": "RDS-EVENT-0160", "COMPLETE": "RDS-EVENT-0161"}
_FILTERS = {
    "export-task-identifier": "ExportTaskIdentifier",
    "s3-bucket": "S3Bucket",
    "source-arn": "SourceArn",
    "status": "Status",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """How long a task stays STARTING and IN_PROGRESS (seconds), and how it cuts files."""

    starting_seconds: float = 0.3
    progress_seconds: float = 0.3
    max_file_bytes: int = 64 * 1024 * 1024
    tables_per_info_file: int = 500


class ExportTasks:
    """Every task since the start or the last reset; AWS never forgets one, so ids stay used."""

    def __init__(
        self,
        app: LocalCloudApp,
        clients: InProcessClients,
        snapshots: Snapshots,
        settings: ExportSettings,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clients = clients
        self._snapshots = snapshots
        self._settings = settings
        self._sleep = sleep
        self._tasks: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_QUOTA, thread_name_prefix="export")
        self.injection = Injection()
        app.query_operations["rds", "StartExportTask"] = self._start
        app.query_operations["rds", "DescribeExportTasks"] = self._describe
        app.query_operations["rds", "CancelExportTask"] = self._cancel

    def reset(self) -> None:
        """Cancel what runs and forget every task."""
        with self._lock:
            for task in self._tasks.values():
                if task["Status"] in _RUNNING:
                    task["Status"] = "CANCELING"
            self._tasks = {}
            self.injection = Injection()
        self._pool.shutdown(wait=True)
        self._pool = ThreadPoolExecutor(_QUOTA, thread_name_prefix="export")

    def close(self) -> None:
        """Cancel what runs and wait for it."""
        self.reset()
        self._pool.shutdown(wait=True)

    def _start(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        self._check(params)
        frozen = self._snapshots.open(params["SourceArn"])
        with ExitStack() as refused:
            refused.callback(self._snapshots.close, frozen)
            writer = ExportWriter(
                s3=self._clients.client("s3"),
                databases=frozen.databases,
                settings=self._settings,
            )
            writer.check_only(params.get("ExportOnly") or [])
            task = self._admit(params, frozen)
            answer = dict(task)
            self._pool.submit(self._run, task, frozen, writer)
            refused.pop_all()
        return answer

    def _admit(self, params: dict[str, Any], frozen: Frozen) -> dict[str, Any]:
        """The new task, unless its id is used, its snapshot is busy or the quota is."""
        task = {
            "ExportTaskIdentifier": params["ExportTaskIdentifier"],
            "SourceArn": params["SourceArn"],
            "ExportOnly": params.get("ExportOnly") or [],
            "SnapshotTime": frozen.created_at,
            "S3Bucket": params["S3BucketName"],
            "S3Prefix": params.get("S3Prefix", ""),
            "IamRoleArn": params["IamRoleArn"],
            "KmsKeyId": params["KmsKeyId"],
            "Status": "STARTING",
            "PercentProgress": 0,
            "TotalExtractedDataInGB": 0,
            "SourceType": "SNAPSHOT",
        }
        identifier = task["ExportTaskIdentifier"]
        with self._lock:
            if identifier in self._tasks:
                raise ApiError("ExportTaskAlreadyExists", f"The export task {identifier} already exists.")
            running = [other for other in self._tasks.values() if other["Status"] in _RUNNING]
            if any(other["SourceArn"] == task["SourceArn"] for other in running):
                raise ApiError("InvalidExportSourceState", "An export of this snapshot is in progress already.")
            if len(running) >= _QUOTA:
                raise ApiError("ExportTaskLimitReachedFault", f"You have reached the limit of {_QUOTA} export tasks.")
            self._tasks[identifier] = task
        return task

    def _check(self, params: dict[str, Any]) -> None:
        """What AWS refuses before it looks at its own state."""
        identifier = params["ExportTaskIdentifier"]
        if not _IDENTIFIER.fullmatch(identifier):
            raise ApiError(
                "InvalidParameterValue",
                f"Invalid export task identifier: {identifier}. Identifiers must begin with a letter; must contain only "
                "ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.",
            )
        if ":" in params.get("S3Prefix", ""):
            raise ApiError("InvalidParameterValue", "The S3 prefix must not contain a colon.")
        illegal = [item for item in params.get("ExportOnly") or [] if not _ONLY.fullmatch(item)]
        if illegal:
            raise ApiError("InvalidExportOnly", f"The export is invalid: {', '.join(illegal)}")
        self._require("s3", "head_bucket", "InvalidS3BucketFault", Bucket=params["S3BucketName"])
        self._require("kms", "describe_key", "KMSKeyNotAccessibleFault", KeyId=params["KmsKeyId"])
        role = params["IamRoleArn"].rsplit("/", 1)[-1]
        found = self._require("iam", "get_role", "IamRoleNotFound", RoleName=role)
        if found["Role"]["Arn"] != params["IamRoleArn"]:
            raise ApiError("IamRoleNotFound", f"{params['IamRoleArn']} is no role of this account", 404)

    def _require(self, service: str, operation: str, code: str, **arguments: str) -> dict[str, Any]:
        try:
            return getattr(self._clients.client(service), operation)(**arguments)
        except (botocore.exceptions.ClientError, botocore.exceptions.ParamValidationError) as error:
            status = 404 if code == "IamRoleNotFound" else 400
            raise ApiError(code, f"{next(iter(arguments.values()))}: {error}", status) from error

    def _describe(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            tasks = [dict(task) for task in self._tasks.values()]
        wanted = params.get("ExportTaskIdentifier")
        if wanted:
            tasks = [task for task in tasks if task["ExportTaskIdentifier"] == wanted]
            if not tasks:
                raise ApiError("ExportTaskNotFound", f"The export task {wanted} doesn't exist.", 404)
        if params.get("SourceType"):
            tasks = [task for task in tasks if task["SourceType"] == params["SourceType"]]
        if params.get("SourceArn"):
            tasks = [task for task in tasks if task["SourceArn"] == params["SourceArn"]]
        for narrowing in params.get("Filters") or []:
            key = _FILTERS.get(narrowing["Name"])
            if key is None:
                raise ApiError("InvalidParameterValue", f"Unrecognized filter name: {narrowing['Name']}")
            values = {value.lower() for value in narrowing["Values"]}
            tasks = [task for task in tasks if task[key].lower() in values]
        size, marker = int(params.get("MaxRecords", 100)), params.get("Marker") or "0"
        if not 20 <= size <= 100:
            raise ApiError("InvalidParameterValue", "MaxRecords must be between 20 and 100.")
        if not marker.isdecimal():
            raise ApiError("InvalidParameterValue", f"Invalid marker: {marker}")
        start = int(marker)
        more = str(start + size) if start + size < len(tasks) else None
        return {"ExportTasks": tasks[start : start + size], "Marker": more}

    def _cancel(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            task = self._tasks.get(params["ExportTaskIdentifier"])
            if task is None:
                raise ApiError("ExportTaskNotFound", "The export task doesn't exist.", 404)
            if task["Status"] in _RUNNING:
                task["Status"] = "CANCELING"
            return dict(task)

    def _run(self, task: dict[str, Any], frozen: Frozen, writer: ExportWriter) -> None:
        """A task's life, in a thread of its own."""
        try:
            status, changes = self._outcome(task, writer)
        finally:
            self._snapshots.close(frozen)
        if self._end(task, status, changes):
            emit_snapshot_event(
                self._clients, event_id=_EVENTS[status], arn=task["SourceArn"], identifier=frozen.identifier
            )

    def _outcome(self, task: dict[str, Any], writer: ExportWriter) -> tuple[str, dict[str, Any]]:
        """How the task ends and with what; whatever goes wrong ends as FAILED, as in AWS."""
        injection, self.injection = self.injection, Injection()
        try:
            self._sleep(self._settings.starting_seconds)
            self._advance(task, TaskStartTime=datetime.now(UTC), Status="IN_PROGRESS")
            self._check_region(task["S3Bucket"])
            self._sleep(self._settings.progress_seconds)
            warning = writer.write(task, injection, lambda **changes: self._advance(task, **changes))
            return "COMPLETE", {"PercentProgress": 100} | ({"WarningMessage": warning} if warning else {})
        except CanceledError:
            return "CANCELED", {}
        except Exception as error:  # noqa: BLE001 - a thread's boundary: a task that cannot go on is FAILED, not lost
            return "FAILED", {"FailureCause": str(error)[:1000]}

    def _check_region(self, bucket: str) -> None:
        # S3 says nothing where it means us-east-1.
        where = self._clients.client("s3").get_bucket_location(Bucket=bucket).get("LocationConstraint") or "us-east-1"
        if where != REGION:
            raise RuntimeError(
                f"The S3 bucket {bucket} isn't located in the current AWS Region. Please, review your S3 bucket name and "
                "retry the export."
            )

    def _advance(self, task: dict[str, Any], **changes: Any) -> None:
        """Change a task, unless it is being cancelled."""
        with self._lock:
            if task["Status"] == "CANCELING":
                raise CanceledError
            task.update(changes)

    def _end(self, task: dict[str, Any], status: str, changes: dict[str, Any]) -> bool:
        """Settle the task; whether it is still known, and so worth an event."""
        with self._lock:
            task.update(changes, Status=status, TaskEndTime=datetime.now(UTC))
            return task["ExportTaskIdentifier"] in self._tasks
