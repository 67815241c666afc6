"""Parses messages of the events queue. No text raises an error: what cannot be read becomes a MalformedEvent.

A message may be an EventBridge event of RDS, AWS Backup or S3, an SNS notification around one, an RDS event
subscription's own notification, or S3's and SNS's `Records`; wrappers are taken off, in any nesting.

| ids | about | event |
|---|---|---|
| 0042, 0091, 0060, 0197 | instance snapshot created or copied | SnapshotCreated |
| 0075, 0169 | cluster snapshot created | SnapshotCreated |
| 0159-0161, 0162-0164, 0234-0236 | export of a snapshot, cluster snapshot, live cluster failed, canceled, completed | ExportEnded |
| Backup Job State Change COMPLETED | an RDS recovery point, which is a snapshot | SnapshotCreated |
| Backup Job State Change FAILED, ABORTED, EXPIRED, PARTIAL | a database that was not backed up | BackupFailed |
| S3 object created, `export_info_<task>.json` | an export wrote its last file | ExportWritten |
| S3 object created, another `.json` | may ask for a run of a warehouse | JsonArrived |
| Glue Job State Change | a run of a Glue job ended | JobEnded |
| S3 object created, `<set>/AWSDynamoDB/<id>/manifest-….json` | DynamoDB wrote a manifest of an export | TableExportWritten |
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

from rds_lake.model.aws.arn import Exportable, exportable, parse_arn
from rds_lake.model.dynamodb.glue_run import ENDED as ENDED_STATES
from rds_lake.model.dynamodb.tables import EXPORT_FOLDER, MANIFESTS, source_and_date
from rds_lake.model.events.ids import CREATED, ENDED, SOURCE_TYPES, event_id_of
from rds_lake.model.events.kinds import (
    BackupFailed,
    Event,
    ExportEnded,
    ExportWritten,
    ForeignEvent,
    JobEnded,
    JsonArrived,
    MalformedEvent,
    SnapshotCreated,
    TableExportWritten,
)

_BACKUP_FAILURES = {"FAILED", "ABORTED", "EXPIRED", "PARTIAL"}
_MAX_DEPTH = 6  # SQS in Lambda in SNS in EventBridge is four


def parse_events(body: str) -> tuple[Event, ...]:
    """Returns all events of the message body, at least one; S3 and SNS may send several at once."""
    return tuple(_events(body, depth=0)) or (ForeignEvent(reason="a message without records"),)


def _events(text: str, *, depth: int) -> Iterator[Event]:
    message = _object(text)
    if message is None:
        yield MalformedEvent(reason="it is not a JSON object")
        return
    yield from _unwrapped(message, depth=depth)


def _unwrapped(message: dict[str, Any], *, depth: int) -> Iterator[Event]:
    """Yields the events in a message, without the wrappers of SNS, SQS and Lambda."""
    if depth > _MAX_DEPTH:
        yield MalformedEvent(reason=f"more than {_MAX_DEPTH} messages in each other")
        return
    records = message.get("Records")
    if isinstance(records, list):
        for record in records:
            yield from _record(record, depth=depth + 1)
        return
    inner = message.get("Message")
    if message.get("Type") == "Notification" and isinstance(inner, str):
        if _object(inner) is None:
            yield ForeignEvent(reason="an SNS notification of plain text")
        else:
            yield from _events(inner, depth=depth + 1)
        return
    yield _event(message)


def _record(record: Any, *, depth: int) -> Iterator[Event]:
    if not isinstance(record, dict):
        yield MalformedEvent(reason="a record that is not an object")
    elif isinstance(record.get("Sns"), dict):
        yield from _unwrapped({"Type": "Notification"} | record["Sns"], depth=depth)
    elif isinstance(record.get("body"), str):
        yield from _events(record["body"], depth=depth)
    elif isinstance(record.get("s3"), dict):
        # Notifications of S3 itself encode the key, EventBridge's do not
        # (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
        key = _key(record["s3"])
        created = str(record.get("eventName", "")).startswith("ObjectCreated:")
        yield _s3_event(unquote_plus(key) if key is not None else None, record["s3"], created=created)
    else:
        yield ForeignEvent(reason="a record of another service")


def _event(message: dict[str, Any]) -> Event:
    """Returns one event, from a message without wrappers."""
    if message.get("Event") == "s3:TestEvent":
        return ForeignEvent(reason="S3's test event")
    if isinstance(message.get("Event ID"), str) and "Event Source" in message:
        return _subscription_event(message)
    detail, source = message.get("detail"), message.get("source")
    if not isinstance(detail, dict):
        return ForeignEvent(reason=f"source {str(source)[:100]!r} without detail")
    match source:
        case "aws.rds":
            return _rds_event(
                event_id_of(detail), detail.get("SourceArn"), detail.get("SourceType"), detail.get("Message")
            )
        case "aws.backup":
            return _backup_event(message, detail)
        case "aws.s3":
            return _s3_event(_key(detail), detail, created=message.get("detail-type") == "Object Created")
        case "aws.glue":
            return _glue_event(message.get("detail-type"), detail)
        case _:
            return ForeignEvent(reason=f"source {str(source)[:100]!r} is not aws.rds, aws.backup, aws.glue or aws.s3")


def _rds_event(event_id: str, reference: Any, source_type: Any, message: Any) -> Event:
    about = CREATED.get(event_id) or ENDED.get(event_id, (None,))[0]
    if about is None:
        return ForeignEvent(reason=f"RDS event {event_id or message!r}"[:200])
    stated = SOURCE_TYPES.get(str(source_type).upper())
    if stated not in (None, about):
        # AWS has given one id to two events before: id and source type must agree.
        return ForeignEvent(reason=f"RDS event {event_id} of source type {source_type}")
    if not isinstance(reference, str) or not reference:
        return MalformedEvent(reason=f"{event_id} without the ARN of its snapshot or cluster")
    if reference.startswith("arn:"):
        try:
            kind, _ = exportable(reference)
        except ValueError as error:
            return MalformedEvent(reason=f"{event_id}: {error}")
        if kind is not about:
            return MalformedEvent(reason=f"{event_id} is about a {about}, and {reference!r} is a {kind}")
    elif stated is None:
        return MalformedEvent(reason=f"{event_id}: {reference!r} is not an ARN")
    if event_id in CREATED:
        return SnapshotCreated(about=about, reference=reference, event_id=event_id)
    return ExportEnded(about=about, reference=reference, outcome=ENDED[event_id][1], event_id=event_id)


def _subscription_event(message: dict[str, Any]) -> Event:
    """Parses RDS's own SNS notifications: keys with spaces, the id after the `#` of a link, often no ARN."""
    event_id = str(message["Event ID"]).rpartition("#")[2].rpartition("/")[2]
    reference = message.get("Source ARN") or message.get("Source ID")
    return _rds_event(event_id, reference, message.get("Event Source"), message.get("Event Message"))


