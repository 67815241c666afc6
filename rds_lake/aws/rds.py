"""RDS: snapshots and export tasks.

What belongs here: the calls of aws-facts 1.6 with paging, and their answers as values. What does not: which
snapshot or task is wanted (`stages/export.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError, ExportQuotaError
from rds_lake.model.arn import snapshot_identifier
from rds_lake.model.export import ExportStatus, ExportTask
from rds_lake.model.snapshot import Snapshot

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

# No service model has the quota's code; users report ExportTaskLimitReachedFault, "You have reached the limit of 5
# concurrent export tasks". InvalidExportSourceState: an export of this snapshot is in progress (aws-facts 1.7).
_WAIT_CODES = ("limit", "quota", "invalidexportsourcestate")
_NOT_FOUND = {
    "DBSnapshotNotFound",
    "DBSnapshotNotFoundFault",
    "ExportTaskNotFound",
    "ExportTaskNotFoundFault",
}


class RdsGateway:
    """Snapshots of DB instances and export tasks."""

    def __init__(self, client: RDSClient) -> None:
        self._client = client

    def list_snapshots(self, identifier: str, kinds: Sequence[str]) -> list[Snapshot]:
        """Every snapshot of exactly this instance of the given kinds (automated, manual, awsbackup)."""
        found: list[Snapshot] = []
        # Backup's snapshots are listed only when their type is asked for (aws-facts 10), so ask per type.
        for kind in kinds:
            with aws_errors("rds", "DescribeDBSnapshots", about=identifier):
                pages = self._client.get_paginator("describe_db_snapshots").paginate(
                    DBInstanceIdentifier=identifier, SnapshotType=kind
                )
                found += [_snapshot(item) for page in pages for item in page["DBSnapshots"]]
        return [snapshot for snapshot in found if snapshot.source_identifier.lower() == identifier.lower()]

    def find_snapshot(self, arn: str) -> Snapshot | None:
        """The snapshot of this ARN, or None when it is gone."""
        try:
            with aws_errors("rds", "DescribeDBSnapshots", about=arn):
                answer = self._client.describe_db_snapshots(DBSnapshotIdentifier=snapshot_identifier(arn))
        except AwsError as error:
            if error.code in _NOT_FOUND:
                return None
            raise
        return _snapshot(answer["DBSnapshots"][0]) if answer["DBSnapshots"] else None

    def find_export_task(self, identifier: str) -> ExportTask | None:
        """The export task of this id, or None."""
        try:
            with aws_errors("rds", "DescribeExportTasks", about=identifier):
                tasks = self._client.describe_export_tasks(ExportTaskIdentifier=identifier)["ExportTasks"]
        except AwsError as error:
            if error.code in _NOT_FOUND:
                return None
            raise
        return _task(tasks[0]) if tasks else None

    def list_export_tasks(self, *, source_arn: str | None = None) -> list[ExportTask]:
        """Every export task of the account and Region, or of one snapshot; oldest first."""
        narrowed: dict[str, Any] = {"SourceArn": source_arn} if source_arn else {}
        with aws_errors("rds", "DescribeExportTasks"):
            pages: Iterable[Any] = self._client.get_paginator("describe_export_tasks").paginate(
                PaginationConfig={"PageSize": 100}, **narrowed
            )
            tasks = [_task(item) for page in pages for item in page["ExportTasks"]]
        # The order is not documented (aws-facts 1.6).
        return sorted(tasks, key=lambda task: (task.started_at or datetime.max.replace(tzinfo=UTC), task.identifier))

    def start_export(
        self,
        *,
        identifier: str,
        source_arn: str,
        bucket: str,
        prefix: str,
        role: str,
        kms_key: str,
        include: Sequence[str],
    ) -> ExportTask:
        """Start an export task.

        Raises ExportQuotaError when five are in progress or one of this snapshot is, ConflictError when the id was
        ever used in this account and Region.
        """
        try:
            with aws_errors("rds", "StartExportTask", about=identifier):
                answer = self._client.start_export_task(
                    ExportTaskIdentifier=identifier,
                    SourceArn=source_arn,
                    S3BucketName=bucket,
                    S3Prefix=prefix,
                    IamRoleArn=role,
                    KmsKeyId=kms_key,
                    **({"ExportOnly": list(include)} if include else {}),
                )
        except AwsError as error:
            # By code only: messages carry names of tables and buckets, `credit_limits` among them.
            if any(word in error.code.lower() for word in _WAIT_CODES):
                raise ExportQuotaError(f"the export of {source_arn} has to wait its turn: {error}") from error
            raise
        return _task(answer)

    def cancel_export(self, identifier: str) -> None:
        """Cancel a task; what it wrote stays in S3."""
        with aws_errors("rds", "CancelExportTask", about=identifier):
            self._client.cancel_export_task(ExportTaskIdentifier=identifier)


def _snapshot(item: Any) -> Snapshot:
    return Snapshot(
        arn=item["DBSnapshotArn"],
        identifier=item["DBSnapshotIdentifier"],
        source_identifier=item["DBInstanceIdentifier"],
        kind=item.get("SnapshotType", "manual"),
        engine=item.get("Engine", ""),
        # A snapshot still being made has no time yet; it counts from the epoch until it has.
        created_at=item.get("SnapshotCreateTime", datetime.fromtimestamp(0, UTC)),
        status=item.get("Status", "").lower(),
        size_gb=item.get("AllocatedStorage", 0),
    )


def _task(item: Any) -> ExportTask:
    return ExportTask(
        identifier=item["ExportTaskIdentifier"],
        source_arn=item["SourceArn"],
        status=_status(item["Status"], item["ExportTaskIdentifier"]),
        bucket=item.get("S3Bucket", ""),
        prefix=item.get("S3Prefix", "") or "",
        snapshot_time=item.get("SnapshotTime"),
        started_at=item.get("TaskStartTime"),
        ended_at=item.get("TaskEndTime"),
        progress=item.get("PercentProgress", 0),
        extracted_gb=item.get("TotalExtractedDataInGB", 0),
        failure_cause=item.get("FailureCause"),
        warning_message=item.get("WarningMessage"),
    )


def _status(text: str, identifier: str) -> ExportStatus:
    try:
        return ExportStatus(text.upper())
    except ValueError as error:
        message = f"export {identifier} has the status {text!r}, which this release does not know; update rds-lake"
        raise AwsError(service="rds", operation="DescribeExportTasks", code="UnknownStatus", message=message) from error
