"""RDS: snapshots of instances and clusters, live clusters, and export tasks.

What belongs here: the calls of aws-facts 1.6 with paging, and their answers as values; what AWS names differently for
instances and clusters stands in one table, `_APIS`. What does not: which snapshot or task is wanted
(`stages/databases/export.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError, ExportQuotaError
from rds_lake.model.aws.arn import Exportable, exportable
from rds_lake.model.aws.snapshot import BACKUP, LIVE, Snapshot, snapshot_date
from rds_lake.model.exports.task import ExportStatus, ExportTask

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

# No service model has the quota's code; users report ExportTaskLimitReachedFault, "You have reached the limit of 5
# concurrent export tasks". InvalidExportSourceState: an export of this snapshot is in progress (aws-facts 1.7).
_WAIT_CODES = ("limit", "quota", "invalidexportsourcestate")
_NOT_FOUND = {
    "DBSnapshotNotFound",
    "DBSnapshotNotFoundFault",
    "DBClusterSnapshotNotFoundFault",
    "DBClusterNotFoundFault",
    "DBInstanceNotFound",
    "DBInstanceNotFoundFault",
    "ExportTaskNotFound",
    "ExportTaskNotFoundFault",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _SnapshotApi:
    """How AWS names things of one kind of snapshot."""

    operation: Literal["describe_db_snapshots", "describe_db_cluster_snapshots"]
    items: str
    arn: str
    identifier: str
    owner: str


# AWS's two times of a snapshot that is no copy are the same; what is this close is no copy.
_SAME_TIME = timedelta(minutes=1)
_LONGEST_CHAIN = 20  # of copies of copies
# What RDS calls an automated snapshot: its time is in the name.
_AUTOMATED = re.compile(r":rds:.*-(\d{4}-\d\d-\d\d-\d\d-\d\d)", re.ASCII)

_APIS = {
    Exportable.SNAPSHOT: _SnapshotApi(
        operation="describe_db_snapshots",
        items="DBSnapshots",
        arn="DBSnapshotArn",
        identifier="DBSnapshotIdentifier",
        owner="DBInstanceIdentifier",
    ),
    Exportable.CLUSTER_SNAPSHOT: _SnapshotApi(
        operation="describe_db_cluster_snapshots",
        items="DBClusterSnapshots",
        arn="DBClusterSnapshotArn",
        identifier="DBClusterSnapshotIdentifier",
        owner="DBClusterIdentifier",
    ),
}


@dataclass(slots=True)
class _Pages:
    """How many more pages of a list are wanted; below 0: more than that were there."""

    left: int

    def take(self) -> bool:
        self.left -= 1
        return self.left >= 0


class RdsGateway:
    """Snapshots of DB instances and clusters, and export tasks."""

    def __init__(self, client: RDSClient) -> None:
        self._client = client
        # Where copies of clusters' snapshots come from never changes: one look each.
        self._origins: dict[str, _Origin | None] = {}

    def list_snapshots(self, about: Exportable, identifier: str, kinds: Sequence[str]) -> list[Snapshot]:
        """Every snapshot of exactly this instance or cluster of the given kinds (automated, manual, awsbackup)."""
        found = self._snapshots(_APIS[about], about, kinds, identifier)
        wanted = identifier.lower()
        return [s for s in found if s.source_identifier.lower() == wanted and s.kind in kinds]

    def list_account_snapshots(self, about: Exportable, kind: str, *, most_pages: int) -> list[Snapshot] | None:
        """Every snapshot of this kind of all instances or clusters of the account and Region; None where it takes more pages."""
        pages = _Pages(most_pages)
        found = self._snapshots(_APIS[about], about, (kind,), None, pages)
        return None if pages.left < 0 else [snapshot for snapshot in found if snapshot.kind == kind]

    def _snapshots(
        self,
        api: _SnapshotApi,
        about: Exportable,
        kinds: Sequence[str],
        identifier: str | None,
        pages: _Pages | None = None,
    ) -> list[Snapshot]:
        # Backup's snapshots are listed only when their type is asked for (aws-facts 10), so ask per type. Whether clusters'
        # have that type is not documented: they may be listed as manual ones, and are told by their name.
        types = [*kinds, "manual"] if about is Exportable.CLUSTER_SNAPSHOT and BACKUP in kinds else kinds
        found = (s for kind in dict.fromkeys(types) for s in self._snapshots_of_type(api, identifier, kind, pages))
        return list({s.arn: s for s in found}.values())

    def _snapshots_of_type(
        self, api: _SnapshotApi, identifier: str | None, kind: str, limit: _Pages | None
    ) -> list[Snapshot]:
        narrowed: dict[str, Any] = {api.owner: identifier} if identifier else {}
        items: list[Any] = []
        try:
            with aws_errors("rds", api.operation, about=identifier or "all"):
                pages: Iterable[Any] = self._client.get_paginator(api.operation).paginate(
                    SnapshotType=kind, PaginationConfig={"PageSize": 100}, **narrowed
                )
                for page in pages:
                    if limit is not None and not limit.take():
                        return []
                    items += page[api.items]
        except AwsError as error:
            if kind == BACKUP and error.code in ("InvalidParameterValue", "InvalidParameterCombination"):
                return []  # clusters know no such type; they are among the manual ones
            raise
        self._origins |= {item[api.arn]: origin for item in items if (origin := _origin(item))}
        return [self._snapshot(item, api) for item in items]

    def find_snapshot(self, about: Exportable, reference: str) -> Snapshot | None:
        """The snapshot or cluster snapshot of this ARN or identifier, or None when it is gone."""
        api = _APIS[about]
        is_arn = reference.startswith("arn:")
        answer = self._find(
            api.operation, reference, **{api.identifier: exportable(reference)[1] if is_arn else reference}
        )
        found = [self._snapshot(item, api) for item in answer[api.items]] if answer else []
        # Of another account or Region it may have the same name, and then is not this one.
        return next((snapshot for snapshot in found if not is_arn or snapshot.arn == reference), None)

    def _snapshot(self, item: Any, api: _SnapshotApi) -> Snapshot:
        """The snapshot with the time of its data. AWS tells that of a copied instance's, of a cluster's only the source."""
        snapshot = _snapshot(item, api)
        source = item.get("SourceDBClusterSnapshotArn")
        original = item.get("OriginalSnapshotCreateTime") if not source else self._time_of_origin(source)
        if source and original is None:
            return replace(snapshot, copied_at=snapshot.created_at, unknown_origin=True)
        if original is None or original >= snapshot.created_at - _SAME_TIME:
            return snapshot
        return replace(snapshot, created_at=original, copied_at=snapshot.created_at)

    def _time_of_origin(self, arn: str) -> datetime | None:
        """The time of the snapshot at the beginning of a chain of copies, or None where the trail is lost."""
        for _ in range(_LONGEST_CHAIN):
            if arn not in self._origins:
                self._origins[arn] = self._look_up_origin(arn)
            origin = self._origins[arn]
            if origin is None:
                # Gone, or of another account or Region. An automated one has its time in its name.
                found = _AUTOMATED.search(arn)
                return datetime.strptime(found[1], "%Y-%m-%d-%H-%M").replace(tzinfo=UTC) if found else None
            if not origin.source:
                return origin.made_at
            arn = origin.source
        return None

    def _look_up_origin(self, arn: str) -> _Origin | None:
        api = _APIS[Exportable.CLUSTER_SNAPSHOT]
        try:
            answer = self._find(api.operation, arn, **{api.identifier: arn})
        except AwsError as error:
            # Another Region's or account's ARN: AWS does not say which of these codes it has for them.
            if error.code not in ("InvalidParameterValue", "InvalidParameterCombination", "AccessDenied"):
                raise
            return None
        return next((_origin(item) for item in answer[api.items] if item[api.arn] == arn), None) if answer else None

    def find_cluster(self, identifier: str, *, now: datetime) -> Snapshot | None:
        """The live cluster as something to export as of `now`, or None when there is no such cluster."""
        answer = self._find("describe_db_clusters", identifier, DBClusterIdentifier=identifier)
        if not answer or not answer["DBClusters"]:
            return None
        cluster = answer["DBClusters"][0]
        return Snapshot(
            arn=cluster["DBClusterArn"],
            identifier=f"{cluster['DBClusterIdentifier']}-live-{snapshot_date(now)}",
            source_identifier=cluster["DBClusterIdentifier"],
            kind=LIVE,
            engine=cluster.get("Engine", ""),
            created_at=now,
            status=cluster.get("Status", "").lower(),
            size_gb=cluster.get("AllocatedStorage", 0),
        )

    def find_created(self, about: Exportable, identifier: str) -> datetime | None:
        """When the instance or cluster whose snapshots these are was made, or None when there is none."""
        of_cluster = about is not Exportable.SNAPSHOT
        operation, key = (
            ("describe_db_clusters", "DBClusterIdentifier")
            if of_cluster
            else ("describe_db_instances", "DBInstanceIdentifier")
        )
        try:
            answer = self._find(operation, identifier, **{key: identifier})
        except AwsError as error:
            if not error.code.startswith("AccessDenied"):
                raise
            return None  # a policy of an earlier release: only a false alarm of a new lake is at stake
        found = answer["DBClusters" if of_cluster else "DBInstances"] if answer else []
        return found[0].get("ClusterCreateTime" if of_cluster else "InstanceCreateTime") if found else None

    def _find(self, operation: str, about: str, **arguments: str) -> Any:
        """The answer, or None when AWS knows no such thing."""
        try:
            with aws_errors("rds", operation, about=about):
                return getattr(self._client, operation)(**arguments)
        except AwsError as error:
            if error.code in _NOT_FOUND:
                return None
            raise

    def find_export_task(self, identifier: str) -> ExportTask | None:
        """The export task of this id, or None."""
        answer = self._find("describe_export_tasks", identifier, ExportTaskIdentifier=identifier)
        return _task(answer["ExportTasks"][0]) if answer and answer["ExportTasks"] else None

    def list_export_tasks(self, *, source_arn: str | None = None) -> list[ExportTask]:
        """Every export task of the account and Region, or of one snapshot or cluster; oldest first."""
        return self._export_tasks({"SourceArn": source_arn} if source_arn else {})

    def list_running_exports(self) -> list[ExportTask]:
        """The account's tasks that hold a place, whoever started them; AWS keeps ended tasks for ever, so only these."""
        running = [status.value.lower() for status in ExportStatus if status.running]
        return self._export_tasks({"Filters": [{"Name": "status", "Values": running}]})

    def _export_tasks(self, narrowed: dict[str, Any]) -> list[ExportTask]:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """A snapshot as the origin of a copy: when it was made, and of what, where it is a copy itself."""

    made_at: datetime
    source: str


def _origin(item: Any) -> _Origin | None:
    made_at = item.get("SnapshotCreateTime")
    return _Origin(made_at=made_at, source=item.get("SourceDBClusterSnapshotArn") or "") if made_at else None


def _snapshot(item: Any, api: _SnapshotApi) -> Snapshot:
    return Snapshot(
        arn=item[api.arn],
        identifier=item[api.identifier],
        source_identifier=item[api.owner],
        kind=BACKUP if item[api.identifier].startswith(f"{BACKUP}:") else item.get("SnapshotType", "manual"),
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
        include=tuple(item.get("ExportOnly") or ()),
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
