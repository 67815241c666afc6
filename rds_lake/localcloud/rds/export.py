"""Export tasks: StartExportTask, DescribeExportTasks, CancelExportTask with AWS's refusals.

AWS runs five tasks at a time per account and one per snapshot or cluster; identifiers stay used for ever.
(https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StartExportTask.html,
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html)

What belongs here: the API and the life of a task. What a task writes is `writer.py`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import botocore.exceptions
from botocore.exceptions import ClientError

from rds_lake.localcloud.databases.source import FrozenDatabase
from rds_lake.localcloud.events.sender import Events
from rds_lake.localcloud.faults.faults import Faults
from rds_lake.localcloud.faults.kinds import ExportFault
from rds_lake.localcloud.http.app import ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.http.paging import page_of
from rds_lake.localcloud.permissions.acting import Actors
from rds_lake.localcloud.rds.export_role import ExportRole
from rds_lake.localcloud.rds.kinds import ExportSource, export_source
from rds_lake.localcloud.rds.snapshots import Snapshots
from rds_lake.localcloud.rds.sources import Content, Sources
from rds_lake.localcloud.rds.writer import CanceledError, ExportWriter

_QUOTA = 5
_RUNNING = ("STARTING", "IN_PROGRESS", "CANCELING")
_IDENTIFIER = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{0,59}(?<!-)", re.ASCII)
_ONLY = re.compile(r"[A-Za-z0-9$_]+(\.[A-Za-z0-9$_]+){0,2}", re.ASCII)
_SOURCE_TYPES = ("SNAPSHOT", "CLUSTER")
_FILTERS = {
    "export-task-identifier": "ExportTaskIdentifier",
    "s3-bucket": "S3Bucket",
    "source-arn": "SourceArn",
    "status": "Status",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """How long a task is STARTING and IN_PROGRESS (seconds), and the size of files."""

    starting_seconds: float = 0.3
    progress_seconds: float = 0.3
    max_file_bytes: int = 64 * 1024 * 1024
    tables_per_info_file: int = 500


class ExportTasks:
    """All tasks since the start or the last reset. AWS never forgets a task, so its id cannot be used again."""

    def __init__(
        self,
        app: LocalCloudApp,
        clients: InProcessClients,
        sources: Sources,
        snapshots: Snapshots,
        events: Events,
        faults: Faults,
        settings: ExportSettings,
        actors: Actors,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clients = clients
        self._sources = sources
        self._snapshots = snapshots
        self._events = events
        self._faults = faults
        self._settings = settings
        self._actors = actors
        self._sleep = sleep
        self._tasks: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        # Wakes stuck tasks when one is cancelled.
        self._canceling = threading.Condition(self._lock)
        self._pool = ThreadPoolExecutor(_QUOTA, thread_name_prefix="export")
        app.query_operations["rds", "StartExportTask"] = self._start
        app.query_operations["rds", "DescribeExportTasks"] = self._describe
        app.query_operations["rds", "CancelExportTask"] = self._cancel

    def reset(self, *, keep: Collection[str] = ()) -> None:
        """Cancel running tasks and forget every task except these."""
        with self._lock:
            for task in self._tasks.values():
                if task["Status"] in _RUNNING:
                    task["Status"] = "CANCELING"
            self._canceling.notify_all()
            self._tasks = {name: task for name, task in self._tasks.items() if name in keep}
            pool, self._pool = self._pool, ThreadPoolExecutor(_QUOTA, thread_name_prefix="export")
        pool.shutdown(wait=True)

    def close(self) -> None:
        """Cancel running tasks and wait for their end."""
        self.reset()
        self._pool.shutdown(wait=True)

    def _start(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        source = export_source(params["SourceArn"])
        self._check(params)
        with ExitStack() as refused:
            content, created_at = self._open(source)
            if content is not None:
                refused.callback(content.release)
            task = self._admit(params, source, created_at)
            refused.callback(self._tasks.pop, params["ExportTaskIdentifier"], None)
            if content is None:
                content = self._sources.freeze(source.kind, source.identifier)
                refused.callback(content.release)
            self._check_only(params, content.databases)
            answer = dict(task)
            self._submit(task, source, content, ExportRole.passed(self._actors, context, task))
            refused.pop_all()
        return answer

    def _open(self, source: ExportSource) -> tuple[Content | None, datetime]:
        """Returns a snapshot's content and time; for a live cluster no content, which is copied once the task is admitted."""
        if not source.live:
            return self._snapshots.open(source)
        if not source.here or not self._sources.databases(source.kind, source.identifier):
            raise source.not_found()
        return None, datetime.now(UTC)

    def _check_only(self, params: dict[str, Any], databases: Sequence[FrozenDatabase]) -> None:
        # Without ExportOnly the database is not read, because a start must be quick.
        if params.get("ExportOnly"):
            self._writer(databases, self._clients).check_only(params["ExportOnly"])

    def _writer(self, databases: Sequence[FrozenDatabase], clients: InProcessClients) -> ExportWriter:
        return ExportWriter(s3=clients.client("s3"), databases=databases, settings=self._settings)

    def _submit(self, task: dict[str, Any], source: ExportSource, content: Content, role: ExportRole) -> None:
        with self._lock:
            if self._tasks.get(task["ExportTaskIdentifier"]) is not task:
                raise ApiError("InternalFailure", "The local cloud was reset while the export was started.", 503)
            self._pool.submit(self._run, task, source, content, role, self._faults.next_export())

    def _admit(self, params: dict[str, Any], source: ExportSource, moment: datetime) -> dict[str, Any]:
        """Returns the new task. ApiError if its identifier was used, its source is being exported, or five tasks run."""
        task = {
            "ExportTaskIdentifier": params["ExportTaskIdentifier"],
            "SourceArn": params["SourceArn"],
            "ExportOnly": params.get("ExportOnly") or [],
            "SnapshotTime": moment,
            "S3Bucket": params["S3BucketName"],
            "S3Prefix": params.get("S3Prefix", ""),
            "IamRoleArn": params["IamRoleArn"],
            "KmsKeyId": params["KmsKeyId"],
            "Status": "STARTING",
            "PercentProgress": 0,
            "TotalExtractedDataInGB": 0,
            "SourceType": "CLUSTER" if source.live else "SNAPSHOT",
        }
        identifier = task["ExportTaskIdentifier"]
        with self._lock:
            if identifier in self._tasks:
                raise ApiError("ExportTaskAlreadyExists", f"The export task {identifier} already exists.")
            running = [other for other in self._tasks.values() if other["Status"] in _RUNNING]
            if any(other["SourceArn"] == task["SourceArn"] for other in running):
                what = "cluster" if source.live else "snapshot"
                raise ApiError("InvalidExportSourceState", f"An export of this {what} is in progress already.")
            if len(running) >= _QUOTA:
                raise ApiError("ExportTaskLimitReachedFault", f"You have reached the limit of {_QUOTA} export tasks.")
            self._tasks[identifier] = task
        return task

    def _check(self, params: dict[str, Any]) -> None:
        """Refuse what AWS refuses before it looks at its tasks: wrong names, bucket, key and role."""
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
        known = self._require("iam", "get_role", "IamRoleNotFound", RoleName=role)
        if known["Role"]["Arn"] != params["IamRoleArn"]:
            raise ApiError("IamRoleNotFound", f"{params['IamRoleArn']} is not a role of this account", 404)

    def _require(self, service: str, operation: str, code: str, **arguments: str) -> dict[str, Any]:
        try:
            return getattr(self._clients.client(service), operation)(**arguments)
        except (botocore.exceptions.ClientError, botocore.exceptions.ParamValidationError) as error:
            status = 404 if code == "IamRoleNotFound" else 400
            raise ApiError(code, f"{next(iter(arguments.values()))}: {error}", status) from error

    def _describe(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            tasks = [dict(task) for task in self._named(params.get("ExportTaskIdentifier"))]
        if params.get("SourceType"):
            if params["SourceType"] not in _SOURCE_TYPES:
                raise ApiError("InvalidParameterValue", f"SourceType must be one of {', '.join(_SOURCE_TYPES)}.")
            tasks = [task for task in tasks if task["SourceType"] == params["SourceType"]]
        if params.get("SourceArn"):
            tasks = [task for task in tasks if task["SourceArn"] == params["SourceArn"]]
        for narrowing in params.get("Filters") or []:
            key = _FILTERS.get(narrowing["Name"])
            if key is None:
                raise ApiError("InvalidParameterValue", f"Unrecognized filter name: {narrowing['Name']}")
            values = {value.lower() for value in narrowing["Values"]}
            tasks = [task for task in tasks if task[key].lower() in values]
        page, marker = page_of(tasks, params)
        return {"ExportTasks": page, "Marker": marker}

    def _named(self, identifier: str | None) -> Iterable[dict[str, Any]]:
        if not identifier:
            return self._tasks.values()
        if identifier not in self._tasks:
            raise ApiError("ExportTaskNotFound", f"The export task {identifier} doesn't exist.", 404)
        return [self._tasks[identifier]]

    def _cancel(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            task = self._tasks.get(params["ExportTaskIdentifier"])
            if task is None:
                raise ApiError("ExportTaskNotFound", "The export task doesn't exist.", 404)
            if task["Status"] in _RUNNING:
                task["Status"] = "CANCELING"
                self._canceling.notify_all()
            return dict(task)

    def _run(
        self, task: dict[str, Any], source: ExportSource, content: Content, role: ExportRole, fault: ExportFault
    ) -> None:
        """Run a task to its end in a new thread, and send the event of its end."""
        status, changes = self._outcome(task, content, role, fault)
        try:
            content.release()
        finally:
            known = self._end(task, status, changes)
        if known:
            self._events.emit([source.ended[status]], task["SourceArn"])

    def _outcome(
        self, task: dict[str, Any], content: Content, role: ExportRole, fault: ExportFault
    ) -> tuple[str, dict[str, Any]]:
        """Returns the task's last status and its other changes. Any error ends as FAILED, as in AWS."""
        try:
            self._sleep(self._settings.starting_seconds)
            self._advance(task, TaskStartTime=datetime.now(UTC), Status="IN_PROGRESS")
            role.check()
            if fault.stuck:
                self._wait_for_cancel(task)
            self._sleep(self._settings.progress_seconds)
            writer = self._writer(content.databases, role.acting.clients)
            warning = writer.write(task, fault, lambda **changes: self._advance(task, **changes))
            return "COMPLETE", {"PercentProgress": 100} | ({"WarningMessage": warning} if warning else {})
        except CanceledError:
            return "CANCELED", {}
        except ClientError as error:
            return "FAILED", {"FailureCause": role.failure(error)}
        except Exception as error:  # noqa: BLE001 - a thread's boundary: a task that cannot go on is FAILED, not lost
            return "FAILED", {"FailureCause": str(error)[:1000]}

    def _wait_for_cancel(self, task: dict[str, Any]) -> None:
        with self._canceling:
            self._canceling.wait_for(lambda: task["Status"] == "CANCELING")
        raise CanceledError

    def _advance(self, task: dict[str, Any], **changes: Any) -> None:
        """Change a task, unless it is being cancelled."""
        with self._lock:
            if task["Status"] == "CANCELING":
                raise CanceledError
            task.update(changes)

    def _end(self, task: dict[str, Any], status: str, changes: dict[str, Any]) -> bool:
        """Set the task's end; returns whether the task still exists (a reset removes it), so that an event must be sent."""
        with self._lock:
            task.update(changes, Status=status, TaskEndTime=datetime.now(UTC))
            return task["ExportTaskIdentifier"] in self._tasks
