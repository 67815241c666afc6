"""The events that the pipeline knows, as values. Any other message is a ForeignEvent or a MalformedEvent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from rds_lake.model.aws.arn import Exportable
from rds_lake.model.exports.task import ExportStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotCreated:
    """A snapshot or cluster snapshot is finished. `reference` is its ARN, or its identifier where no ARN is said."""

    about: Exportable
    reference: str
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportEnded:
    """An export of this snapshot or cluster ended. The event names no task."""

    about: Exportable
    reference: str
    outcome: ExportStatus
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportWritten:
    """AWS wrote an export's last file, `export_info_<task>.json`; the task itself may end a moment later."""

    export_task: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableExportWritten:
    """DynamoDB wrote a manifest of this source's and date's export; the export may end a moment later."""

    source: str
    snapshot_date: date
    export_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonArrived:
    """A JSON file was put into S3; it may ask for a run of a warehouse. `etag`: of what was put, None where S3 does not say."""

    bucket: str
    key: str
    etag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnded:
    """A run of a Glue job ended, well or badly. The event does not say what the run was asked."""

    job: str
    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupFailed:
    """AWS Backup did not back a database up; `resource_arn` is the instance's or cluster's."""

    job: str
    state: str
    resource_arn: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignEvent:
    """A well-formed message about something else: acknowledged and logged."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedEvent:
    """Not a message we can decide about: left to the dead-letter queue."""

    reason: str


Event = (
    SnapshotCreated
    | ExportEnded
    | ExportWritten
    | TableExportWritten
    | JsonArrived
    | JobEnded
    | BackupFailed
    | ForeignEvent
    | MalformedEvent
)
