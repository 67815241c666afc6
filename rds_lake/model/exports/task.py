"""Export tasks as AWS reports them.

What belongs here: values of the export. Ids are in `task_id.py`, the files AWS writes in `info.py`
and `key.py`, the completeness rule in `completeness.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ExportStatus(StrEnum):
    """The Status of DescribeExportTasks, in AWS's spelling.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ExportTask.html
    """

    STARTING = "STARTING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"
    CANCELING = "CANCELING"
    CANCELED = "CANCELED"

    @property
    def running(self) -> bool:
        """Whether the task counts against AWS's quota of five."""
        return self in (ExportStatus.STARTING, ExportStatus.IN_PROGRESS, ExportStatus.CANCELING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTask:
    """One export task. `progress` is 0-100, `extracted_gb` whole GB as AWS rounds them."""

    identifier: str
    source_arn: str
    status: ExportStatus
    bucket: str
    prefix: str
    snapshot_time: datetime | None
    include: tuple[str, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    progress: int = 0
    extracted_gb: int = 0
    failure_cause: str | None = None
    warning_message: str | None = None

    @property
    def folder(self) -> str:
        """The key prefix of all objects of this task, with a trailing slash (`exports/shop-…-1/`)."""
        return "/".join(part for part in (self.prefix.strip("/"), self.identifier) if part) + "/"