def _backup_event(message: dict[str, Any], detail: dict[str, Any]) -> Event:
    """Parses AWS Backup's `Backup Job State Change`. Events of copy and restore jobs are foreign.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html
    """
    state = detail.get("state")
    if message.get("detail-type") != "Backup Job State Change" or not isinstance(state, str):
        return ForeignEvent(reason=f"AWS Backup's {str(message.get('detail-type'))[:100]!r}")
    job = str(detail.get("backupJobId", "")).lower()
    if state in _BACKUP_FAILURES:
        return _backup_failed(job, state, detail)
    if state != "COMPLETED":
        return ForeignEvent(reason=f"backup job {job[:60]} is {state[:20]}")
    resources = message.get("resources")
    arn = resources[0] if isinstance(resources, list) and resources else None
    try:
        about, _ = exportable(arn if isinstance(arn, str) else "")
    except ValueError:
        return ForeignEvent(reason=f"backup job {job[:60]} made no RDS snapshot: {str(arn)[:200]}")
    if about is Exportable.CLUSTER:
        return ForeignEvent(reason=f"backup job {job[:60]} names a cluster and no snapshot")
    return SnapshotCreated(about=about, reference=str(arn), event_id=f"BACKUP-{state}")


def _backup_failed(job: str, state: str, detail: dict[str, Any]) -> Event:
    arn = detail.get("resourceArn")
    try:
        is_rds = isinstance(arn, str) and parse_arn(arn).service == "rds"
    except ValueError:
        is_rds = False
    if not is_rds:
        return ForeignEvent(reason=f"backup job {job[:60]} of something else ended {state}")
    text = detail.get("statusMessage")
    # AWS puts the message's own quotes inside the string.
    message = text.strip('"')[:500] if isinstance(text, str) else ""
    return BackupFailed(job=job, state=state, resource_arn=str(arn), message=message)


def _glue_event(kind: Any, detail: dict[str, Any]) -> Event:
    """Parses Glue's `Glue Job State Change`, sent when a run ends. `Glue Job Run Status` (running runs) is foreign.

    https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html
    """
    job, run, state = detail.get("jobName"), detail.get("jobRunId"), detail.get("state")
    if kind != "Glue Job State Change" or state not in ENDED_STATES:
        return ForeignEvent(reason=f"Glue's {str(kind)[:100]!r}, {str(state)[:20]!r}")
    if not (isinstance(job, str) and isinstance(run, str) and job and run):
        return MalformedEvent(reason="the end of a Glue run without the names of job and run")
    return JobEnded(job=job, run=run)


def _key(part: dict[str, Any]) -> str | None:
    return _text(part, "object", "key")


def _text(part: dict[str, Any], inside: str, name: str) -> str | None:
    item = part.get(inside)
    value = item.get(name) if isinstance(item, dict) else None
    return value if isinstance(value, str) else None


def _s3_event(key: str | None, part: dict[str, Any], *, created: bool) -> Event:
    """Parses an S3 event: `<prefix>/<task>/export_info_<task>.json` is an export's last file; another `.json` may be an input."""
    if key is None:
        return MalformedEvent(reason="an S3 event without key")
    folder, _, name = key.rpartition("/")
    task = folder.rpartition("/")[2]
    if created and task and name == f"export_info_{task}.json":
        return ExportWritten(export_task=task)
    if created and name in MANIFESTS and (export := _table_export(folder)):
        return export
    bucket = _text(part, "bucket", "name")
    if created and bucket and name.endswith(".json") and not name.endswith(".errors.json"):
        return JsonArrived(bucket=bucket, key=key, etag=_text(part, "object", "etag") or _text(part, "object", "eTag"))
    return ForeignEvent(reason=f"S3 object {key[:200]!r}")


def _table_export(folder: str) -> TableExportWritten | None:
    """Returns the export of `…/<source>-<date>/AWSDynamoDB/<id>`; None if rds-lake does not name folders like that."""
    parts = folder.split("/")
    known = source_and_date(parts[-3]) if len(parts) >= 3 and parts[-2] == EXPORT_FOLDER else None
    return TableExportWritten(source=known[0], snapshot_date=known[1], export_id=parts[-1]) if known else None


def _object(text: str) -> dict[str, Any] | None:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None
