"""The events that the pipeline knows, as values. Any other message is a ForeignEvent or a MalformedEvent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from rds_lake.model.aws.arn import Exportable
from rds_lake.model.exports.task import ExportStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotCreated:
    """A snapshot or cluster snapshot was created. `reference`: its ARN, or its identifier if the event has no ARN."""

    about: Exportable
    reference: str
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportEnded:
    """An export of this snapshot or cluster ended. The event does not name the task."""

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
    """A JSON file was written to S3 and may ask for a run of a warehouse. `etag`: None if the event does not have it."""

    bucket: str
    key: str
    etag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnded:
    """A run of a Glue job ended. The event does not contain the run's arguments."""

    job: str
    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupFailed:
    """AWS Backup failed to back up a database; `resource_arn`: of the instance or cluster."""

    job: str
    state: str
    resource_arn: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignEvent:
    """A well-formed message about something else; it is logged and acknowledged."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedEvent:
    """A message that cannot be understood; it is left to the dead-letter queue."""

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
