"""RDS in memory, for export tasks that end as a test wants (contract: `aws/test_rds_contract.py`)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rds_lake.aws.rds import RdsGateway
from rds_lake.errors import ConflictError, ExportQuotaError
from rds_lake.model.aws.arn import Exportable, exportable
from rds_lake.model.aws.snapshot import LIVE, Snapshot
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.stages.databases.plan import ExportPlan

_MOMENT = datetime(2026, 11, 20, 5, 6, tzinfo=UTC)

# What exporting the source is whose snapshots the fake has.
PLAN = ExportPlan(
    source="shop",
    snapshot_about=Exportable.SNAPSHOT,
    identifier="shop-prod",
    kinds=("automated",),
    include=(),
    bucket="acme-exports",
    prefix="exports",
    role="arn:aws:iam::111122223333:role/export",
    kms_key="alias/lake",
)


class FakeRds(RdsGateway):
    """Snapshots and tasks as given; `started` lists the ids that StartExportTask accepted."""

    def __init__(self, *, snapshots: Sequence[Snapshot] = (), tasks: Sequence[ExportTask] = (), quota: int = 5) -> None:
        self.snapshots = list(snapshots)
        self.tasks = {task.identifier: task for task in tasks}
        self.quota = quota
        self.started: list[str] = []
        self.created: datetime | None = None

    def list_snapshots(self, about: Exportable, identifier: str, kinds: Sequence[str]) -> list[Snapshot]:
        return [
            s
            for s in self.snapshots
            if exportable(s.arn)[0] is about and s.source_identifier == identifier and s.kind in kinds
        ]

    def find_snapshot(self, about: Exportable, reference: str) -> Snapshot | None:
        of_kind = (s for s in self.snapshots if exportable(s.arn)[0] is about)
        return next((s for s in of_kind if reference in (s.arn, s.identifier)), None)

    def find_cluster(self, identifier: str, *, now: datetime) -> Snapshot | None:
        clusters = (s for s in self.snapshots if s.kind == LIVE and s.source_identifier == identifier)
        return next((replace(s, created_at=now) for s in clusters), None)

    def find_created(self, about: Exportable, identifier: str) -> datetime | None:
        return self.created

    def find_export_task(self, identifier: str) -> ExportTask | None:
        return self.tasks.get(identifier)

    def list_export_tasks(self, *, source_arn: str | None = None) -> list[ExportTask]:
        return [task for task in self.tasks.values() if source_arn in (None, task.source_arn)]

    def list_running_exports(self) -> list[ExportTask]:
        return [task for task in self.tasks.values() if task.status.running]

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
        if identifier in self.tasks:
            raise ConflictError(
                service="rds", operation="StartExportTask", code="ExportTaskAlreadyExists", message=identifier
            )
        running = [task for task in self.tasks.values() if task.status.running]
        if len(running) >= self.quota or any(task.source_arn == source_arn for task in running):
            raise ExportQuotaError(f"the export of {source_arn} has to wait, as AWS allows no more exports at once")
        task = ExportTask(
            identifier=identifier,
            source_arn=source_arn,
            status=ExportStatus.STARTING,
            bucket=bucket,
            prefix=prefix,
            snapshot_time=_MOMENT,
            include=tuple(include),
        )
        self.tasks[identifier] = task
        self.started.append(identifier)
        return task

    def change(self, identifier: str, **changes: Any) -> None:
        """Change what AWS answers about a task."""
        self.tasks[identifier] = replace(self.tasks[identifier], **changes)
