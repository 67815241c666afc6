"""RDS: snapshots of instances and clusters, live clusters, and export tasks.

What belongs here: calls with paging, and answers as values. The fields of a snapshot, and the time of the data in a copied one, are
in `rds_snapshots.py`; which snapshot or task is wanted is decided in `stages/databases/export.py`.
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StartExportTask.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeExportTasks.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from rds_lake.aws.rds_snapshots import SNAPSHOT_APIS, Copies, SnapshotApi
from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError, ExportQuotaError
from rds_lake.model.aws.arn import Exportable, exportable
from rds_lake.model.aws.server import DatabaseServer
from rds_lake.model.aws.snapshot import BACKUP, LIVE, Snapshot, snapshot_date
from rds_lake.model.exports.task import ExportStatus, ExportTask

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

# Five export tasks at once for an account, and one for a snapshot or cluster:
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html
# No service model has the quota's code; users report ExportTaskLimitReachedFault, "You have reached the limit of 5
# concurrent export tasks". InvalidExportSourceState: an export of this snapshot is in progress.
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
class _ServerApi:
    """The call that lists one kind of servers, and the names of the list, the identifier and the creation time in its answer."""

    operation: str
    items: str
    identifier: str
    created: str
    of_cluster: bool


_SERVERS: Mapping[Literal["rds", "aurora"], _ServerApi] = {
    "rds": _ServerApi(
        operation="describe_db_instances",
        items="DBInstances",
        identifier="DBInstanceIdentifier",
        created="InstanceCreateTime",
        of_cluster=False,
    ),
    "aurora": _ServerApi(
        operation="describe_db_clusters",
        items="DBClusters",
        identifier="DBClusterIdentifier",
        created="ClusterCreateTime",
        of_cluster=True,
    ),
}


@dataclass(slots=True)
class _Pages:
    """How many more pages of a list may be read; below 0: the list had more pages than that, or `is_late`."""

    left: int
    is_late: Callable[[], bool]

    def take(self) -> bool:
        self.left = -1 if self.is_late() else self.left - 1
        return self.left >= 0


class RdsGateway:
    """Snapshots of DB instances and clusters, and export tasks."""

    def __init__(self, client: RDSClient) -> None:
        self._client = client
        self._copies = Copies(self._find)

    def list_snapshots(self, about: Exportable, identifier: str, kinds: Sequence[str]) -> list[Snapshot]:
        """Returns every snapshot of exactly this instance or cluster, of the given kinds (automated, manual, awsbackup)."""
        snapshots = self._snapshots(about, kinds, identifier)
        wanted = identifier.lower()
        return [s for s in snapshots if s.source_identifier.lower() == wanted and s.kind in kinds]

    def list_account_snapshots(
        self, about: Exportable, kind: str, *, most_pages: int, is_late: Callable[[], bool] = lambda: False
    ) -> list[Snapshot] | None:
        """Returns every snapshot of this kind in the account and Region; None if that takes more pages, or until `is_late`."""
        pages = _Pages(most_pages, is_late)
        snapshots = self._snapshots(about, (kind,), None, pages)
        return None if pages.left < 0 else [snapshot for snapshot in snapshots if snapshot.kind == kind]

    def _snapshots(
        self, about: Exportable, kinds: Sequence[str], identifier: str | None, pages: _Pages | None = None
    ) -> list[Snapshot]:
        # AWS lists AWS Backup's snapshots only if a request names their type, so there is one request per type:
        # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBSnapshots.html
        # Whether clusters' snapshots have that type is not documented: they may be listed as manual ones, and are known by
        # their name.
        api = SNAPSHOT_APIS[about]
        types = [*kinds, "manual"] if about is Exportable.CLUSTER_SNAPSHOT and BACKUP in kinds else kinds
        listed = (s for kind in dict.fromkeys(types) for s in self._snapshots_of_type(api, identifier, kind, pages))
        return list({s.arn: s for s in listed}.values())

    def _snapshots_of_type(
        self, api: SnapshotApi, identifier: str | None, kind: str, limit: _Pages | None
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
        return self._copies.snapshots(items, api)

    def find_snapshot(self, about: Exportable, reference: str) -> Snapshot | None:
        """Returns the snapshot or cluster snapshot of this ARN or identifier, or None if it does not exist."""
        api = SNAPSHOT_APIS[about]
        is_arn = reference.startswith("arn:")
        answer = self._find(
            api.operation, reference, **{api.identifier: exportable(reference)[1] if is_arn else reference}
        )
        snapshots = [self._copies.snapshot(item, api) for item in answer[api.items]] if answer else []
        # A snapshot of another account or Region may have the same name, but is not the requested one.
        return next((snapshot for snapshot in snapshots if not is_arn or snapshot.arn == reference), None)

    def find_cluster(self, identifier: str, *, now: datetime) -> Snapshot | None:
        """Returns the live cluster, to be exported as of `now`, or None if it does not exist."""
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
        """Returns when this instance or cluster was created, or None if it does not exist."""
        api = _SERVERS["rds" if about is Exportable.SNAPSHOT else "aurora"]
        answer = self._find(api.operation, identifier, **{api.identifier: identifier})
        owners = answer[api.items] if answer else []
        return owners[0].get(api.created) if owners else None

    def list_servers(self, kind: Literal["rds", "aurora"]) -> list[DatabaseServer]:
        """Returns every DB instance of the account and Region that is not in a cluster, or every cluster, by name."""
        api = _SERVERS[kind]
        with aws_errors("rds", api.operation):
            client: Any = self._client  # its types need the paginator's name as a literal
            pages = client.get_paginator(api.operation).paginate(PaginationConfig={"PageSize": 100})
            items = [item for page in pages for item in page[api.items]]
        servers = [_server(kind, item) for item in items if api.of_cluster or not item.get("DBClusterIdentifier")]
        return sorted(servers, key=lambda server: server.identifier)

    def _find(self, operation: str, about: str, **arguments: str) -> Any:
        """Returns the answer, or None if AWS does not know the object."""
        try:
            with aws_errors("rds", operation, about=about):
                return getattr(self._client, operation)(**arguments)
        except AwsError as error:
            if error.code in _NOT_FOUND:
                return None
            raise

    def find_export_task(self, identifier: str) -> ExportTask | None:
        """Returns the export task of this id, or None if it does not exist."""
        answer = self._find("describe_export_tasks", identifier, ExportTaskIdentifier=identifier)
        return _task(answer["ExportTasks"][0]) if answer and answer["ExportTasks"] else None

    def list_export_tasks(self, *, source_arn: str | None = None) -> list[ExportTask]:
        """Returns every export task of the account and Region, or of one snapshot or cluster, oldest first."""
        return self._export_tasks({"SourceArn": source_arn} if source_arn else {})

    def list_running_exports(self) -> list[ExportTask]:
        """Returns the account's export tasks in progress, which share its quota. AWS keeps ended tasks for ever; they are left out."""
        running = [status.value.lower() for status in ExportStatus if status.running]
        return self._export_tasks({"Filters": [{"Name": "status", "Values": running}]})

    def _export_tasks(self, narrowed: dict[str, Any]) -> list[ExportTask]:
        with aws_errors("rds", "DescribeExportTasks"):
            pages: Iterable[Any] = self._client.get_paginator("describe_export_tasks").paginate(
                PaginationConfig={"PageSize": 100}, **narrowed
            )
            tasks = [_task(item) for page in pages for item in page["ExportTasks"]]
        # The order of AWS's answer is not documented.
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

        ExportQuotaError if five exports are in progress, or one of this snapshot is; ConflictError if the id was ever used before
        in this account and Region.
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
            # Only the code is searched: messages contain names of tables and buckets, such as `credit_limits`.
            if any(word in error.code.lower() for word in _WAIT_CODES):
                raise ExportQuotaError(
                    f"the export of {source_arn} has to wait, as AWS allows no more exports at once: {error}"
                ) from error
            raise
        return _task(answer)


def _server(kind: Literal["rds", "aurora"], item: Any) -> DatabaseServer:
    # Aurora's storage grows by itself, and AllocatedStorage of a cluster is always 1.
    grows = item["Engine"].startswith("aurora")
    return DatabaseServer(
        kind=kind,
        identifier=item[_SERVERS[kind].identifier],
        engine=item["Engine"],
        version=item.get("EngineVersion", ""),
        size_gb=None if grows else item.get("AllocatedStorage"),
        backup_days=item.get("BackupRetentionPeriod") or 0,
        storage_type="" if _SERVERS[kind].of_cluster else item.get("StorageType", ""),
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
