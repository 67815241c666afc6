"""What reaches the events queue, as values (aws-facts 3.1). Total: no text whatever raises.

What belongs here: recognising messages. What they lead to is `stages/events.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from rds_lake.model.arn import snapshot_identifier
from rds_lake.model.export import ExportStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotCreated:
    """A snapshot is finished (0091 automated, 0042 manual and AWS Backup)."""

    arn: str
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportEnded:
    """An export of this snapshot ended (0159 FAILED, 0160 CANCELED, 0161 COMPLETE). It names no task."""

    source_arn: str
    outcome: ExportStatus
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignEvent:
    """A well-formed message about something else: acknowledged and logged."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedEvent:
    """Not a message we can decide about: left to the dead-letter queue."""

    reason: str


Event = SnapshotCreated | ExportEnded | ForeignEvent | MalformedEvent

_CREATED = {"RDS-EVENT-0042", "RDS-EVENT-0091"}
_ENDED = {
    "RDS-EVENT-0159": ExportStatus.FAILED,
    "RDS-EVENT-0160": ExportStatus.CANCELED,
    "RDS-EVENT-0161": ExportStatus.COMPLETE,
}
# Older envelopes carry no EventID; live texts differ from the documented ones (aws-facts 3.1), so only their
# beginnings are compared, without case.
_MESSAGES = {
    "automated snapshot created": "RDS-EVENT-0091",
    "manual snapshot created": "RDS-EVENT-0042",
    "export task completed": "RDS-EVENT-0161",
    "snapshot export task completed": "RDS-EVENT-0161",
    "the snapshot export task completed": "RDS-EVENT-0161",
    "snapshot export task failed": "RDS-EVENT-0159",
    "the snapshot export task failed": "RDS-EVENT-0159",
    "snapshot export task was canceled": "RDS-EVENT-0160",
    "the snapshot export task was canceled": "RDS-EVENT-0160",
}


def parse_event(body: str) -> Event:
    """What the message body says: an EventBridge event, bare or wrapped by SNS."""
    message = _object(body)
    if message is None:
        return MalformedEvent(reason="it is no JSON object")
    if message.get("Type") == "Notification" and isinstance(message.get("Message"), str):
        message = _object(message["Message"])
        if message is None:
            return ForeignEvent(reason="an SNS notification of plain text")
    if message.get("Event") == "s3:TestEvent":
        return ForeignEvent(reason="S3's test event")
    detail = message.get("detail")
    if message.get("source") != "aws.rds" or not isinstance(detail, dict):
        return ForeignEvent(reason=f"source {str(message.get('source'))[:100]!r} is not aws.rds")
    return _rds_event(detail)


def _rds_event(detail: dict[str, Any]) -> Event:
    event_id = _event_id(detail)
    if event_id not in _CREATED and event_id not in _ENDED:
        return ForeignEvent(reason=f"RDS event {event_id or detail.get('Message')!r}"[:200])
    arn = detail.get("SourceArn")
    try:
        snapshot_identifier(arn if isinstance(arn, str) else "")
    except ValueError as error:
        return MalformedEvent(reason=f"{event_id}: {error}")
    if event_id in _CREATED:
        return SnapshotCreated(arn=str(arn), event_id=event_id)
    return ExportEnded(source_arn=str(arn), outcome=_ENDED[event_id], event_id=event_id)


def _event_id(detail: dict[str, Any]) -> str:
    stated = detail.get("EventID")
    if isinstance(stated, str) and stated:
        return stated
    if detail.get("SourceType") != "SNAPSHOT":
        return ""
    text = str(detail.get("Message", "")).strip().lower()
    return next((event_id for start, event_id in _MESSAGES.items() if text.startswith(start)), "")


def _object(text: str) -> dict[str, Any] | None:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None
